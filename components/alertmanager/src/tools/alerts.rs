//! `alerts`: what Alertmanager holds, one by one or in the groups that notifications are sent for.

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds, When};
use bulkhead_sdk::value::{Fields, put, take, text};

use crate::Alertmanager;
use crate::alert::{Alert, counted};
use crate::api::Ask;
use crate::matchers::{self, Matcher};

const DEFAULT_LIMIT: usize = 50;

/// A group in short names this many of its alerts.
const IN_A_GROUP: usize = 5;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// `severity="critical", job=~"api.*"`.
    matchers: Option<String>,
    /// Default: all.
    #[schemars(length(max = 4))]
    states: Option<Vec<State>>,
    /// Regex of its name.
    receiver: Option<String>,
    /// Started after: time or `-1h`.
    since: Option<When>,
    /// Started before.
    until: Option<When>,
    /// Default: severity.
    sort: Option<Sort>,
    /// In notification groups.
    grouped: Option<bool>,
    view: Option<View>,
    /// Picks fields of `full`: `labels.job`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Active,
    Silenced,
    Inhibited,
    Unprocessed,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Severity,
    Newest,
    Oldest,
    Name,
}

returns!(Answer { total: "integer", next_cursor: "string", alerts: "array", groups: "array" });

pub(super) fn tool() -> Tool<Alertmanager> {
    Tool::reads(
        "alerts",
        "Alerts",
        "Alerts with state, labels, receivers, and what keeps them quiet.",
        alerts,
    )
    .output::<Answer>()
}

/// Which alerts are wanted, beyond what Alertmanager itself can tell apart.
struct Filter {
    states: Option<Vec<State>>,
    after: Option<Seconds>,
    before: Option<Seconds>,
}

async fn alerts(service: &Alertmanager, args: Arguments, call: &Call) -> Result<Output> {
    let grouped = args.grouped.unwrap_or(false);
    let key = Key::new("alerts", &args)?;
    let matchers = matchers::parse_any(args.matchers.as_deref())?;
    let now = time::unix(call.now());
    let filter = Filter::new(&args, now)?;
    let wanted = Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key);
    let path = if grouped { "alerts/groups" } else { "alerts" };
    let ask = filter.ask(service.api.get(path), &matchers, &args);
    let out = if grouped {
        let mut groups = ask.json::<Vec<Value>>().await?;
        groups.iter_mut().for_each(|group| filter.thin(group));
        groups.retain(|group| group["alerts"].as_array().is_some_and(|alerts| !alerts.is_empty()));
        // The worst alert speaks for its group.
        groups.sort_by_cached_key(|group| {
            let best = alerts_of(group).map(|alert| place(&alert, args.sort)).min();
            (best, text(group, "/receiver/name").to_owned(), group["labels"].to_string())
        });
        let page = Page::cut(groups, wanted)?;
        page.shown("groups", args.view, args.fields.as_ref(), |group| brief_group(&group, now))
    } else {
        let mut alerts: Vec<Alert> = ask.json().await?;
        alerts.retain(|alert| filter.keeps(alert));
        alerts.sort_by_cached_key(|alert| place(alert, args.sort));
        let (states, severities) = (counted(alerts.iter().map(Alert::state)), by_severity(&alerts));
        let alerts = alerts.into_iter().map(|alert| alert.0).collect();
        let page = Page::cut(alerts, wanted)?;
        let brief = |alert| Alert(alert).brief(now);
        let mut out = page.shown("alerts", args.view, args.fields.as_ref(), brief);
        out.insert("by_state".into(), states);
        out.insert("by_severity".into(), severities);
        out
    };
    Ok(Output::json(&out))
}

impl Filter {
    fn new(args: &Arguments, now: Seconds) -> Result<Self> {
        let [after, before] = [args.since, args.until].map(|when| when.map(|when| when.resolve(now)));
        if let (Some(after), Some(before)) = (after, before)
            && after > before
        {
            return Err(Error::invalid("since", "is after `until`"));
        }
        Ok(Self { states: args.states.clone().filter(|states| !states.is_empty()), after, before })
    }

    fn wants(&self, state: State) -> bool {
        self.states.as_ref().is_none_or(|states| states.contains(&state))
    }

    /// Lets Alertmanager leave out what it can. An alert may be silenced and inhibited at once, so that one of the
    /// two is not left out there if the other is wanted.
    fn ask(&self, ask: Ask, matchers: &[Matcher], args: &Arguments) -> Ask {
        let suppressed = self.wants(State::Silenced) || self.wants(State::Inhibited);
        let mut ask = ask.each("filter", matchers).maybe("receiver", args.receiver.as_deref());
        let left_out = [
            ("active", !self.wants(State::Active)),
            ("unprocessed", !self.wants(State::Unprocessed) && args.grouped != Some(true)),
            ("silenced", !suppressed),
            ("inhibited", !suppressed),
        ];
        for (name, _) in left_out.iter().filter(|(_, left_out)| *left_out) {
            ask = ask.with(name, false);
        }
        ask.blame(if args.receiver.is_some() && matchers.is_empty() { "receiver" } else { "matchers" })
    }

    fn keeps(&self, alert: &Alert) -> bool {
        let is = |state: State| match state {
            State::Active => alert.state() == "active",
            State::Unprocessed => alert.state() == "unprocessed",
            State::Silenced => alert.silenced_by().next().is_some(),
            State::Inhibited => alert.inhibited_by().next().is_some(),
        };
        self.states.as_ref().is_none_or(|states| states.iter().any(|state| is(*state)))
            && self.after.is_none_or(|after| alert.since() >= after)
            && self.before.is_none_or(|before| alert.since() <= before)
    }

    /// Leaves in a group only what is wanted.
    fn thin(&self, group: &mut Value) {
        let alerts = take(group, "alerts").into_iter().map(Alert).filter(|alert| self.keeps(alert));
        let alerts: Vec<Value> = alerts.map(|alert| alert.0).collect();
        put(group, "alerts", alerts);
    }
}

fn alerts_of(group: &Value) -> impl Iterator<Item = Alert> {
    group["alerts"].as_array().into_iter().flatten().cloned().map(Alert)
}

/// Where an alert stands in the list.
fn place(alert: &Alert, sort: Option<Sort>) -> (String, i64, (u8, i64, String, String)) {
    let started = (alert.since() * 1000.0) as i64;
    let (name, at) = match sort.unwrap_or(Sort::Severity) {
        Sort::Severity => (String::new(), 0),
        Sort::Newest => (String::new(), -started),
        Sort::Oldest => (String::new(), started),
        Sort::Name => (alert.name().to_owned(), 0),
    };
    (name, at, alert.order())
}

fn by_severity(alerts: &[Alert]) -> Value {
    counted(alerts.iter().map(|alert| match alert.label("severity") {
        "" => "none given",
        severity => severity,
    }))
}

fn brief_group(group: &Value, now: Seconds) -> Value {
    let mut alerts: Vec<Alert> = alerts_of(group).collect();
    alerts.sort_by_cached_key(Alert::order);
    let mut out = json!({
        "receiver": text(group, "/receiver/name"),
        "labels": group["labels"],
        "total": alerts.len(),
        "by_state": counted(alerts.iter().map(Alert::state)),
        "by_severity": by_severity(&alerts),
        "alerts": alerts.iter().take(IN_A_GROUP).map(|alert| alert.line(now)).collect::<Vec<_>>(),
    });
    if alerts.len() > IN_A_GROUP {
        put(&mut out, "left_out", alerts.len() - IN_A_GROUP);
    }
    out
}
