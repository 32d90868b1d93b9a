//! Each rule of the mapping, by the exact request it makes.

use serde_json::{Value, json};

use crate::{BASE, mapped, one, remarks, request, tool};

/// The URL below the base that one parameter makes.
#[track_caller]
fn url(path: &str, parameter: &Value, value: &Value) -> String {
    let tool = tool(&one(path, &json!({ "parameters": [parameter] })));
    let sent = request(&tool, &json!({ "p": value }));
    sent.url.strip_prefix(BASE).unwrap().to_owned()
}

fn header<'a>(sent: &'a bulkhead_openapi::RequestParts, name: &str) -> Option<&'a str> {
    sent.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// OpenAPI's table of styles, with its values.
#[test]
fn paths_are_written_in_every_style() {
    let (text, list, object) = (json!("blue"), json!(["blue", "black"]), json!({"G": 200, "R": 100}));
    for (style, explode, expected) in [
        ("simple", false, ["/blue", "/blue,black", "/G,200,R,100"]),
        ("simple", true, ["/blue", "/blue,black", "/G=200,R=100"]),
        ("label", false, ["/.blue", "/.blue,black", "/.G,200,R,100"]),
        ("label", true, ["/.blue", "/.blue.black", "/.G=200.R=100"]),
        ("matrix", false, ["/;p=blue", "/;p=blue,black", "/;p=G,200,R,100"]),
        ("matrix", true, ["/;p=blue", "/;p=blue;p=black", "/;G=200;R=100"]),
    ] {
        let parameter = json!({ "name": "p", "in": "path", "required": true, "style": style, "explode": explode, "schema": {} });
        for (value, expected) in [&text, &list, &object].into_iter().zip(expected) {
            assert_eq!(url("/{p}", &parameter, value), expected, "{style} {explode}");
        }
    }
}

#[test]
fn queries_are_written_in_every_style() {
    let (text, list, object) = (json!("blue"), json!(["blue", "black"]), json!({"G": 200, "R": 100}));
    for (style, explode, expected) in [
        ("form", true, ["?p=blue", "?p=blue&p=black", "?G=200&R=100"]),
        ("form", false, ["?p=blue", "?p=blue,black", "?p=G,200,R,100"]),
        ("spaceDelimited", false, ["?p=blue", "?p=blue%20black", "?p=G%20200%20R%20100"]),
        ("pipeDelimited", false, ["?p=blue", "?p=blue%7Cblack", "?p=G%7C200%7CR%7C100"]),
        ("deepObject", true, ["?p=blue", "?p%5B0%5D=blue&p%5B1%5D=black", "?p%5BG%5D=200&p%5BR%5D=100"]),
    ] {
        let parameter =
            json!({ "name": "p", "in": "query", "style": style, "explode": explode, "schema": {} });
        for (value, expected) in [&text, &list, &object].into_iter().zip(expected) {
            assert_eq!(url("/x", &parameter, value), format!("/x{expected}"), "{style} {explode}");
        }
    }
}

#[test]
fn what_is_not_said_is_formed_as_the_standard_says() {
    for (parameter, value, expected) in [
        (json!({"name": "p", "in": "query"}), json!(["a", "b"]), "/x?p=a&p=b"),
        (json!({"name": "p", "in": "query"}), json!(null), "/x"),
        (json!({"name": "p", "in": "query"}), json!([]), "/x"),
        (json!({"name": "p", "in": "query"}), json!(""), "/x?p="),
        (json!({"name": "p", "in": "query"}), json!(false), "/x?p=false"),
        (json!({"name": "p", "in": "query"}), json!(0), "/x?p=0"),
        (
            json!({"name": "p", "in": "query"}),
            json!([["a"], {"b": 1}]),
            "/x?p=%5B%22a%22%5D&p=%7B%22b%22%3A1%7D",
        ),
        (json!({"name": "p", "in": "query"}), json!("a b&c=d/é+%"), "/x?p=a%20b%26c%3Dd%2F%C3%A9%2B%25"),
        (
            json!({"name": "p", "in": "query", "allowReserved": true}),
            json!("a/b?c=d&e#f,g+h%20"),
            "/x?p=a/b?c=d%26e%23f%2Cg%2Bh%2520",
        ),
        (
            json!({"name": "p", "in": "query", "content": {"application/json": {}}}),
            json!({"a": [1]}),
            "/x?p=%7B%22a%22%3A%5B1%5D%7D",
        ),
        (
            json!({"name": "p", "in": "query", "style": "deepObject"}),
            json!({"a": {"b": [1, {"c": null, "d": 2}]}}),
            "/x?p%5Ba%5D%5Bb%5D%5B0%5D=1&p%5Ba%5D%5Bb%5D%5B1%5D%5Bd%5D=2",
        ),
    ] {
        let mut parameter = parameter;
        if parameter.get("content").is_none() {
            parameter["schema"] = json!({});
        }
        assert_eq!(url("/x", &parameter, &value), expected, "{parameter} {value}");
    }
}

