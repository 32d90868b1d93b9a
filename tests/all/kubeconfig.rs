//! Clusters that a kubeconfig or a pod's service account describes: the host shows them what they ask for and nobody
//! else, follows what changes, and tells no guest and no log.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use rustls::{ALL_VERSIONS, ServerConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    command_line::{refused, write},
    support::{Authority, Received, Server, Upstream, replace, run, tenancy::shop},
};

const TOKEN: &str = "canary-token-1/\"+~x";

/// An API server with an authority of its own. Whoever does not bring its token is refused; it repeats what it is sent.
struct Cluster {
    authority: Authority,
    upstream: Upstream,
    token: Arc<Mutex<Option<String>>>,
}

impl Cluster {
    async fn new(
        name: &'static str,
        token: Option<&str>,
        tls: impl FnOnce(&Authority) -> ServerConfig,
    ) -> Self {
        let authority = Authority::new();
        let token = Arc::new(Mutex::new(token.map(|token| format!("Bearer {token}"))));
        let wanted = token.clone();
        let answer = move |asked: &Received| {
            let said = asked.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            let status = if said == *wanted.lock().unwrap() { 200 } else { 401 };
            let text = format!("{name} was told {}", said.unwrap_or("nothing".to_owned()));
            Response::builder().status(status).body(Full::<Bytes>::from(text)).unwrap()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Upstream::serve(listener, Some(tls(&authority)), answer);
        Self { authority, upstream, token }
    }

    /// One that wants a token.
    async fn with_token(name: &'static str, token: &str) -> Self {
        Self::new(name, Some(token), |authority| authority.certify("127.0.0.1").server()).await
    }

    fn ca(&self) -> String {
        BASE64_STANDARD.encode(self.authority.pem())
    }

    /// As a kubeconfig has it.
    fn entry(&self) -> Value {
        json!({ "server": self.upstream.url(), "certificate-authority-data": self.ca() })
    }

    fn told(&self) -> Vec<Option<String>> {
        let said =
            |received: Received| Some(received.headers.get("authorization")?.to_str().unwrap().to_owned());
        self.upstream.received().into_iter().map(said).collect()
    }
}

/// A kubeconfig with a context of each name, whose cluster and user have that name too; the first is the current one.
fn kubeconfig(contexts: &[(&str, Value, Value)]) -> String {
    let list = |of: &dyn Fn(&(&str, Value, Value)) -> Value| contexts.iter().map(of).collect::<Value>();
    json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": contexts[0].0,
        "contexts": list(&|(name, ..)| json!({ "name": name, "context": { "cluster": name, "user": name, "namespace": "shelves" } })),
        "clusters": list(&|(name, cluster, _)| json!({ "name": name, "cluster": cluster })),
        "users": list(&|(name, _, user)| json!({ "name": name, "user": user })),
    })
    .to_string()
}

/// A config of shops, each with what is said of its cluster.
fn shops(services: &[(&str, &str)]) -> String {
    let service = |(name, kubernetes): &(&str, &str)| {
        shop(name, name, None, &format!("kubernetes: {{ {kubernetes} }}, limits: {{ retries: 0 }}"))
    };
    let services: Vec<String> = services.iter().map(service).collect();
    format!("tenants: {{ test: {{ services: {{ {} }} }} }}\n", services.join(", "))
}

/// The same with one, whose kubeconfig has one context.
fn one(dir: &Path, cluster: Value, user: Value) -> String {
    let file = write(dir, "kubeconfig", kubeconfig(&[("prod", cluster, user)]).as_bytes());
    shops(&[("prod", &format!("kubeconfig: '{file}'"))])
}

async fn read(server: &Server, service: &str) -> Value {
    server.client().ok(&format!("{service}_read"), json!({ "item": "hammer" })).await
}

/// A call that does not reach its cluster: what the guest reads, and what the operator does.
async fn fails(server: &Server) -> (String, String) {
    let (_, text) = server.client().refused("prod_read", json!({ "item": "hammer" })).await;
    let entry = server.logged(|entry| entry["message"] == "outbound request failed");
    (text, entry["error"].as_str().unwrap().to_owned())
}

