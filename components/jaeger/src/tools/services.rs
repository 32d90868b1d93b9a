//! `services`: who is traced, and what each of them does.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::try_join_all;

use crate::Jaeger;
use crate::model::Operation;

const DEFAULT_LIMIT: usize = 100;
/// In full each service is asked about, so fewer of them are on a page.
const MOST_IN_FULL: u32 = 25;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Services {
    /// List its operations and their kinds.
    service: Option<String>,
    /// In the name, any case.
    contains: Option<String>,
    /// `full` counts operations.
    #[serde(default)]
    view: View,
    /// Default 100, `full` 25.
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
    items: Vec<Value>,
}

pub(super) fn tool() -> Tool<Jaeger> {
    Tool::reads("services", "Services", "Lists traced services, or one's operations.", services)
        .cache(Duration::from_secs(60))
        .output::<Answer>()
}

async fn services(jaeger: &Jaeger, args: Services, _: &Call) -> Result<Output> {
    let key = Key::new("services", &args)?;
    let contains = args.contains.as_deref().unwrap_or_default().to_lowercase();
    let fits = |name: &str| name.to_lowercase().contains(&contains);
    let counted = args.service.is_none() && args.view == View::Full;
    let limit = if counted { Some(args.limit.unwrap_or(MOST_IN_FULL).min(MOST_IN_FULL)) } else { args.limit };
    let wanted = Wanted::new(limit, DEFAULT_LIMIT, args.cursor.as_deref(), key);
    let page = match &args.service {
        Some(service) => {
            let mut operations = jaeger.api.operations(service).await?;
            operations.retain(|operation| fits(&operation.name));
            Page::cut(operations, wanted)?.map(|found| json!({ "operation": found.name, "kind": found.kind }))
        }
        None => {
            let mut services = jaeger.api.services().await?;
            services.retain(|name| fits(name));
            let page = Page::cut(services, wanted)?;
            if counted {
                let asked = page.items.iter().map(|service| jaeger.api.operations(service));
                let mut operations = try_join_all(asked).await?.into_iter();
                page.map(|service| count(&service, &operations.next().unwrap_or_default()))
            } else {
                page.map(Value::from)
            }
        }
    };
    let mut out = page.into_object("items");
    if let (Some(service), Some(0)) = (&args.service, out.get("total").and_then(Value::as_u64)) {
        out.insert("hint".into(), super::similar(jaeger, service).await?.into());
    }
    Ok(Output::json(&out))
}

fn count(service: &str, operations: &[Operation]) -> Value {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for operation in operations {
        let kind = if operation.kind.is_empty() { "unspecified" } else { &operation.kind };
        *kinds.entry(kind).or_default() += 1;
    }
    json!({ "service": service, "operations": operations.len(), "kinds": kinds })
}