#[test]
fn a_segment_holds_its_value_whole() {
    let parameter = json!({ "name": "p", "in": "path", "required": true, "schema": {} });
    assert_eq!(url("/a/{p}.json", &parameter, &json!("x/..y?z#w")), "/a/x%2F..y%3Fz%23w.json");
    assert_eq!(url("/a:b/{p}/c*", &parameter, &json!("..a")), "/a:b/..a/c%2A");
    let climbing = ["..", ".", "", "x/../y", "..\\y", "..;x", "x\0"].map(|text| json!(text));
    for value in climbing.into_iter().chain([json!([]), json!(null)]) {
        let tool = tool(&one("/a/{p}/b", &json!({ "parameters": [parameter] })));
        let error = tool.plan.request(json!({ "p": value }).as_object().unwrap()).unwrap_err();
        assert_eq!(error.path, "p", "{value}");
    }
}

#[test]
fn what_could_be_read_back_as_something_else_is_refused() {
    for (place, style, value, why) in [
        (
            "query",
            "spaceDelimited",
            json!(["a b", "c"]),
            "p: `a b` has a space in it, which this API separates values with",
        ),
        (
            "query",
            "pipeDelimited",
            json!(["a|b"]),
            "p: `a|b` has `|` in it, which this API separates values with",
        ),
        ("query", "deepObject", json!({"a]": 1}), "p: the key `a]` has a bracket in it, which separates"),
        ("header", "simple", json!(["a,b"]), "p: `a,b` has `,` in it, which this API separates values with"),
        (
            "header",
            "simple",
            json!("a\r\nx-evil: 1"),
            "p: goes into a header: visible ASCII, no line breaks, no spaces around it",
        ),
        (
            "header",
            "simple",
            json!("é"),
            "p: goes into a header: visible ASCII, no line breaks, no spaces around it",
        ),
    ] {
        let parameter = json!({ "name": "p", "in": place, "style": style, "schema": {} });
        let tool = tool(&one("/x", &json!({ "parameters": [parameter] })));
        let error = tool.plan.request(json!({ "p": value }).as_object().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), why, "{style}");
    }
}

