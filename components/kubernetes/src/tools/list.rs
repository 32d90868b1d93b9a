//! `list`: objects of a kind, in the columns that kubectl shows or whole; or of several kinds, found by their names.

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{Fields, list as items_of, text};
use serde_json::Map;

use crate::Kubernetes;
use crate::api::{Api, Form, Select, continued, page_items};
use crate::kind::{self, Kind};
use crate::object::{self, clean};

const SUMMARY_LIMIT: usize = 100;
const FULL_LIMIT: usize = 20;

/// Where a name is looked for when no kind is named.
const USUAL: &str = "deploy,sts,ds,job,cronjob,pod,svc,ingress,cm,secret,pvc";

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct List {
    /// `pods`, `deploy,svc`, `certificates.cert-manager.io`. Optional with `query`.
    kind: Option<String>,
    /// Default: configured. `*`: all.
    namespace: Option<String>,
    /// `app=web,tier in (a,b)`.
    labels: Option<String>,
    /// `status.phase=Pending`.
    field_selector: Option<String>,
    /// Part of a name, fuzzy.
    query: Option<String>,
    /// Default summary.
    view: Option<View>,
    /// Only these: `["spec.replicas"]`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 100; full 20.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Listed { items: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "list",
            "List objects",
            "Objects of a kind in kubectl's columns or whole; or a name search over kinds.",
            list,
        )
        .output::<Listed>(),
    )
}

async fn list(service: &Kubernetes, args: List, _: &Call) -> Result<Output> {
    let key = Key::new("list", &args)?;
    let api = &service.api;
    let fields = args.fields.clone().unwrap_or_default();
    let kinds = match (&args.kind, &args.query) {
        (Some(kind), _) => kind::resolve_all(api, kind).await?,
        (None, Some(_)) => kind::resolve_all(api, USUAL).await?,
        (None, None) => return Err(Error::invalid("kind", "is needed unless `query` says what to look for")),
    };
    let shape = Shape { whole: args.view == Some(View::Full) || !fields.is_empty(), fields: &fields };
    let namespace = api.scope(args.namespace.as_deref());
    let select = Select { labels: args.labels.clone(), fields: args.field_selector.clone() };
    let default = if args.view == Some(View::Full) { FULL_LIMIT } else { SUMMARY_LIMIT };
    let wanted = Wanted::new(args.limit, default, args.cursor.as_deref(), key);
    let mut out = match (&kinds[..], &args.query) {
        ([kind], None) => page(api, kind, namespace, &select, shape, wanted).await?,
        (kinds, query) => search(api, kinds, namespace, &select, shape, query.as_deref(), wanted).await?,
    };
    let items = out.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let unknown = fields.unknown(items);
    out.extend(unknown);
    Ok(Output::json(&out))
}

/// How items are shown.
#[derive(Clone, Copy)]
struct Shape<'a> {
    /// From whole objects, not from the server's columns.
    whole: bool,
    fields: &'a Fields,
}

impl Shape<'_> {
    fn form(self) -> Form {
        if self.whole { Form::Objects } else { Form::Table }
    }

    fn item(self, kind: &Kind, mut object: Value) -> Value {
        // Items of a list do not say their kind, and what is secret is known by it.
        if let Some(object) = object.as_object_mut() {
            object.insert("kind".into(), kind.kind.as_ref().into());
        }
        clean(&mut object);
        let mut item = self.fields.of(&object);
        if !self.fields.is_empty()
            && let Some(item) = item.as_object_mut()
        {
            item.insert("name".into(), object::name(&object).into());
        }
        item
    }

    /// The items of one page as they are shown, with their names.
    fn items(self, kind: &Kind, mut page: Value) -> Result<Vec<(String, Value)>> {
        let rows = match text(&page, "/kind") {
            "Table" => rows(&page),
            _ if self.whole => {
                let named = |object: Value| (object::name(&object).to_owned(), self.item(kind, object));
                return Ok(page_items(&mut page)?.into_iter().map(named).collect());
            }
            // A server without tables.
            _ => page_items(&mut page)?.iter().map(plain).collect(),
        };
        Ok(rows.into_iter().map(|row| (text(&row, "/name").to_owned(), row)).collect())
    }
}

fn plain(object: &Value) -> Value {
    json!({
        "name": object::name(object), "namespace": object::namespace(object),
        "created": text(object, "/metadata/creationTimestamp"),
    })
}

