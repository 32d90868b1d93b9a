//! Guests that break the contract, or are awkward within it.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{
        contract::CRASHED,
        processor::ill_service,
        trial::{host, is},
    },
    Language, args,
};
use crate::{contract::Modern, support::run};

/// What a bug is called: `null.nothing()`, `None.nothing`.
fn bug(language: Language) -> &'static str {
    language.or(
        "TypeError: can't access property \"nothing\" of null",
        "AttributeError: 'NoneType' object has no attribute 'nothing'",
    )
}

/// A bug is an error in a line; its stack is the operator's, and names no file of the machine it was built on.
pub(super) async fn throw_in_call(language: Language) {
    let trial = language.trial("throw_in_call", "").await;
    is(&trial.stopped(json!({})).await, "failed", bug(language));
    trial.server.logged(|entry| entry["message"].as_str().is_some_and(|text| text.contains("throw_in_call")));
    let log = trial.server.log_text();
    let stack: Vec<_> = log.lines().filter(|line| line.contains("\"guest\"")).collect();
    assert!(!stack.concat().contains(env!("CARGO_MANIFEST_DIR").trim_end_matches("host")), "{stack:#?}");
    trial.honest("attack", 1).await;
}

pub(super) async fn throw_odd(language: Language) {
    let trial = language.trial("throw_odd", "").await;
    let unreadable = "what was thrown cannot be shown";
    let odd: &[(&str, &str, &str)] = match language {
        Language::JavaScript => &[
            ("nothing", "failed", "undefined"),
            ("null", "failed", "null"),
            ("text", "failed", "a text"),
            ("number", "failed", "7"),
            ("symbol", "failed", "Symbol(odd)"),
            ("bare", "failed", unreadable),
            ("proxy", "failed", bug(language)),
            ("unreadable", "failed", unreadable),
            ("payload", "failed", "[object Object]"),
        ],
        Language::Python => &[
            ("base", "failed", "Groundless: a text"),
            ("interrupt", "failed", "KeyboardInterrupt"),
            ("leave", "failed", "GeneratorExit"),
            ("unreadable", "failed", "Unreadable: (it cannot be shown)"),
            ("group", "failed", "ExceptionGroup: many (2 sub-exceptions)"),
            // Past the SDK, and no error of the contract.
            ("payload", "trapped", CRASHED),
        ],
    };
    let mut wrong = Vec::new();
    for (what, reason, text) in odd {
        let came = trial.client.refused("attack_run", args(json!({ "what": what }))).await;
        if (came.0.as_str(), came.1.as_str()) != (*reason, *text) {
            wrong.push((what, came));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    trial.honest("attack", 1).await;
}

/// What nobody waits for changes nothing of the answer.
pub(super) async fn unhandled_rejection(language: Language) {
    let trial = language.trial("unhandled_rejection", "").await;
    let answer = trial.answered(json!({})).await;
    assert_eq!(answer["content"][0]["text"], json!("all is well"));
    trial.honest("attack", 1).await;
}

pub(super) async fn late_rejection(language: Language) {
    let trial = language.trial("late_rejection", "").await;
    let answer = trial.answered(json!({})).await;
    assert_eq!(answer["content"][0]["text"], json!("all is well"));
    trial.honest("attack", 1).await;
}

/// There is no process that could end; the guest does.
pub(super) async fn leave(language: Language) {
    let trial = language.trial("leave", "").await;
    for (how, reason, text) in
        [("exit", "failed", "SystemExit: 0"), ("_exit", "trapped", CRASHED), ("abort", "trapped", CRASHED)]
    {
        is(&trial.stopped(args(json!({ "how": how }))).await, reason, text);
        trial.honest("attack", 1).await;
    }
}

pub(super) async fn throw_in_initialize(language: Language) {
    language.left_out("throw_in_initialize", "", bug(language)).await;
}

pub(super) async fn throw_in_list_tools(language: Language) {
    language.left_out("throw_in_list_tools", "", bug(language)).await;
}

pub(super) async fn throw_in_health_check(language: Language) {
    let (attack, end) = language.attack("guest: throw_in_health_check", "limits: { deadline: 5s }").await;
    ill_service(&attack, &end, bug(language)).await;
}

pub(super) async fn ten_thousand_tools(language: Language) {
    language.left_out("ten_thousand_tools", "", "4096").await;
}

pub(super) async fn duplicate_tool_names(language: Language) {
    language.left_out("duplicate_tool_names", "", "it has two tools called `attack_run`").await;
}

pub(super) async fn bad_tool_names(language: Language) {
    let why = "the name must be lower-case letters, digits and `_`, a letter first, at most 48";
    language.left_out("bad_tool_names, name: Run", "", &format!("tool `Run`: {why}")).await;
    let long = "x".repeat(49);
    for name in ["", "_run", "run it", "../run", "run\\n", "r\\u00fcn", "__proto__", &long] {
        let (attack, end) = language.attack(&format!("guest: bad_tool_names, name: \"{name}\""), "").await;
        let output = run(&["check", "--offline"], &format!("{}{end}", host(&attack)));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && text.contains(why), "{name}: {text}");
    }
}

pub(super) async fn huge_plan(language: Language) {
    let why = "tool `run`: its plan is larger than 64 KiB";
    language.left_out("huge_plan, bytes: 65537", "", why).await;
    let trial = language.trial("huge_plan, bytes: 65536", "").await;
    let answer = trial.answered(json!({})).await;
    assert_eq!(answer["content"][0]["text"], json!("65536 bytes came back"));
}

pub(super) async fn schema_too_deep(language: Language) {
    let why = "tool `run`: input schema: is not JSON: recursion limit exceeded at line 1 column ";
    language.left_out("schema_too_deep", "", why).await;
}

/// Whatever an engine could keep, each call finds it untouched.
pub(super) async fn remember(language: Language) {
    let trial = language.trial("remember", "").await;
    for _ in 0..3 {
        assert_eq!(trial.structured(json!({})).await, json!({ "calls": [1, 1, 1, 1, 1, 1, 1, 1] }));
    }
}

/// What a guest does to its engine's own objects ends with it.
pub(super) async fn pollute(language: Language) {
    let trial = language.trial("pollute", "").await;
    for n in 0..3 {
        let ended = trial.beside(trial.client.call("attack_run", json!({}))).await;
        assert!(ended["content"][0]["text"].is_string(), "{ended}");
        trial.honest("attack", n).await;
    }
}

/// A client that can be asked, and answers whatever it is asked.
fn patient(trial: &super::Trial) -> Modern {
    let url = format!("http://{}/mcp", trial.server.address);
    Modern { client: trial.client.clone(), url, capabilities: json!({ "elicitation": {} }) }
}

pub(super) async fn input_required_for_ever(language: Language) {
    let text = "the integration asks the user something, which takes a client that declares `elicitation`; clients \
                of versions before 2026-07-28 also need a connection that stays open: stdio, or HTTP with a session";
    language.stopped("input_required_for_ever", "", "input_unavailable", text).await;
    let trial = language.trial("input_required_for_ever", "").await;
    let client = patient(&trial);
    let mut asked = client.call("attack_run", json!({})).await;
    for _ in 0..7 {
        assert_eq!(asked["resultType"], json!("input_required"), "{asked}");
        let back = json!({
            "inputResponses": { "more": { "action": "accept", "content": {} } },
            "requestState": asked["requestState"],
        });
        asked = client.call("attack_run", back).await;
    }
    let back = json!({
        "inputResponses": { "more": { "action": "accept", "content": {} } },
        "requestState": asked["requestState"],
    });
    let ended = client.call("attack_run", back).await;
    let text = "the integration asked the user more than 8 times in one call";
    assert_eq!(ended["content"][0]["text"], json!(text), "{ended}");
    trial.honest("attack", 1).await;
}

pub(super) async fn huge_question(language: Language) {
    let trial = language.trial("huge_question", "limits: { memory: 512MiB }").await;
    let client = patient(&trial);
    let ask = async |bytes: usize| {
        client.call("attack_run", json!({ "arguments": { "args": { "bytes": bytes } } })).await
    };
    let asked = ask(1000).await;
    assert_eq!(asked["inputRequests"]["more"]["params"]["message"], json!("x".repeat(1000)), "{asked}");
    let text = "the integration crashed: it asked the user something it may not: questions and state of more than 64 KiB";
    assert_eq!(ask(65_536).await["content"][0]["text"], json!(text));
    let dropped = ask(8 << 20).await;
    assert_eq!(dropped["_meta"]["bulkhead/error"]["reason"], json!("result_too_large"), "{dropped}");
    trial.honest("attack", 1).await;
}

pub(super) async fn traps_always(language: Language) {
    let rest = "limits: { cpu: 300ms }, quarantine: { failures: 3, backoff: 1s }";
    let trial = language.trial("traps_always", rest).await;
    let text = "the integration was stopped: it used up its processor time of 300ms";
    for _ in 0..3 {
        is(&trial.stopped(json!({})).await, "cpu_exceeded", text);
    }
    // Now nothing of the service runs, not even what is honest, and the neighbour works.
    let refused = trial.beside(trial.client.call("attack_add", json!({ "a": 1, "b": 1 }))).await;
    let detail = &refused["_meta"]["bulkhead/error"];
    assert_eq!(detail["reason"], json!("quarantined"));
    let wait = detail["retryAfterMs"].as_u64().unwrap();
    tokio::time::sleep(Duration::from_millis(wait)).await;
    trial.honest("attack", 1).await;
}
