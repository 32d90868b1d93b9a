//! The tools of the suites' tasks: some say that they always are one, the others take their time.

use std::time::Duration;

use bulkhead_sdk::prelude::*;

use crate::{Conformance, asking::form};

pub(crate) fn tools() -> Tools<Conformance> {
    let always = |support: &str| json!({ "bulkhead/task": support });
    Tools::new()
        .add(Tool::new("greet", "Greets.", greet))
        .add(Tool::new("slow_compute", "Takes as long as it is told to.", slow_compute))
        .add(Tool::new("failing_job", "Fails, after a while.", failing_job).meta(always("required")))
        .add(
            Tool::new("protocol_error_job", "Asks what few clients can answer.", protocol_error_job)
                .meta(always("optional")),
        )
        .add(Tool::new("confirm_delete", "Asks before it deletes.", confirm_delete).meta(always("optional")))
        .add(Tool::new("multi_input", "Asks two things.", multi_input).meta(always("optional")))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Greeted {
    /// Who is greeted.
    name: String,
}

async fn greet(_: &Conformance, arguments: Greeted, _: &Call) -> Result<Output> {
    Ok(Output::text(format!("Hello, {}!", arguments.name)))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Slow {
    /// How long.
    seconds: u64,
    /// What for.
    label: Option<String>,
}

async fn slow_compute(_: &Conformance, arguments: Slow, _: &Call) -> Result<Output> {
    bulkhead_sdk::sleep(Duration::from_secs(arguments.seconds)).await;
    Ok(Output::text(format!("computed {}", arguments.label.unwrap_or_default())))
}

async fn failing_job(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    bulkhead_sdk::sleep(Duration::from_secs(1)).await;
    Err(Error::failed("This job always fails"))
}

/// To ask what a client cannot answer is an error of the protocol.
async fn protocol_error_job(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match call.roots("roots")? {
        Some(roots) => Output::text(format!("{} roots", roots.len())),
        None => Output::ask(Ask::roots("roots")),
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct File {
    /// Which.
    filename: String,
}

#[derive(Debug, Deserialize)]
#[serde(crate = "bulkhead_sdk::serde")]
struct Confirmed {
    confirm: bool,
}

async fn confirm_delete(_: &Conformance, File { filename }: File, call: &Call) -> Result<Output> {
    Ok(match call.form::<Confirmed>("confirm")? {
        Some(Reply::Accepted(Confirmed { confirm: true })) => Output::text(format!("Deleted {filename}")),
        Some(_) => Output::text(format!("Kept {filename}")),
        None => Output::ask(form("confirm", &format!("Delete {filename}?"), "confirm", "boolean")),
    })
}

async fn multi_input(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match (call.form::<Value>("first")?, call.form::<Value>("second")?) {
        (Some(Reply::Accepted(first)), Some(Reply::Accepted(second))) => {
            Output::json(&json!({ "first": first, "second": second }))
        }
        (Some(_), Some(_)) => Output::text("declined"),
        _ => Output::ask(form("first", "What is the first name?", "name", "string").and(form(
            "second",
            "What is the second name?",
            "name",
            "string",
        ))),
    })
}
