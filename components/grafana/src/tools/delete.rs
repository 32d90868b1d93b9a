//! `delete`: takes away one dashboard, folder, datasource, alert rule or annotation.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use bulkhead_sdk::{Request, join};

use super::picked;
use crate::Grafana;
use crate::api::{self, Api};

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Dashboard,
    Folder,
    Datasource,
    AlertRule,
    Annotation,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Delete {
    /// What it is.
    kind: Kind,
    /// Its uid; an annotation's id.
    id: String,
    /// Of a folder, also its alert rules.
    force: Option<bool>,
    /// Only tell what would go.
    dry_run: Option<bool>,
}

returns!(Deleted { message: "string", deletes: "object" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::writes(
        "delete",
        "Delete",
        "Deletes one object for good; a folder with all in it. dry_run first.",
        delete,
    )
    .destructive()
    .idempotent()
    .tag("admin")
    .output::<Deleted>()
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Dashboard => "/api/dashboards/uid",
            Self::Folder => "/api/folders",
            Self::Datasource => "/api/datasources/uid",
            Self::AlertRule => "/api/v1/provisioning/alert-rules",
            Self::Annotation => "/api/annotations",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Folder => "folder",
            Self::Datasource => "datasource",
            Self::AlertRule => "alert rule",
            Self::Annotation => "annotation",
        }
    }

    fn request(self, api: &Api, method: Method, id: &str) -> Request {
        api.request(method, self.path()).segment(id)
    }
}

async fn delete(service: &Grafana, args: Delete, _: &Call) -> Result<Output> {
    let (api, kind) = (&service.api, args.kind);
    let what = format!("{} `{}`", kind.word(), args.id);
    if kind == Kind::Annotation && args.id.parse::<u64>().is_err() {
        return Err(Error::invalid("id", "an annotation has a number"));
    }
    if args.force == Some(true) && kind != Kind::Folder {
        return Err(Error::invalid("force", "is for a folder"));
    }
    if args.dry_run == Some(true) {
        let deletes = api::named(seen(api, kind, &args.id).await, &what)?;
        return Ok(Output::json(&json!({ "dry_run": true, "deletes": deletes })));
    }
    let force = args.force.filter(|force| *force);
    // No `X-Disable-Provenance` here: with it Grafana would not delete rules that were made over the API.
    let request = kind.request(api, Method::Delete, &args.id).query_opt("forceDeleteRules", force);
    let response = api::send(request).await?;
    // Only of an alert rule Grafana says nothing when it is gone.
    if kind == Kind::AlertRule && response.status == 204 {
        return Ok(Output::json(&json!({ "message": format!("there is no {what} any more") })));
    }
    let done: Value = api::named(api::read(&response), &what)?;
    let message = match (text(&done, "/message"), text(&done, "/title")) {
        ("", "") => {
            return Err(Error::failed(
                "Grafana did not say that it deleted anything: look whether it is there",
            ));
        }
        ("", title) => format!("{title} deleted"),
        (message, _) => message.to_owned(),
    };
    Ok(Output::json(&json!({ "message": message })))
}

/// What would go.
async fn seen(api: &Api, kind: Kind, id: &str) -> Result<Value> {
    let found = api::json::<Value>(kind.request(api, Method::Get, id));
    Ok(match kind {
        Kind::Folder => {
            let counts = api::json::<Value>(kind.request(api, Method::Get, id).segment("counts"));
            let (folder, counts) = join!(found, counts);
            let mut out = picked(&folder?, &["uid", "title"]);
            let counts = api::optional(counts, "counts", &mut Vec::new())?;
            if let Some(object) = out.as_object_mut() {
                object.extend(counts.map(|counts| ("holds".to_owned(), counts)));
            }
            out
        }
        Kind::Dashboard => {
            let found = found.await?;
            let mut out =
                picked(found.get("dashboard").unwrap_or(&Value::Null), &["uid", "title", "version"]);
            if let Some(object) = out.as_object_mut() {
                object.insert("folder".into(), text(&found, "/meta/folderTitle").into());
            }
            out
        }
        Kind::Datasource => picked(&found.await?, &["uid", "name", "type", "url"]),
        Kind::AlertRule => picked(&found.await?, &["uid", "title", "folderUID", "ruleGroup"]),
        Kind::Annotation => picked(&found.await?, &["id", "text", "tags", "time", "dashboardUID"]),
    })
}
