//! `diagnose`: why an application is out of sync or unhealthy.
//!
//! Five things are read at once, of which only the application itself has to be there; what could not be read is told. Then
//! `rules` says what follows from each. The events of what is to blame are read last, because only then it is known.

mod rules;

use bulkhead_sdk::error::tolerated;
use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

use crate::api::{self, Api, Named};
use crate::node::{self, Tree};
use crate::{ArgoCd, app, change};

use rules::Facts;

/// Resources to blame whose events are read; each is a request.
const BLAMED: usize = 3;
/// Events that are told, and resources to blame.
const MOST: usize = 10;
const LONGEST: usize = 400;

#[derive(Debug, Deserialize, JsonSchema)]
struct Diagnose {
    /// `shop` or `namespace/shop`.
    name: String,
}

returns!(Told { verdict: "string", findings: "array" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::reads(
        "diagnose",
        "Diagnose",
        "Why an application is out of sync or unhealthy, with evidence and what to do.",
        diagnose,
    )
    .output::<Told>()
}

async fn diagnose(service: &ArgoCd, args: Diagnose, _: &Call) -> Result<Output> {
    let (api, name) = (&service.api, Named::parse(&args.name)?);
    let get = |what: &'static str| {
        let request = api.of(&name, &[what]);
        async move { api::json::<Value>(request).await }
    };
    let (found, tree, managed, events, windows) = join!(
        api.app(&name),
        Tree::read(api, &name),
        get("managed-resources"),
        get("events"),
        get("syncwindows")
    );
    let app = found?;
    if text(&app, "/metadata/name").is_empty() {
        return Err(Error::failed("the answer is not an application: check the service's `url`"));
    }
    let mut unknown = Vec::new();
    let tree = tolerated("resource tree", tree, &mut unknown);
    let changes = managed.map(|managed| Some(change::changes(&managed)));
    let changes = tolerated("differences", changes, &mut unknown);
    let windows = tolerated("sync windows", windows, &mut unknown);
    let mut events = list(&tolerated("events", events, &mut unknown), "/items").to_vec();
    let causes = tree.causes();
    let blamed = causes.iter().take(BLAMED).map(|node| events_of(api, &name, node));
    for (node, found) in causes.iter().zip(join_all(blamed).await) {
        let found = tolerated(format!("events of {}", node::label(node)), found, &mut unknown);
        events.extend(list(&found, "/items").iter().cloned());
    }
    let facts = Facts { app: &app, tree: &tree, changes: changes.as_deref(), windows: &windows };
    let findings = facts.findings();
    let blamed: Vec<Value> = causes.iter().take(MOST).map(|node| tree.told(node)).collect();
    let mut out = json!({
        "verdict": facts.verdict(&findings),
        "application": app::summary(&app),
        "findings": findings,
        "causes_total": causes.len(),
        "causes": blamed,
        "events": warnings_first(&events),
    });
    if let (Some(out), false) = (out.as_object_mut(), unknown.is_empty()) {
        out.insert("unknown".into(), unknown.into());
    }
    Ok(Output::json(&out))
}

async fn events_of(api: &Api, name: &Named<'_>, node: &Value) -> Result<Value> {
    let request = api
        .of(name, &["events"])
        .query("resourceNamespace", text(node, "/namespace"))
        .query("resourceName", text(node, "/name"))
        .query("resourceUID", text(node, "/uid"));
    api::json(request).await
}

/// Warnings before the rest, each latest first.
fn warnings_first(events: &[Value]) -> Vec<Value> {
    let mut sorted: Vec<&Value> = events.iter().collect();
    // RFC 3339 in UTC sorts as text.
    sorted.sort_by(|a, b| text(b, "/lastTimestamp").cmp(text(a, "/lastTimestamp")));
    sorted.sort_by_key(|event| text(event, "/type") != "Warning");
    let told = |event: &&Value| {
        json!({
            "type": text(event, "/type"), "reason": text(event, "/reason"),
            "object": format!("{}/{}", text(event, "/involvedObject/kind"), text(event, "/involvedObject/name")),
            "message": shortened(text(event, "/message"), LONGEST),
            "count": event.get("count"), "last": event.get("lastTimestamp"),
        })
    };
    sorted.iter().take(MOST).map(told).collect()
}