/// One page, as the server pages.
async fn page(
    api: &Api,
    kind: &Kind,
    namespace: Option<&str>,
    select: &Select,
    shape: Shape<'_>,
    wanted: Wanted<'_>,
) -> Result<Map<String, Value>> {
    let next = wanted.cursor.map(|cursor| wanted.key.word(cursor)).transpose()?;
    let page = api.page(&kind.at(namespace), select, shape.form(), wanted.limit, next.as_deref()).await?;
    let (next, remaining) = (continued(&page), page.pointer("/metadata/remainingItemCount").cloned());
    let items: Vec<Value> = shape.items(kind, page)?.into_iter().map(|(_, item)| item).collect();
    let mut out = Map::new();
    out.insert("shown".into(), items.len().into());
    out.insert("items".into(), items.into());
    out.extend(remaining.map(|count| ("remaining".to_owned(), count)));
    out.extend(next.map(|next| ("next_cursor".to_owned(), wanted.key.cursor(next).into())));
    Ok(out)
}

/// Several kinds, or names that fit: all are read, and paged here.
async fn search(
    api: &Api,
    kinds: &[Kind],
    namespace: Option<&str>,
    select: &Select,
    shape: Shape<'_>,
    query: Option<&str>,
    wanted: Wanted<'_>,
) -> Result<Map<String, Value>> {
    let answers = join_all(kinds.iter().map(async |kind| {
        let mut found = Vec::new();
        let take = |page| {
            for (name, item) in shape.items(kind, page)? {
                let fit = query.map_or(Some(0), |query| fit(query, &name));
                found.extend(fit.map(|fit| (fit, with_kind(item, kind))));
            }
            Ok(())
        };
        let cut = api.pages(&kind.at(namespace), select, shape.form(), take).await?;
        Ok((found, cut))
    }))
    .await;
    let (mut found, mut missing, mut first_error) = (Vec::new(), Vec::new(), None);
    for (kind, answer) in kinds.iter().zip(answers) {
        match answer {
            Ok((items, cut)) => {
                if cut {
                    missing.push(format!(
                        "{}: there are more than one call reads; narrow the search",
                        kind.plural
                    ));
                }
                found.extend(items);
            }
            Err(error) => {
                missing.push(format!("{}: {error}", kind.plural));
                first_error.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first_error.filter(|_| missing.len() >= kinds.len() && found.is_empty()) {
        return Err(error);
    }
    // The sort is stable: kinds keep their order, and names the server's.
    found.sort_by_key(|(fit, _)| *fit);
    let page = Page::cut(found, wanted)?;
    let mut out = page.map(|(_, item)| item).into_object("items");
    if !missing.is_empty() {
        out.insert("not_listed".into(), missing.into());
    }
    Ok(out)
}

fn with_kind(mut item: Value, kind: &Kind) -> Value {
    if let Some(item) = item.as_object_mut() {
        item.insert("kind".into(), kind.kind.as_ref().into());
    }
    item
}

/// How well a name fits: exactly, from its start, somewhere, or with its letters in that order.
fn fit(query: &str, name: &str) -> Option<u8> {
    let (query, name) = (query.to_lowercase(), name.to_lowercase());
    let mut letters = name.chars();
    if name == query {
        Some(0)
    } else if name.starts_with(&query) {
        Some(1)
    } else if name.contains(&query) {
        Some(2)
    } else {
        query.chars().all(|wanted| letters.any(|letter| letter == wanted)).then_some(3)
    }
}

/// The rows of a table, by the names of their columns; those of lesser priority are for wide screens.
fn rows(table: &Value) -> Vec<Value> {
    let columns: Vec<Option<String>> = items_of(table, "/columnDefinitions")
        .iter()
        .map(|column| {
            let shown = object::number(column, "/priority") == 0;
            shown.then(|| text(column, "/name").to_lowercase().replace([' ', '-', '('], "_").replace(')', ""))
        })
        .collect();
    items_of(table, "/rows")
        .iter()
        .map(|row| {
            let mut out = Map::new();
            out.insert("name".into(), text(row, "/object/metadata/name").into());
            let namespace = text(row, "/object/metadata/namespace");
            if !namespace.is_empty() {
                out.insert("namespace".into(), namespace.into());
            }
            for (column, cell) in columns.iter().zip(items_of(row, "/cells")) {
                if let Some(column) = column.as_ref().filter(|column| *column != "name") {
                    out.insert(column.clone(), cell.clone());
                }
            }
            Value::Object(out)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_better_or_worse() {
        let fits = |query| ["web", "web-api", "my-web", "w-e-b", "api"].map(|name| fit(query, name));
        assert_eq!(fits("WEB"), [Some(0), Some(1), Some(2), Some(3), None]);
    }
}
