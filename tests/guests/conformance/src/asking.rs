//! The tools that ask: the user, the model, the client.

use std::time::Duration;

use bulkhead_sdk::InputKind;
use bulkhead_sdk::prelude::*;

use crate::Conformance;

pub(crate) fn tools() -> [Tool<Conformance>; 17] {
    [
        Tool::new("elicitation", "Asks the user.", elicitation),
        Tool::new("elicitation_sep1034_defaults", "Asks with defaults.", defaults),
        Tool::new("elicitation_sep1330_enums", "Asks with choices.", enums),
        Tool::new("sampling", "Asks the model.", sampling),
        Tool::new("missing_capability", "Asks the model, whoever asks.", missing_capability),
        Tool::new("streaming_elicitation", "Tells how far it is, and asks.", streaming_elicitation),
        Tool::new("input_required_result_elicitation", "Asks for a name.", name),
        Tool::new("input_required_result_sampling", "Asks for a capital.", capital),
        Tool::new("input_required_result_list_roots", "Asks for roots.", list_roots),
        Tool::new("input_required_result_request_state", "Keeps a state.", request_state),
        Tool::new("input_required_result_tampered_state", "Keeps a state.", request_state),
        Tool::new("input_required_result_multiple_inputs", "Asks three things.", multiple_inputs),
        Tool::new("input_required_result_multi_round", "Asks twice.", multi_round),
        Tool::new("input_required_result_capabilities", "Asks what can be asked.", capabilities),
        Tool::new("input_required_result_for_ever", "Never stops asking.", for_ever),
        Tool::new("input_required_result_page", "Asks to open a page.", page),
        Tool::new("tool_with_task", "Asks for a name, and then takes its time.", name_and_nap),
    ]
}

/// A form with one required field.
pub(crate) fn form(key: &str, message: &str, field: &str, kind: &str) -> Ask {
    let mut properties = bulkhead_sdk::serde_json::Map::new();
    properties.insert(field.to_owned(), json!({ "type": kind }));
    Ask::user(key, message, &json!({ "type": "object", "properties": properties, "required": [field] }))
}

/// What the user did, in the words the suites look for.
fn told(call: &Call, key: &str) -> Option<String> {
    Some(match call.form::<Value>(key) {
        Ok(Some(Reply::Accepted(content))) => format!("action=accept, content={content}"),
        Ok(Some(Reply::Declined)) => "action=decline, content={}".to_owned(),
        Ok(Some(Reply::Cancelled)) => "action=cancel, content={}".to_owned(),
        _ => return None,
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Message {
    /// What the user is asked.
    message: String,
}

async fn elicitation(_: &Conformance, arguments: Message, call: &Call) -> Result<Output> {
    let schema = json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "description": "User's response" },
            "email": { "type": "string", "description": "User's email address" },
        },
        "required": ["username", "email"],
    });
    Ok(match told(call, "user") {
        Some(told) => Output::text(format!("User response: {told}")),
        None => Output::ask(Ask::user("user", arguments.message, &schema)),
    })
}

async fn defaults(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    let schema = json!({ "type": "object", "properties": {
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    } });
    Ok(completed(call, "Please review.", &schema))
}

async fn enums(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    let titled =
        |titles: [(&str, &str); 3]| titles.map(|(value, title)| json!({ "const": value, "title": title }));
    let schema = json!({ "type": "object", "properties": {
        "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
        "titledSingle": { "type": "string", "oneOf": titled([
            ("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option"),
        ]) },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {
            "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] },
        },
        "titledMulti": { "type": "array", "items": { "anyOf": titled([
            ("value1", "First Choice"), ("value2", "Second Choice"), ("value3", "Third Choice"),
        ]) } },
    } });
    Ok(completed(call, "Please choose.", &schema))
}

