//! `dependencies`: who calls whom.

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, Window};

use crate::Jaeger;
use crate::model::Dependency;

const DAY: f64 = 86_400.0;
const DEFAULT_LIMIT: usize = 100;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Dependencies {
    /// Only its calls, both ways.
    service: Option<String>,
    /// Default `-24h`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
    /// Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    calls: Vec<Value>,
}

pub(super) fn tool() -> Tool<Jaeger> {
    Tool::reads(
        "dependencies",
        "Dependencies",
        "Which services call which, how often, the most first.",
        dependencies,
    )
    .output::<Answer>()
}

async fn dependencies(jaeger: &Jaeger, args: Dependencies, call: &Call) -> Result<Output> {
    let window = Window::resolve(args.start, args.end, DAY, call)?;
    let mut found = jaeger.api.dependencies(window).await?;
    if let Some(service) = &args.service {
        found.retain(|edge| edge.parent == *service || edge.child == *service);
    }
    let wanted =
        Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), Key::new("dependencies", &args)?);
    let told = |edge: Dependency| json!({ "caller": edge.parent, "called": edge.child, "calls": edge.calls });
    let mut out = Page::cut(found, wanted)?.map(told).into_object("calls");
    out.insert("window".into(), window.told());
    if out.get("total").and_then(Value::as_u64) == Some(0) {
        let why = "none is known; with most storages a job computes them, which may not run: diagnose and trace show calls too";
        out.insert("hint".into(), why.into());
    }
    Ok(Output::json(&out))
}
