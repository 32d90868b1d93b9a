//! Documents that were made to do harm are refused, or made harmless, and it is said.

use bulkhead_openapi::{Document, Limits, Outcome, Servers, Settings, map};
use serde_json::{Value, json};

use crate::{document, mapped, one, remarks, request, settings, tool};

fn refused(text: &str) -> String {
    Document::parse(text.as_bytes(), "/d.yaml", Limits::default()).unwrap_err()
}

#[test]
fn aliases_do_not_multiply() {
    let mut text = String::from("openapi: 3.0.0\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let list = vec![format!("*x{}", level - 1); 9].join(", ");
        text.push_str(&format!("x{level}: &x{level} [{list}]\n"));
    }
    let why = refused(&text);
    assert!(why.starts_with("it is not YAML: ") && why.contains("exceeded"), "{why}");
    assert!(refused("openapi: 3.0.0\ninfo: &a\n  x: *a\n").contains("recursive references"));
}

#[test]
fn size_depth_and_number_of_values_are_bounded() {
    let tight = |limits: Limits, text: &str| Document::parse(text.as_bytes(), "/d", limits).unwrap_err();
    let small = Limits { bytes: 10, ..Limits::default() };
    assert_eq!(tight(small, "openapi: 3.0.0"), "it has 14 bytes; at most 10 are read");
    let few = Limits { nodes: 3, ..Limits::default() };
    assert_eq!(tight(few, r#"{"openapi": "3.0.0", "x": [1, 2]}"#), "it has more values than are read");
    let flat = Limits { depth: 3, ..Limits::default() };
    assert_eq!(tight(flat, r#"{"openapi": "3.0.0", "x": [[1]]}"#), "it is nested too deeply");
    let deep = format!("{{\"openapi\": \"3.0.0\", \"x\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(refused(&deep).starts_with("it is not JSON: recursion limit exceeded"));
    let deep = format!("openapi: 3.0.0\nx: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(refused(&deep).starts_with("it is not YAML: "), "{}", refused(&deep));
}

#[test]
fn what_is_no_document_is_refused_with_what_was_expected() {
    for (text, why) in [
        ("", "it is not an API document: an object"),
        ("[]", "it is not an API document: an object"),
        ("a: b", "it has neither `openapi` nor `swagger`"),
        ("openapi: 4.0.0", "`openapi: 4.0.0` is not read; 3.0, 3.1 and 3.2 are"),
        ("swagger: '1.2'", "`swagger: 1.2` is not read; 2.0 is"),
        ("{\"openapi\": ", "it is not JSON: EOF"),
        ("openapi: 3.0.0\nopenapi: 3.1.0", "it is not YAML: "),
        ("openapi: [", "it is not YAML: "),
    ] {
        assert!(refused(text).contains(why), "{text}: {}", refused(text));
    }
    let bytes = Document::parse(b"\xff\xfe", "/d", Limits::default()).unwrap_err();
    assert!(bytes.starts_with("it is not UTF-8"), "{bytes}");
}

#[test]
fn references_lead_only_where_they_may() {
    let schema = |reference: &str| json!({ "$ref": reference });
    let text = one(
        "/x",
        &json!({ "requestBody": { "content": { "application/json": { "schema": { "properties": {
            "a": schema("file:///etc/passwd"), "b": schema("https://evil.example/s.json"),
            "c": schema("common.json#/ok"), "d": schema("#/nowhere"), "e": { "$ref": 3 },
        }}}}}}),
    );
    let mut asked = Vec::new();
    let document = Document::load(
        text.to_string().as_bytes(),
        "https://docs.example/api/o.json",
        Limits::default(),
        |at| {
            asked.push(at.to_owned());
            match at {
                "https://docs.example/api/common.json" => {
                    Ok(br#"{"ok": {"type": "integer", "description": "far"}}"#.to_vec())
                }
                other => Err(format!("{other} is not granted")),
            }
        },
    )
    .unwrap();
    // A `file:` reference is not even asked for.
    assert_eq!(asked, ["https://docs.example/api/common.json", "https://evil.example/s.json"]);
    let mapping = map(&document, &settings());
    assert_eq!(
        mapping.operations[0].input_schema["properties"]["body"]["properties"],
        json!({
            "a": {}, "b": {}, "c": {"type": "integer", "description": "far"}, "d": {}, "e": {},
        })
    );
    assert_eq!(
        remarks(&mapping),
        [
            "`#/nowhere` cannot be followed: nothing is there; anything is taken there",
            "`$ref: 3` is not a text; anything is taken there",
            "`file:///etc/passwd` cannot be followed: `file:` is never read from; only http and https are, and relative \
         references; anything is taken there",
            "`https://evil.example/s.json` cannot be followed: https://evil.example/s.json is not granted; anything is taken there",
        ]
    );
}

#[test]
fn files_that_refer_on_without_end_end() {
    let mut count = 0;
    let text = json!({ "openapi": "3.1.0", "x": {"$ref": "0.json"} });
    let limits = Limits { documents: 5, ..Limits::default() };
    Document::load(text.to_string().as_bytes(), "https://h/o.json", limits, |_| {
        count += 1;
        Ok(json!({ "$ref": format!("{count}.json") }).to_string().into_bytes())
    })
    .unwrap();
    assert_eq!(count, 5);
}

#[test]
fn circles_become_definitions_and_those_without_a_way_out_take_anything() {
    let body = |schema: Value| {
        json!({ "openapi": "3.1.0",
        "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": { "schema": schema } } } } } },
        "components": { "schemas": {
            "Node": { "type": "object", "description": "A node of a tree that has a description long enough to be worth a place of its own, as most of those have that documents describe.",
                      "properties": { "next": {"$ref": "#/components/schemas/Node"}, "all": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}} } },
            "Self": { "$ref": "#/components/schemas/Self" },
            "Ping": { "allOf": [{"$ref": "#/components/schemas/Pong"}] }, "Pong": { "allOf": [{"$ref": "#/components/schemas/Ping"}] },
            "Or": { "anyOf": [{"$ref": "#/components/schemas/Or"}, {"type": "string"}] },
        } } })
    };
    let schema = tool(&body(json!({"$ref": "#/components/schemas/Node"}))).input_schema;
    assert_eq!(schema["properties"]["body"], json!({"$ref": "#/$defs/Node"}));
    assert_eq!(schema["$defs"]["Node"]["properties"]["next"], json!({"$ref": "#/$defs/Node"}));
    for name in ["Self", "Ping", "Or"] {
        let schema = tool(&body(json!({"$ref": format!("#/components/schemas/{name}")}))).input_schema;
        let validator = jsonschema::draft202012::options().build(&schema).unwrap();
        assert!(validator.is_valid(&json!({ "body": 1 })), "{name}: {schema}");
    }
    // Parameters and path items that lead in a circle are left out, and said.
    let circle = document(&json!({ "openapi": "3.1.0",
        "paths": { "/a": {"$ref": "#/paths/~1b"}, "/b": {"$ref": "#/paths/~1a"} } }));
    let notes: Vec<String> = map(&circle, &settings()).notes.iter().map(ToString::to_string).collect();
    assert!(notes.contains(&"* /a: dropped: references lead in a circle".to_owned()), "{notes:?}");
}

