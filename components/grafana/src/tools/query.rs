//! `query_datasource`: runs a panel's queries, or a given one, through Grafana, and gives series or rows.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, rfc3339};
use bulkhead_sdk::value::{list, text};
use serde_json::Map;

use super::{Object, millis, noted, window};
use crate::Grafana;
use crate::api::{self, Api};
use crate::dashboard;
use crate::frames::{self, Bounds};
use crate::tools::{dashboard as board, objects};

/// What expressions have for a datasource.
const EXPRESSION: &str = "__expr__";

const HOUR: f64 = 3600.0;
const POINTS: u32 = 60;
const SERIES: usize = 30;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Query {
    /// Uid or name; for a panel: its own.
    datasource: Option<String>,
    /// `rate(x[5m])`, LogQL, SQL, or the datasource's query as an object.
    query: Option<Value>,
    /// Run this dashboard's panel instead.
    dashboard_uid: Option<String>,
    /// Of that dashboard.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    panel_id: Option<u32>,
    /// `{"job": ["a"]}`; default: as saved.
    variables: Option<Object>,
    /// Default `-1h`.
    from: Option<When>,
    /// Default now.
    to: Option<When>,
    /// Points or rows of each; default 60.
    #[schemars(range(min = 1, max = 1000))]
    max_points: Option<u32>,
}

returns!(Answers { results: "array" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "query_datasource",
        "Query a datasource",
        "Runs a query, or a panel's, through its datasource: series with min, max, avg, last and points, or rows.",
        query,
    )
    .output::<Answers>()
}

async fn query(service: &Grafana, args: Query, call: &Call) -> Result<Output> {
    let api = &service.api;
    let (from, to) = window(args.from, args.to, HOUR, call)?;
    let points = args.max_points.unwrap_or(POINTS);
    let mut queries = match (&args.query, &args.dashboard_uid, args.panel_id) {
        (Some(query), None, None) => given(api, &args, query).await?,
        (None, Some(uid), Some(panel)) => of_panel(api, &args, uid, panel).await?,
        (Some(_), ..) => {
            return Err(Error::invalid(
                "query",
                "is in place of a panel: leave `dashboard_uid` and `panel_id` out",
            ));
        }
        _ => return Err(Error::invalid("query", "is needed, or `dashboard_uid` with `panel_id`")),
    };
    let interval = ((to - from) * 1000.0 / f64::from(points)).ceil().max(1000.0) as i64;
    for (place, query) in queries.iter_mut().enumerate() {
        timed(query, place, points, interval);
    }
    let body = json!({ "from": millis(from).to_string(), "to": millis(to).to_string(), "queries": queries });
    let response = api::send(api.request(Method::Post, "/api/ds/query").json_body(&body)).await?;
    // With 207 and 400 the answer says for each query what is wrong with it.
    let told: Option<Value> = serde_json::from_slice(&response.body).ok();
    let results = match told.as_ref().and_then(|told| told.get("results")).and_then(Value::as_object) {
        Some(results) if matches!(response.status, 200..=299 | 400) => results,
        _ => {
            return Err(match api::blame(api::read::<Value>(&response), "query") {
                Err(error) => error,
                Ok(_) => Error::failed("Grafana's answer has no `results`"),
            });
        }
    };
    let bounds = Bounds { points: points as usize, frames: SERIES };
    let failed = results.values().filter(|result| result.get("error").is_some()).count();
    if failed == results.len()
        && let Some((name, result)) = results.iter().next()
    {
        return Err(Error::invalid("query", format!("{name}: {}", text(result, "/error"))));
    }
    let mut notes = Vec::new();
    let results: Vec<Value> = results
        .iter()
        .map(|(name, result)| {
            let mut out = Map::from_iter([("ref".to_owned(), Value::from(name.as_str()))]);
            let asked = queries.iter().find(|query| text(query, "/refId") == name);
            let ran = match frames::executed(result) {
                "" => asked.map(dashboard::query).unwrap_or_default(),
                ran => ran.to_owned(),
            };
            out.insert("query".into(), ran.into());
            if let Some(error) = result.get("error") {
                out.insert("error".into(), error.clone());
            }
            out.extend(frames::shaped(result, bounds));
            notes.extend(frames::notices(result));
            Value::Object(out)
        })
        .collect();
    let mut out = Map::new();
    out.insert("from".into(), rfc3339(from).into());
    out.insert("to".into(), rfc3339(to).into());
    out.insert("results".into(), results.into());
    noted(&mut out, notes);
    Ok(Output::json(&out))
}

