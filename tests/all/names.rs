//! Host names: what they resolve to is decided here, by a resolver under the test's control, and what is dialled
//! by the host, in this process. Nothing but the second listens to what the first says.

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex},
};

use bulkhead::{
    app,
    ask::Accepts,
    call::Host,
    config::load,
    egress::{
        explain::Explanation,
        resolve::{Resolve, Resolving},
    },
    operation::{Operation, Outcome},
    request::{CallId, CallRequest, Credentials, Events, Scope, Via},
};
use http_body_util::Full;
use hyper::{Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::{Upstream, one_service, secrets, services};

/// Answers in turn, the last one for ever, and remembers what it was asked.
#[derive(Debug, Default)]
struct Resolver {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: &str) -> Resolving {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// What the hosts of this process log, all together: a subscriber for each test would be a race inside `tracing`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_this_process() -> Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let writer = log.clone();
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
            log
        });
        LOG.clone()
    }

    /// A line in which all of these stand.
    #[track_caller]
    fn line(&self, parts: &[&str]) {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        // Quotes stand escaped in the log.
        let found =
            log.lines().any(|line| parts.iter().all(|part| line.contains(&part.replace('"', "\\\""))));
        assert!(found, "no line has {parts:?}: {log}");
    }
}

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A host in this process.
struct Here {
    host: Host,
    resolver: Arc<Resolver>,
    log: Log,
}

type Fetched = Result<Value, (&'static str, String)>;

impl Here {
    async fn new(config: &str) -> Self {
        let log = Log::of_this_process();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bulkhead.yaml");
        std::fs::write(&file, format!("server: {{ concurrent_calls: 4 }}\n{config}")).unwrap();
        let resolver = Arc::new(Resolver::default());
        let host = app::build_with(load::file(&file).unwrap(), resolver.clone()).await.unwrap();
        Self { host, resolver, log }
    }

    /// With the `hostile` guest, whose upstream is at `url`; `rest` are further lines of the service.
    async fn with(url: &str, rest: &str) -> Self {
        // A name that does not resolve is not asked for again, so that each question is counted once.
        Self::new(&one_service(
            "hostile",
            &format!("config: {{ url: '{url}' }}, limits: {{ retries: 0 }}, {rest}"),
        ))
        .await
    }

    /// Decides what names resolve to from now on, and forgets what was asked.
    fn names_are(&self, answers: &[&[&str]]) {
        let parsed = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        *self.resolver.answers.lock().unwrap() = answers.iter().map(parsed).collect();
        self.resolver.asked.lock().unwrap().clear();
    }

    fn asked(&self) -> Vec<String> {
        self.resolver.asked.lock().unwrap().clone()
    }

    /// The first response's body, or reason and text of why there is none.
    async fn fetch(&self, service: &str, url: &str) -> Fetched {
        let request = CallRequest {
            id: CallId::new(),
            credentials: Credentials::Local,
            scope: Scope::all(),
            operation: Operation::CallTool {
                name: format!("{service}_fetch"),
                arguments: json!({ "url": url }).as_object().unwrap().clone(),
            },
            answers: None,
            accepts: Accepts::default(),
            traceparent: None,
            via: Via::default(),
            events: Events::none(),
            cancelled: CancellationToken::new(),
        };
        match self.host.call(request).await {
            Ok(Outcome::Tool(mut output)) => {
                Ok(output.structured.as_mut().unwrap()["responses"][0]["body"].take())
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err((error.reason(), error.to_string())),
        }
    }

    async fn explain(&self, url: &str) -> Explanation {
        let catalog = self.host.catalog();
        let service = catalog.all().next().unwrap();
        service.compartment.policy.explain(&Method::GET, url).await
    }
}

/// Says who it is. `close` ends the connection after each response, so that the next request needs another.
fn serve(listener: TcpListener, says: &'static str, close: bool) -> Upstream {
    Upstream::serve(listener, None, move |_| {
        let response = Response::builder().header("connection", if close { "close" } else { "keep-alive" });
        response.body(Full::from(says)).unwrap()
    })
}

async fn one() -> Upstream {
    serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), "hello", true)
}

/// Two upstreams of this machine on one port; a name that resolves to one or the other is all that tells them
/// apart.
async fn two(close: bool) -> (Upstream, Upstream) {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        // Somebody else may have it there.
        if let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await {
            return (serve(first, "first", close), serve(second, "second", close));
        }
    }
}

