//! `list`: applications, and the projects, clusters and repositories they belong to; what is not well comes first.

mod kind;

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{Fields, take};

use super::contains;
use crate::api::{self, Api};
use crate::{ArgoCd, app, secret};

use kind::Kind;

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct List {
    /// Default applications.
    kind: Option<Kind>,
    /// Text in name or URL.
    contains: Option<String>,
    /// Not what is well.
    unwell: Option<bool>,
    /// Of applications.
    project: Option<String>,
    /// Its URL.
    repo: Option<String>,
    /// Labels: `team=x`.
    selector: Option<String>,
    view: Option<View>,
    /// `["spec.source"]`.
    #[schemars(length(max = 30))]
    fields: Option<Fields>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Listed { items: "array" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::reads(
        "list",
        "List",
        "Applications with health and sync, projects, clusters, repositories; what is not well first. Start here.",
        list,
    )
    .output::<Listed>()
}

/// All applications the credential may see, with the fields that are asked for.
pub(crate) async fn fetch(api: &Api, fields: &str) -> Result<Vec<Value>> {
    let mut found: Value = api::json(api.get("/api/v1/applications").query("fields", fields)).await?;
    listed(&mut found)
}

/// The items; an empty list comes as `null`, and what has none at all is no list.
fn listed(found: &mut Value) -> Result<Vec<Value>> {
    match found.get("items") {
        Some(Value::Array(_) | Value::Null) => Ok(take(found, "items")),
        _ => {
            Err(Error::failed("the answer has no `items`, so this is not Argo CD: check the service's `url`"))
        }
    }
}

async fn list(service: &ArgoCd, args: List, _: &Call) -> Result<Output> {
    let kind = args.kind.unwrap_or_default();
    let full = args.view == Some(View::Full) || args.fields.is_some();
    let mut request = service.api.get(kind.path());
    if kind == Kind::Applications {
        let fields = (!full).then_some(app::FIELDS);
        request = request
            .query_opt("projects", args.project.as_ref())
            .query_opt("repo", args.repo.as_ref())
            .query_opt("selector", args.selector.as_ref());
        request = request.query_opt("fields", fields);
    } else if let Some(argument) = args.only_for_applications() {
        return Err(Error::invalid(argument, "is for applications: leave it out"));
    }
    let mut found = listed(&mut api::json(request).await?)?;
    found.retain(|item| kind.names(item).iter().any(|name| contains(name, args.contains.as_deref())));
    let counts = kind.counts(&found);
    let well = found.iter().filter(|item| kind.is_well(item)).count();
    if args.unwell == Some(true) {
        found.retain(|item| !kind.is_well(item));
    }
    found.sort_by_cached_key(|item| (kind.rank(item), kind.names(item)));
    let wanted = Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), Key::new("list", &args)?);
    let fields = args.fields.clone().unwrap_or_default();
    let page = Page::cut(found, wanted)?;
    let unknown = fields.unknown(&page.items);
    let shaped = |item: Value| {
        let item = secret::redacted(&item);
        if full { fields.of(&item) } else { kind.summary(&item) }
    };
    let mut out = page.map(shaped).into_object("items");
    out.insert("counts".into(), counts);
    out.insert("well".into(), well.into());
    out.extend(unknown);
    Ok(Output::json(&out))
}

impl List {
    /// The first argument that says nothing about other kinds.
    fn only_for_applications(&self) -> Option<&'static str> {
        let given = [
            ("project", self.project.is_some()),
            ("repo", self.repo.is_some()),
            ("selector", self.selector.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(argument, _)| argument)
    }
}
