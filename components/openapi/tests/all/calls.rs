//! Calls: one request, made of the plan alone, and its response as a result.

use bulkhead_sdk::testing::Mock;
use bulkhead_sdk::{Content, Error, Method};
use serde_json::{Value, json};

use crate::{UP, call, call_with, text, with};

#[test]
fn a_call_sends_its_operations_request_and_reads_no_document() {
    let mock = Mock::new().on(Method::Post, "/v1/things", 201, json!({ "id": 0 }));
    let output = call("add_thing", &json!({ "body": {"name": "é"} }), &mock).unwrap();
    assert_eq!(output.structured(), Some(&json!({ "status": 201, "body": {"id": 0} })));
    let sent = mock.requests();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].method, sent[0].url.as_str()), (Method::Post, "https://up.example/v1/things"));
    assert_eq!(
        sent[0].headers,
        [
            ("accept".to_owned(), "application/json, */*;q=0.5".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ]
    );
    assert_eq!(sent[0].body, "{\"name\":\"é\"}".as_bytes());
    let mock = Mock::new().on(Method::Delete, "/v1/things/a%2Fb", 204, "");
    let output = call("remove_thing", &json!({ "id": "a/b" }), &mock).unwrap();
    assert_eq!(output.structured(), Some(&json!({ "status": 204 })));
    assert_eq!(mock.requests()[0].url, format!("{UP}/things/a%2Fb"));
}

#[test]
fn a_call_without_a_plan_is_no_tool() {
    let service_error = bulkhead_sdk::testing::call_as::<openapi::OpenApi>(
        crate::config(),
        &crate::upstream(),
        "nothing",
        json!({}),
        bulkhead_sdk::testing::context(),
    );
    assert_eq!(service_error.unwrap_err(), Error::not_found("this service has no tool `nothing`"));
    let broken = bulkhead_sdk::testing::context().with_plan(b"{}".to_vec());
    let error = bulkhead_sdk::testing::call_as::<openapi::OpenApi>(
        crate::config(),
        &Mock::new(),
        "x",
        json!({}),
        broken,
    );
    assert!(error.unwrap_err().message().starts_with("the plan is none: "));
}

#[test]
fn bodies_are_what_their_media_type_says() {
    let result = |body| {
        let mock = Mock::new().on(Method::Get, "/v1/things", 200, body);
        call("list_things", &json!({}), &mock).unwrap()
    };
    for value in [json!([]), json!(0), json!(false), json!(null), json!({"a": 1})] {
        assert_eq!(
            result(text(&value.to_string(), "application/json")).structured(),
            Some(&json!({ "status": 200, "body": value }))
        );
    }
    let lines = result(text("{\"a\":1}\n\n{\"b\":2}\n", "application/x-ndjson"));
    assert_eq!(lines.structured().unwrap()["body"], json!([{"a": 1}, {"b": 2}]));
    let problem = result(text("{}", "application/problem+json; charset=utf-8"));
    assert_eq!(problem.structured().unwrap()["body"], json!({}));
    let csv = result(text("a,b\n1,2\n", "text/csv"));
    assert_eq!(csv.structured(), Some(&json!({ "status": 200, "body": "a,b\n1,2\n" })));
    assert_eq!(csv.text_content(), "a,b\n1,2\n");
    // What says JSON and is none is told as it came.
    assert_eq!(result(text("oops", "application/json")).structured().unwrap()["body"], json!("oops"));
    assert_eq!(result(text("", "application/json")).structured(), Some(&json!({ "status": 200 })));
}

#[test]
fn bytes_are_content_and_not_text() {
    let result = |kind: &str, bytes: &[u8]| {
        let mock = Mock::new().on(
            Method::Get,
            "/v1/things?limit=3",
            200,
            bulkhead_sdk::testing::Body::new(kind, bytes),
        );
        call("list_things", &json!({ "limit": 3 }), &mock).unwrap()
    };
    let image = result("image/png", b"\x89PNG");
    assert_eq!(image.structured(), Some(&json!({ "status": 200, "media_type": "image/png", "bytes": 4 })));
    assert_eq!(
        image.contents()[1],
        Content::Image { data: b"\x89PNG".to_vec(), mime_type: "image/png".to_owned() }
    );
    let blob = result("application/zip", b"PK\x00\xff");
    assert_eq!(
        blob.contents()[1],
        Content::Blob {
            uri: format!("{UP}/things"),
            mime_type: Some("application/zip".to_owned()),
            data: b"PK\x00\xff".to_vec()
        }
    );
}