#[test]
fn headers_and_cookies_go_where_they_belong() {
    let tool = tool(&one(
        "/x",
        &json!({ "parameters": [
            { "name": "X-Trace", "in": "header", "schema": {"type": "string"} },
            { "name": "X-List", "in": "header", "schema": {"type": "array"} },
            { "name": "X-Map", "in": "header", "explode": true, "schema": {"type": "object"} },
            { "name": "X-Json", "in": "header", "content": {"application/json": {}} },
            { "name": "session", "in": "cookie", "schema": {"type": "string"} },
            { "name": "flags", "in": "cookie", "explode": false, "schema": {"type": "array"} },
        ]}),
    ));
    let sent = request(
        &tool,
        &json!({
            "X-Trace": "a, b", "X-List": ["a", "b"], "X-Map": {"a": 1, "b": 2}, "X-Json": {"é": 1},
            "session": "a b;c", "flags": ["x", "y"],
        }),
    );
    assert_eq!(sent.url, format!("{BASE}/x"));
    assert_eq!(header(&sent, "x-trace"), Some("a, b"));
    assert_eq!(header(&sent, "x-list"), Some("a,b"));
    assert_eq!(header(&sent, "x-map"), Some("a=1,b=2"));
    assert_eq!(header(&sent, "x-json"), Some(r#"{"\u00e9":1}"#));
    assert_eq!(header(&sent, "cookie"), Some("session=a%20b%3Bc; flags=x,y"));
    assert_eq!(sent.body, None);
}

#[test]
fn collection_formats_of_swagger_are_kept() {
    let document = |format: &str, place: &str, path: &str| {
        json!({ "swagger": "2.0", "paths": { path: { "post": { "parameters": [
            { "name": "p", "in": place, "required": true, "type": "array", "items": {"type": "string"},
              "collectionFormat": format }] } } } })
    };
    for (format, expected) in [
        ("csv", "?p=a,b"),
        ("ssv", "?p=a%20b"),
        ("tsv", "?p=a%09b"),
        ("pipes", "?p=a%7Cb"),
        ("multi", "?p=a&p=b"),
    ] {
        let sent = request(&tool(&document(format, "query", "/x")), &json!({ "p": ["a", "b"] }));
        assert_eq!(sent.url, format!("{BASE}/x{expected}"), "{format}");
    }
    for (format, expected) in [("csv", "a,b"), ("ssv", "a%20b"), ("pipes", "a%7Cb")] {
        let sent = request(&tool(&document(format, "path", "/{p}")), &json!({ "p": ["a", "b"] }));
        assert_eq!(sent.url, format!("{BASE}/{expected}"), "{format}");
    }
    let sent = request(&tool(&document("multi", "formData", "/x")), &json!({ "body": { "p": ["a", "b"] } }));
    assert_eq!(sent.body.unwrap(), b"p=a&p=b");
}

/// The content type and the body that an argument makes.
#[track_caller]
fn body(content: &Value, value: &Value) -> (String, String) {
    let tool = tool(&one("/x", &json!({ "requestBody": { "required": true, "content": content } })));
    let sent = request(&tool, &json!({ "body": value }));
    (header(&sent, "content-type").unwrap().to_owned(), String::from_utf8(sent.body.unwrap()).unwrap())
}

#[test]
fn bodies_are_written_by_their_media_type() {
    let object = json!({"type": "object"});
    for (media, schema, value, kind, expected) in [
        (
            "application/json",
            &object,
            json!({"a": 0, "b": false}),
            "application/json",
            r#"{"a":0,"b":false}"#,
        ),
        ("application/vnd.x+json", &object, json!({}), "application/vnd.x+json", "{}"),
        ("*/*", &object, json!({"a": 1}), "application/json", r#"{"a":1}"#),
        ("application/json; charset=utf-8", &object, json!({}), "application/json; charset=utf-8", "{}"),
        (
            "application/x-ndjson",
            &json!({"type": "array"}),
            json!([{"a": 1}, {"b": 2}]),
            "application/x-ndjson",
            "{\"a\":1}\n{\"b\":2}\n",
        ),
        ("text/plain", &json!({"type": "string"}), json!("a\nb"), "text/plain", "a\nb"),
        ("application/xml", &object, json!("<a/>"), "application/xml", "<a/>"),
        (
            "application/octet-stream",
            &json!({"type": "string", "format": "binary"}),
            json!({"base64": "aGk="}),
            "application/octet-stream",
            "hi",
        ),
        (
            "image/*",
            &json!({"type": "string", "format": "binary"}),
            json!({"text": "x", "content_type": "image/svg+xml"}),
            "image/svg+xml",
            "x",
        ),
        (
            "application/x-www-form-urlencoded",
            &object,
            json!({"a": "x y&z", "b": [1, 2], "c": {"d": 1}, "e": null}),
            "application/x-www-form-urlencoded",
            "a=x%20y%26z&b=1&b=2&c=%7B%22d%22%3A1%7D",
        ),
    ] {
        let (sent, text) = body(&json!({ media: { "schema": schema } }), &value);
        assert_eq!((sent.as_str(), text.as_str()), (kind, expected), "{media}");
    }
}

#[test]
fn encodings_of_fields_are_kept() {
    let fields =
        json!({"type": "object", "properties": {"deep": {"type": "object"}, "list": {"type": "array"}}});
    let content = json!({ "application/x-www-form-urlencoded": { "schema": fields, "encoding": {
        "deep": { "style": "deepObject", "explode": true },
        "list": { "style": "form", "explode": false },
    }}});
    let (_, text) = body(&content, &json!({ "deep": {"a": "b", "c": ["d"]}, "list": ["e", "f,g"] }));
    assert_eq!(text, "deep%5Ba%5D=b&deep%5Bc%5D%5B0%5D=d&list=e,f%2Cg");
}

#[test]
fn multipart_has_a_part_for_each_value_and_file() {
    let fields = json!({"type": "object", "properties": {
        "file": {"type": "string", "format": "binary"},
        "many": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "meta": {"type": "object"}, "name": {"type": "string"}, "logo": {},
    }});
    let content = json!({ "multipart/form-data": { "schema": fields, "encoding": {"logo": {"contentType": "image/png, image/gif"}} }});
    let (kind, text) = body(
        &content,
        &json!({
            "file": {"base64": "aGk=", "filename": "a\"b.bin"},
            "many": [{"text": "1"}, {"text": "2", "content_type": "text/csv"}],
            "meta": {"a": 1}, "name": "n", "logo": {"base64": "eA"},
        }),
    );
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let part = |head: &str, value: &str| {
        format!("--{boundary}\r\ncontent-disposition: form-data; {head}\r\n\r\n{value}\r\n")
    };
    let expected = [
        part("name=\"file\"; filename=\"a%22b.bin\"\r\ncontent-type: application/octet-stream", "hi"),
        part("name=\"logo\"; filename=\"logo\"\r\ncontent-type: image/png", "x"),
        part("name=\"many\"; filename=\"many\"\r\ncontent-type: text/plain; charset=utf-8", "1"),
        part("name=\"many\"; filename=\"many\"\r\ncontent-type: text/csv", "2"),
        part("name=\"meta\"\r\ncontent-type: application/json", "{\"a\":1}"),
        part("name=\"name\"", "n"),
        format!("--{boundary}--\r\n"),
    ];
    assert_eq!(text, expected.concat());
}

#[test]
fn files_of_swagger_are_parts() {
    let tool = tool(
        &json!({ "swagger": "2.0", "consumes": ["multipart/form-data"], "paths": { "/x": { "post": { "parameters": [
            { "name": "upload", "in": "formData", "type": "file", "required": true },
            { "name": "note", "in": "formData", "type": "string" },
        ]}}}}),
    );
    let sent =
        request(&tool, &json!({ "body": { "upload": {"text": "hi", "filename": "a.txt"}, "note": "n" } }));
    let text = String::from_utf8(sent.body.unwrap()).unwrap();
    assert!(
        text.contains(
            "name=\"upload\"; filename=\"a.txt\"\r\ncontent-type: text/plain; charset=utf-8\r\n\r\nhi\r\n"
        ),
        "{text}"
    );
    assert!(text.contains("name=\"note\"\r\n\r\nn\r\n"), "{text}");
    let error =
        tool.plan.request(json!({ "body": { "upload": {"base64": "?"} } }).as_object().unwrap()).unwrap_err();
    assert_eq!(error.path, "body.upload.base64");
}

#[test]
fn of_several_kinds_of_patch_the_caller_chooses() {
    let schema = json!({ "schema": {"type": "object"} });
    let tool = tool(&one(
        "/x",
        &json!({ "requestBody": { "required": true, "content": {
            "application/json-patch+json": schema, "application/merge-patch+json": schema, "application/apply-patch+yaml": schema,
        }}}),
    ));
    assert_eq!(
        tool.input_schema["properties"]["content_type"]["enum"],
        json!(["application/merge-patch+json", "application/json-patch+json"])
    );
    let sent = request(&tool, &json!({ "body": {} }));
    assert_eq!(header(&sent, "content-type"), Some("application/merge-patch+json"));
    let sent = request(&tool, &json!({ "body": {}, "content_type": "application/json-patch+json" }));
    assert_eq!(header(&sent, "content-type"), Some("application/json-patch+json"));
}

#[test]
fn arguments_with_one_name_go_to_their_own_places() {
    let tool = tool(&one(
        "/{id}",
        &json!({
            "parameters": [
                { "name": "id", "in": "query", "schema": {} }, { "name": "id", "in": "path", "required": true, "schema": {} },
                { "name": "id", "in": "header", "schema": {} }, { "name": "body", "in": "query", "schema": {} },
                { "name": "a[b]", "in": "query", "schema": {} },
            ],
            "requestBody": { "content": { "application/json": { "schema": {} } } },
        }),
    ));
    let sent = request(
        &tool,
        &json!({ "id": 1, "query_id": 2, "header_id": 3, "body": 4, "a_b": 5, "request_body": 6 }),
    );
    assert_eq!(sent.url, format!("{BASE}/1?id=2&body=4&a%5Bb%5D=5"));
    assert_eq!(header(&sent, "id"), Some("3"));
    assert_eq!(sent.body.unwrap(), b"6");
}

#[test]
fn the_keys_of_an_object_are_no_other_parameters_values() {
    let tool = tool(&one(
        "/x?action=run",
        &json!({ "parameters": [
        { "name": "filter", "in": "query", "schema": {"type": "object"} }, { "name": "limit", "in": "query", "schema": {} } ] }),
    ));
    assert_eq!(
        request(&tool, &json!({ "filter": {"a": 1}, "limit": 2 })).url,
        format!("{BASE}/x?action=run&a=1&limit=2")
    );
    for key in ["limit", "action"] {
        let error = tool.plan.request(json!({ "filter": { key: 9 } }).as_object().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), format!("filter: the key `{key}` is the name of another parameter"));
    }
}

#[test]
fn parameters_of_the_path_hold_unless_the_operation_has_its_own() {
    let tool = tool(&json!({ "openapi": "3.0.3", "paths": { "/{a}": {
        "parameters": [
            { "name": "a", "in": "path", "required": true, "schema": {} },
            { "$ref": "#/components/parameters/q" },
        ],
        "get": { "parameters": [{ "name": "q", "in": "query", "explode": false, "schema": {"type": "array"} }] },
    }}, "components": { "parameters": { "q": { "name": "q", "in": "query", "schema": {"type": "array"} } } } }));
    let sent = request(&tool, &json!({ "a": "x", "q": ["1", "2"] }));
    assert_eq!((sent.method.as_str(), sent.url), ("GET", format!("{BASE}/x?q=1,2")));
}

#[test]
fn what_is_the_hosts_is_left_to_it_and_said() {
    let mapping = mapped(&json!({ "openapi": "3.1.0",
    "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "query", "name": "api_key" },
        "tab": { "type": "apiKey", "in": "cookie", "name": "sid" } } },
    "paths": { "/x": { "get": { "operationId": "x", "parameters": [
        { "name": "Authorization", "in": "header", "required": true, "schema": {} },
        { "name": "Accept", "in": "header", "schema": {} },
        { "name": "X-Forwarded-For", "in": "header", "schema": {} },
        { "name": "API_KEY", "in": "query", "schema": {} }, { "name": "sid", "in": "cookie", "schema": {} },
        { "name": "X Y", "in": "header", "schema": {} },
    ]}}}}));
    assert_eq!(
        remarks(&mapping),
        [
            "cookie parameter sid dropped: the credential of the security scheme tab, which the host sets",
            "header parameter Accept dropped: the media types of the operation say it",
            "header parameter Authorization dropped: the host's to set",
            "header parameter X Y dropped: not the name of a header",
            "header parameter X-Forwarded-For dropped: the host's to set",
            "query parameter API_KEY dropped: the credential of the security scheme key, which the host sets",
        ]
    );
    assert_eq!(mapping.operations[0].input_schema["properties"], json!({}));
}

