//! The prompts and resources that the suites ask for.

use bulkhead_sdk::prelude::*;

use crate::{Conformance, PNG, asking::form, image, resource};

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Two {
    /// The first.
    arg1: String,
    /// The second.
    arg2: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
struct Embedded {
    /// What is embedded.
    #[serde(rename = "resourceUri")]
    resource_uri: String,
}

pub(crate) fn prompts(changed: u32) -> Prompts<Conformance> {
    Prompts::new()
        .add(
            Prompt::new("simple_prompt", format!("A prompt without arguments. ({changed})"), simple)
                .title("Simple"),
        )
        .add(
            Prompt::new("prompt_with_arguments", "A prompt with arguments.", with_arguments)
                .complete("arg1", complete_place)
                .complete("arg2", complete_second),
        )
        .add(Prompt::new("prompt_with_embedded_resource", "A prompt with a resource.", with_resource))
        .add(Prompt::new("prompt_with_image", "A prompt with an image.", with_image))
        .add(Prompt::new("input_required_result_prompt", "A prompt that asks.", asking))
}

async fn simple(_: &Conformance, _: NoArgs, _: &Call) -> Result<Messages> {
    Ok(Messages::user("This is a simple prompt for testing."))
}

async fn with_arguments(_: &Conformance, Two { arg1, arg2 }: Two, _: &Call) -> Result<Messages> {
    let text = format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'");
    Ok(Messages::user(text).description("Two arguments, filled in."))
}

async fn with_resource(_: &Conformance, arguments: Embedded, _: &Call) -> Result<Messages> {
    let content = resource(&arguments.resource_uri, "text/plain", "Embedded resource content for testing.");
    let text = Content::Text("Please process the embedded resource above.".into());
    Ok(Messages::new().and(Role::User, content).and(Role::User, text))
}

async fn with_image(_: &Conformance, _: NoArgs, _: &Call) -> Result<Messages> {
    let text = Content::Text("Please analyze the image above.".into());
    Ok(Messages::new().and(Role::User, image()).and(Role::Assistant, text))
}

async fn asking(_: &Conformance, _: NoArgs, call: &Call) -> Result<Messages> {
    Ok(match call.form::<Value>("user_context")? {
        Some(Reply::Accepted(content)) => {
            Messages::user(format!("Use this context: {}", content.get("context").unwrap_or(&Value::Null)))
        }
        Some(_) => Messages::user("Use no context."),
        None => {
            Messages::ask(form("user_context", "What context should the prompt use?", "context", "string"))
        }
    })
}

async fn complete_place(_: &Conformance, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(["paris", "park", "party", "test"]))
}

async fn complete_second(_: &Conformance, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok([format!("{}-{}", typed.settled("arg1").unwrap_or("?"), typed.prefix)].into_iter().collect())
}

#[derive(Debug, Deserialize)]
#[serde(crate = "bulkhead_sdk::serde")]
struct Item {
    id: String,
}

pub(crate) fn resources() -> Resources<Conformance> {
    Resources::new()
        .add(Resource::new("test://static-text", "Static text", text).mime_type("text/plain"))
        .add(Resource::new("test://static-binary", "Static binary", binary).mime_type("image/png"))
        .add(Resource::new("test://watched-resource", "Watched", watched).mime_type("text/plain"))
        .add(Resource::new("file:///elsewhere.txt", "Of another scheme", text).mime_type("text/plain"))
        .add(Resource::new("test://asks", "Asks before it is read", asks).mime_type("text/plain"))
        .add(
            Resource::new("test://template/{id}/data", "Items", item)
                .mime_type("application/json")
                .complete("id", complete_item),
        )
        .list(more)
}

async fn text(_: &Conformance, _: NoArgs, _: &Call) -> Result<Contents> {
    Ok(Contents::text("This is the content of the static text resource."))
}

async fn binary(_: &Conformance, _: NoArgs, _: &Call) -> Result<Contents> {
    Ok(Contents::blob(PNG))
}

async fn watched(_: &Conformance, _: NoArgs, _: &Call) -> Result<Contents> {
    Ok(Contents::text("watched"))
}

async fn asks(_: &Conformance, _: NoArgs, call: &Call) -> Result<Contents> {
    Ok(match call.form::<Value>("why")? {
        Some(Reply::Accepted(content)) => {
            Contents::text(format!("because {}", content.get("reason").unwrap_or(&Value::Null)))
        }
        Some(_) => return Err(Error::denied("without a reason it stays closed")),
        None => Contents::ask(form("why", "Why do you want to read it?", "reason", "string")),
    })
}

async fn item(_: &Conformance, Item { id }: Item, _: &Call) -> Result<Contents> {
    if id == "trap" {
        #[expect(clippy::panic, reason = "a test has it crash")]
        {
            panic!("asked to");
        }
    }
    let data = format!("Data for ID: {id}");
    Ok(Contents::text(json!({ "id": id, "templateTest": true, "data": data }).to_string()))
}

async fn complete_item(_: &Conformance, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching((0..150).map(|n| n.to_string())))
}

/// Three pages of items, after what is always there.
async fn more(_: &Conformance, cursor: Option<&str>, _: &Call) -> Result<bulkhead_sdk::Page> {
    let page: u32 =
        cursor.map_or(Ok(0), str::parse).map_err(|_| Error::invalid("cursor", "is none of ours"))?;
    let entry = |n: u32| bulkhead_sdk::Entry::new(format!("test://template/{n}/data"), format!("Item {n}"));
    let entries = (page * 60..(page + 1) * 60).map(entry).collect();
    Ok(bulkhead_sdk::Page { entries, next: (page < 2).then(|| (page + 1).to_string()) })
}
