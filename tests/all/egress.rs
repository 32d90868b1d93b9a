//! What goes out is what was granted, with the credentials of that upstream and no others.

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::json;

use crate::support::{Client, Server, Upstream, one_service};

fn hello() -> Response<Full<Bytes>> {
    Response::new(Full::from("hello"))
}

async fn upstream() -> Upstream {
    Upstream::start(|_| hello()).await
}

/// The hostile guest with `upstream` as its own; `rest` are further lines of the service.
fn granted(upstream: &Upstream, rest: &str) -> Server {
    Server::start(&one_service("hostile", &format!("config: {{ url: '{}' }}, {rest}", upstream.url())))
}

async fn fetch(
    client: &Client,
    method: &str,
    url: &str,
    headers: &[&str],
) -> Result<String, (String, String)> {
    let arguments = json!({ "method": method, "url": url, "headers": headers });
    let result = client.call("hostile_fetch", arguments.clone()).await;
    if result["isError"] == json!(true) {
        return Err(client.refused("hostile_fetch", arguments).await);
    }
    Ok(result["structuredContent"]["responses"][0]["body"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_request_goes_through() {
    let upstream = upstream().await;
    let server = granted(&upstream, "");
    let url = format!("{}/allowed/a/./b?q=1%202", upstream.url());
    assert_eq!(fetch(&server.client(), "GET", &url, &["x-own: yes"]).await.unwrap(), "hello");
    let [received] = &upstream.received()[..] else { panic!("one request") };
    assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", "/allowed/a/b?q=1%202"));
    assert_eq!(received.headers["host"], upstream.address.to_string());
    assert_eq!(received.headers["x-own"], "yes");
    assert_eq!(received.body, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_outside_the_grant_is_refused_and_both_sides_see_it() {
    let (upstream, other) = (upstream().await, upstream().await);
    let server = granted(&upstream, "");
    let client = server.client();
    let own = upstream.url();
    let port = upstream.address.port();
    let cases = [
        ("GET", format!("{}/allowed/x", other.url())),
        ("GET", format!("http://localhost:{port}/allowed/x")),
        ("GET", format!("https://127.0.0.1:{port}/allowed/x")),
        ("GET", format!("{own}/other")),
        ("GET", format!("{own}/allowed/../other")),
        ("GET", format!("{own}/allowed/%2e%2e/other")),
        ("GET", format!("{own}/allowed/..%2fother")),
        ("DELETE", format!("{own}/allowed/x")),
        ("GET", "http://169.254.169.254/latest/meta-data".to_owned()),
    ];
    for (method, url) in &cases {
        let (reason, text) = fetch(&client, method, url, &[]).await.unwrap_err();
        assert_eq!(reason, "denied", "{method} {url}: {text}");
        assert!(text.contains("not allowed"), "{text}");
    }
    assert_eq!((upstream.received().len(), other.received().len()), (0, 0));
    let entry = server.logged(|entry| {
        entry["message"] == "outbound request refused"
            && entry["request"] == json!(format!("DELETE {own}/allowed/x"))
    });
    assert_eq!(
        (&entry["reason"], &entry["service"], &entry["level"]),
        (&json!("no_rule"), &json!("hostile"), &json!("WARN"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_to_its_upstream_and_stays_out_of_the_log() {
    let (upstream, other) = (upstream().await, upstream().await);
    let (own, others) = (upstream.url(), other.url());
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("token");
    std::fs::write(&secret, "canary-7261\n").unwrap();
    let credential =
        |url: &str| format!("{{ for: '{url}', header: Authorization, value: 'Bearer ${{secret:token}}' }}");
    let mut config = format!("secrets: {{ token: {{ file: '{}' }} }}\n", secret.display());
    config.push_str(&one_service(
        "hostile",
        &format!("config: {{ url: '{own}' }}, credentials: [{}]", credential(&own)),
    ));
    let server = Server::start(&config);
    let client = server.client();
    assert_eq!(fetch(&client, "GET", &format!("{own}/allowed/x"), &[]).await.unwrap(), "hello");
    assert_eq!(upstream.received()[0].headers["authorization"], "Bearer canary-7261");
    // Another upstream of the same credential's service gets nothing.
    let mut config = format!("secrets: {{ token: {{ file: '{}' }} }}\n", secret.display());
    config.push_str(&one_service(
        "hostile",
        &format!("config: {{ url: '{others}' }}, credentials: [{}]", credential(&own)),
    ));
    let second = Server::start(&config);
    assert_eq!(fetch(&second.client(), "GET", &format!("{others}/allowed/x"), &[]).await.unwrap(), "hello");
    assert_eq!(other.received()[0].headers.get("authorization"), None);
    for server in [server, second] {
        assert!(!server.log_until_now().await.contains("canary-7261"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_not_bring_its_own_credentials() {
    let upstream = upstream().await;
    let rest = format!("credentials: [{{ for: '{}', header: X-Api-Key, value: k }}]", upstream.url());
    let server = granted(&upstream, &rest);
    for header in ["authorization: Bearer mine", "cookie: a=b", "x-api-key: mine"] {
        let (reason, _) = fetch(&server.client(), "GET", &format!("{}/allowed/x", upstream.url()), &[header])
            .await
            .unwrap_err();
        assert_eq!(reason, "denied", "{header}");
    }
    assert_eq!(upstream.received().len(), 0);
    server.logged(|entry| entry["reason"] == "guest_credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let upstream = Upstream::start(|_| {
        Response::builder().status(302).header("location", "/other").body(Full::from("moved")).unwrap()
    })
    .await;
    let server = granted(&upstream, "");
    assert_eq!(
        fetch(&server.client(), "GET", &format!("{}/allowed/x", upstream.url()), &[]).await.unwrap(),
        "moved"
    );
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_too_large_is_cut_off() {
    let upstream = Upstream::start(|_| Response::new(Full::from(vec![b'x'; 100_000]))).await;
    let server = granted(&upstream, "limits: { response_bytes: 64KiB }");
    let (reason, text) =
        fetch(&server.client(), "GET", &format!("{}/allowed/x", upstream.url()), &[]).await.unwrap_err();
    assert_eq!(reason, "failed");
    assert!(text.contains("response body size exceeds limit: 65536 bytes"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_requests_of_a_call_are_under_way_at_once() {
    // Nobody is answered before all have come.
    let together = std::sync::Arc::new(std::sync::Barrier::new(4));
    let upstream = Upstream::start(move |_| {
        tokio::task::block_in_place(|| together.wait());
        hello()
    });
    let upstream = upstream.await;
    let server = granted(&upstream, "");
    let url = format!("{}/allowed/x", upstream.url());
    let got = server.client().ok("hostile_fetch", json!({ "url": url, "times": 4 })).await;
    assert_eq!(got["responses"].as_array().map(Vec::len), Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_not_there_is_unavailable() {
    let gone = { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let server = Server::start(&one_service("hostile", &format!("config: {{ url: 'http://{gone}' }}")));
    let (reason, text) =
        fetch(&server.client(), "GET", &format!("http://{gone}/allowed/x"), &[]).await.unwrap_err();
    assert_eq!(reason, "unavailable");
    assert!(text.contains(&gone.to_string()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_call_tells_what_it_sent() {
    let upstream = upstream().await;
    let server = granted(&upstream, "");
    let client = server.client();
    let url = format!("{}/allowed/x", upstream.url());
    fetch(&client, "GET", &format!("{url}?token=of-the-caller"), &[]).await.unwrap();
    fetch(&client, "DELETE", &url, &[]).await.unwrap_err();
    let record = |outcome: &str| {
        let entry = server.logged(|entry| {
            entry["target"] == "call" && entry["outcome"] == outcome && entry["tool"] == "hostile_fetch"
        });
        let told: serde_json::Value = serde_json::from_str(entry["egress"].as_str().unwrap()).unwrap();
        (entry, told[0].clone())
    };
    let (entry, told) = record("ok");
    assert_eq!((&entry["requests"], &entry["denied"], &entry["received"]), (&json!(1), &json!(0), &json!(5)));
    assert_eq!((&told["method"], &told["url"], &told["status"]), (&json!("GET"), &json!(url), &json!(200)));
    assert_eq!((&told["attempts"], &told["received"]), (&json!(1), &json!(5)));
    assert_eq!(told["rule"], json!(format!("GET POST {}/allowed/**", upstream.url())));
    let (entry, told) = record("denied");
    assert_eq!(
        (&entry["denied"], &told["denied"], &told["rule"]),
        (&json!(1), &json!("no_rule"), &json!(null))
    );
    assert!(!server.log_text().contains("of-the-caller"), "a query may hold what the caller typed");
}