fn stdout(command: &[&str], config: &str) -> String {
    let output = run(command, config);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_kubeconfig_opens_its_cluster_and_nobody_reads_it() {
    let cluster = Cluster::with_token("prod", TOKEN).await;
    let dir = tempfile::tempdir().unwrap();
    let config = one(dir.path(), cluster.entry(), json!({ "token": TOKEN }));
    let server = Server::start(&config);
    let found = json!({ "sign": "prod", "status": 200, "found": "prod was told Bearer [removed]" });
    assert_eq!(read(&server, "prod").await, found);
    assert_eq!(cluster.told(), [Some(format!("Bearer {TOKEN}"))]);
    // The component takes a namespace and its config has none, so it is the context's.
    assert_eq!(server.client().ok("prod_who", json!({})).await["namespace"], "shelves");
    let url = cluster.upstream.url();
    let asked = ["explain", "--service", "prod", "--url", &format!("{url}/hammer")];
    let said = [
        stdout(&["check", "--offline"], &config),
        stdout(&["check", "--offline", "--json"], &config),
        stdout(&asked, &config),
    ];
    let origin = format!("(context `prod` of {})", dir.path().join("kubeconfig").display());
    for (at, text) in said.iter().enumerate() {
        assert!(text.contains(&format!("header authorization for {url} {origin}")), "{at}: {text}");
        assert!(text.contains(&format!("{url}: trusts its own CA {origin}")), "{at}: {text}");
    }
    let all = said.concat() + &server.log_until_now().await;
    for secret in [TOKEN, "canary", &BASE64_STANDARD.encode(TOKEN)] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_written_is_kept() {
    let cluster = Cluster::with_token("prod", TOKEN).await;
    let dir = tempfile::tempdir().unwrap();
    let config = one(dir.path(), cluster.entry(), json!({ "token": TOKEN }));
    let server = Server::start(&config.replace("sign: 'prod'", "sign: 'prod', namespace: mine"));
    assert_eq!(server.client().ok("prod_who", json!({})).await["namespace"], "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_takes_no_namespace_is_given_none() {
    let cluster = Cluster::with_token("prod", TOKEN).await;
    let dir = tempfile::tempdir().unwrap();
    let file = write(
        dir.path(),
        "k",
        kubeconfig(&[("prod", cluster.entry(), json!({ "token": TOKEN }))]).as_bytes(),
    );
    let rest = format!("kubernetes: {{ kubeconfig: '{file}' }}");
    let server = Server::start(&crate::support::one_service("hostile", &rest));
    let asked = json!({ "url": format!("{}/allowed/x", cluster.upstream.url()) });
    assert_eq!(server.client().fetch("hostile", asked).await.unwrap()[0]["status"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_certificate_of_a_kubeconfig_opens_its_cluster() {
    let clients = Authority::new();
    let own = clients.certify("bulkhead");
    let asking =
        |authority: &Authority| authority.certify("127.0.0.1").server_asking(&clients, true, ALL_VERSIONS);
    let cluster = Cluster::new("prod", None, asking).await;
    let dir = tempfile::tempdir().unwrap();
    let key = own.key_pem();
    write(dir.path(), "client.key", key.as_bytes());
    let user = json!({
        "client-certificate-data": BASE64_STANDARD.encode(own.certificate_pem()), "client-key": "client.key",
    });
    let config = one(dir.path(), cluster.entry(), user);
    let server = Server::start(&config);
    assert_eq!(read(&server, "prod").await["found"], "prod was told nothing");
    assert_eq!(cluster.upstream.received()[0].certificate.as_ref(), Some(&own.certificate));
    let checked = stdout(&["check", "--offline"], &config);
    let shown = format!("{}: trusts its own CA, shows a client certificate (context", cluster.upstream.url());
    assert!(checked.contains(&shown), "{checked}");
    let all = checked + &server.log_until_now().await;
    assert!(!all.contains("PRIVATE") && !all.contains(key.lines().nth(1).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ca_than_the_clusters_is_not_trusted_and_the_token_stays_here() {
    let cluster = Cluster::with_token("prod", TOKEN).await;
    let dir = tempfile::tempdir().unwrap();
    let other = BASE64_STANDARD.encode(Authority::new().pem());
    for ca in [json!({}), json!({ "certificate-authority-data": other })] {
        let mut entry = json!({ "server": cluster.upstream.url() });
        entry.as_object_mut().unwrap().extend(ca.as_object().unwrap().clone());
        let server = Server::start(&one(dir.path(), entry, json!({ "token": TOKEN })));
        let (guest, operator) = fails(&server).await;
        assert!(guest.ends_with("does not answer: its TLS certificate is not trusted"), "{guest}");
        assert!(operator.contains("invalid peer certificate"), "{operator}");
    }
    assert_eq!((cluster.upstream.received().len(), cluster.upstream.accepted()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_may_be_for_the_name_that_the_kubeconfig_says() {
    let named = |authority: &Authority| authority.certify("kubernetes.default").server();
    let cluster = Cluster::new("prod", Some(TOKEN), named).await;
    let dir = tempfile::tempdir().unwrap();
    let with = |name: &str| {
        let mut entry = cluster.entry();
        entry["tls-server-name"] = json!(name);
        one(dir.path(), entry, json!({ "token": TOKEN }))
    };
    let config = with("kubernetes.default");
    assert_eq!(read(&Server::start(&config), "prod").await["status"], 200);
    assert_eq!(cluster.upstream.received()[0].headers["host"], cluster.upstream.address.to_string());
    let shown = format!("{} as kubernetes.default: trusts its own CA", cluster.upstream.url());
    assert!(stdout(&["check", "--offline"], &config).contains(&shown));
    for other in ["kubernetes.other", ""] {
        let (guest, _) = fails(&Server::start(&with(other))).await;
        assert!(guest.ends_with("does not answer: its TLS certificate is not trusted"), "{guest}");
    }
    assert_eq!(cluster.upstream.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_is_the_cluster_only_if_service_and_kubeconfig_say_so_and_the_log_says_it_too() {
    let cluster = Cluster::with_token("prod", TOKEN).await;
    let dir = tempfile::tempdir().unwrap();
    let entry = json!({ "server": cluster.upstream.url(), "insecure-skip-tls-verify": true });
    let config = one(dir.path(), entry, json!({ "token": TOKEN }));
    let part = "prod.kubernetes: ";
    refused(
        &config,
        &["check"],
        64,
        &[part, "cluster `prod`: has `insecure-skip-tls-verify: true`, so anybody"],
    );
    let meant = config.replace("kubernetes: { ", "kubernetes: { insecure_skip_tls_verify: true, ");
    let server = Server::start(&meant);
    let warned = server.logged(|entry| {
        entry["message"]
            == "TLS with an upstream is not verified, as the config says; anybody on the way can pass for it"
    });
    assert_eq!((&warned["level"], &warned["service"]), (&json!("WARN"), &json!("prod")));
    assert_eq!(read(&server, "prod").await["status"], 200);
    assert!(stdout(&["check", "--offline"], &meant).contains(": trusts ANYBODY (context `prod` of "));
}

#[test]
fn what_cannot_be_used_is_said_with_its_place_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let server = json!({ "server": "https://127.0.0.1:6443" });
    let exec = json!({ "exec": { "command": "aws", "args": ["eks", "canary-argument"] } });
    let file = dir.path().join("kubeconfig").display().to_string();
    let config = one(dir.path(), server.clone(), exec);
    let expected = format!(
        "tenants.test.services.prod.kubernetes: {file}: user `prod`: gets its credential from a command (`exec`: `aws`), \
         and the host runs none; give it a service account's token instead: `kubectl create token NAME` makes one, and \
         the host follows the file that `tokenFile` names\n"
    );
    refused(&config, &["check"], 64, &["bulkhead.yaml:1:1: ", &expected]);
    let config = one(dir.path(), server.clone(), json!({ "auth-provider": { "name": "oidc" } }));
    let expected =
        "user `prod`: gets its credential from an `auth-provider` (`oidc`), and the host has none; give it";
    refused(&config, &["check"], 64, &[expected]);
    one(dir.path(), server, json!({ "token": TOKEN }));
    let config = shops(&[("prod", &format!("kubeconfig: '{file}', context: staging"))]);
    let expected = format!("{file}: there is no context `staging`. Known here: prod.\n");
    refused(&config, &["check"], 64, &[&expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_renewed_and_a_kubeconfig_that_is_edited_are_followed() {
    let (old, new) =
        (Cluster::with_token("old", "token-one").await, Cluster::with_token("new", "token-3").await);
    let dir = tempfile::tempdir().unwrap();
    let token = write(dir.path(), "token", b"token-one\n");
    let user = json!({ "tokenFile": "token" });
    let server = Server::start(&one(dir.path(), old.entry(), user.clone()));
    assert_eq!(read(&server, "prod").await["found"], "old was told Bearer [removed]");

    *old.token.lock().unwrap() = Some("Bearer token-two".to_owned());
    let mark = server.mark();
    replace(Path::new(&token), "token-two\n");
    assert_eq!(server.in_force_after(mark)["loaded"], "test/prod");
    server.client().ok("prod_write", json!({ "item": "hammer" })).await;
    assert_eq!(old.told().last().unwrap().as_deref(), Some("Bearer token-two"));

    // What cannot be used changes nothing.
    let mark = server.mark();
    let gone = dir.path().join("gone");
    fs::rename(&token, &gone).unwrap();
    let failed = server.logged_after(mark, |entry| {
        entry["message"] == "the configuration cannot be used; what was in force stays in force"
    });
    let why =
        format!("user `prod`: tokenFile: {token} cannot be read: No such file or directory (os error 2)");
    assert!(failed["error"].as_str().unwrap().ends_with(&why), "{failed}");
    server.client().ok("prod_write", json!({ "item": "hammer" })).await;
    assert_eq!(old.told().last().unwrap().as_deref(), Some("Bearer token-two"));

    let mark = server.mark();
    fs::write(&gone, "token-3").unwrap();
    fs::rename(&gone, &token).unwrap();
    assert_eq!(server.in_force_after(mark)["loaded"], "test/prod");
    let mark = server.mark();
    one(dir.path(), new.entry(), user);
    assert_eq!(server.in_force_after(mark)["loaded"], "test/prod");
    let found = server.client().ok("prod_write", json!({ "item": "hammer" })).await;
    assert_eq!(found["found"], "new was told Bearer [removed]");
    assert_eq!(new.told(), [Some("Bearer token-3".to_owned())]);
    let log = server.log_until_now().await;
    assert!(!["token-one", "token-two", "token-3"].iter().any(|token| log.contains(token)), "{log}");
}

/// A service account's folder as the kubelet makes it: what it holds changes by the swap of a link.
struct Account(PathBuf);

impl Account {
    fn new(dir: &Path, files: &[(&str, &str)]) -> Self {
        let account = Self(dir.to_owned());
        account.swap("..v1", files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), dir.join(name)).unwrap();
        }
        account
    }

    fn swap(&self, version: &str, files: &[(&str, &str)]) {
        fs::create_dir(self.0.join(version)).unwrap();
        for (name, text) in files {
            write(&self.0.join(version), name, text.as_bytes());
        }
        symlink(version, self.0.join("..data_tmp")).unwrap();
        fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_reaches_its_cluster_as_its_service_account_whose_token_is_followed() {
    let cluster = Cluster::with_token("here", "token-one").await;
    let dir = tempfile::tempdir().unwrap();
    let ca = cluster.authority.pem();
    let files = |token| [("token", token), ("ca.crt", ca.as_str()), ("namespace", "pods")];
    let account = Account::new(dir.path(), &files("token-one"));
    let shown = dir.path().display();
    let config = shops(&[("here", &format!("in_cluster: true, service_account: '{shown}'"))]);
    let own = tempfile::tempdir().unwrap();
    let file = write(own.path(), "bulkhead.yaml", config.as_bytes());
    let port = cluster.upstream.address.port().to_string();
    let pod = [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", port.as_str())];
    let server = Server::of_with(Path::new(&file), &pod);
    assert_eq!(read(&server, "here").await["found"], "here was told Bearer [removed]");
    assert_eq!(server.client().ok("here_who", json!({})).await["namespace"], "pods");

    *cluster.token.lock().unwrap() = Some("Bearer token-two".to_owned());
    let mark = server.mark();
    account.swap("..v2", &files("token-two"));
    assert_eq!(server.in_force_after(mark)["loaded"], "test/here");
    server.client().ok("here_write", json!({ "item": "hammer" })).await;
    let told = cluster.told();
    assert_eq!(told, ["token-one", "token-two"].map(|token| Some(format!("Bearer {token}"))));
    let log = server.log_until_now().await;
    assert!(!log.contains("token-one") && !log.contains("token-two"), "{log}");

    let why = "in_cluster: KUBERNETES_SERVICE_HOST is not set, so the host does not run in a pod; name a `kubeconfig` instead";
    refused(&config, &["check"], 64, &["tenants.test.services.here.kubernetes: ", why]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_clusters_are_several_services_and_none_gets_what_is_anothers() {
    let (prod, dev) =
        (Cluster::with_token("prod", TOKEN).await, Cluster::with_token("dev", "other-token").await);
    let dir = tempfile::tempdir().unwrap();
    let both = [
        ("prod", prod.entry(), json!({ "token": TOKEN })),
        ("dev", dev.entry(), json!({ "token": "other-token" })),
    ];
    let file = write(dir.path(), "kubeconfig", kubeconfig(&both).as_bytes());
    let config = shops(&[
        ("prod", &format!("kubeconfig: '{file}'")),
        ("dev", &format!("kubeconfig: '{file}', context: dev")),
    ]);
    let server = Server::start(&config);
    for (service, cluster, token) in [("prod", &prod, TOKEN), ("dev", &dev, "other-token")] {
        assert_eq!(read(&server, service).await["found"], format!("{service} was told Bearer [removed]"));
        assert_eq!(cluster.told(), [Some(format!("Bearer {token}"))]);
        assert_eq!(server.client().ok(&format!("{service}_who"), json!({})).await["sign"], service);
    }
    // The context that is edited is the service that is made anew.
    let mark = server.mark();
    *dev.token.lock().unwrap() = Some("Bearer next-token".to_owned());
    let [first, (name, entry, _)] = both;
    write(
        dir.path(),
        "kubeconfig",
        kubeconfig(&[first, (name, entry, json!({ "token": "next-token" }))]).as_bytes(),
    );
    assert_eq!(server.in_force_after(mark)["loaded"], "test/dev");
    server.client().ok("dev_write", json!({ "item": "hammer" })).await;
    assert_eq!(dev.told().last().unwrap().as_deref(), Some("Bearer next-token"));
}