#[test]
fn references_that_double_do_not_cost_a_validator_its_time() {
    let mut schemas = serde_json::Map::new();
    for level in 1..40 {
        let below = json!({"$ref": format!("#/components/schemas/L{}", level - 1)});
        schemas
            .insert(format!("L{level}"), json!({ "anyOf": [below, below], "description": "x".repeat(200) }));
    }
    schemas.insert("L0".to_owned(), json!({"type": "string"}));
    let schema = tool(&json!({ "openapi": "3.1.0", "components": {"schemas": schemas},
        "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": {
            "schema": {"$ref": "#/components/schemas/L39"} } } } } } } }))
    .input_schema;
    assert!(schema["$defs"].as_object().unwrap().len() < 20, "{schema}");
}

#[test]
fn huge_schemas_are_cut_to_what_a_model_reads() {
    let fields: serde_json::Map<String, Value> = (0..3000)
        .map(|n| (format!("field{n}"), json!({"type": "object", "description": "y".repeat(80), "properties": {"a": {"type": "string"}}})))
        .collect();
    let mapping = mapped(&one(
        "/x",
        &json!({ "requestBody": { "content": { "application/json": {
        "schema": {"type": "object", "properties": {"inner": {"type": "object", "properties": fields}}} } } } }),
    ));
    assert!(mapping.operations[0].input_schema.to_string().len() <= 32 << 10);
    assert!(remarks(&mapping)[0].ends_with("what is further in takes anything"), "{:?}", remarks(&mapping));
    // An operation with more arguments than fit is none.
    let many: Vec<Value> =
        (0..3000).map(|n| json!({"name": format!("p{n}"), "in": "query", "schema": {}})).collect();
    let notes = map(&document(&one("/x", &json!({ "parameters": many }))), &settings()).notes;
    assert!(
        matches!(&notes[0].outcome, Outcome::Dropped(why) if why.contains("65536 is the most")),
        "{notes:?}"
    );
}

