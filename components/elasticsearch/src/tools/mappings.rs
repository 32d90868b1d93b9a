//! `mappings`: the fields of indices and their types.
//!
//! From field capabilities, not mappings: a pattern may stand for hundreds of indices with the same mapping, and only
//! these tell where they disagree. The mapping as it was written is a resource.

use std::time::Duration;

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::taken;
use serde_json::Map;

use crate::Elasticsearch;

const DEFAULT_LIMIT: usize = 100;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Mappings {
    /// `logs-*`.
    index: Option<String>,
    /// Part of the name.
    contains: Option<String>,
    /// Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Listed {
    fields: Vec<Value>,
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "mappings",
            "Fields",
            "Fields with type; which do not search or aggregate, or conflict.",
            mappings,
        )
        .output::<Listed>()
        .cache(Duration::from_secs(60)),
    )
}

async fn mappings(service: &Elasticsearch, args: Mappings, _: &Call) -> Result<Output> {
    let index = service.index(args.index.as_deref())?;
    let key = Key::new("mappings", &args)?;
    let mut fields = fields(service, index).await?;
    if let Some(part) = args.contains.as_ref().map(|part| part.to_lowercase()) {
        fields.retain(|(name, _)| name.to_lowercase().contains(&part));
    }
    let page = Page::cut(fields, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    Ok(Output::json(&page.map(|(name, kinds)| line(&name, &kinds)).into_object("fields")))
}

/// The fields of documents, by name; not `_id` and its like, nor the objects that hold them.
pub(crate) async fn fields(
    service: &Elasticsearch,
    index: &str,
) -> Result<Vec<(String, Map<String, Value>)>> {
    let ask = service.api.get(&[index, "_field_caps"]).with("fields", "*").blame("index");
    let Value::Object(fields) = taken(&mut ask.object().await?, "fields") else {
        return Err(Error::failed("Elasticsearch's answer to _field_caps has no fields"));
    };
    let holds = |kinds: &Map<String, Value>| {
        kinds
            .iter()
            .any(|(kind, caps)| caps["metadata_field"] != true && kind != "object" && kind != "nested")
    };
    let named = fields.into_iter().filter_map(|(name, kinds)| match kinds {
        Value::Object(kinds) => Some((name, kinds)),
        _ => None,
    });
    Ok(named.filter(|(_, kinds)| holds(kinds)).collect())
}

fn line(name: &str, kinds: &Map<String, Value>) -> Value {
    let mut out = Map::from_iter([("field".to_owned(), Value::from(name))]);
    let mut mapped = kinds.iter().filter(|(kind, _)| *kind != "unmapped");
    match (mapped.next(), mapped.next()) {
        (Some((kind, _)), None) => out.insert("type".into(), kind.as_str().into()),
        _ => {
            let each = kinds.iter().map(|(kind, caps)| (kind.clone(), places(&caps["indices"])));
            out.insert("conflict".into(), Value::Object(each.collect()))
        }
    };
    for flag in ["searchable", "aggregatable"] {
        if kinds.values().any(|caps| caps[flag] == false) {
            out.insert(flag.into(), false.into());
        }
    }
    out.into()
}

/// The first indices that have a type, and how many more.
fn places(indices: &Value) -> Value {
    match indices.as_array() {
        Some(all) if all.len() > 3 => {
            let first = all.iter().take(3).filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            format!("{first} and {} more", all.len() - 3).into()
        }
        Some(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ").into(),
        None => "others".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_tells_where() {
        let kinds = json!({
            "keyword": { "aggregatable": true, "searchable": true, "indices": ["a", "b", "c", "d", "e"] },
            "long": { "aggregatable": true, "searchable": false, "indices": ["z"] },
        });
        assert_eq!(
            line("x", kinds.as_object().unwrap()),
            json!({ "field": "x", "conflict": { "keyword": "a, b, c and 2 more", "long": "z" }, "searchable": false })
        );
    }
}
