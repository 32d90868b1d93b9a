//! `silences`: who keeps which alerts quiet, until when, and why.

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, When};
use bulkhead_sdk::value::Fields;

use crate::Alertmanager;
use crate::alert::counted;
use crate::matchers;
use crate::silence::Silence;

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// Default: active and pending.
    state: Option<State>,
    /// With these matchers.
    matchers: Option<String>,
    /// Part of a name.
    created_by: Option<String>,
    /// Part of its text.
    comment: Option<String>,
    /// A time or `+2h`.
    ends_before: Option<When>,
    view: Option<View>,
    /// Picks fields of `full`: `status.state`.
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
    Pending,
    Expired,
    Any,
}

returns!(Answer { total: "integer", next_cursor: "string", silences: "array" });

pub(super) fn tool() -> Tool<Alertmanager> {
    Tool::reads(
        "silences",
        "Silences",
        "Silences, the next to end first: who keeps what quiet, why.",
        silences,
    )
    .output::<Answer>()
}

async fn silences(service: &Alertmanager, args: Arguments, call: &Call) -> Result<Output> {
    let key = Key::new("silences", &args)?;
    let now = time::unix(call.now());
    let matchers = matchers::parse_any(args.matchers.as_deref())?;
    let mut ask = service.api.get("silences").each("filter", &matchers).blame("matchers");
    for state in ["active", "pending", "expired"].into_iter().filter(|state| !wants(args.state, state)) {
        ask = ask.with(state, false);
    }
    let before = args.ends_before.map(|when| when.resolve(now));
    let mut all: Vec<Silence> = ask.json().await?;
    all.retain(|silence| {
        // Servers before 0.28 do not tell states apart for us.
        wants(args.state, silence.state())
            && has(silence.created_by(), args.created_by.as_deref())
            && has(silence.comment(), args.comment.as_deref())
            && before.is_none_or(|before| silence.ends() <= before)
    });
    all.sort_by_cached_key(Silence::order);
    let states = counted(all.iter().map(Silence::state));
    let page = Page::cut(all, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let page = page.map(|silence| silence.0);
    let brief = |silence| Silence(silence).brief(now).into();
    let mut out = page.shown("silences", args.view, args.fields.as_ref(), brief);
    out.insert("by_state".into(), states);
    Ok(Output::json(&out))
}

fn wants(wanted: Option<State>, state: &str) -> bool {
    match wanted {
        None => state != "expired",
        Some(State::Any) => true,
        Some(State::Active) => state == "active",
        Some(State::Pending) => state == "pending",
        Some(State::Expired) => state == "expired",
    }
}

/// Whether it contains this text, whatever the case.
fn has(words: &str, part: Option<&str>) -> bool {
    part.is_none_or(|part| words.to_lowercase().contains(&part.to_lowercase()))
}
