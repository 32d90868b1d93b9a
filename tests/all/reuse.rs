//! Responses that a guest asked to have kept: they answer its next call, and nobody else's.

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use crate::support::{Client, Server, Upstream, component, one_service, secrets, services, tenancy::callers};

/// An upstream that counts its answers.
async fn counting() -> Upstream {
    counting_with(|response| response).await
}

async fn counting_with(
    finish: impl Fn(hyper::http::response::Builder) -> hyper::http::response::Builder + Send + Sync + 'static,
) -> Upstream {
    let count = std::sync::atomic::AtomicUsize::new(1);
    Upstream::start(move |_| {
        let body = format!("answer {}", count.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        finish(Response::builder()).body(Full::from(body)).unwrap()
    })
    .await
}

/// The hostile guest with `upstream` as its own; `rest` are further lines of the service.
fn config(upstream: &Upstream, rest: &str) -> String {
    one_service("hostile", &format!("config: {{ url: '{}' }}, {rest}", upstream.url()))
}

const WISH: &str = "bulkhead-reuse: 60";

/// What a service is answered, for each of `times` requests: the whole response as it sees it.
async fn asked(client: &Client, service: &str, url: &str, headers: &[&str], times: u32) -> Vec<Value> {
    let arguments = json!({ "url": url, "headers": headers, "times": times });
    let got = client.ok(&format!("{service}_fetch"), arguments).await;
    got["responses"].as_array().unwrap().clone()
}

/// The body of one.
async fn body(client: &Client, service: &str, url: &str, headers: &[&str]) -> String {
    asked(client, service, url, headers, 1).await[0]["body"].as_str().unwrap().to_owned()
}

/// The header of a response as the guest sees it.
fn header<'a>(response: &'a Value, name: &str) -> Option<&'a str> {
    let headers = response["headers"].as_array().unwrap();
    headers.iter().find(|header| header[0] == name).map(|header| header[1].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_call_is_answered_by_what_is_kept() {
    let upstream = counting_with(|response| response.header("x-of", "upstream")).await;
    let server = Server::start(&("server: { metrics_open: true }\n".to_owned() + &config(&upstream, "")));
    let client = server.client();
    let url = format!("{}/allowed/doc?q=1", upstream.url());
    let first = asked(&client, "hostile", &url, &[WISH], 1).await.remove(0);
    assert_eq!((&first["body"], header(&first, "age")), (&json!("answer 1"), None));
    let second = asked(&client, "hostile", &url, &[WISH], 1).await.remove(0);
    assert_eq!((&second["body"], &second["status"]), (&json!("answer 1"), &json!(200)));
    assert_eq!(
        (header(&second, "x-of"), header(&second, "date")),
        (Some("upstream"), header(&first, "date"))
    );
    assert!(header(&second, "age").is_some_and(|age| age.parse::<u64>().is_ok()), "{second}");
    let [received] = &upstream.received()[..] else { panic!("one request") };
    assert_eq!((received.headers.get("bulkhead-reuse"), received.headers.get("age")), (None, None));

    // It is told as what it is.
    let record = server.logged(|entry| {
        entry["target"] == "call" && entry["egress"].as_str().is_some_and(|told| told.contains("reused"))
    });
    let told: Value = serde_json::from_str(record["egress"].as_str().unwrap()).unwrap();
    assert_eq!(told[0]["reused"], json!(true));
    assert_eq!(
        (&told[0]["attempts"], &told[0]["received"], &told[0]["status"]),
        (&json!(0), &json!(8), &Value::Null)
    );
    assert_eq!(told[0]["rule"], json!(format!("GET POST {}/allowed/**", upstream.url())));
    let metrics = client.get("/metrics").await;
    for (class, count) in [("2xx", 1), ("reused", 1)] {
        let line =
            format!("bulkhead_upstream_requests_total{{service=\"hostile\",class=\"{class}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }

    // Who does not ask for it, or for something else, is not answered by it.
    assert_eq!(body(&client, "hostile", &url, &[]).await, "answer 2");
    assert_eq!(body(&client, "hostile", &url, &["bulkhead-reuse: 0"]).await, "answer 3");
    assert_eq!(body(&client, "hostile", &url, &[WISH, "accept: text/plain"]).await, "answer 4");
    assert_eq!(body(&client, "hostile", &format!("{url}2"), &[WISH]).await, "answer 5");
    let post = json!({ "method": "POST", "url": url, "headers": [WISH] });
    assert_eq!(client.ok("hostile_fetch", post).await["responses"][0]["body"], json!("answer 6"));
    assert_eq!(body(&client, "hostile", &url, &[WISH]).await, "answer 1");
    assert!(upstream.received().iter().all(|received| !received.headers.contains_key("bulkhead-reuse")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_belongs_to_one_service_as_it_is_configured() {
    let upstream = counting().await;
    let (auth, [acme, other]) = callers([("a", "acme", "tools: ['*']"), ("o", "other", "tools: ['*']")]);
    let service = |name: &str, rest: &str| {
        let file = component("hostile");
        format!(
            "{name}: {{ component: '{}', config: {{ url: '{}' }}, {rest} }}",
            file.display(),
            upstream.url()
        )
    };
    let config = |rest: &str| {
        let services = [service("one", rest), service("two", "")].join(", ");
        let others = service("one", "");
        format!(
            "{auth}tenants: {{ acme: {{ services: {{ {services} }} }}, other: {{ services: {{ {others} }} }} }}\n"
        )
    };
    let server = Server::start(&config(""));
    let [acme, other] = [acme, other].map(|key| server.client_of(&key, "/mcp"));
    let url = format!("{}/allowed/doc", upstream.url());
    for (client, service, answer) in [
        (&acme, "one", "answer 1"),
        (&acme, "two", "answer 2"),
        (&other, "one", "answer 3"),
        (&acme, "one", "answer 1"),
        (&acme, "two", "answer 2"),
        (&other, "one", "answer 3"),
    ] {
        assert_eq!(body(client, service, &url, &[WISH]).await, answer, "{service}");
    }
    // A service that is made anew begins with nothing; the others are as they were.
    server.edit(&config("limits: { deadline: 29s }"));
    assert_eq!(body(&acme, "one", &url, &[WISH]).await, "answer 4");
    assert_eq!(body(&acme, "two", &url, &[WISH]).await, "answer 2");
    assert_eq!(body(&other, "one", &url, &[WISH]).await, "answer 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_or_must_not_be_kept_is_asked_for_again() {
    type Finish = fn(hyper::http::response::Builder) -> hyper::http::response::Builder;
    let cases: [Finish; 4] = [
        |response| response.status(500),
        |response| response.status(404),
        |response| response.header("cache-control", "private, no-store"),
        |response| response.header("vary", "*"),
    ];
    for case in cases {
        let upstream = counting_with(case).await;
        let server = Server::start(&config(&upstream, ""));
        let url = format!("{}/allowed/doc", upstream.url());
        for answer in ["answer 1", "answer 2"] {
            assert_eq!(body(&server.client(), "hostile", &url, &[WISH]).await, answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_response_passes_whole_and_is_not_kept() {
    let size = |target: &str| target.rsplit('/').next().unwrap().parse::<usize>().unwrap();
    let upstream =
        Upstream::start(move |asked| Response::new(Full::from(Bytes::from(vec![b'x'; size(&asked.target)]))))
            .await;
    let server = Server::start(&config(&upstream, "limits: { result_bytes: 8MiB }"));
    for (size, requests) in [((1 << 20) + 1, 2), (1 << 20, 3)] {
        let url = format!("{}/allowed/{size}", upstream.url());
        for _ in 0..2 {
            assert_eq!(body(&server.client(), "hostile", &url, &[WISH]).await.len(), size);
        }
        assert_eq!(upstream.received().len(), requests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_needs_no_turn_and_no_upstream() {
    let upstream = counting().await;
    let rest = "limits: { requests_per_call: 20, requests_per_second: 1 }";
    let server = Server::start(&config(&upstream, rest));
    let client = server.client();
    let url = format!("{}/allowed/doc", upstream.url());
    assert_eq!(body(&client, "hostile", &url, &[WISH]).await, "answer 1");
    drop(upstream);
    let many = asked(&client, "hostile", &url, &[WISH], 20).await;
    assert!(many.iter().all(|response| response["body"] == json!("answer 1")), "{many:?}");
    // What a call can make the host do is bounded as ever.
    let arguments = json!({ "url": url, "headers": [WISH], "times": 21 });
    assert_eq!(client.refused("hostile_fetch", arguments).await.0, "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_allowed_is_refused_all_the_same() {
    let upstream = counting().await;
    let server = Server::start(&config(&upstream, ""));
    let client = server.client();
    let url = format!("{}/allowed/doc", upstream.url());
    body(&client, "hostile", &url, &[WISH]).await;
    for (url, header) in
        [(format!("{}/other", upstream.url()), "x-a: b"), (url, "authorization: Bearer mine")]
    {
        let arguments = json!({ "url": url, "headers": [WISH, header] });
        assert_eq!(client.refused("hostile_fetch", arguments).await.0, "denied", "{url}");
    }
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_holds_no_credential() {
    let upstream = Upstream::start(|asked| {
        let given = asked.headers["x-api-key"].to_str().unwrap().to_owned();
        Response::builder().header("x-echo", &given).body(Full::from(format!("you said {given}"))).unwrap()
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let credential = format!(
        "credentials: [{{ for: '{}', header: X-Api-Key, value: '${{secret:key}}' }}]",
        upstream.url()
    );
    let config = secrets(&dir, &[("key", "canary-5190")])
        + &services(
            "hostile",
            &[("hostile", &format!("config: {{ url: '{}' }}, {credential}", upstream.url()))],
        );
    let server = Server::start(&config);
    let url = format!("{}/allowed/doc", upstream.url());
    for _ in 0..2 {
        let response = asked(&server.client(), "hostile", &url, &[WISH], 1).await.remove(0);
        assert_eq!(
            (&response["body"], header(&response, "x-echo")),
            (&json!("you said [removed]"), Some("[removed]"))
        );
    }
    assert_eq!(upstream.received().len(), 1);
}
