//! The example of the SDKs in Rust, JavaScript and Python: one script of calls, one upstream, and whatever is listed,
//! answered, reported, asked and sent upstream is the same.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use bulkhead::{app, config::load};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes};
use serde_json::{Value, json};

use crate::support::{Client, Received, Server, Upstream, component, root, run, script};

const LANGUAGES: [&str; 3] = ["rust", "js", "python"];

/// The example in each language, built once its sources change.
fn examples() -> Vec<PathBuf> {
    script("examples", &[]);
    let file = |language: &str| match language {
        "rust" => component("../sdk/examples/issues-rust"),
        other => root().join(format!("target/guests/issues-{other}.wasm")),
    };
    LANGUAGES.iter().map(|language| file(language)).collect()
}

/// Each example under its language's name; below `gone` with an upstream that is not there, below `tight` with nothing
/// but GET granted.
async fn serving(upstream: &Upstream) -> Server {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut services = Vec::new();
    for (language, file) in LANGUAGES.iter().zip(examples()) {
        for (name, url, rest) in [
            (language.to_string(), format!("{}/{language}", upstream.url()), ""),
            (format!("{language}slow"), format!("{}/{language}", upstream.url()), ""),
            (format!("{language}gone"), format!("http://{gone}"), ""),
            (
                format!("{language}tight"),
                format!("{}/{language}", upstream.url()),
                "egress: [{ methods: [GET] }]",
            ),
        ] {
            services.push(format!(
                "{name}: {{ component: '{}', config: {{ url: '{url}', repo: acme/widgets }}, {rest} }}",
                file.display()
            ));
        }
    }
    let cache = root().join("target/guests/compiled-examples");
    let config = format!(
        "components: {{ cache_dir: '{}' }}\ntenants: {{ test: {{ services: {{ {} }} }} }}\n",
        cache.display(),
        services.join(", ")
    );
    // Compiling takes longer than a server has to be ready.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    std::fs::write(&file, &config).unwrap();
    app::build(load::file(&file).unwrap()).await.unwrap();
    Server::start(&config)
}

/// GitHub, as far as it is used: seven issues; those from 400 on fail with their number as the status.
pub(crate) fn github(request: &Received) -> Response<Full<Bytes>> {
    let target = request.target.splitn(3, '/').nth(2).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{key}=")));
    let number = |key: &str| value(key).and_then(|value| value.parse::<usize>().ok()).unwrap_or(1);
    let issue = |number: usize| {
        json!({
            "number": number, "title": format!("Issue {number}"), "state": "open", "user": { "login": "ann" },
            "labels": [{ "name": "bug" }], "comments": 1, "html_url": format!("http://hub/{number}"),
            "body": if number == 2 { Value::Null } else { json!(format!("Text of {number} — ü")) },
        })
    };
    let answer = |status: u16, body: Value| {
        Response::builder().status(status).header("content-type", "application/json").body(body.to_string())
    };
    let rest = path.strip_prefix("repos/acme/widgets").unwrap_or("/nowhere");
    let response = match (request.method.as_str(), rest) {
        ("GET", "") => answer(200, json!({ "full_name": "acme/widgets" })),
        ("GET", "/issues") => {
            let (size, page) = (number("per_page"), number("page"));
            let all: Vec<_> = (1..=7).rev().map(issue).collect();
            let shown: Vec<_> = all.iter().skip((page - 1) * size).take(size).collect();
            let mut response = answer(200, json!(shown)).unwrap();
            if page * size < all.len() {
                response.headers_mut().insert("link", "<http://hub/next>; rel=\"next\"".parse().unwrap());
            }
            Ok(response)
        }
        ("POST", "/issues") => {
            let sent: Value = serde_json::from_str(&request.body).unwrap();
            match sent["title"].as_str().unwrap() {
                "bad" => {
                    answer(422, json!({ "message": "Validation Failed", "errors": [{ "field": "title" }] }))
                }
                _ => answer(201, issue(8)),
            }
        }
        ("GET", rest) => match rest.trim_start_matches("/issues/").split_once('/') {
            Some((_, "comments")) => answer(200, json!([{ "user": { "login": "bob" }, "body": "me too" }])),
            _ => match rest.trim_start_matches("/issues/").parse::<usize>() {
                Ok(429) => answer(429, json!({ "message": "slow down" })).map(|mut response| {
                    response.headers_mut().insert("retry-after", "7".parse().unwrap());
                    response
                }),
                Ok(500) => answer(500, json!("<html>oops</html>")),
                Ok(status @ 400..=599) => {
                    answer(u16::try_from(status).unwrap(), json!({ "error": { "message": "no" } }))
                }
                Ok(known @ 1..=7) => answer(200, issue(known)),
                _ => answer(404, json!({ "message": "Not Found" })),
            },
        },
        (_, _) => answer(405, json!({})),
    };
    response.unwrap().map(|body| Full::from(Bytes::from(body)))
}

