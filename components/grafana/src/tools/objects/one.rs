//! One folder, datasource, plugin or server, with what is worth knowing beside its own fields.

use std::time::Duration;

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use crate::api::{self, Api};
use crate::redact;
use crate::tools::{noted, picked};

/// A test that takes longer says enough.
const TEST: Duration = Duration::from_secs(15);

fn single(mut one: Value, mut notes: Vec<String>) -> Output {
    if redact::secrets(&mut one) {
        notes.push("secrets are redacted".to_owned());
    }
    let mut out = Map::new();
    out.insert("total".into(), 1.into());
    out.insert("shown".into(), 1.into());
    out.insert("items".into(), json!([one]));
    noted(&mut out, notes);
    Output::json(&out)
}

/// A folder with who may use it and what it holds.
pub(super) async fn folder(api: &Api, uid: &str) -> Result<Output> {
    let at = || api.get("/api/folders").segment(uid);
    let (folder, permissions, counts) = join!(
        api::json::<Value>(at()),
        api::list(at().segment("permissions")),
        api::json::<Value>(at().segment("counts")),
    );
    let mut folder = api::named(folder, &format!("folder `{uid}`"))?;
    let mut notes = Vec::new();
    let permissions = api::optional(permissions, "permissions", &mut notes)?;
    let counts = api::optional(counts, "counts", &mut notes)?;
    if let Some(object) = folder.as_object_mut() {
        let who = |one: &Value| picked(one, &["role", "userLogin", "team", "permissionName", "inherited"]);
        object.extend(permissions.map(|all| ("permissions".to_owned(), all.iter().map(who).collect())));
        object.extend(counts.map(|counts| ("counts".to_owned(), counts)));
    }
    Ok(single(folder, notes))
}

/// A datasource by uid, or by name where no uid is so; `default` is the default one.
pub(crate) async fn datasource(api: &Api, id: &str) -> Result<Value> {
    if id == "default" {
        let all = api::list(api.get("/api/datasources")).await?;
        let found = all.into_iter().find(|one| one.get("isDefault").and_then(Value::as_bool) == Some(true));
        return found.ok_or_else(|| Error::not_found("this Grafana has no default datasource"));
    }
    match api::json(api.get("/api/datasources/uid").segment(id)).await {
        Err(Error::NotFound(_)) => {
            let found = api::json(api.get("/api/datasources/name").segment(id)).await;
            api::named(found, &format!("datasource `{id}`, by uid and by name"))
        }
        other => other,
    }
}

/// A datasource with the result of its test.
pub(super) async fn with_health(api: &Api, id: &str) -> Result<Output> {
    let (source, test) = join!(datasource(api, id), health_of(api, id));
    let mut source = source?;
    let uid = text(&source, "/uid").to_owned();
    // A name was given: now that its uid is known, that is tested.
    let test = if uid == id { test } else { health_of(api, &uid).await };
    if let Some(object) = source.as_object_mut() {
        object.insert("health".into(), test);
        object.remove("typeLogoUrl");
    }
    Ok(single(source, Vec::new()))
}

/// The result of a datasource's own test: `{status, message}`. A test that fails is a result: `ERROR`. `UNTESTED` has no
/// test, and of `UNKNOWN` nothing can be said.
pub(crate) async fn health_of(api: &Api, uid: &str) -> Value {
    let request = api.get("/api/datasources/uid").segment(uid).segment("health").timeout(TEST);
    let say = |status: &str, message: String| json!({ "status": status, "message": message });
    let response = match api::send(request).await {
        Ok(response) => response,
        Err(error @ Error::Unavailable { .. }) => {
            return say("ERROR", format!("no answer to its test: {error}"));
        }
        Err(error) => return say("UNKNOWN", error.to_string()),
    };
    let told: Option<Value> = serde_json::from_slice(&response.body).ok();
    match (response.status, told) {
        (_, Some(told)) if told.get("status").is_some_and(Value::is_string) => {
            picked(&told, &["status", "message"])
        }
        (404 | 501, _) => say("UNTESTED", "it has no test".to_owned()),
        (200..=299, Some(told)) => say("OK", text(&told, "/message").to_owned()),
        (200..=399, _) => say("UNKNOWN", api::foreign(&response).to_string()),
        (500.., _) => say("ERROR", response.error().to_string()),
        _ => say("UNKNOWN", response.error().to_string()),
    }
}

pub(super) async fn plugin(api: &Api, id: &str) -> Result<Output> {
    let found = api::json::<Value>(api.get("/api/plugins").segment(id).segment("settings")).await;
    let mut plugin = api::named(found, &format!("plugin `{id}`"))?;
    if let Some(object) = plugin.as_object_mut() {
        object.remove("includes");
    }
    Ok(single(plugin, Vec::new()))
}

/// Version, organisation and user: whether this service gets in, and as whom.
pub(super) async fn server(api: &Api) -> Result<Output> {
    let (health, user, org) = join!(
        api::json::<Value>(api.get("/api/health")),
        api::json::<Value>(api.get("/api/user")),
        api::json::<Value>(api.get("/api/org")),
    );
    let mut out = health?;
    if out.get("database").is_none() {
        return Err(Error::failed("the answer is no Grafana's: it does not say how its `database` is"));
    }
    let mut notes = Vec::new();
    let user = api::optional(user, "user", &mut notes)?;
    let org = api::optional(org, "organisation", &mut notes)?;
    if let Some(object) = out.as_object_mut() {
        let who = |user: Value| picked(&user, &["login", "name", "email", "isGrafanaAdmin", "orgId"]);
        object.extend(user.map(|user| ("user".to_owned(), who(user))));
        object.extend(org.map(|org| ("org".to_owned(), org)));
    }
    Ok(single(out, notes))
}

/// The health check of the service itself.
pub(crate) async fn health(api: &Api) -> Result<String, String> {
    let told: Value = api::json(api.get("/api/health")).await.map_err(|error| error.to_string())?;
    match text(&told, "/database") {
        "ok" => Ok(format!("Grafana {} answers", text(&told, "/version"))),
        "" => Err("what answers is no Grafana: check the service's `url`".to_owned()),
        state => Err(format!("Grafana {} answers, but its database is `{state}`", text(&told, "/version"))),
    }
}
