//! Alert rules: their definitions (provisioning API) and their state (Grafana's own ruler in Prometheus's form), put
//! together. Either may be forbidden to the credential; the state is what is asked first.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};
use serde_json::Map;

use crate::api::{self, Api};

/// One rule, from both sides.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    /// As the provisioning API has it; null if that is not known.
    pub(crate) definition: Value,
    /// As the ruler has it; null if it does not evaluate the rule.
    pub(crate) status: Value,
    pub(crate) uid: String,
    pub(crate) title: String,
    pub(crate) folder: String,
    pub(crate) folder_uid: String,
    pub(crate) group: String,
    /// Seconds between evaluations; 0 if not known.
    pub(crate) interval: f64,
}

// What a rule is in: the worst of its state and its health. No words for the schema.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Error,
    NoData,
    Firing,
    Pending,
    Paused,
    Normal,
}

/// Queries of expressions are no datasource's.
const EXPRESSIONS: [&str; 3] = ["__expr__", "-100", ""];

/// Of a rule with thousands of instances Grafana tells this many, the worst and oldest first, and counts the others.
const INSTANCES: u32 = 100;

/// Annotations can hold a whole runbook.
const SUMMARY_LENGTH: usize = 300;

/// Every rule; what could not be read is said in the notes.
pub(crate) async fn all(api: &Api, notes: &mut Vec<String>) -> Result<Vec<Rule>> {
    let (state, definitions) = bulkhead_sdk::join!(
        api::json::<Value>(api.get("/api/prometheus/grafana/api/v1/rules").query("limit_alerts", INSTANCES)),
        api::list(api.get("/api/v1/provisioning/alert-rules")),
    );
    let definitions = api::optional(definitions, "definitions of rules are missing", notes)?;
    let state = state?;
    if state.pointer("/data/groups").is_none() {
        return Err(Error::failed("Grafana's answer on the state of its alert rules has no `data.groups`"));
    }
    Ok(joined(&state, definitions.unwrap_or_default()))
}

/// The two sides put together: by uid where the ruler says it (since 11), else by group and title.
pub(crate) fn joined(state: &Value, definitions: Vec<Value>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = list(state, "/data/groups").iter().flat_map(evaluated).collect();
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    for definition in definitions {
        let (uid, folder) = (text(&definition, "/uid"), text(&definition, "/folderUID"));
        let same = |rule: &&mut Rule| {
            let by_name = || {
                rule.uid.is_empty()
                    && rule.title == text(&definition, "/title")
                    && rule.group == text(&definition, "/ruleGroup")
                    && (rule.folder_uid.is_empty() || rule.folder_uid == folder)
            };
            rule.definition.is_null() && (rule.uid == uid || by_name())
        };
        match rules.iter_mut().find(same) {
            Some(rule) => {
                uid.clone_into(&mut rule.uid);
                folder.clone_into(&mut rule.folder_uid);
                folders.insert(folder.to_owned(), rule.folder.clone());
                rule.definition = definition;
            }
            None => rules.push(defined(definition)),
        }
    }
    for rule in rules.iter_mut().filter(|rule| rule.folder.is_empty()) {
        rule.folder = folders.get(&rule.folder_uid).cloned().unwrap_or_default();
    }
    let order = |rule: &Rule| {
        (rule.state(), rule.folder.clone(), rule.group.clone(), rule.title.clone(), rule.uid.clone())
    };
    rules.sort_by_cached_key(order);
    rules
}

fn evaluated(group: &Value) -> Vec<Rule> {
    let rule = |status: &Value| Rule {
        uid: text(status, "/uid").to_owned(),
        title: text(status, "/name").to_owned(),
        folder: text(group, "/file").to_owned(),
        folder_uid: match text(status, "/folderUid") {
            "" => text(group, "/folderUid").to_owned(),
            uid => uid.to_owned(),
        },
        group: text(group, "/name").to_owned(),
        interval: group.get("interval").and_then(Value::as_f64).unwrap_or_default(),
        status: status.clone(),
        definition: Value::Null,
    };
    list(group, "/rules").iter().filter(|rule| text(rule, "/type") != "recording").map(rule).collect()
}

fn defined(definition: Value) -> Rule {
    Rule {
        uid: text(&definition, "/uid").to_owned(),
        title: text(&definition, "/title").to_owned(),
        folder_uid: text(&definition, "/folderUID").to_owned(),
        group: text(&definition, "/ruleGroup").to_owned(),
        definition,
        ..Rule::default()
    }
}

