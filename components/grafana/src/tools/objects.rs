//! `get_objects`: what a Grafana is made of beside dashboards and rules: folders, datasources, plugins, where
//! notifications go, and who may do what.

mod kinds;
mod one;

use bulkhead_sdk::join_all;
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{Fields, list, take, text};
use serde_json::Map;

use self::kinds::Kind;
pub(crate) use self::one::{datasource, health, health_of};
use super::{contains, listed, picked, seen};
use crate::Grafana;
use crate::api::{self, Api};
use crate::redact;

const DEFAULT_LIMIT: usize = 100;

/// A datasource's test goes to its upstream, so only so many at once.
const TESTED: usize = 20;

/// What an object can be known by.
const NAMES: &[&str] =
    &["name", "title", "uid", "id", "term", "tag", "receiver", "login", "email", "displayName"];

/// What words are looked for in beside names.
const WORDS: &[&str] = &["type", "url"];

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct GetObjects {
    /// Server: version, and who I am.
    kind: Kind,
    /// Uid or name: only this one, in full. User's or team's id for its roles; `folders/abc` for permission.
    id: Option<String>,
    /// Words in name, uid or type.
    query: Option<String>,
    /// Folder uid; `general` is the root.
    folder: Option<String>,
    /// Of dashboards: all of these.
    #[schemars(length(max = 20))]
    tags: Option<Vec<String>>,
    /// Dashboards: only mine.
    starred: Option<bool>,
    /// Test datasources too.
    test: Option<bool>,
    /// Default summary.
    view: Option<View>,
    /// Keys of each.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// Last `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Objects { items: "array", next_cursor: "string" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "get_objects",
        "Find objects",
        "Finds dashboards, folders, datasources, users and more, or reads one: a folder with its permissions, a \
         datasource with its health.",
        get,
    )
    .output::<Objects>()
}

