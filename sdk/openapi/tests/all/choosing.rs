//! What is chosen, how it is changed, and what is said of it.

use bulkhead_openapi::{Choice, Document, Limits, Settings, map};
use serde_json::json;

use crate::settings;

const PETS: &[u8] = include_bytes!("../documents/pets.yaml");

fn pets() -> Document {
    Document::parse(PETS, "/api/pets.yaml", Limits::default()).unwrap()
}

fn notes(settings: &Settings) -> Vec<String> {
    map(&pets(), settings).notes.iter().map(ToString::to_string).collect()
}

#[test]
fn every_operation_has_its_line() {
    assert_eq!(
        notes(&settings()),
        [
            "document: 1 webhooks are left out: the API calls those itself",
            "document: schema Pet: what only the server sets is not asked for: id",
            "document: security scheme basic: credentials: [{ for: https://up.example, basic: { username: …, password: \"${secret:NAME}\" } }]",
            "document: security scheme key: credentials: [{ for: https://up.example, header: X-API-Key, value: \"${secret:NAME}\" }]",
            "document: security scheme login: credentials: [{ for: https://up.example, oauth2: { token_url: https://idp.example/token, \
         client_id: …, client_secret: \"${secret:NAME}\", scopes: [read, write] } }]",
            "document: security scheme session: credentials: [{ for: https://up.example, header: Cookie, value: \"sid=${secret:NAME}\" }]",
            "document: security scheme token: credentials: [{ for: https://up.example, bearer: \"${secret:NAME}\" }]",
            "TRACE /pets: dropped: requests with the method TRACE are not sent",
            "GET /pets -> list_pets: mapped; header parameter X-Forwarded-Host dropped: the host's to set; needs key",
            "POST /pets -> create_pet: mapped; needs login or basic; the body is sent as application/json; not as application/xml",
            "GET /pets/{petId} -> get_pet: mapped; needs key or none",
            "DELETE /pets/{petId} -> delete_pets_pet_id: mapped; needs session + token",
            "PUT /pets/{petId}/photo -> put_photo: mapped; callbacks are left out: the API calls those itself",
        ]
    );
}

#[test]
fn tools_say_what_they_do() {
    let mapping = map(&pets(), &settings());
    let facts: Vec<_> = mapping
        .operations
        .iter()
        .map(|tool| {
            let hints = tool.annotations;
            let hints = [hints.read_only, hints.destructive, hints.idempotent, hints.open_world];
            (tool.name.as_str(), tool.title.as_deref(), tool.description.as_str(), hints, tool.tags.join(" "))
        })
        .collect();
    assert_eq!(
        facts,
        [
            ("list_pets", Some("All pets"), "All pets", [true, false, true, true], "pets".to_owned()),
            ("create_pet", None, "Sends POST /pets.", [false, false, false, true], "pets write".to_owned()),
            (
                "get_pet",
                Some("One pet"),
                "Deprecated. A pet by its id.",
                [true, false, true, true],
                "deprecated pets".to_owned()
            ),
            (
                "delete_pets_pet_id",
                None,
                "Sends DELETE /pets/{petId}.",
                [false, true, true, true],
                "admin pets write".to_owned()
            ),
            (
                "put_photo",
                None,
                "Sends PUT /pets/{petId}/photo.",
                [false, true, true, true],
                "write".to_owned()
            ),
        ]
    );
}

#[test]
fn a_choice_leaves_names_as_they_are_and_says_what_it_left() {
    let choice = Choice {
        tags: vec!["pets".to_owned(), "!admin".to_owned()],
        read_only: true,
        deprecated: Some(false),
        ..Choice::default()
    };
    let said = notes(&Settings { choice, ..settings() });
    let of_operations: Vec<&String> = said.iter().filter(|line| !line.starts_with("document")).collect();
    assert_eq!(
        of_operations,
        [
            "TRACE /pets: dropped: requests with the method TRACE are not sent",
            "GET /pets -> list_pets: mapped; header parameter X-Forwarded-Host dropped: the host's to set; needs key",
            "POST /pets: not chosen (read_only)",
            "GET /pets/{petId}: not chosen (deprecated)",
            "DELETE /pets/{petId}: not chosen (tags)",
            "PUT /pets/{petId}/photo: not chosen (tags)",
        ]
    );
}

#[test]
fn an_overlay_renames_describes_and_says_what_a_method_does() {
    let mut document = pets();
    let overlay = bulkhead_openapi::read(
        b"overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n\
          - target: $.paths['/pets'].post\n  update: {description: Adds a pet., x-bulkhead: {name: add pet, idempotent: true}}\n\
          - target: $.paths['/pets'].get\n  update: {x-bulkhead: {read_only: false, destructive: true}}\n\
          - target: $.paths['/pets/{petId}'].delete\n  remove: true\n",
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(document.overlay(&overlay).unwrap(), Vec::<String>::new());
    let tools = map(&document, &settings()).operations;
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["list_pets", "add_pet", "get_pet", "put_photo"]);
    assert_eq!((tools[1].description.as_str(), tools[1].annotations.idempotent), ("Adds a pet.", true));
    assert_eq!((tools[0].annotations.read_only, tools[0].annotations.destructive), (false, true));
}

#[test]
fn the_same_document_in_another_order_gives_the_same_tools() {
    let forward = br#"{"openapi": "3.1.0", "paths": {"/a": {"get": {"operationId": "x"}, "put": {"operationId": "X"}}, "/b": {"get": {}}}}"#;
    let backward = br#"{"paths": {"/b": {"get": {}}, "/a": {"put": {"operationId": "X"}, "get": {"operationId": "x"}}}, "openapi": "3.1.0"}"#;
    let tools = |text: &[u8]| {
        let document = Document::parse(text, "/d.json", Limits::default()).unwrap();
        let tools = map(&document, &settings()).operations;
        tools.iter().map(|tool| json!([tool.name, tool.plan.to_bytes().unwrap()])).collect::<Vec<_>>()
    };
    assert_eq!(tools(forward), tools(backward));
    assert_eq!(tools(forward).len(), 3);
}

#[test]
fn json_and_yaml_are_the_same_document() {
    let value = bulkhead_openapi::read(PETS, &Limits::default()).unwrap();
    let json =
        Document::parse(format!("\u{feff}{value}").as_bytes(), "/api/pets.yaml", Limits::default()).unwrap();
    let tools = |document: &Document| {
        map(document, &settings()).operations.iter().map(|tool| format!("{tool:?}")).collect::<Vec<_>>()
    };
    assert_eq!(tools(&json), tools(&pets()));
}
