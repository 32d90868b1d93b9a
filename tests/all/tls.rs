//! TLS with upstreams: whom the host trusts, whom it shows its own certificate, and what is said when either
//! is not as it should be. Every test has authorities of its own.

use std::{fs, path::Path};

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use rustls::{
    ALL_VERSIONS, ServerConfig,
    version::{TLS12, TLS13},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    command_line::{bulkhead, refused, write},
    support::{Authority, Identity, Received, Server, Upstream, one_service, services},
};

fn hello(_: &Received) -> Response<Full<Bytes>> {
    Response::new(Full::from("hello"))
}

async fn upstream(tls: ServerConfig) -> Upstream {
    Upstream::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), Some(tls), hello)
}

fn asks(upstream: &Upstream) -> Value {
    json!({ "url": format!("{}/allowed/x", upstream.url()) })
}

/// Files of one test.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn ca(&self, name: &str, authority: &Authority) -> String {
        format!("ca: '{}'", write(self.path(), name, authority.pem().as_bytes()))
    }

    fn client(&self, identity: &Identity) -> String {
        let certificate = write(self.path(), "client.pem", identity.certificate_pem().as_bytes());
        let key = write(self.path(), "client.key", identity.key_pem().as_bytes());
        format!("client_certificate: '{certificate}', client_key: '{key}'")
    }
}

/// Lines of a service for one upstream, with what is to be known of its TLS.
fn with(upstream: &Upstream, tls: &str) -> String {
    let url = upstream.url();
    format!("config: {{ url: '{url}' }}, network: {{ tls: [{{ for: '{url}', {tls} }}] }}")
}

/// A call that must fail before the request is delivered, with what the guest and the operator read.
async fn fails(server: &Server, upstream: &Upstream, guest: &str, operator: &str) {
    let (reason, text) = server.client().fetch("hostile", asks(upstream)).await.unwrap_err();
    let expected = format!("{} does not answer: {guest}", upstream.address);
    let entry = server.logged(|entry| entry["message"] == "outbound request failed");
    assert_eq!((reason.as_str(), text), ("unavailable", expected), "{entry}");
    let said = entry["error"].as_str().unwrap();
    assert!(said.contains(operator), "{said} should say: {operator}");
    assert_eq!((upstream.received().len(), upstream.accepted()), (0, 1));
}

