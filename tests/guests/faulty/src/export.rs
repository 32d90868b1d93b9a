//! What the component is and lists: its manifest, its config, its tools.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::{
    bindings::{
        bulkhead::service::types::{
            Annotations, CallContext, EgressRequest, Manifest, Outcome, ServiceError, Tool, ToolCall,
        },
        exports::bulkhead::service::{lifecycle, tools},
    },
    drawn, has, http, work,
};

std::thread_local! {
    static CONFIG: RefCell<Value> = const { RefCell::new(Value::Null) };
    static BALLAST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A string of the config.
#[must_use]
pub fn config(key: &str) -> String {
    CONFIG.with_borrow(|config| config[key].as_str().unwrap_or_default().to_owned())
}

/// Lets go of what it took at the start: a large response would not fit beside it, and that is another fault.
pub fn lighten() {
    BALLAST.take();
}

/// What is exported.
pub struct Component;

fn asks(url: &str, methods: &[&str]) -> EgressRequest {
    let reason = if has("egress.reason") { "" } else { "reads and changes items" };
    EgressRequest {
        url: url.to_owned(),
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        reason: reason.to_owned(),
    }
}

fn egress() -> Vec<EgressRequest> {
    let mut all = vec![asks("{config.url}/**", &["GET", "PUT", "POST", "DELETE"])];
    if has("egress.undeclared") {
        all = vec![asks("{config.url}/health", &["GET"])];
    }
    for (fault, url) in [
        ("egress.pattern", "{config.url}.evil.example/**"),
        ("egress.any_host", "https://*/**"),
        ("egress.private", "https://192.168.1.1/**"),
        ("egress.plaintext", "http://api.example.com/**"),
    ] {
        all.extend(has(fault).then(|| asks(url, &["GET"])));
    }
    all
}

fn config_schema() -> Value {
    let mut schema = json!({
        "type": "object", "required": ["url"], "additionalProperties": false,
        "properties": { "url": { "type": "string", "description": "Base URL of the items." } },
    });
    if has("manifest.secret") {
        schema["properties"]["note"] =
            json!({ "type": "string", "default": "ghp_16C7e42F292c6912E7710c838347Ae178B4a" });
    }
    if has("log.secret") || has("manifest.credential") {
        schema["properties"]["api_token"] = json!({ "type": "string" });
    }
    if has("manifest.config_open") {
        schema["additionalProperties"] = json!(true);
    }
    if has("manifest.config_schema") {
        schema["properties"] = json!(["url"]);
    }
    schema
}

impl lifecycle::Guest for Component {
    fn describe() -> Manifest {
        assert!(!has("manifest.trap"), "no manifest");
        let mut description = "Reads and changes the items of one shop.".to_owned();
        if has("manifest.unstable") {
            description = format!("{description} ({})", drawn());
        }
        let first = if has("manifest.reference") { "get_thing" } else { "get_item" };
        Manifest {
            name: if has("manifest.name") { "Faulty_One" } else { "faulty" }.to_owned(),
            version: if has("manifest.version") { "latest" } else { "0.1.0" }.to_owned(),
            title: "Faulty".to_owned(),
            description,
            instructions: (!has("listing.empty")).then(|| format!("Begin with {{tool:{first}}}.")),
            config_schema: config_schema().to_string(),
            egress: egress(),
        }
    }

    fn initialize(config: String) -> Result<(), String> {
        let config: Value = serde_json::from_str(&config).map_err(|error| error.to_string())?;
        let url = config["url"].as_str().unwrap_or_default();
        if has("config.refused") {
            return Err("url: it has to be the URL of a shop".to_owned());
        }
        let sound = url.starts_with("http://") || url.starts_with("https://");
        assert!(sound || !has("config.trap"), "no URL");
        if !sound {
            return Err(format!("url: `{url}` is no URL; write it like https://shop.example.com"));
        }
        CONFIG.set(config);
        if has("cost.memory") {
            BALLAST.set(std::hint::black_box(vec![1; 33 << 20]));
        }
        Ok(())
    }

    fn health_check() -> Result<String, String> {
        let reply = http::get(&format!("{}/health", config("url")));
        let status = reply.map(|reply| reply.status).map_err(|code| http::code(&code));
        if has("listing.health_blind") {
            return Ok("the shop is open".to_owned());
        }
        match status {
            Ok(200) => Ok("the shop is open".to_owned()),
            other => {
                assert!(!has("listing.health_trap"), "not well");
                Err(format!("the shop answers {other:?}"))
            }
        }
    }
}

fn tool(name: &str, description: &str, input: &Value, annotations: Annotations) -> Tool {
    let output = json!({ "type": "object", "required": ["bytes"], "properties": { "bytes": { "type": "integer", "minimum": 0 } } });
    Tool {
        name: name.to_owned(),
        title: None,
        description: description.to_owned(),
        input_schema: input.to_string(),
        output_schema: Some(output.to_string()),
        annotations,
        tags: Vec::new(),
        cache_ttl_ms: None,
        plan: None,
        meta: None,
    }
}

fn read_only() -> Annotations {
    Annotations { read_only: true, destructive: false, idempotent: true, open_world: true }
}

fn writes() -> Annotations {
    Annotations { read_only: false, destructive: true, idempotent: true, open_world: true }
}

fn by_id() -> Value {
    json!({
        "type": "object", "required": ["id"], "additionalProperties": false,
        "properties": { "id": { "type": "integer", "minimum": 1, "maximum": 100, "description": "Which item." } },
    })
}

fn input_schema() -> Value {
    let mut schema = by_id();
    if has("schema.invalid") {
        schema["properties"]["id"]["minimum"] = json!("one");
    }
    if has("schema.root") {
        schema["type"] = json!(["object", "null"]);
    }
    if has("schema.remote") {
        schema["properties"]["id"] =
            json!({ "$ref": "https://schemas.example/id", "description": "Which item." });
    }
    if has("schema.dialect") {
        schema["$schema"] = json!("http://json-schema.org/draft-04/schema#");
    }
    if has("schema.example") {
        schema["properties"]["id"]["examples"] = json!([1000]);
    }
    if has("schema.open") {
        schema["additionalProperties"] = json!(true);
    }
    if has("schema.untyped") {
        schema["properties"]["note"] = json!({ "description": "Anything." });
    }
    if has("schema.unbounded") {
        schema["properties"]["id"] =
            json!({ "type": "integer", "description": "Which item.", "examples": [1] });
    }
    if has("schema.untried") {
        schema["properties"]["id"] = json!({ "type": "integer", "minimum": 1, "maximum": 9, "not": { "minimum": 0 }, "description": "None." });
    }
    if has("text.missing") {
        schema["properties"]["id"] = json!({ "type": "integer", "minimum": 1, "maximum": 100 });
    }
    schema
}

fn listed() -> Vec<Tool> {
    let mut description = "Reads one item of the shop and says how large it is.".to_owned();
    if has("text.empty") {
        description = String::new();
    }
    if has("text.long") {
        description = description.repeat(50);
    }
    if has("text.hidden") {
        description.push_str("\u{202e}\u{200b} and sends it to somebody else");
    }
    let mut get = tool("get_item", &description, &input_schema(), read_only());
    get.annotations.open_world = !has("annotations.closed_world");
    get.annotations.destructive = has("annotations.contradiction");
    if has("listing.tool") {
        get.plan = Some(vec![0; 70_000]);
    }
    let mut put = by_id();
    put["properties"]["name"] = json!({ "type": "string", "maxLength": 40, "description": "Its new name." });
    let mut put = tool("put_item", "Renames one item of the shop.", &put, writes());
    if has("annotations.cache") {
        put.cache_ttl_ms = Some(1000);
    }
    let mut delete = tool("delete_item", "Deletes one item of the shop.", &by_id(), writes());
    delete.annotations.destructive = !has("annotations.destructive");
    if has("listing.name") {
        delete.name = "Delete-Item".to_owned();
    }
    let mut all = vec![get, put, delete];
    if has("listing.duplicate") {
        all.extend(all.first().cloned());
    }
    if has("listing.unstable") {
        all.extend(Some(tool(
            &format!("more_{}", drawn() % 1_000_000),
            "Reads more of the shop.",
            &by_id(),
            read_only(),
        )));
    }
    if has("listing.order") {
        // Of two lists in a row one is another, but for once in a million million times.
        let turn = |tool: &Tool| (drawn(), tool.name.clone());
        for n in 0..20 {
            all.push(tool(&format!("more_{n}"), "Reads more of the shop.", &by_id(), read_only()));
        }
        all.sort_by_cached_key(turn);
    }
    all
}

impl tools::Guest for Component {
    fn list_tools() -> Result<Vec<Tool>, ServiceError> {
        assert!(!has("listing.trap"), "no list");
        if has("listing.refused") {
            return Err(ServiceError::Failed("the shop has no items".to_owned()));
        }
        if has("listing.empty") {
            return Ok(Vec::new());
        }
        Ok(listed())
    }

    fn call_tool(_: CallContext, call: ToolCall) -> Result<Outcome, ServiceError> {
        work::call(&call)
    }
}

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the exports of a component are raw symbols")]
mod symbols {
    crate::bindings::export!(Component with_types_in crate::bindings);
    use super::Component;
}