#[test]
fn huge_enums_are_told_in_words() {
    let values: Vec<String> = (0..10_000).map(|n| format!("value{n}")).collect();
    let mapping = mapped(&one(
        "/x",
        &json!({ "parameters": [
        { "name": "p", "in": "query", "schema": {"type": "string", "enum": values} }] }),
    ));
    assert_eq!(
        mapping.operations[0].input_schema["properties"]["p"],
        json!({ "type": "string",
        "description": "One of 10000 values, such as \"value0\", \"value1\", \"value2\", \"value3\", \"value4\"." })
    );
    assert_eq!(remarks(&mapping), ["a list of 10000 allowed values is too long to be told; any is taken"]);
}

#[test]
fn patterns_that_are_none_or_explode_are_left_out() {
    for pattern in ["(", "[z-a]", "(a{1000}){1000}", "a{99999}"] {
        let mapping = mapped(&one(
            "/x",
            &json!({ "parameters": [{ "name": "p", "in": "query", "schema": {"pattern": pattern} }] }),
        ));
        assert_eq!(mapping.operations[0].input_schema["properties"]["p"], json!({}), "{pattern}");
        assert_eq!(
            remarks(&mapping),
            [format!("the pattern `{pattern}` is none that can be checked; left out")]
        );
    }
    let kept = tool(&one(
        "/x",
        &json!({ "parameters": [{ "name": "p", "in": "query", "schema": {"pattern": "^(?!a)\\d+$"} }] }),
    ));
    assert_eq!(kept.input_schema["properties"]["p"]["pattern"], "^(?!a)\\d+$");
}

#[test]
fn names_that_collide_once_they_are_clean_stay_apart() {
    let mapping = mapped(&json!({ "openapi": "3.1.0", "paths": {
        "/a": { "get": {"operationId": "get.pet"} }, "/b": { "get": {"operationId": "get-pet"} },
        "/c": { "get": {"operationId": "GET PET"} }, "/d": { "get": {"operationId": "get_pet"} },
        "/e": { "get": {"operationId": "../../etc/passwd\n\u{202e}"} },
    }}));
    let mut names: Vec<&str> = mapping.operations.iter().map(|tool| tool.name.as_str()).collect();
    assert!(names.iter().all(|name| name.starts_with("get_pet_") || *name == "etc_passwd"), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 5);
}