const NOT_TRUSTED: &str = "its TLS certificate is not trusted";

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_nobody_named_is_not_trusted() {
    let authority = Authority::new();
    let upstream = upstream(authority.certify("127.0.0.1").server()).await;
    let server = Server::start(&one_service("hostile", &format!("config: {{ url: '{}' }}", upstream.url())));
    fails(&server, &upstream, NOT_TRUSTED, "invalid peer certificate: UnknownIssuer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_named_is_trusted() {
    let (authority, files) = (Authority::new(), Files::new());
    let upstream = upstream(authority.certify("127.0.0.1").server()).await;
    let server = Server::start(&one_service("hostile", &with(&upstream, &files.ca("ca.pem", &authority))));
    let got = server.client().fetch("hostile", asks(&upstream)).await.unwrap();
    assert_eq!(got[0]["body"], "hello");
    assert_eq!(upstream.received()[0].headers["host"], upstream.address.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_authorities_in_a_file_is_trusted() {
    let (old, new, files) = (Authority::new(), Authority::new(), Files::new());
    let upstream = upstream(new.certify("127.0.0.1").server()).await;
    let both = write(files.path(), "both.pem", (old.pem() + &new.pem()).as_bytes());
    let server = Server::start(&one_service("hostile", &with(&upstream, &format!("ca: '{both}'"))));
    assert_eq!(server.client().fetch("hostile", asks(&upstream)).await.unwrap()[0]["body"], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_than_the_one_that_is_named_is_not_trusted() {
    let (authority, other, files) = (Authority::new(), Authority::new(), Files::new());
    let upstream = upstream(authority.certify("127.0.0.1").server()).await;
    let server = Server::start(&one_service("hostile", &with(&upstream, &files.ca("ca.pem", &other))));
    // Both authorities have the same name, so it is the signature that is wrong.
    fails(&server, &upstream, NOT_TRUSTED, "invalid peer certificate: BadSignature").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_not_trusted() {
    let (authority, files) = (Authority::new(), Files::new());
    let upstream = upstream(authority.certify_long_ago("127.0.0.1").server()).await;
    let server = Server::start(&one_service("hostile", &with(&upstream, &files.ca("ca.pem", &authority))));
    fails(&server, &upstream, NOT_TRUSTED, "invalid peer certificate: certificate expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_not_trusted() {
    let (authority, files) = (Authority::new(), Files::new());
    let upstream = upstream(authority.certify("other.example").server()).await;
    let server = Server::start(&one_service("hostile", &with(&upstream, &files.ca("ca.pem", &authority))));
    fails(&server, &upstream, NOT_TRUSTED, "certificate not valid for name \"127.0.0.1\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_speaks_no_tls_is_told_apart() {
    let (authority, files) = (Authority::new(), Files::new());
    let plain = Upstream::start(hello).await;
    let url = format!("https://{}", plain.address);
    let rest = format!(
        "config: {{ url: '{url}' }}, network: {{ tls: [{{ for: '{url}', {} }}] }}",
        files.ca("ca.pem", &authority)
    );
    let server = Server::start(&one_service("hostile", &rest));
    let asked = json!({ "url": format!("{url}/allowed/x") });
    let (reason, text) = server.client().fetch("hostile", asked).await.unwrap_err();
    let expected = format!("{} does not answer: TLS could not be agreed on", plain.address);
    assert_eq!((reason.as_str(), text), ("unavailable", expected));
    assert_eq!(plain.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_opens_the_upstream_it_is_for() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let own = clients.certify("bulkhead");
    let upstream = upstream(authority.certify("127.0.0.1").server_asking(&clients, true, ALL_VERSIONS)).await;
    let tls = format!("{}, {}", files.ca("ca.pem", &authority), files.client(&own));
    let server = Server::start(&one_service("hostile", &with(&upstream, &tls)));
    assert_eq!(server.client().fetch("hostile", asks(&upstream)).await.unwrap()[0]["body"], "hello");
    assert_eq!(upstream.received()[0].certificate.as_ref(), Some(&own.certificate));
    assert!(!server.log_until_now().await.contains("PRIVATE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_client_certificate_it_stays_shut() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let upstream = upstream(authority.certify("127.0.0.1").server_asking(&clients, true, &[&TLS12])).await;
    let server = Server::start(&one_service("hostile", &with(&upstream, &files.ca("ca.pem", &authority))));
    fails(&server, &upstream, "it refused TLS", "received fatal alert").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_1_3_it_stays_shut_as_well() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let upstream = upstream(authority.certify("127.0.0.1").server_asking(&clients, true, &[&TLS13])).await;
    let server = Server::start(&one_service("hostile", &with(&upstream, &files.ca("ca.pem", &authority))));
    let (reason, text) = server.client().fetch("hostile", asks(&upstream)).await.unwrap_err();
    // The alert, or the end of the connection if that is seen first.
    let expected = ["it refused TLS", "the connection was closed"];
    assert!(reason == "unavailable" && expected.iter().any(|why| text.ends_with(why)), "{reason}: {text}");
    assert_eq!(upstream.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_of_another_authority_does_not_open_it() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let upstream = upstream(authority.certify("127.0.0.1").server_asking(&clients, true, &[&TLS12])).await;
    let own = files.client(&authority.certify("bulkhead"));
    let tls = format!("{}, {own}", files.ca("ca.pem", &authority));
    let server = Server::start(&one_service("hostile", &with(&upstream, &tls)));
    fails(&server, &upstream, "it refused TLS", "received fatal alert").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_upstream_of_the_service_is_not_shown_the_client_certificate() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let own = clients.certify("bulkhead");
    let asking = || authority.certify("127.0.0.1").server_asking(&clients, false, ALL_VERSIONS);
    let (first, second, third) =
        (upstream(asking()).await, upstream(asking()).await, upstream(asking()).await);
    let (ca, client) = (files.ca("ca.pem", &authority), files.client(&own));
    let rest = format!(
        "config: {{ url: '{0}', others: ['{1}', '{2}'] }}, network: {{ tls: [{{ for: '{0}', {ca}, {client} }}, {{ for: '{1}', {ca} }}] }}",
        first.url(),
        second.url(),
        third.url()
    );
    let server = Server::start(&one_service("hostile", &rest));
    let client = server.client();
    for upstream in [&first, &second, &first] {
        client.fetch("hostile", asks(upstream)).await.unwrap();
    }
    let shown = |upstream: &Upstream| {
        upstream.received().into_iter().map(|received| received.certificate).collect::<Vec<_>>()
    };
    assert_eq!(shown(&first), [Some(own.certificate.clone()), Some(own.certificate)]);
    assert_eq!(shown(&second), [None]);
    // Nor is the authority of one trusted for another.
    let (reason, text) = client.fetch("hostile", asks(&third)).await.unwrap_err();
    assert!(reason == "unavailable" && text.ends_with(NOT_TRUSTED), "{reason}: {text}");
    assert_eq!(third.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_share_no_connection() {
    let (authority, other, files) = (Authority::new(), Authority::new(), Files::new());
    let own = other.certify("bulkhead");
    let upstream = upstream(authority.certify("127.0.0.1").server_asking(&other, false, ALL_VERSIONS)).await;
    let (right, wrong) = (files.ca("right.pem", &authority), files.ca("wrong.pem", &other));
    let known = with(&upstream, &format!("{right}, {}", files.client(&own)));
    let (unknown, mistaken) = (with(&upstream, &right), with(&upstream, &wrong));
    let server = Server::start(&services(
        "hostile",
        &[("known", known.as_str()), ("unknown", unknown.as_str()), ("mistaken", mistaken.as_str())],
    ));
    let client = server.client();
    // The first leaves an open connection behind.
    client.fetch("known", asks(&upstream)).await.unwrap();
    client.fetch("unknown", asks(&upstream)).await.unwrap();
    client.fetch("known", asks(&upstream)).await.unwrap();
    assert!(client.fetch("mistaken", asks(&upstream)).await.unwrap_err().1.ends_with(NOT_TRUSTED));
    let received = upstream.received();
    assert_eq!(received.iter().map(|r| r.connection).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(received[0].certificate.as_ref(), Some(&own.certificate));
    assert_eq!(received[1].certificate, None);
    assert_eq!(upstream.accepted(), 3);
}

#[test]
fn what_is_wrong_with_a_tls_block_is_named() {
    let (authority, files) = (Authority::new(), Files::new());
    let own = authority.certify("bulkhead");
    let ca = files.ca("ca.pem", &authority);
    let client = files.client(&own);
    let (certificate, key) = client.split_once(", ").unwrap();
    let file = |name: &str, text: &str| write(files.path(), name, text.as_bytes());
    let (text, cut) = (file("text.pem", "canary-7"), file("cut.pem", &authority.pem()[..60]));
    let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    let other_key = file("other.key", &authority.certify("other").key_pem());
    let for_https = "for: 'https://h.example'";
    let cases = [
        (format!("for: 'http://h.example', {ca}"), "for: http://h.example:80 is not https"),
        (format!("for: h.example, {ca}"), "for: `h.example` must be scheme, host and port"),
        (for_https.to_owned(), "has no effect without `ca` or `client_certificate`"),
        (format!("{for_https}, ca: nowhere.pem"), "nowhere.pem cannot be read: No such file"),
        (format!("{for_https}, ca: '{text}'"), "ca: holds no certificate in PEM"),
        (format!("{for_https}, ca: '{cut}'"), "ca: "),
        (format!("{for_https}, ca: '{broken}'"), "ca: invalid peer certificate: BadEncoding"),
        (format!("{for_https}, {certificate}"), "`client_certificate` and `client_key` go together"),
        (format!("{for_https}, {ca}, {key}"), "`client_certificate` and `client_key` go together"),
        (format!("{for_https}, {certificate}, client_key: '{text}'"), "client_key: "),
        (
            format!("{for_https}, client_certificate: '{text}', {key}"),
            "client_certificate: holds no certificate",
        ),
        (format!("{for_https}, {certificate}, client_key: '{other_key}'"), "client_certificate: "),
    ];
    for (tls, why) in cases {
        // The second of two, so that the entry has to be named, too.
        let good = format!("{{ for: 'https://good.example', {ca} }}");
        let rest = format!("network: {{ tls: [{good}, {{ {tls} }}] }}");
        let key = "tenants.test.services.hostile.network.tls[1]: ";
        refused(&one_service("hostile", &rest), &["check"], 64, &["bulkhead.yaml:1:", key, why]);
    }
}

#[test]
fn the_contents_of_a_key_are_not_shown() {
    let (authority, files) = (Authority::new(), Files::new());
    let certificate =
        write(files.path(), "client.pem", authority.certify("bulkhead").certificate_pem().as_bytes());
    for key in [
        "canary-7",
        "-----BEGIN PRIVATE KEY-----\ncanary-7\n",
        "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5LTc=\n-----END PRIVATE KEY-----\n",
    ] {
        let key = write(files.path(), "client.key", key.as_bytes());
        let rest = format!(
            "network: {{ tls: [{{ for: 'https://h.example', client_certificate: '{certificate}', client_key: '{key}' }}] }}"
        );
        let config = write(files.path(), "bulkhead.yaml", one_service("hostile", &rest).as_bytes());
        let output = bulkhead(&["check", "--config", &config]);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(
            text.contains("client_") && !text.contains("canary-7") && !text.contains("Y2FuYXJ5"),
            "{text}"
        );
    }
}

#[test]
fn files_are_found_beside_the_configuration() {
    let (authority, files) = (Authority::new(), Files::new());
    fs::create_dir(files.path().join("tls")).unwrap();
    write(files.path(), "tls/ca.pem", authority.pem().as_bytes());
    let rest = "config: { url: 'https://127.0.0.1:1' }, network: { tls: [{ for: 'https://127.0.0.1:1', ca: tls/ca.pem }] }";
    let config = write(files.path(), "bulkhead.yaml", one_service("hostile", rest).as_bytes());
    let asked =
        ["explain", "--service", "hostile", "--url", "https://127.0.0.1:1/allowed/x", "--config", &config];
    let output = bulkhead(&asked);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("  TLS         https://127.0.0.1:1: trusts its own CA\n"), "{text}");
}