fn completed(call: &Call, message: &str, schema: &Value) -> Output {
    match told(call, "user") {
        Some(told) => Output::text(format!("Elicitation completed: {told}")),
        None => Output::ask(Ask::user("user", message, schema)),
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Question {
    /// What the model is asked.
    prompt: String,
}

async fn sampling(_: &Conformance, arguments: Question, call: &Call) -> Result<Output> {
    Ok(match call.model_text("model") {
        Some(text) => Output::text(format!("LLM response: {text}")),
        None => Output::ask(Ask::model("model", arguments.prompt, 100)),
    })
}

async fn missing_capability(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match call.model_text("model") {
        Some(text) => Output::text(text),
        None => Output::ask(Ask::model("model", "Say something.", 10)),
    })
}

async fn streaming_elicitation(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    call.progress(0.0, Some(1.0), None);
    Ok(match told(call, "user") {
        Some(told) => Output::text(told),
        None => Output::ask(form("user", "Shall it go on?", "ok", "boolean")),
    })
}

#[derive(Debug, Deserialize)]
#[serde(crate = "bulkhead_sdk::serde")]
struct Name {
    name: String,
}

async fn name(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match call.form::<Name>("user_name")? {
        Some(Reply::Accepted(Name { name })) => Output::text(format!("Hello, {name}!")),
        Some(_) => Output::text("Hello, stranger!"),
        None => Output::ask(form("user_name", "What is your name?", "name", "string")),
    })
}

async fn name_and_nap(service: &Conformance, arguments: NoArgs, call: &Call) -> Result<Output> {
    if !call.inputs().is_empty() {
        bulkhead_sdk::sleep(Duration::from_secs(2)).await;
    }
    name(service, arguments, call).await
}

async fn capital(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match call.model_text("capital_question") {
        Some(text) => Output::text(text),
        None => Output::ask(Ask::model("capital_question", "What is the capital of France?", 100)),
    })
}

async fn list_roots(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match call.roots("client_roots")? {
        Some(roots) => {
            let uris: Vec<_> = roots.into_iter().map(|root| root.uri).collect();
            Output::text(format!("roots: {}", uris.join(", ")))
        }
        None => Output::ask(Ask::roots("client_roots")),
    })
}

async fn request_state(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match (told(call, "confirm"), call.state()) {
        (Some(_), Some(b"the state")) => Output::text("state-ok"),
        _ => Output::ask(form("confirm", "Please confirm", "ok", "boolean").state(b"the state".to_vec())),
    })
}

async fn multiple_inputs(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    let answers = (call.form::<Name>("user_name")?, call.model_text("greeting"), call.roots("client_roots")?);
    Ok(match answers {
        (Some(_), Some(greeting), Some(roots)) => Output::text(format!("{greeting} ({} roots)", roots.len())),
        _ => Output::ask(
            form("user_name", "What is your name?", "name", "string")
                .and(Ask::model("greeting", "Generate a greeting", 50))
                .and(Ask::roots("client_roots"))
                .state(b"three".to_vec()),
        ),
    })
}

async fn multi_round(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    if let (Some(color), Some(name)) = (call.input("step2"), call.state()) {
        let name = String::from_utf8_lossy(name);
        return Ok(Output::text(format!(
            "{name} likes {}",
            color.pointer("/content/color").unwrap_or(&Value::Null)
        )));
    }
    Ok(Output::ask(match call.form::<Name>("step1")? {
        Some(Reply::Accepted(Name { name })) => {
            form("step2", "Step 2: What is your favorite color?", "color", "string").state(name.into_bytes())
        }
        _ => form("step1", "Step 1: What is your name?", "name", "string").state(Vec::new()),
    }))
}

async fn capabilities(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    if !call.inputs().is_empty() {
        return Ok(Output::text("thank you"));
    }
    let mut ask = Ask::default();
    if call.accepts(InputKind::Elicitation) {
        ask = ask.and(form("user", "What is your name?", "name", "string"));
    }
    if call.accepts(InputKind::Sampling) {
        ask = ask.and(Ask::model("model", "Say something.", 10));
    }
    if call.accepts(InputKind::Roots) {
        ask = ask.and(Ask::roots("roots"));
    }
    Ok(if ask.requests.is_empty() { Output::text("nobody to ask") } else { Output::ask(ask) })
}

async fn for_ever(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    let round = call.state().map_or(0, <[u8]>::len);
    Ok(Output::ask(form("more", "And now?", "ok", "boolean").state(vec![0; round + 1])))
}

async fn page(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match told(call, "page") {
        Some(told) => Output::text(told),
        None => Output::ask(Ask::page("page", "Please sign in.", "https://sign.in.example/")),
    })
}