fn url(name: &str, upstream: &Upstream) -> String {
    format!("http://{name}:{}", upstream.address.port())
}

/// What the guest reads. It must not learn addresses, with which it could map a network.
fn refused(url: &str) -> Fetched {
    let authority = url.split('/').nth(2).unwrap();
    Err((
        "denied",
        format!(
            "GET {url} is not allowed: {authority} resolves to an address this service may not reach; \
             the operator can grant it with network.allow_addresses"
        ),
    ))
}

#[tokio::test]
async fn a_name_of_a_private_address_is_refused_and_nothing_is_dialled() {
    let upstream = one().await;
    let port = upstream.address.port();
    let here = Here::with(&url("private.example", &upstream), "").await;
    let url = url("private.example", &upstream) + "/allowed/x";
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "fd00:ec2::254",
        "fe80::1",
        // This machine, and a private one, in the disguises IPv6 has for them.
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "::ffff:0:127.0.0.1",
        "::ffff:10.1.2.3",
    ] {
        here.names_are(&[&[address]]);
        assert_eq!(here.fetch("hostile", &url).await, refused(&url), "{address}");
        assert_eq!(here.asked(), ["private.example"], "{address}");
        // The operator reads what the guest does not, and what to write.
        let address: IpAddr = address.parse().unwrap();
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let line = format!("network: {{ allow_addresses: [\"{address}/{bits}\"] }}");
        let why = format!(
            "private.example resolves to {address}, which is not a public address; to allow it, add to the service: {line}"
        );
        here.log.line(&[&url, "outbound request failed", &why]);
        let explained = here.explain(&url).await;
        assert_eq!((explained.allowed, explained.reason), (false, Some("address")));
        assert_eq!(explained.hint, Some(format!("to allow it, add `{line}`")));
        assert_eq!(explained.rule, Some(format!("GET POST http://private.example:{port}/allowed/**")));
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn an_address_that_is_allowed_is_opened_and_no_other() {
    let (first, second) = two(true).await;
    let base = url("private.example", &first);
    let config = format!("config: {{ url: '{base}' }}");
    let opened = format!("{config}, network: {{ allow_addresses: ['127.0.0.1/32'] }}");
    let here =
        Here::new(&services("hostile", &[("opened", opened.as_str()), ("closed", config.as_str())])).await;
    let url = base + "/allowed/x";
    here.names_are(&[&["127.0.0.1"]]);
    assert_eq!(here.fetch("opened", &url).await, Ok(json!("first")));
    // Not for another service, not for a neighbour, and not in a disguise.
    assert_eq!(here.fetch("closed", &url).await, refused(&url));
    for address in ["127.0.0.2", "::ffff:127.0.0.1", "::1"] {
        here.names_are(&[&[address]]);
        assert_eq!(here.fetch("opened", &url).await, refused(&url), "{address}");
    }
    assert_eq!((first.accepted(), second.accepted()), (1, 0));
}

#[tokio::test]
async fn what_explain_says_to_add_is_what_was_missing() {
    let upstream = one().await;
    let base = url("private.example", &upstream);
    let url = format!("{base}/allowed/x");
    let before = Here::with(&base, "").await;
    before.names_are(&[&["127.0.0.1"]]);
    let hint = before.explain(&url).await.hint.unwrap();
    let line = hint.split('`').nth(1).unwrap();
    let after = Here::with(&base, line).await;
    after.names_are(&[&["127.0.0.1"]]);
    let explained = after.explain(&url).await;
    assert_eq!((explained.allowed, explained.reason, explained.hint), (true, None, None));
    assert_eq!(after.fetch("hostile", &url).await, Ok(json!("hello")));
}

#[tokio::test]
async fn the_address_that_was_vetted_is_the_one_that_is_dialled() {
    let (first, second) = two(true).await;
    let base = url("rebind.example", &first);
    let here = Here::with(&base, "network: { allow_addresses: ['127.0.0.1/32'] }").await;
    let url = base + "/allowed/x";
    // It changes as soon as it has been looked at.
    here.names_are(&[&["127.0.0.1"], &["127.0.0.2"]]);
    assert_eq!(here.fetch("hostile", &url).await, Ok(json!("first")));
    assert_eq!(here.asked().len(), 1);
    // The next connection is judged by what the name is then.
    assert_eq!(here.fetch("hostile", &url).await, refused(&url));
    assert_eq!((here.asked().len(), first.accepted(), second.accepted()), (2, 1, 0));
}

#[tokio::test]
async fn a_name_is_resolved_once_for_each_connection() {
    let (first, second) = two(true).await;
    let base = url("rebind.example", &first);
    let here = Here::with(&base, "network: { allow_addresses: ['127.0.0.0/8'] }").await;
    let url = base + "/allowed/x";
    here.names_are(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]]);
    for says in ["first", "second", "first"] {
        assert_eq!(here.fetch("hostile", &url).await, Ok(json!(says)));
    }
    assert_eq!((here.asked().len(), first.accepted(), second.accepted()), (3, 2, 1));
}