/// One query as it was given, in the form its datasource reads.
async fn given(api: &Api, args: &Query, query: &Value) -> Result<Vec<Value>> {
    let name = args.datasource.as_deref();
    let name =
        name.ok_or_else(|| Error::invalid("datasource", "is needed with `query`: a uid, or a name"))?;
    let source = objects::datasource(api, name).await?;
    let (uid, kind) = (text(&source, "/uid"), text(&source, "/type"));
    let mut model = match query {
        Value::Object(model) => model.clone(),
        Value::String(words) => {
            let mut model =
                Map::from_iter([(dashboard::query_field(kind).to_owned(), Value::from(words.as_str()))]);
            if dashboard::is_sql(kind) {
                model.extend([("format".to_owned(), json!("table")), ("rawQuery".to_owned(), json!(true))]);
            }
            model
        }
        _ => return Err(Error::invalid("query", "expected a text or an object")),
    };
    model.insert("datasource".into(), json!({ "uid": uid, "type": kind }));
    let values = dashboard::values(&Value::Null, args.variables.as_deref());
    Ok(vec![filled(Value::Object(model), &values, kind)])
}

/// The queries of a panel, with the dashboard's variables filled in: Grafana's server does not do that.
async fn of_panel(api: &Api, args: &Query, uid: &str, id: u32) -> Result<Vec<Value>> {
    let (board, _) = board::current(api, uid).await?;
    let panel = board::panel(&board, id)?;
    let values = dashboard::values(&board, args.variables.as_deref());
    let targets = list(panel, "/targets");
    // What is hidden is run only where an expression may be of it.
    let expressions = targets.iter().any(|target| dashboard::datasource(target) == EXPRESSION);
    let shown = |target: &&Value| expressions || target.get("hide").and_then(Value::as_bool) != Some(true);
    let (mut known, mut queries) = (BTreeMap::new(), Vec::new());
    for target in targets.iter().filter(shown) {
        let (name, kind) = source_of(args.datasource.as_deref(), target, panel);
        let name = dashboard::filled(name, &values, "");
        let (uid, kind) = match kind {
            "" => looked_up(api, &name, &mut known).await?,
            _ if name == "default" => looked_up(api, &name, &mut known).await?,
            kind => (name, kind.to_owned()),
        };
        let mut query = target.clone();
        if let Some(object) = query.as_object_mut() {
            object.insert("datasource".into(), json!({ "uid": uid, "type": kind }));
        }
        queries.push(filled(query, &values, &kind));
    }
    if queries.is_empty() {
        return Err(Error::invalid("panel_id", format!("panel {id} has no query to run")));
    }
    Ok(queries)
}

/// What a query is of: the caller's datasource, its own, its panel's, the default one; and its type, where it is known
/// without asking. Expressions are of none.
fn source_of<'a>(given: Option<&'a str>, target: &'a Value, panel: &'a Value) -> (&'a str, &'a str) {
    if dashboard::datasource(target) == EXPRESSION {
        return (EXPRESSION, EXPRESSION);
    }
    if let Some(given) = given {
        return (given, "");
    }
    let of = [target, panel].into_iter().find(|of| !dashboard::datasource(of).is_empty());
    of.map_or(("default", ""), |of| (dashboard::datasource(of), text(of, "/datasource/type")))
}

/// Uid and type of a datasource, asked for once.
async fn looked_up(
    api: &Api,
    name: &str,
    known: &mut BTreeMap<String, (String, String)>,
) -> Result<(String, String)> {
    if let Some(found) = known.get(name) {
        return Ok(found.clone());
    }
    let source = objects::datasource(api, name).await?;
    let found = (text(&source, "/uid").to_owned(), text(&source, "/type").to_owned());
    known.insert(name.to_owned(), found.clone());
    Ok(found)
}

/// A query with the variables in all of its texts filled in.
fn filled(query: Value, values: &BTreeMap<String, dashboard::Values>, kind: &str) -> Value {
    match query {
        Value::String(text) => dashboard::filled(&text, values, kind).into(),
        Value::Array(items) => items.into_iter().map(|item| filled(item, values, kind)).collect(),
        Value::Object(object) => {
            object.into_iter().map(|(name, value)| (name, filled(value, values, kind))).collect()
        }
        other => other,
    }
}

/// Adds what Grafana's pages add to a query: how fine it is to be, and whether it is of a moment.
fn timed(query: &mut Value, place: usize, points: u32, interval: i64) {
    let kind = text(query, "/datasource/type").to_owned();
    let Some(object) = query.as_object_mut() else { return };
    object.entry("refId").or_insert_with(|| format!("Q{place}").into());
    object.insert("maxDataPoints".into(), points.into());
    object.insert("intervalMs".into(), interval.into());
    if kind == "loki" {
        object.entry("maxLines").or_insert_with(|| points.into());
    }
    // Without a word both are of the last moment only.
    if kind == "loki" {
        object.entry("queryType").or_insert_with(|| "range".into());
    } else if dashboard::is_matching(&kind)
        && !object.contains_key("instant")
        && !object.contains_key("range")
    {
        object.insert("range".into(), true.into());
    }
}