/// One request as a client of 2026-07-28 that can be asked makes it: every message that came back.
async fn messages(client: &Client, method: &str, mut params: Value) -> Vec<Value> {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": { "form": {} } });
    let mut request = Request::post(client.url()).header("mcp-protocol-version", "2026-07-28");
    request = request.header("mcp-method", method);
    if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
        request = request.header("mcp-name", name);
    }
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let response = client.send(request.body(body.to_string()).unwrap()).await;
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let events: Vec<_> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    if events.is_empty() { vec![serde_json::from_str(&text).unwrap()] } else { events }
}

/// The language of a service.
fn of(service: &str) -> &str {
    LANGUAGES.into_iter().find(|language| service.starts_with(language)).unwrap()
}

/// What came of a request, without what differs between any two: names, ids, and the spelling of JSON in texts.
fn comparable(language: &str, mut answer: Value) -> Value {
    fn walk(value: &mut Value, language: &str) {
        match value {
            Value::Object(object) => {
                for key in ["callId", "requestState", "progressToken", "id"] {
                    object.remove(key);
                }
                object.values_mut().for_each(|value| walk(value, language));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| walk(value, language)),
            Value::String(text) => match serde_json::from_str::<Value>(text) {
                Ok(parsed @ Value::Object(_)) => *value = parsed,
                _ => {
                    *text = text
                        .replace(&format!("{language}_"), "")
                        .replace(&format!("/{}/", of(language)), "/")
                        .replace(&format!("{language}+"), "")
                }
            },
            _ => {}
        }
    }
    walk(&mut answer, language);
    answer
}

