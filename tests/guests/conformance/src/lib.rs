//! What the MCP conformance suites call by name. The host puts the service before the name, so the
//! service `test` has `simple_text`, and the suite finds `test_simple_text`; one component serves both
//! prefixes there are. The suites look at little; `tests/all/clients.rs` looks at the rest.
#![expect(missing_docs, reason = "the suites' documentation describes the tools")]

mod asking;
mod serving;
mod tasks;

use std::time::Duration;

use bulkhead_sdk::prelude::*;

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde", rename_all = "lowercase")]
pub enum Prefix {
    Test,
    Json,
    Task,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "bulkhead_sdk::schemars")]
#[serde(crate = "bulkhead_sdk::serde")]
pub struct Config {
    /// The name of the service: which tools it has.
    prefix: Prefix,
    /// How often its tools have changed, and its prompts: told in the description of one.
    #[serde(default)]
    tools: u32,
    #[serde(default)]
    prompts: u32,
}

#[derive(Debug)]
pub struct Conformance(Config);

impl Service for Conformance {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("conformance", env!("CARGO_PKG_VERSION"), "Conformance")
            .description("Answers as the conformance suites expect.")
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }

    fn tools(&self) -> Tools<Self> {
        match self.0.prefix {
            Prefix::Json => Tools::new().add(
                Tool::new("schema_2020_12_tool", "Takes what JSON Schema 2020-12 can say.", anything)
                    .input_schema(rich_schema()),
            ),
            Prefix::Task => tasks::tools(),
            Prefix::Test => Tools::new()
                .add(Tool::new("simple_text", format!("Returns text. ({})", self.0.tools), simple_text))
                // What these ask for is done by who runs the suite: only an operator changes what a host offers.
                .add(Tool::new("trigger_tool_change", "Asks for another list of tools.", simple_text))
                .add(Tool::new("trigger_prompt_change", "Asks for another list of prompts.", simple_text))
                .add(Tool::new("image_content", "Returns an image.", image_content))
                .add(Tool::new("audio_content", "Returns a sound.", audio_content))
                .add(Tool::new("embedded_resource", "Returns a resource.", embedded_resource))
                .add(Tool::new("multiple_content_types", "Returns several kinds.", multiple_content_types))
                .add(Tool::new("error_handling", "Fails.", error_handling))
                .add(Tool::new("tool_with_progress", "Reports progress.", tool_with_progress))
                .add(Tool::new("tool_with_logging", "Logs.", tool_with_logging))
                .add(Tool::new("reconnection", "Takes longer than the host keeps a stream.", reconnection))
                .add(
                    Tool::new("custom_header", "Takes an argument that is also a header.", anything)
                        .input_schema(header_schema()),
                )
                .add(Tool::new("logging_tool", "Logs.", tool_with_logging))
                .extend(asking::tools()),
        }
    }

    fn prompts(&self) -> Prompts<Self> {
        match self.0.prefix {
            Prefix::Json | Prefix::Task => Prompts::new(),
            Prefix::Test => serving::prompts(self.0.prompts),
        }
    }

    fn resources(&self) -> Resources<Self> {
        match self.0.prefix {
            Prefix::Json | Prefix::Task => Resources::new(),
            Prefix::Test => serving::resources(),
        }
    }
}

bulkhead_sdk::register!(Conformance, resources, prompts, completions);

/// A red pixel.
const PNG: &[u8] = include_bytes!("pixel.png");
/// Silence: a header, and two samples of 8 bits at 8 kHz.
const WAV: &[u8] =
    b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x02\0\0\0\x80\x80";
const PAUSE: Duration = Duration::from_millis(50);

async fn simple_text(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    Ok(Output::text("This is a simple text response for testing."))
}

async fn image_content(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    Ok(Output::new().content(image()))
}

async fn audio_content(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    Ok(Output::new().content(Content::Audio { data: WAV.to_vec(), mime_type: "audio/wav".into() }))
}

async fn embedded_resource(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    let text = "This is an embedded resource content.";
    Ok(Output::new().content(resource("test://embedded-resource", "text/plain", text)))
}

async fn multiple_content_types(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    let data = json!({ "test": "data", "value": 123 }).to_string();
    let resource = resource("test://mixed-content-resource", "application/json", &data);
    Ok(Output::text("Multiple content types test:").content(image()).content(resource))
}

async fn error_handling(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    Err(Error::failed("This tool intentionally returns an error for testing"))
}

async fn tool_with_progress(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    for done in [0.0, 50.0, 100.0] {
        call.progress(done, Some(100.0), None);
        bulkhead_sdk::sleep(PAUSE).await;
    }
    Ok(Output::text("done"))
}

async fn tool_with_logging(_: &Conformance, _: NoArgs, call: &Call) -> Result<Output> {
    for message in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        call.log(Level::Info, message);
        bulkhead_sdk::sleep(PAUSE).await;
    }
    Ok(Output::text("logged"))
}

async fn reconnection(_: &Conformance, _: NoArgs, _: &Call) -> Result<Output> {
    bulkhead_sdk::sleep(Duration::from_millis(1500)).await;
    Ok(Output::text("reconnected"))
}

async fn anything(_: &Conformance, arguments: Value, _: &Call) -> Result<Output> {
    Ok(Output::json(&arguments))
}

fn image() -> Content {
    Content::Image { data: PNG.to_vec(), mime_type: "image/png".into() }
}

fn resource(uri: &str, mime_type: &str, text: &str) -> Content {
    Content::Resource { uri: uri.into(), mime_type: Some(mime_type.into()), text: text.into() }
}

fn header_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "value": { "type": "string", "x-mcp-header": "Value" } },
        "required": ["value"],
    })
}

fn rich_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": {
            "$anchor": "address",
            "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
        } },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