#[test]
fn selected_headers_are_in_the_result() {
    let mock = || {
        let headers = [("Link", "<x>; rel=next"), ("X-Secret", "s"), ("X-Total-Count", "7")];
        Mock::new().on_with(Method::Get, "/v1/things", 200, &headers, json!([]))
    };
    let usual = call("list_things", &json!({}), &mock()).unwrap();
    assert_eq!(
        usual.structured().unwrap()["headers"],
        json!({ "link": "<x>; rel=next", "x-total-count": "7" })
    );
    let own = call_with(&with("headers", json!(["X-Secret"])), "list_things", &json!({}), &mock()).unwrap();
    assert_eq!(own.structured().unwrap()["headers"], json!({ "x-secret": "s" }));
    let none = call_with(&with("headers", json!([])), "list_things", &json!({}), &mock()).unwrap();
    assert_eq!(none.structured().unwrap().get("headers"), None);
}

#[test]
fn errors_are_in_the_apis_own_words() {
    let failed = |status: u16, body: Value| {
        let mock = Mock::new().on_with(Method::Get, "/v1/things", status, &[("retry-after", "3")], body);
        call("list_things", &json!({}), &mock).unwrap_err()
    };
    assert_eq!(
        failed(422, json!({"message": "limit is too small"})).to_string(),
        "the upstream answered 422: limit is too small (the same request would fail again)"
    );
    assert!(
        matches!(failed(404, json!({"error": "no such list"})), Error::NotFound(why) if why.ends_with("no such list"))
    );
    assert_eq!(
        failed(429, json!({"detail": "slow down"})).to_string(),
        "the upstream limits the rate of requests (429): slow down (retry after 3 s)"
    );
}

#[test]
fn an_argument_that_cannot_be_sent_is_named() {
    let error = call("remove_thing", &json!({ "id": ".." }), &Mock::new()).unwrap_err();
    assert_eq!(error, Error::invalid("id", "`..` cannot be a segment of a path"));
}

/// What the library makes is what is sent: nothing on the way encodes it again or drops it.
#[test]
fn the_request_on_the_wire_is_the_one_that_was_planned() {
    let parameter = |name: &str, place: &str, style: &str, explode: bool| json!({ "name": name, "in": place, "required": true, "style": style, "explode": explode, "schema": {} });
    let document = json!({ "openapi": "3.0.3", "paths": { "/a/{simple}/{label}{matrix}/z?fixed=1": { "put": {
        "operationId": "everything",
        "parameters": [
            parameter("simple", "path", "simple", true), parameter("label", "path", "label", true),
            parameter("matrix", "path", "matrix", true), parameter("form", "query", "form", true),
            parameter("list", "query", "form", false), parameter("space", "query", "spaceDelimited", false),
            parameter("pipe", "query", "pipeDelimited", false), parameter("deep", "query", "deepObject", true),
            parameter("X-List", "header", "simple", false), parameter("c", "cookie", "form", true),
            { "name": "raw", "in": "query", "allowReserved": true, "schema": {"type": "string"} },
        ],
        "requestBody": { "content": { "multipart/form-data": { "schema": {"type": "object", "properties": {
            "file": {"type": "string", "format": "binary"} } } } } },
    }}}});
    let listing = Mock::new().on(Method::Get, crate::DOCUMENT, 200, document);
    let plan = crate::listed(&crate::config(), &listing)[0].plan.clone().unwrap();
    let mock = Mock::new().serving(|_| bulkhead_sdk::Response {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
        truncated: false,
    });
    let arguments = json!({
        "simple": {"a": "x/y", "b": 2}, "label": ["é", "f"], "matrix": ["1", "2"], "form": ["a b", "c&d"], "list": ["e,f", "g"],
        "space": ["h", "i"], "pipe": ["j", "k"], "deep": {"l": {"m": "n"}}, "X-List": ["o", "p"], "c": "q r", "raw": "s/t?u:v",
        "body": {"file": {"text": "w"}},
    });
    let context = bulkhead_sdk::testing::context().with_plan(plan);
    bulkhead_sdk::testing::call_as::<openapi::OpenApi>(
        crate::config(),
        &mock,
        "everything",
        arguments,
        context,
    )
    .unwrap();
    let sent = &mock.requests()[0];
    assert_eq!(sent.method, Method::Put);
    assert_eq!(
        sent.url,
        format!(
            "{UP}/a/a=x%2Fy,b=2/.%C3%A9.f;matrix=1;matrix=2/z?fixed=1&form=a%20b&form=c%26d&list=e%2Cf,g&space=h%20i&pipe=j%7Ck\
         &deep%5Bl%5D%5Bm%5D=n&raw=s/t?u:v"
        )
    );
    assert_eq!(sent.header("x-list"), Some("o,p"));
    assert_eq!(sent.header("cookie"), Some("c=q%20r"));
    let kind = sent.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
         content-type: text/plain; charset=utf-8\r\n\r\nw\r\n--{boundary}--\r\n"
        )
    );
    let names: Vec<&str> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["accept", "x-list", "cookie", "content-type"]);
}
