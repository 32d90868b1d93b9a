//! What a guest is: the functions of the contract, honest unless it says otherwise.

use serde_json::{Value, json};

pub use crate::bindings::bulkhead::service::{
    call,
    types::{
        Annotations, CallContext, Content, InputKind, InputRequest, InputRequired, Media, Outcome,
        ServiceError, Tool, ToolCall, ToolResult,
    },
};

/// What a call comes to.
pub type Answer = Result<Outcome, ServiceError>;

/// One guest. It has the tools `add`, which is honest, and `run`, which is the misdeed.
pub trait Guest: Sync {
    fn initialize(&self, _config: &Value) -> Result<(), String> {
        Ok(())
    }

    fn health_check(&self) -> Result<String, String> {
        Ok("well".to_owned())
    }

    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Ok(usual_tools())
    }

    /// The tool `run`. `input` is the call's arguments and the service's config.
    fn run(&self, _input: &Input<'_>) -> Answer {
        text("nothing happened")
    }

    fn call_tool(&self, input: &Input<'_>) -> Answer {
        match input.call.name.as_str() {
            "add" => {
                let number = |key: &str| input.arguments[key].as_i64().unwrap_or_default();
                structured(&json!({ "sum": number("a") + number("b") }))
            }
            _ => self.run(input),
        }
    }
}

/// What a call is given.
pub struct Input<'a> {
    pub config: &'a Value,
    pub arguments: &'a Value,
    pub context: &'a CallContext,
    pub call: &'a ToolCall,
}

impl Input<'_> {
    /// A string of the config; empty if there is none.
    pub fn config(&self, key: &str) -> &str {
        self.config[key].as_str().unwrap_or_default()
    }

    /// A string of the arguments; empty if there is none.
    pub fn argument(&self, key: &str) -> &str {
        self.arguments[key].as_str().unwrap_or_default()
    }

    /// A number of the arguments; 0 if there is none.
    pub fn number(&self, key: &str) -> u64 {
        self.arguments[key].as_u64().unwrap_or_default()
    }

    /// A URL of the service's own upstream, inside what it was granted.
    pub fn allowed(&self, path: &str) -> String {
        format!("{}/allowed/{path}", self.config("url"))
    }
}

/// `add` and `run`, both of which take any object.
pub fn usual_tools() -> Vec<Tool> {
    vec![tool("add"), tool("run")]
}

/// A tool that takes any object.
pub fn tool(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        title: None,
        description: "Does it.".to_owned(),
        input_schema: json!({ "type": "object" }).to_string(),
        output_schema: None,
        annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
        tags: Vec::new(),
        cache_ttl_ms: None,
        plan: None,
        meta: None,
    }
}

/// An answer of one text.
pub fn text(text: impl Into<String>) -> Answer {
    contents(vec![Content::Text(text.into())])
}

/// An answer of any content.
pub fn contents(content: Vec<Content>) -> Answer {
    Ok(Outcome::Complete(ToolResult { content, structured: None, meta: None }))
}

/// A structured answer.
pub fn structured(value: &Value) -> Answer {
    raw_structured(value.to_string())
}

/// An answer whose structured part need not be JSON.
pub fn raw_structured(text: String) -> Answer {
    Ok(Outcome::Complete(ToolResult { content: Vec::new(), structured: Some(text), meta: None }))
}

/// An error the guest reports.
pub fn failed(message: impl Into<String>) -> Answer {
    Err(ServiceError::Failed(message.into()))
}

/// Counts for ever; the loop the optimiser leaves alone.
pub fn spin() -> ! {
    let mut n = 0_u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}
