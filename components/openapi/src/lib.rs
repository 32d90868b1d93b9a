//! Any HTTP API with an OpenAPI document as a Bulkhead component: each operation that is chosen is a tool.
//!
//! Reading order: `config` is what the operator writes; `load` gets the document and what it refers to, when tools are
//! listed and then only; `bulkhead_openapi` maps it. A tool's plan is all that a call needs: `call` sends the request, and
//! `result` makes something of the response. Nothing here knows of credentials: the host adds them on the way out.

mod call;
mod config;
mod load;
mod result;

use bulkhead_openapi::{Operation, Outcome, map};
use bulkhead_sdk::prelude::*;

pub use config::Config;

/// One configured API.
#[derive(Debug)]
pub struct OpenApi {
    config: Config,
}

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Service for OpenApi {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("openapi", env!("CARGO_PKG_VERSION"), "OpenAPI")
            .description(
                "Offers the operations of an API that has an OpenAPI document (Swagger 2.0, OpenAPI 3.0, 3.1) as tools. \
                 Each tool may send its own operation's requests and nothing else.",
            )
            .egress("{config.url}/**", METHODS, "sends the requests of the operations that are chosen")
            .egress("{config.servers}/**", METHODS, "the same, to servers that the document names")
            .egress("{config.document}", &["GET"], "reads the API's document, when tools are listed")
            .egress("{config.references}/**", &["GET"], "reads what the document refers to, when tools are listed")
    }

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config })
    }

    async fn list(&self) -> Result<Tools<Self>> {
        let document = load::document(&self.config).await?;
        let mapping = map(&document, &self.config.settings());
        let title = document.title().to_owned();
        drop(document); // the largest there is in memory; the tools come on top of it
        report(&mapping.notes);
        if mapping.operations.is_empty() {
            return Err(Error::failed(format!(
                "`{title}` gives no tools: none of its operations is chosen and can be mapped; the log says why of each"
            )));
        }
        let tools = mapping.operations.into_iter().map(tool).collect::<Result<Vec<_>>>()?;
        Ok(Tools::new().extend(tools))
    }

    /// A call needs its plan and not the document.
    fn tool(&self, name: &str, plan: Option<&[u8]>) -> Option<Tool<Self>> {
        plan.map(|_| Tool::new(name.to_owned(), "", call::run))
    }

    async fn health(&self) -> Result<String, String> {
        load::health(&self.config).await
    }
}

fn tool(operation: Operation) -> Result<Tool<OpenApi>> {
    let plan = operation.plan.to_bytes().map_err(Error::failed)?;
    let egress = json!([{ "url": operation.plan.pattern(), "methods": [operation.plan.method()] }]);
    let mut tool = Tool::new(operation.name, operation.description, call::run)
        .input_schema(operation.input_schema)
        .meta(json!({ "bulkhead/egress": egress }))
        .plan(plan);
    if let Some(title) = operation.title {
        tool = tool.title(title);
    }
    if let Some(schema) = operation.output_schema {
        tool = tool.output_schema(schema);
    }
    let hints = operation.annotations;
    if hints.read_only {
        tool = tool.read_only();
    }
    if hints.destructive {
        tool = tool.destructive();
    }
    if hints.idempotent {
        tool = tool.idempotent();
    }
    if hints.open_world {
        tool = tool.open_world();
    }
    Ok(operation.tags.into_iter().fold(tool, Tool::tag))
}

/// A line for each note; what was not chosen is counted, for there may be thousands.
fn report(notes: &[bulkhead_openapi::Note]) {
    let mut left = std::collections::BTreeMap::<&str, usize>::new();
    for note in notes {
        match note.outcome {
            Outcome::NotChosen(list) => *left.entry(list).or_default() += 1,
            Outcome::Dropped(_) => bulkhead_sdk::log(Level::Warning, &note.to_string()),
            // As the document has it: of interest to who looks, and not in the log of every start.
            Outcome::Mapped(_) if note.remarks.is_empty() => {
                bulkhead_sdk::log(Level::Debug, &note.to_string())
            }
            Outcome::Mapped(_) | Outcome::Said => bulkhead_sdk::log(Level::Info, &note.to_string()),
        }
    }
    for (list, count) in left {
        bulkhead_sdk::log(Level::Info, &format!("document: {count} operations not chosen ({list})"));
    }
}

bulkhead_sdk::register!(OpenApi);
