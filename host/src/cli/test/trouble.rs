//! Calls of every tool while its upstream fails in each way one can: the tool has to say so, soon, and in bounded memory.

use bulkhead::{catalog::tool::Tool, error::CallError, operation::Outcome, sandbox::Compartment};
use futures::{StreamExt as _, stream};
use serde_json::{Map, Value};

use super::{
    calls::{Cases, Stops, sent, stopped, text, told},
    ledger::Ledger,
    settings,
    stage::{Bench, Played, Stage},
    text::shown,
    upstream::{RETRY_AFTER, Script, Upstream, WORDS},
};

/// Calls at once while they wait.
const WAITING: usize = 12;
/// Calls at once while they read.
const READING: usize = 4;

const TROUBLE: Stops = Stops {
    trap: "upstream.trap",
    deadline: "upstream.hang",
    memory: "upstream.memory",
    cpu: "upstream.hang",
};

/// Plays each trouble for each tool that sends anything.
pub(super) async fn troubles(
    stage: &Stage,
    (bench, place): (&Bench, &Compartment),
    upstream: &Upstream,
    cases: &[Cases<'_>],
    ledger: &mut Ledger,
) {
    let senders = senders(stage, upstream, cases).await;
    let secrets = settings::secrets(&stage.config());
    let mut calls = 0_usize;
    for script in Script::TROUBLES {
        upstream.play(script);
        let playing = senders.iter().map(|&(tool, arguments)| async move {
            (tool, arguments, stage.call(&tool.public_name, arguments.clone()).await)
        });
        let at_once = match script {
            Script::Silence => WAITING,
            // The time one takes is its own.
            Script::Huge => 1,
            _ => READING,
        };
        let played: Vec<_> = stream::iter(playing).buffered(at_once).collect().await;
        for (tool, arguments, played) in played {
            calls = calls.saturating_add(1);
            let place = format!("tool {}", tool.name);
            let with = format!(
                "upstream: {}; with {}",
                script.name(),
                shown(&Value::Object(arguments.clone()).to_string(), 150)
            );
            stopped(&played, &place, &with, &TROUBLE, ledger);
            sent(tool, &played, &place, &with, ledger);
            told(&played, &secrets, &place, ledger);
            handled(script, &played, &place, &with, ledger);
        }
    }
    // What lists its tools from its upstream has to say so when it cannot.
    for script in [Script::Status(500), Script::Garbage, Script::Empty] {
        upstream.play(script);
        if let Err(error) = bench.offer(place).await
            && error.is_misdeed()
        {
            ledger.find("listing.trap", "list-tools", format!("upstream: {}: {error}", script.name()));
        }
    }
    let (many, scripts) = (senders.len(), Script::TROUBLES.len());
    ledger.looked(
        "upstream",
        if many == 0 {
            "no tool sent anything".to_owned()
        } else {
            format!("{scripts} ways to fail for each of the {many} tools that send something: {calls} calls")
        },
    );
}

/// The tools that send something when all is well, each with arguments that make it do so.
async fn senders<'a>(
    stage: &Stage,
    upstream: &Upstream,
    cases: &'a [Cases<'a>],
) -> Vec<(&'a Tool, &'a Map<String, Value>)> {
    upstream.play(Script::Well(0));
    let looking = cases.iter().map(|cases| async move {
        for arguments in cases.arguments.iter().take(6) {
            let played = stage.call(&cases.tool.public_name, arguments.clone()).await;
            if played.sums.requests > played.sums.denied {
                return Some((cases.tool, arguments));
            }
        }
        None
    });
    let found: Vec<_> = stream::iter(looking).buffered(READING).collect().await;
    found.into_iter().flatten().collect()
}

/// Whether what went wrong can be read in what came of it.
fn handled(script: Script, played: &Played, place: &str, with: &str, ledger: &mut Ledger) {
    let status = match script {
        Script::Status(status) => status,
        Script::Redirect => 302,
        _ => return,
    };
    if played.sums.requests == 0 {
        return;
    }
    match &played.result {
        Ok(Outcome::Tool(output)) => {
            let text = text(output);
            if text.contains(&status.to_string()) || text.contains(WORDS) {
                return;
            }
            let id = if status == 404 { "upstream.not_found_hidden" } else { "upstream.error_hidden" };
            ledger.find(
                id,
                place,
                format!("it answered {status}, and the result is: {} ({with})", shown(&text, 120)),
            );
        }
        Ok(_) => {}
        Err(error) => said(status, error, place, with, ledger),
    }
}

fn said(status: u16, error: &CallError, place: &str, with: &str, ledger: &mut Ledger) {
    if error.is_misdeed() {
        return;
    }
    let text = error.to_string();
    // What the contract has a word for needs no number.
    let named = match error {
        CallError::NotFound(_) => status == 404,
        CallError::Denied(_) => status == 401 || status == 302,
        CallError::Throttled { .. } => status == 429,
        CallError::Unavailable { .. } => status == 503,
        CallError::Upstream { status: own, .. } => *own == status,
        _ => false,
    };
    if !named && !text.contains(&status.to_string()) && !text.contains(WORDS) {
        ledger.find(
            "upstream.status_unsaid",
            place,
            format!("it answered {status}, and the error is: {text} ({with})"),
        );
    }
    if status == 429 && error.retry_after().is_none() && !text.contains(&RETRY_AFTER.to_string()) {
        ledger.find(
            "upstream.retry_lost",
            place,
            format!("`retry-after: {RETRY_AFTER}`, and the error is: {text} ({with})"),
        );
    }
}