#[test]
fn servers_that_nobody_granted_are_never_asked() {
    let text = json!({ "openapi": "3.1.0", "servers": [{"url": "http://169.254.169.254/latest"}, {"url": "https://ok.example/v{n}",
            "variables": {"n": {"default": "1", "enum": ["1", "2"]}}}],
        "paths": { "/a": { "get": {"operationId": "a"} },
                   "/b": { "get": {"operationId": "b", "servers": [{"url": "http://[fd00:ec2::254]/"}]} },
                   "/c": { "get": {"operationId": "c", "servers": [{"url": "../v2"}]} },
                   "/d": { "get": {"operationId": "d", "servers": [{"url": "https://ok.example/v2/../../admin"}]} },
                   "/e": { "get": {"operationId": "e", "servers": [{"url": "https://ok.example@evil.example/"}]} },
                   "/f": { "get": {"operationId": "f", "servers": [{"url": "https://ok.example.evil.example/"}]} } } });
    let of = |servers: Servers| {
        let mapping = map(&document(&text), &Settings { servers, ..Settings::default() });
        let urls = mapping.operations.iter().map(|tool| tool.plan.pattern()).collect::<Vec<_>>();
        (urls, mapping.notes.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let granted = |urls: &[&str]| urls.iter().map(|url| (*url).to_owned()).collect();
    let (urls, _) = of(Servers { url: Some("https://mine.example".into()), ..Servers::default() });
    assert_eq!(urls, ["https://mine.example/a", "https://mine.example/v2/c"]);
    let (urls, notes) = of(Servers { granted: granted(&["https://ok.example"]), ..Servers::default() });
    assert_eq!(urls, ["https://ok.example/v1/a"]);
    assert!(notes.contains(&"GET /b: dropped: its own server is not granted: http://[fd00:ec2::254]; name it in `servers`, or set `url`".to_owned()), "{notes:#?}");
    let two = [("n".to_owned(), "2".to_owned())].into();
    let (urls, _) =
        of(Servers { granted: granted(&["https://ok.example/v2"]), variables: two, ..Servers::default() });
    assert_eq!(urls, ["https://ok.example/v2/a"]);
    let three = [("n".to_owned(), "3".to_owned())].into();
    let (urls, notes) =
        of(Servers { granted: granted(&["https://ok.example"]), variables: three, ..Servers::default() });
    assert!(urls.is_empty() && notes[0].contains("the variable `n` is `3`, and may be 1, 2"), "{notes:?}");
    // A relative server is relative to where the document was found.
    let (urls, _) = of(Servers { granted: granted(&["https://docs.example/v2"]), ..Servers::default() });
    assert_eq!(urls, ["https://docs.example/v2/c"]);
}

#[test]
fn a_document_does_not_say_of_itself_that_it_only_reads() {
    let text = json!({ "openapi": "3.1.0", "paths": { "/x": { "delete": { "x-bulkhead": {"read_only": true, "name": "harmless"} } } } });
    let tool = tool(&text);
    assert_eq!(
        (tool.name.as_str(), tool.annotations.read_only, tool.annotations.destructive),
        ("delete_x", false, true)
    );
}

#[test]
fn words_hide_nothing_and_break_no_line() {
    let mapping = mapped(&json!({ "openapi": "3.1.0", "paths": { "/x\u{1b}[2J\n": { "get": {
        "operationId": "x", "summary": "a\u{202e}b\u{e0041}", "description": format!("see\u{200b} {}", "z".repeat(5000)), "tags": ["a\nb"] } } } }));
    let tool = &mapping.operations[0];
    assert_eq!(tool.title.as_deref(), Some("ab"));
    assert_eq!(tool.description.chars().count(), 1025);
    assert_eq!(tool.tags, ["a b"]);
    assert_eq!(mapping.notes[0].to_string(), "GET /x[2J -> x: mapped");
    // What is odd in a path is encoded, and cannot begin a header.
    assert_eq!(request(tool, &json!({})).url, "https://up.example/base/x%1B%5B2J%0A");
}

#[test]
fn paths_that_lead_elsewhere_are_no_tools() {
    for (path, why) in [
        ("/a/../b", "GET /a/../b: dropped: its path has dot segments, which lead elsewhere"),
        (
            "@evil.example/x",
            "GET @evil.example/x: dropped: the path `@evil.example/x` does not begin with a slash",
        ),
        (
            ".evil.example/x",
            "GET .evil.example/x: dropped: the path `.evil.example/x` does not begin with a slash",
        ),
    ] {
        let notes =
            map(&document(&json!({ "openapi": "3.1.0", "paths": { path: { "get": {} } } })), &settings())
                .notes;
        assert_eq!(notes[0].to_string(), why);
    }
}

#[test]
fn a_long_chain_of_compositions_does_not_copy_itself_at_each_step() {
    let mut schemas = serde_json::Map::new();
    schemas.insert("C0".to_owned(), json!({ "type": "object" }));
    for level in 1..4000 {
        let own = json!({ "properties": { format!("p{level}"): {"type": "string", "description": "d".repeat(60)} } });
        schemas.insert(
            format!("C{level}"),
            json!({ "allOf": [{"$ref": format!("#/components/schemas/C{}", level - 1)}, own] }),
        );
    }
    let text = json!({ "openapi": "3.1.0", "components": {"schemas": schemas}, "paths": { "/x": { "post": {
        "requestBody": { "content": { "application/json": { "schema": {"$ref": "#/components/schemas/C3999"} } } } } } } });
    let schema = tool(&text).input_schema;
    assert!(schema.to_string().len() <= 32 << 10);
}