impl Rule {
    /// The worst of what is known of it.
    pub(crate) fn state(&self) -> State {
        let paused = |side: &Value| side.get("isPaused").and_then(Value::as_bool) == Some(true);
        match (text(&self.status, "/health"), text(&self.status, "/state")) {
            _ if paused(&self.definition) || paused(&self.status) => State::Paused,
            ("error" | "err", _) => State::Error,
            ("nodata", _) => State::NoData,
            (_, "firing") => State::Firing,
            (_, "pending") => State::Pending,
            _ => State::Normal,
        }
    }

    /// Its instances that are not normal, the longest active first.
    pub(crate) fn active(&self) -> Vec<&Value> {
        let normal = |alert: &&Value| matches!(text(alert, "/state"), "Normal" | "inactive");
        let mut active: Vec<&Value> =
            list(&self.status, "/alerts").iter().filter(|alert| !normal(alert)).collect();
        active.sort_by_key(|alert| text(alert, "/activeAt"));
        active
    }

    /// How many of its instances are not normal.
    fn count(&self) -> usize {
        let totals = self.status.get("totals").and_then(Value::as_object);
        let counted = totals
            .into_iter()
            .flatten()
            .filter(|(state, _)| !matches!(state.as_str(), "normal" | "inactive"));
        let counted: u64 = counted.filter_map(|(_, count)| count.as_u64()).sum();
        usize::try_from(counted).unwrap_or_default().max(self.active().len())
    }

    /// Since when it is in its state.
    pub(crate) fn since(&self) -> &str {
        self.active().first().map_or("", |alert| text(alert, "/activeAt"))
    }

    /// What went wrong when it was last evaluated.
    pub(crate) fn last_error(&self) -> &str {
        let in_alert = || self.active().into_iter().map(|alert| text(alert, "/annotations/Error"));
        match text(&self.status, "/lastError") {
            "" => in_alert().find(|error| !error.is_empty()).unwrap_or_default(),
            error => error,
        }
    }

    /// The datasources it queries.
    pub(crate) fn datasources(&self) -> Vec<&str> {
        let queries = list(&self.definition, "/data").iter().map(|query| text(query, "/datasourceUid"));
        let mut all: Vec<&str> = queries.filter(|uid| !EXPRESSIONS.contains(uid)).collect();
        if all.is_empty() {
            // Since 12 the ruler says them too.
            all = list(&self.status, "/queriedDatasourceUIDs").iter().filter_map(Value::as_str).collect();
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// A label of the rule itself.
    fn label(&self, name: &str) -> Option<&str> {
        [&self.definition, &self.status].into_iter().find_map(|side| side.get("labels")?.get(name)?.as_str())
    }

    /// Whether it is in the folder of that uid or title; of a nested folder, the last title of its path is enough.
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        let nested = || self.folder.strip_suffix(folder).is_some_and(|path| path.ends_with('/'));
        self.folder_uid == folder || self.folder == folder || nested()
    }

    /// Whether it has all of these labels.
    pub(crate) fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == Some(*value))
    }

    /// What a list has of it.
    pub(crate) fn line(&self) -> Value {
        let mut out =
            json!({ "uid": self.uid, "title": self.title, "state": self.state(), "group": self.group });
        let Some(object) = out.as_object_mut() else { return out };
        put(object, "folder", if self.folder.is_empty() { &self.folder_uid } else { &self.folder });
        put(object, "since", self.since());
        put(object, "error", &shortened(self.last_error(), SUMMARY_LENGTH));
        let summary = [&self.definition, &self.status]
            .map(|side| text(side, "/annotations/summary"))
            .into_iter()
            .find(|summary| !summary.is_empty());
        put(object, "summary", &shortened(summary.unwrap_or_default(), SUMMARY_LENGTH));
        let labels =
            [&self.definition, &self.status].into_iter().find_map(|side| side.get("labels")?.as_object());
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            object.insert("labels".into(), labels.clone().into());
        }
        let active = self.count();
        if active > 0 {
            object.insert("instances".into(), active.into());
        }
        out
    }
}

fn put(object: &mut Map<String, Value>, name: &str, words: &str) {
    if !words.is_empty() {
        object.insert(name.into(), words.into());
    }
}
