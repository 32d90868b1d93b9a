//! `web_fetch` against a scripted upstream.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::testing::{self, Body, Mock};

use super::{joined, without_dots};
use crate::Utilities;

fn fetch(mock: &Mock, arguments: Value) -> Result<Output> {
    testing::call::<Utilities>(json!({"fetch": ["https://*"]}), mock, "web_fetch", arguments)
}

fn html(body: &str) -> Body {
    Body::new("text/html; charset=utf-8", body)
}

#[test]
fn a_page_comes_back_as_markdown_without_furniture() {
    let page = "<html><head><title>A &amp;\n B</title><style>x{}</style></head><body><nav>menu</nav><h1>Hello</h1>\
                <p>See <a href=\"/x\">this</a>.</p><script>alert(1)</script><ul><li>one</li></ul></body></html>";
    let mock = Mock::new().on(Method::Get, "https://h/p", 200, html(page));
    let output = fetch(&mock, json!({"url": "https://h/p"})).unwrap();
    let value = output.structured().unwrap();
    assert_eq!(value["title"], json!("A & B"));
    assert_eq!(value["text"], json!("# Hello\n\nSee [this](/x).\n\n*   one"));
    assert_eq!(value["next_start"], Value::Null);
    let raw = fetch(&mock, json!({"url": "https://h/p", "raw": true})).unwrap();
    assert_eq!(raw.text_content(), page);
}

#[test]
fn a_long_text_comes_in_parts_by_characters() {
    let text = "é".repeat(250);
    let mock = Mock::new().on(Method::Get, "/t", 200, text.as_str());
    let first = fetch(&mock, json!({"url": "https://h/t", "max_chars": 200})).unwrap();
    assert_eq!(first.structured().unwrap()["next_start"], json!(200));
    assert!(first.text_content().ends_with("é\n\n[characters 0-200 of 250; go on with start=200]"));
    let last = fetch(&mock, json!({"url": "https://h/t", "max_chars": 200, "start": 200})).unwrap();
    assert_eq!(last.text_content(), "é".repeat(50));
    assert_eq!(
        fetch(&mock, json!({"url": "https://h/t", "start": 250})).unwrap_err().message(),
        "arguments.start: is 250, but the page has 250 characters"
    );
}

#[test]
fn every_redirect_is_a_request_of_its_own() {
    let mock = Mock::new()
        .on_with(Method::Get, "https://a/x/y", 302, &[("location", "../z?q=1")], "")
        .on_with(Method::Get, "https://a/z?q=1", 301, &[("Location", "//b/end")], "")
        .on(Method::Get, "https://b/end", 200, "done");
    let output = fetch(&mock, json!({"url": "https://a/x/y"})).unwrap();
    assert_eq!(output.structured().unwrap()["url"], json!("https://b/end"));
    assert_eq!(mock.requests().len(), 3);
}

#[test]
fn a_redirect_to_where_it_may_not_go_is_refused_by_the_host() {
    let mock = Mock::new()
        .on_with(Method::Get, "https://a/", 302, &[("location", "http://169.254.169.254/latest")], "")
        .deny(Method::Get, "http://169.254.169.254/latest");
    assert_eq!(
        fetch(&mock, json!({"url": "https://a/"})).unwrap_err(),
        Error::denied("GET http://169.254.169.254/latest is not allowed by this service's egress rules")
    );
}

#[test]
fn redirects_end() {
    let mock = Mock::new().on_with(Method::Get, "https://a/", 302, &[("location", "/")], "");
    let error = fetch(&mock, json!({"url": "https://a/"})).unwrap_err();
    assert_eq!(error.message(), "more than 5 redirects; the last was to https://a/");
    assert_eq!(mock.requests().len(), 6);
    let mock = Mock::new().on_with(Method::Get, "https://a/", 302, &[("location", "file:///etc/passwd")], "");
    assert!(fetch(&mock, json!({"url": "https://a/"})).unwrap_err().message().contains("cannot be followed"));
}

#[test]
fn what_is_not_text_is_named_and_not_shown() {
    let mock = Mock::new().on(Method::Get, "/i", 200, Body::new("image/png", vec![0x89, 0x50]));
    let output = fetch(&mock, json!({"url": "https://h/i"})).unwrap();
    assert_eq!(output.text_content(), "https://h/i is image/png, not text; it is not shown.");
}

#[test]
fn an_error_of_the_site_is_an_error() {
    let mock = Mock::new().on(Method::Get, "/n", 404, "gone");
    assert_eq!(
        fetch(&mock, json!({"url": "https://h/n"})).unwrap_err(),
        Error::not_found("the upstream has no such thing (404): gone")
    );
    for url in ["file:///etc/passwd", "h/x", "javascript:1"] {
        assert!(
            fetch(&mock, json!({"url": url})).unwrap_err().message().starts_with("arguments.url: "),
            "{url}"
        );
    }
}

#[test]
fn a_body_is_read_to_a_bound() {
    let mock = Mock::new().on(Method::Get, "/big", 200, "x".repeat(5 << 20));
    let output = fetch(&mock, json!({"url": "https://h/big"})).unwrap();
    let value = output.structured().unwrap();
    assert_eq!((&value["total_chars"], &value["truncated"]), (&json!(4 << 20), &json!(true)));
}

#[test]
fn targets_are_resolved_as_rfc_3986_has_it() {
    for (target, expected) in [
        ("https://x/y", "https://x/y"),
        ("//x/y", "https://x/y"),
        ("/y?z", "https://h/y?z"),
        ("y", "https://h/a/y"),
        ("?z", "https://h/a/b?z"),
        ("../../../y", "https://h/y"),
        ("./", "https://h/a/"),
    ] {
        assert_eq!(joined("https://h/a/b?q#f", target).as_deref(), Some(expected), "{target}");
    }
    assert_eq!(without_dots("/a/./b/../c"), "/a/c");
}