async fn get(service: &Grafana, args: GetObjects, _: &Call) -> Result<Output> {
    let (api, kind) = (&service.api, args.kind);
    let key = Key::new("get_objects", &args)?;
    match (kind, args.id.as_deref()) {
        (Kind::Server, _) => return one::server(api).await,
        (Kind::Folder, Some(uid)) => return one::folder(api, uid).await,
        (Kind::Datasource, Some(id)) => return one::with_health(api, id).await,
        (Kind::Plugin, Some(id)) => return one::plugin(api, id).await,
        _ => {}
    }
    misplaced(&args)?;
    let mut all = all(api, &args).await?;
    let mut notes = Vec::new();
    if kind.most().is_some_and(|most| all.len() >= most as usize) {
        notes.push(format!("only the first {} were looked at", all.len()));
    }
    if all.iter_mut().fold(false, |hid, one| hidden(kind, one) | hid) {
        notes.push("secrets are redacted".to_owned());
    }
    if let Some(id) = args.id.as_deref().filter(|_| kind.is_by_name()) {
        all.retain(|one| is_known_by(one, NAMES, |name| name == id));
        if all.is_empty() {
            return Err(Error::not_found(format!("there is no {} `{id}`", kind.word())));
        }
    }
    // Grafana has looked for a dashboard's words itself, and less literally.
    if let Some(words) = args.query.as_deref().filter(|_| kind != Kind::Dashboard) {
        let has = |text: &str| contains(text, words);
        all.retain(|one| is_known_by(one, NAMES, has) || is_known_by(one, WORDS, has));
    }
    let page = Page::cut(all, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let tests = match args.test {
        Some(true) if kind == Kind::Datasource => tested(api, &page.items, &mut notes).await,
        _ => Vec::new(),
    };
    let whole = args.id.is_some() && (kind.is_by_name() || kind == Kind::Role);
    let view = if whole { Some(View::Full) } else { args.view };
    let summary = |one: &Value| match kind.summary() {
        [] => one.clone(),
        fields => picked(one, fields),
    };
    let mut tests = tests.into_iter();
    let page = page.map(|one| {
        let mut out = seen(&one, args.fields.as_ref(), view, summary);
        if let (Some(object), Some(test)) = (out.as_object_mut(), tests.next()) {
            object.insert("health".into(), test);
        }
        out
    });
    Ok(Output::json(&listed(page, "items", args.fields.as_ref(), notes)))
}

/// Refuses what would have no effect.
fn misplaced(args: &GetObjects) -> Result<()> {
    let kind = args.kind;
    let in_folders = matches!(kind, Kind::Dashboard | Kind::Folder);
    let wrong = [
        ("folder", args.folder.is_some() && !in_folders),
        ("tags", args.tags.is_some() && kind != Kind::Dashboard),
        ("starred", args.starred.is_some() && kind != Kind::Dashboard),
        ("test", args.test.is_some() && kind != Kind::Datasource),
    ];
    match wrong.into_iter().find(|(_, wrong)| *wrong) {
        Some((name, _)) => Err(Error::invalid(name, format!("is not for kind {}", kind.word()))),
        None => Ok(()),
    }
}

fn is_known_by(one: &Value, by: &[&str], fits: impl Fn(&str) -> bool) -> bool {
    by.iter().any(|field| one.get(*field).and_then(Value::as_str).is_some_and(&fits))
}

/// Every object of that kind, whatever the answer it comes in.
async fn all(api: &Api, args: &GetObjects) -> Result<Vec<Value>> {
    let kind = args.kind;
    let mut request = kind.request(api, args.id.as_deref(), args.query.as_deref())?;
    request = request.query_opt("folderUIDs", args.folder.as_deref());
    request = request.query_opt("starred", args.starred.filter(|starred| *starred));
    for tag in args.tags.iter().flatten() {
        request = request.query("tag", tag);
    }
    let found = match api::json::<Value>(request).await {
        Err(Error::NotFound(said)) if kind.is_enterprise() => {
            return Err(Error::not_found(format!(
                "{said}. Roles of their own are Grafana Enterprise's and Cloud's: in the open-source edition this is \
                 always missing, and kind org_user gives each user's role"
            )));
        }
        other => other?,
    };
    let unknown = || Error::failed(format!("Grafana's answer is no list of kind {}", kind.word()));
    match (kind, found) {
        (Kind::Policy, root) => routes(&root),
        (Kind::Team, mut found) => {
            found.get("teams").is_some().then(|| take(&mut found, "teams")).ok_or_else(unknown)
        }
        (Kind::AnnotationTag, mut found) => {
            let result = found.get_mut("result").ok_or_else(unknown)?;
            Ok(take(result, "tags"))
        }
        (_, Value::Array(all)) => Ok(all),
        (_, Value::Null) => Ok(Vec::new()),
        (kind, one) if kind.is_single() => Ok(vec![one]),
        _ => Err(unknown()),
    }
}

fn hidden(kind: Kind, one: &mut Value) -> bool {
    match (kind, one.get_mut("settings")) {
        (Kind::ContactPoint, Some(settings)) => redact::webhooks(settings),
        _ => redact::secrets(one),
    }
}

async fn tested(api: &Api, items: &[Value], notes: &mut Vec<String>) -> Vec<Value> {
    if items.len() > TESTED {
        notes.push(format!("only the first {TESTED} were tested"));
    }
    join_all(items.iter().take(TESTED).map(|one| health_of(api, text(one, "/uid")))).await
}

/// The tree of notification policies as lines, each with where it is in the tree.
fn routes(root: &Value) -> Result<Vec<Value>> {
    if root.get("receiver").is_none() {
        return Err(Error::failed("Grafana's answer is no notification policy: it has no `receiver`"));
    }
    let mut out = Vec::new();
    walk(root, "0", &mut out);
    Ok(out)
}

fn walk(route: &Value, place: &str, out: &mut Vec<Value>) {
    let own =
        route.as_object().into_iter().flatten().filter(|(name, value)| *name != "routes" && !value.is_null());
    let mut line: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    line.insert("place".into(), place.into());
    out.push(line.into());
    for (number, inner) in list(route, "/routes").iter().enumerate() {
        walk(inner, &format!("{place}.{number}"), out);
    }
}