/// What differed, so that all of it is told at once.
static UNLIKE: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn alike<T: PartialEq + std::fmt::Debug>(what: &str, all: &[T]) {
    for (language, other) in LANGUAGES.iter().zip(all).skip(1).filter(|(_, other)| **other != all[0]) {
        let told =
            format!("{what}: {language} is unlike {}: {other:?}\n  instead of {:?}\n", LANGUAGES[0], all[0]);
        UNLIKE.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
}

/// Makes a request of each language's service; what came of it, which is the same for all.
async fn each(server: &Server, what: &str, kind: &str, method: &str, params: Value) -> Vec<Value> {
    let mut all = Vec::new();
    for language in LANGUAGES {
        let client = server.client().at(&format!("/{language}{kind}"));
        let mut params = params.clone();
        if method == "tools/call" || method == "prompts/get" {
            params["name"] = json!(format!("{language}{kind}_{}", params["name"].as_str().unwrap()));
        }
        if let Some(uri) = params["uri"].as_str() {
            params["uri"] = json!(format!("{language}{kind}+{uri}"));
        }
        let came = messages(&client, method, params).await;
        let name = format!("{language}{kind}");
        all.push(came.into_iter().map(|message| comparable(&name, message)).collect::<Vec<_>>());
    }
    alike(what, &all);
    all.swap_remove(0)
}

/// One call of each; its only result.
async fn call(server: &Server, kind: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let mut came = each(server, &format!("{tool} {arguments}"), kind, "tools/call", params).await;
    came.pop().unwrap()["result"].take()
}

#[test]
fn the_sdks_pass_their_own_tests() {
    examples();
    let tools = root().join("target/guests/tools/py/bin/python");
    for (folder, program, args) in [
        ("sdk/js", "npm".into(), vec!["test"]),
        ("sdk/examples/issues-js", root().join("sdk/js/node_modules/.bin/tsc"), vec!["--noEmit"]),
        ("sdk/python", tools, vec!["-m", "unittest", "discover", "tests"]),
    ] {
        let ran = Command::new(&program).args(args).current_dir(root().join(folder)).output().unwrap();
        let said =
            [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(ran.status.success(), "{folder}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_behaves_alike_in_every_language() {
    let upstream = Upstream::start(github).await;
    let server = serving(&upstream).await;

    // What is listed: schemas, descriptions, annotations, prompts, templates.
    for (method, key, count) in [
        ("tools/list", "tools", 3),
        ("prompts/list", "prompts", 1),
        ("resources/templates/list", "resourceTemplates", 1),
    ] {
        let listed = each(&server, method, "", method, json!({})).await;
        assert_eq!(listed[0]["result"][key].as_array().unwrap().len(), count, "{listed:?}");
    }

    // Pages, to the end; a cursor belongs to its arguments.
    let mut arguments = json!({ "limit": 3, "label": "bug" });
    let mut numbers = Vec::new();
    loop {
        let page = call(&server, "", "list_issues", arguments.clone()).await["structuredContent"].take();
        numbers
            .extend(page["issues"].as_array().unwrap().iter().map(|issue| issue["number"].as_u64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        arguments["cursor"] = json!(next);
    }
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    arguments["state"] = json!("all");
    let elsewhere = call(&server, "", "list_issues", arguments).await;
    let text = elsewhere["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("arguments.cursor: belongs to a call with other arguments"), "{elsewhere}");

    // One with its comments, told of while it is read.
    let params =
        json!({ "name": "get_issue", "arguments": { "number": 2 }, "_meta": { "progressToken": 1 } });
    let came = each(&server, "get_issue with progress", "", "tools/call", params).await;
    let progress: Vec<_> = came.iter().filter(|m| m["method"] == "notifications/progress").collect();
    assert_eq!(
        progress.iter().map(|m| m["params"]["progress"].as_f64().unwrap()).collect::<Vec<_>>(),
        [0.0, 2.0]
    );
    let read = &came.last().unwrap()["result"]["structuredContent"];
    assert_eq!(read["comments"], json!([{ "author": "bob", "body": "me too" }]));
    assert_eq!(read["body"], json!(""));

    // What the upstream says no with, and what the client gets wrong.
    for (number, reason) in [
        (404, "not_found"),
        (410, "not_found"),
        (401, "denied"),
        (403, "denied"),
        (409, "upstream"),
        (422, "upstream"),
        (500, "upstream"),
        (503, "unavailable"),
    ] {
        let refused = call(&server, "", "get_issue", json!({ "number": number })).await;
        assert_eq!(refused["isError"], json!(true), "{refused}");
        assert_eq!(refused["_meta"]["bulkhead/error"]["reason"], json!(reason), "{number}: {refused}");
    }
    for arguments in [json!({}), json!({ "number": 0 }), json!({ "number": "x" }), json!({ "nmuber": 1 })] {
        assert_eq!(call(&server, "", "get_issue", arguments).await["isError"], json!(true));
    }
    // The host rests after a 429, so that is a service's last.
    let slow = call(&server, "slow", "get_issue", json!({ "number": 429 })).await;
    assert_eq!(slow["_meta"]["bulkhead/error"]["reason"], json!("throttled"), "{slow}");
    let gone = call(&server, "gone", "get_issue", json!({ "number": 1 })).await;
    assert_eq!(gone["_meta"]["bulkhead/error"]["reason"], json!("unavailable"), "{gone}");

    // Created only once the user has confirmed it.
    let issue = json!({ "title": "It \"breaks\" — ü", "labels": ["bug"] });
    let mut dry = issue.clone();
    dry["dry_run"] = json!(true);
    let dry = call(&server, "", "create_issue", dry).await;
    assert_eq!(dry["structuredContent"]["would_create"]["body"], json!(""));
    let asked = call(&server, "", "create_issue", issue.clone()).await;
    assert_eq!(asked["resultType"], json!("input_required"), "{asked}");
    let question = &asked["inputRequests"]["confirm"]["params"]["message"];
    assert_eq!(question, &json!("Create the issue \"It \"breaks\" — ü\" in acme/widgets?"));
    let because = json!({ "created": false, "because": "the user did not confirm" });
    let created = json!({ "created": true, "number": 8, "url": "http://hub/8" });
    for (answer, came) in [
        (json!({ "action": "decline" }), &because),
        (json!({ "action": "cancel" }), &because),
        (json!({ "action": "accept", "content": { "confirm": false } }), &because),
        (json!({ "action": "accept", "content": { "confirm": true } }), &created),
    ] {
        assert_eq!(&confirmed(&server, "", &issue, &answer).await["structuredContent"], came, "{answer}");
    }
    let yes = json!({ "action": "accept", "content": { "confirm": true } });
    let bad = confirmed(&server, "", &json!({ "title": "bad" }), &yes).await;
    assert_eq!(bad["_meta"]["bulkhead/error"]["reason"], json!("upstream"), "{bad}");
    let denied = confirmed(&server, "tight", &issue, &yes).await;
    assert_eq!(denied["_meta"]["bulkhead/error"]["reason"], json!("denied"), "{denied}");

    // Prompt, completion, resource.
    let prompt = json!({ "name": "triage", "arguments": { "state": "closed" } });
    let filled = each(&server, "prompt", "", "prompts/get", prompt).await;
    let text = filled[0]["result"]["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Triage the closed issues of acme/widgets.\n1. List them: `list_issues`."),
        "{text}"
    );
    for uri in ["issues://3", "issues://404", "nothing://x"] {
        each(&server, uri, "", "resources/read", json!({ "uri": uri })).await;
    }

    // And the upstream was asked the same things by all.
    let received = upstream.received();
    let asked_by = |language: &str| {
        let own = received.iter().filter(|one| one.target.starts_with(&format!("/{language}/")));
        let mut sent: Vec<_> = own
            .map(|one| {
                let target = one.target.replacen(&format!("/{language}/"), "/", 1);
                let accept = one.headers["accept"].to_str().unwrap_or_default();
                let body = serde_json::from_str(&one.body).unwrap_or(Value::Null);
                format!("{} {target} {accept} {body}", one.method)
            })
            .collect();
        // Two that are sent together arrive in either order; where one fails, the other may not be sent at all. The
        // host's prober asks when it likes, and the host itself may send again what failed.
        sent.retain(|one| {
            !one.contains("widgets application") && (!one.contains("comments") || one.contains("/2/"))
        });
        sent.sort();
        sent.dedup();
        sent
    };
    assert!(asked_by("rust").len() == 17, "{received:?}");
    alike("sent upstream", &LANGUAGES.map(asked_by));
    let unlike = UNLIKE.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(unlike.is_empty(), "{}", unlike.concat());
}

/// What a README says of memory is so, and the example needs no more than it says.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_takes_what_the_readmes_say() {
    let upstream = Upstream::start(github).await;
    // Compiles what is inspected and served below.
    drop(serving(&upstream).await);
    let cache = format!(
        "components: {{ cache_dir: '{}' }}\n",
        root().join("target/guests/compiled-examples").display()
    );
    for (language, file) in LANGUAGES.iter().zip(examples()).skip(1) {
        let readme = std::fs::read_to_string(root().join("sdk").join(language).join("README.md")).unwrap();
        let said = |before: &str| {
            let (_, rest) = readme.split_once(before).unwrap_or_else(|| panic!("{language}: {before}"));
            rest.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        let inspected = run(&["inspect", "--json", file.to_str().unwrap()], &cache);
        let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
        let taken = inspected["memoryBytes"].as_u64().unwrap();
        assert_eq!(taken.div_ceil(1 << 20), said("takes at rest "), "{language}: {taken}");
        let server = Server::start(&format!(
            "{cache}tenants: {{ test: {{ services: {{ {language}: {{ component: '{}', \
             config: {{ url: '{}/{language}', repo: acme/widgets }}, limits: {{ memory: {}MiB }} }} }} }} }}\n",
            file.display(),
            upstream.url(),
            said("the example runs with ")
        ));
        let listed = server.client().ok(&format!("{language}_list_issues"), json!({ "limit": 7 })).await;
        assert_eq!(listed["shown"], json!(7));
        let read = server.client().ok(&format!("{language}_get_issue"), json!({ "number": 2 })).await;
        assert_eq!(read["issue"]["number"], json!(2));
    }
}

/// Asked, answered, and called again, in each language.
async fn confirmed(server: &Server, kind: &str, arguments: &Value, answer: &Value) -> Value {
    let mut all = Vec::new();
    for language in LANGUAGES {
        let name = format!("{language}{kind}");
        let client = server.client().at(&format!("/{name}"));
        let mut params = json!({ "name": format!("{name}_create_issue"), "arguments": arguments });
        let asked = messages(&client, "tools/call", params.clone()).await.pop().unwrap();
        params["inputResponses"] = json!({ "confirm": answer });
        params["requestState"] = asked["result"]["requestState"].clone();
        let came = messages(&client, "tools/call", params).await.pop().unwrap();
        all.push(comparable(&name, came)["result"].take());
    }
    alike(&format!("confirmed {answer}"), &all);
    all.swap_remove(0)
}
