//! `test_connection` and the health check: whether Argo CD answers, as whom, and which it is.

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use super::list;
use crate::ArgoCd;
use crate::api::{self, Api};

/// All that is needed to count them.
const NAMES: &str = "items.metadata.name";

returns!(Told { connected: "boolean" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::reads("test_connection", "Connection", "Whether it answers; version, user.", test_connection)
        .output::<Told>()
}

async fn test_connection(service: &ArgoCd, _: NoArgs, _: &Call) -> Result<Output> {
    let api = &service.api;
    let (found, version, user) = join!(list::fetch(api, NAMES), version(api), user(api));
    // The version is told to anybody: only reading proves that reading works.
    let found = found?.len();
    let mut out = json!({
        "connected": true, "applications": found, "version": version.ok(), "user": user.unwrap_or_default(),
    });
    if let (Some(out), 0) = (out.as_object_mut(), found) {
        let note = "it answers, but this credential sees no application: there is none, or it lacks the right to get them";
        out.insert("note".into(), note.into());
    }
    Ok(Output::json(&out))
}

async fn version(api: &Api) -> Result<String> {
    let found: Value = api::json(api.get("/api/version")).await?;
    match text(&found, "/Version") {
        "" => Err(Error::failed("the answer has no version")),
        version => Ok(version.to_owned()),
    }
}

async fn user(api: &Api) -> Result<Value> {
    let found: Value = api::json(api.get("/api/v1/session/userinfo")).await?;
    let known = found.get("loggedIn").and_then(Value::as_bool) == Some(true);
    Ok(if known { text(&found, "/username").into() } else { "anonymous".into() })
}

/// One sentence for the operator.
pub(crate) async fn health(api: &Api) -> Result<String, String> {
    let (found, version) = join!(list::fetch(api, NAMES), version(api));
    let found = found.map_err(|error| error.to_string())?.len();
    Ok(match version {
        Ok(version) => format!("Argo CD {version} answers; {found} applications"),
        Err(_) => format!("Argo CD answers, but does not tell its version; {found} applications"),
    })
}