#[tokio::test]
async fn of_several_addresses_only_vetted_ones_are_dialled() {
    let (first, second) = two(true).await;
    let base = url("mixed.example", &first);
    let here = Here::with(&base, "network: { allow_addresses: ['127.0.0.1/32'] }").await;
    let url = base + "/allowed/x";
    let mixed: &[&str] = &["127.0.0.2", "::ffff:127.0.0.2", "::1", "127.0.0.1", "127.0.0.2"];
    here.names_are(&[mixed]);
    assert_eq!(here.fetch("hostile", &url).await, Ok(json!("first")));
    assert_eq!((here.asked().len(), first.accepted(), second.accepted()), (1, 1, 0));
    let explained = here.explain(&url).await;
    let allowed: Vec<bool> = explained.addresses.iter().map(|address| address.allowed).collect();
    assert_eq!((explained.allowed, allowed), (true, vec![false, false, false, true, false]));
    // Without the one there is none.
    here.names_are(&[&mixed[..3]]);
    assert_eq!(here.fetch("hostile", &url).await, refused(&url));
    assert_eq!(second.accepted(), 0);
}

#[tokio::test]
async fn a_connection_that_is_kept_stays_where_it_is() {
    let (first, second) = two(false).await;
    let base = url("kept.example", &first);
    let here = Here::with(&base, "network: { allow_addresses: ['127.0.0.0/8'] }").await;
    let url = base + "/allowed/x";
    here.names_are(&[&["127.0.0.1"], &["127.0.0.2"]]);
    for _ in 0..3 {
        assert_eq!(here.fetch("hostile", &url).await, Ok(json!("first")));
    }
    let connections: Vec<_> = first.received().iter().map(|received| received.connection).collect();
    assert_eq!(connections, [1, 1, 1]);
    assert_eq!((here.asked().len(), second.accepted()), (1, 0));
}

