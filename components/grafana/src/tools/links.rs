//! `get_link`: the URL of a page, of something that was seen to be there; and a panel as people see it.

mod image;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::When;
use bulkhead_sdk::value::text;
use bulkhead_sdk::{encode_component, join};

use super::{Object, dashboard, objects};
use crate::Grafana;
use crate::api::{self, Api};
use crate::link::{explore_panes, moment, variables, with_query};

const LOGS_APP: &str = "grafana-lokiexplore-app";

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Page {
    Dashboard,
    Explore,
    LogsDrilldown,
    Folder,
    Datasource,
    AlertRule,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GetLink {
    /// Kind of page.
    page: Page,
    /// Explore and logs: a datasource's.
    uid: String,
    /// Of a dashboard.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    panel_id: Option<u32>,
    /// Also the panel as PNG: `1000x500`.
    image: Option<String>,
    /// To explore.
    query: Option<String>,
    /// Default `-1h`.
    from: Option<When>,
    /// Default now.
    to: Option<When>,
    /// `{"job": "a"}`
    variables: Option<Object>,
}

returns!(Link { url: "string" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "get_link",
        "Link or image",
        "The URL of a page for people, checked to exist; with `image`, a panel's picture too.",
        get,
    )
    .output::<Link>()
}

/// A page that is there.
struct Found {
    url: String,
    title: String,
}

async fn get(service: &Grafana, args: GetLink, _: &Call) -> Result<Output> {
    let api = &service.api;
    let from = moment(args.from.unwrap_or(When::FromNow(-3600.0)));
    let to = moment(args.to.unwrap_or(When::FromNow(0.0)));
    let mut pairs = vec![("from".to_owned(), from.clone()), ("to".to_owned(), to.clone())];
    pairs.extend(api.org());
    if let Some(size) = &args.image {
        let size = image::size(size)?;
        let panel = args.panel_id.filter(|_| args.page == Page::Dashboard);
        let panel =
            panel.ok_or_else(|| Error::invalid("image", "is of a panel: page dashboard, with `panel_id`"))?;
        pairs.extend(variables(args.variables.as_deref()));
        let (found, available) = join!(on_dashboard(api, &args, &pairs), image::available(api));
        available?;
        let found = found?;
        let image = image::render(api, &args.uid, panel, &pairs, size).await?;
        return Ok(output(&found).content(image));
    }
    let found = match args.page {
        Page::Dashboard => {
            pairs.extend(variables(args.variables.as_deref()));
            on_dashboard(api, &args, &pairs).await?
        }
        Page::Explore => {
            let source = objects::datasource(api, &args.uid).await?;
            let (uid, kind) = (text(&source, "/uid"), text(&source, "/type"));
            let panes = explore_panes(uid, kind, args.query.as_deref(), &from, &to);
            let mut pairs = vec![("schemaVersion".to_owned(), "1".to_owned()), ("panes".to_owned(), panes)];
            pairs.extend(api.org());
            named(with_query(&api.public("/explore"), &pairs), &source, "/name")
        }
        Page::LogsDrilldown => logs(api, &args.uid, pairs).await?,
        Page::Folder => {
            let found = api::json::<Value>(api.get("/api/folders").segment(&args.uid)).await;
            let folder = api::named(found, &format!("folder `{}`", args.uid))?;
            named(api.public_of(text(&folder, "/url")), &folder, "/title")
        }
        Page::Datasource => {
            let source = objects::datasource(api, &args.uid).await?;
            let path = format!("/connections/datasources/edit/{}", encode_component(text(&source, "/uid")));
            named(api.public(&path), &source, "/name")
        }
        Page::AlertRule => {
            let found =
                api::json::<Value>(api.get("/api/v1/provisioning/alert-rules").segment(&args.uid)).await;
            let rule = api::named(found, &format!("alert rule `{}`", args.uid))?;
            let path = format!("/alerting/grafana/{}/view", encode_component(&args.uid));
            named(api.public(&path), &rule, "/title")
        }
    };
    if found.title.is_empty() {
        return Err(Error::failed(format!("what Grafana has as `{}` has no name", args.uid)));
    }
    Ok(output(&found))
}

fn output(found: &Found) -> Output {
    Output::json(&json!({ "url": found.url, "title": found.title }))
}

fn named(url: String, of: &Value, title: &str) -> Found {
    Found { url, title: text(of, title).to_owned() }
}

/// A dashboard, or a panel on it.
async fn on_dashboard(api: &Api, args: &GetLink, pairs: &[(String, String)]) -> Result<Found> {
    let (board, meta) = dashboard::current(api, &args.uid).await?;
    let mut found = named(api.public_of(text(&meta, "/url")), &board, "/title");
    let mut pairs = pairs.to_vec();
    if let Some(id) = args.panel_id {
        found.title = format!("{} / {}", found.title, text(dashboard::panel(&board, id)?, "/title"));
        pairs.push(("viewPanel".to_owned(), id.to_string()));
    }
    found.url = with_query(&found.url, &pairs);
    Ok(found)
}

/// Logs Drilldown is a plugin, which has to be there and to be enabled.
async fn logs(api: &Api, uid: &str, mut pairs: Vec<(String, String)>) -> Result<Found> {
    let (source, plugin) = join!(
        objects::datasource(api, uid),
        api::json::<Value>(api.get("/api/plugins").segment(LOGS_APP).segment("settings")),
    );
    let plugin =
        api::named(plugin, &format!("the plugin {LOGS_APP} is not installed; page explore shows logs too"))?;
    if plugin.get("enabled").and_then(Value::as_bool) != Some(true) {
        return Err(Error::failed(format!(
            "the plugin {LOGS_APP} is not enabled; page explore shows logs too"
        )));
    }
    let source = source?;
    let kind = text(&source, "/type");
    if kind != "loki" {
        return Err(Error::invalid("uid", format!("is a datasource of type `{kind}`, not loki")));
    }
    pairs.push(("var-ds".to_owned(), text(&source, "/uid").to_owned()));
    Ok(named(with_query(&api.public(&format!("/a/{LOGS_APP}/explore")), &pairs), &source, "/name"))
}