#[test]
fn the_answers_media_types_are_asked_for() {
    let accept = |content: Value| {
        let tool = tool(&one(
            "/x",
            &json!({ "responses": { "200": { "content": content }, "404": { "content": {"text/html": {}} } } }),
        ));
        request(&tool, &json!({})).headers[0].1.clone()
    };
    assert_eq!(accept(json!({})), "application/json, */*;q=0.5");
    assert_eq!(
        accept(json!({ "text/csv": {}, "application/json": {} })),
        "application/json, text/csv;q=0.8, */*;q=0.5"
    );
    assert_eq!(accept(json!({ "evil\r\nx: y/z": {}, "image/png": {} })), "image/png, */*;q=0.5");
}

#[test]
fn a_path_may_have_a_query_and_a_fragment_of_its_own() {
    let tool = tool(&one(
        "/x?action=run#second",
        &json!({ "parameters": [{ "name": "p", "in": "query", "schema": {} }] }),
    ));
    assert_eq!(request(&tool, &json!({ "p": 1 })).url, format!("{BASE}/x?action=run&p=1"));
    assert_eq!(tool.plan.pattern(), format!("{BASE}/x"));
}

#[test]
fn the_egress_of_an_operation_is_its_own_path() {
    let parameters =
        ["a", "b", "c"].map(|name| json!({ "name": name, "in": "path", "required": true, "schema": {} }));
    let tool = tool(&one("/v*/{a}/x/{b}.{c}", &json!({ "parameters": parameters })));
    assert_eq!(tool.plan.pattern(), format!("{BASE}/v%2A/*/x/*"));
    assert_eq!(request(&tool, &json!({ "a": 1, "b": 2, "c": 3 })).url, format!("{BASE}/v%2A/1/x/2.3"));
}