#[tokio::test]
async fn a_name_without_an_address_is_said_not_to_resolve() {
    let upstream = one().await;
    let base = url("nowhere.example", &upstream);
    let here = Here::with(&base, "").await;
    let url = base.clone() + "/allowed/x";
    let authority = base.trim_start_matches("http://");
    let unresolved = Err(("unavailable", format!("{authority} does not answer: its name does not resolve")));
    for (answers, why) in
        [(&[][..], "dns error: no such name"), (&[&[][..]][..], "dns error: the name has no address")]
    {
        here.names_are(answers);
        assert_eq!(here.fetch("hostile", &url).await, unresolved, "{why}");
        assert_eq!(here.asked(), ["nowhere.example"]);
        here.log.line(&[&url, "outbound request failed", why]);
        let explained = here.explain(&url).await;
        assert_eq!((explained.allowed, explained.reason), (false, Some("unresolved")), "{why}");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn localhost_means_this_machine_whatever_a_resolver_says() {
    let (first, second) = two(true).await;
    let here = Here::with(&url("localhost", &first), "").await;
    let url_of = |name: &str| url(name, &first) + "/allowed/x";
    let plain = url_of("localhost");
    here.names_are(&[&["127.0.0.1"]]);
    for name in ["localhost", "LocalHost", "localhost."] {
        assert_eq!(here.fetch("hostile", &url_of(name)).await, Ok(json!("first")), "{name}");
    }
    here.names_are(&[&["10.0.0.1", "::ffff:127.0.0.2", "127.0.0.1"]]);
    assert_eq!(here.fetch("hostile", &plain).await, Ok(json!("first")));
    for elsewhere in ["10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"] {
        here.names_are(&[&[elsewhere]]);
        assert_eq!(here.fetch("hostile", &plain).await, refused(&plain), "{elsewhere}");
    }
    assert_eq!((first.accepted(), second.accepted()), (4, 0));
}

#[tokio::test]
async fn only_localhost_itself_is_meant_by_it() {
    let upstream = one().await;
    for name in ["a.localhost", "localhost.example", "localhost.localdomain"] {
        let here = Here::with(&url(name, &upstream), "").await;
        here.names_are(&[&["127.0.0.1"]]);
        let url = url(name, &upstream) + "/allowed/x";
        assert_eq!(here.fetch("hostile", &url).await, refused(&url));
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn an_address_is_not_a_name() {
    let upstream = one().await;
    let here = Here::with(&upstream.url(), "").await;
    here.names_are(&[&["10.0.0.1"]]);
    // Nor is one that is written oddly: it is read, and sent, as the address it is.
    for host in ["127.0.0.1", "127.1", "0x7f.0.0.1", "2130706433"] {
        let url = url(host, &upstream) + "/allowed/x";
        assert_eq!(here.fetch("hostile", &url).await, Ok(json!("hello")), "{host}");
    }
    assert_eq!(here.asked(), [""; 0]);
    assert_eq!(upstream.received()[3].headers["host"], upstream.address.to_string());
}

#[tokio::test]
async fn tls_and_token_endpoints_are_no_way_around() {
    let upstream = one().await;
    let port = upstream.address.port();
    let base = format!("https://private.example:{port}");
    let here = Here::with(&base, "").await;
    here.names_are(&[&["127.0.0.1"]]);
    let url = base + "/allowed/x";
    assert_eq!(here.fetch("hostile", &url).await, refused(&url));
    // The upstream itself would be fine.
    let dir = tempfile::tempdir().unwrap();
    let own = upstream.url();
    let rest = format!(
        "config: {{ url: '{own}' }}, credentials: [{{ for: '{own}', oauth2: {{ token_url: 'https://idp.example:{port}/', \
         client_id: id, client_secret: '${{secret:client}}' }} }}]"
    );
    let here = Here::new(&(secrets(&dir, &[("client", "canary-7")]) + &one_service("hostile", &rest))).await;
    here.names_are(&[&["127.0.0.1"]]);
    let (reason, text) = here.fetch("hostile", &format!("{own}/allowed/x")).await.unwrap_err();
    assert_eq!((reason, here.asked()), ("failed", vec!["idp.example".to_owned()]));
    assert!(!text.contains("idp"), "{text}");
    let why = format!("no OAuth 2 token from https://idp.example:{port}/: ");
    here.log.line(&[&own, "outbound request failed", &why, "idp.example resolves to 127.0.0.1, which"]);
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn the_server_of_a_kubeconfig_may_be_in_a_private_network_and_nothing_else_may() {
    let upstream = one().await;
    let dir = tempfile::tempdir().unwrap();
    let server = url("api.prod", &upstream);
    let kubeconfig = json!({
        "current-context": "prod",
        "contexts": [{ "name": "prod", "context": { "cluster": "prod", "user": "prod" } }],
        "clusters": [{ "name": "prod", "cluster": { "server": server } }],
        "users": [{ "name": "prod", "user": {} }],
    });
    let file = dir.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    let other = url("other.prod", &upstream);
    let rest = format!(
        "kubernetes: {{ kubeconfig: '{}' }}, config: {{ others: ['{other}'] }}, limits: {{ retries: 0 }}",
        file.display()
    );
    let here = Here::new(&one_service("hostile", &rest)).await;
    here.names_are(&[&["127.0.0.1"]]);
    let (own, other) = (server + "/allowed/x", other + "/allowed/x");
    assert_eq!(here.fetch("hostile", &own).await, Ok(json!("hello")));
    assert_eq!(here.fetch("hostile", &other).await, refused(&other));
    here.names_are(&[&["10.96.0.1"]]);
    let explained = here.explain(&own).await;
    assert_eq!((explained.allowed, explained.reason), (true, None));
    assert!(!here.explain(&other).await.allowed);
    // A cluster is in no such place, and metadata services are.
    for address in ["169.254.169.254", "0.0.0.0", "fe80::1", "::ffff:127.0.0.1"] {
        here.names_are(&[&[address]]);
        assert_eq!(here.fetch("hostile", &own).await, refused(&own), "{address}");
    }
    assert_eq!(upstream.accepted(), 1);
}
