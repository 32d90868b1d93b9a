//! Guests that take time.

use serde_json::json;
use tokio::task::JoinHandle;

use super::{
    super::{
        processor::ill_service,
        trial::{Trial, is, service_left_out},
    },
    Language, args, compile, described,
};
use crate::support::{RawUpstream, raw_upstream::say_and_wait};

const DEADLINE: &str = "limits: { deadline: 1s }";
const STOPPED: &str = "the call was stopped at its deadline of 1s";
/// A service is listed within the deadline of its calls, unless listing has one of its own.
const LISTED: &str = "saying what it offers takes longer than 1s; `limits.listing.deadline` gives it more";

/// A guest that is busy for ever meets its deadline, or the end of its processor time if that is sooner.
async fn busy(language: Language, guest: &str) {
    language.stopped(guest, DEADLINE, "deadline_exceeded", STOPPED).await;
    let text = "the integration was stopped: it used up its processor time of 500ms";
    language.stopped(guest, "limits: { cpu: 500ms }", "cpu_exceeded", text).await;
}

pub(super) async fn spin(language: Language) {
    busy(language, "spin").await;
    // Other calls of the same service are answered beside it.
    let trial = language.trial("spin", "limits: { deadline: 5s }").await;
    let honest = async {
        for n in 0..5 {
            trial.honest("attack", n).await;
        }
    };
    tokio::join!(trial.stopped(json!({})), honest);
}

pub(super) async fn spin_in_regex(language: Language) {
    busy(language, "spin_in_regex").await;
}

pub(super) async fn spin_in_generator(language: Language) {
    busy(language, "spin_in_generator").await;
}

pub(super) async fn spin_in_sort(language: Language) {
    busy(language, "spin_in_sort").await;
}

pub(super) async fn spin_in_microtasks(language: Language) {
    busy(language, "spin_in_microtasks").await;
}

pub(super) async fn spin_in_initialize(language: Language) {
    language.left_out("spin_in_initialize", DEADLINE, LISTED).await;
}

pub(super) async fn spin_in_list_tools(language: Language) {
    language.left_out("spin_in_list_tools", DEADLINE, LISTED).await;
}

pub(super) async fn spin_in_health_check(language: Language) {
    let (attack, end) = language.attack("guest: spin_in_health_check", DEADLINE).await;
    ill_service(&attack, &end, STOPPED).await;
}

pub(super) async fn spin_in_describe(language: Language) {
    let dir = tempfile::tempdir().unwrap();
    let file = described(language, "spin__", &dir).await;
    let (attack, end) = language.attack_of(&file, "", "limits: { deadline: 300ms }").await;
    // It is compiled once, and not while a server has to be ready.
    compile(&format!("{attack}{}", super::trial::neighbour())).await;
    let stopped = "asking what it is: the call was stopped at its deadline of 300ms";
    service_left_out(&attack, &end, stopped).await;
}

pub(super) async fn sleep_past_deadline(language: Language) {
    language.stopped("sleep_past_deadline", DEADLINE, "deadline_exceeded", STOPPED).await;
}

pub(super) async fn wait_for_nothing(language: Language) {
    let text = "the integration crashed: it panicked or aborted; the log has its last words";
    language.stopped("wait_for_nothing", DEADLINE, "trapped", text).await;
}

/// An upstream that takes requests and answers nothing.
async fn silent() -> RawUpstream {
    RawUpstream::start(|_, stream| say_and_wait(stream, "")).await
}

pub(super) async fn wait_for_upstream(language: Language) {
    let upstream = silent().await;
    let config = format!("guest: wait_for_upstream, url: '{}'", upstream.url());
    // The SDK keeps a quarter of a second for saying so.
    let trial = language.trial_with(&config, "limits: { deadline: 2s }").await;
    let (reason, text) = trial.stopped(json!({})).await;
    assert_eq!(reason, "unavailable", "{text}");
    let begin = format!("127.0.0.1:{} did not answer within 1.", upstream.url().rsplit(':').next().unwrap());
    assert!(text.starts_with(&begin), "{text}");
    // The host's own patience with an upstream ends sooner, if it is told so.
    let trial = language.trial_with(&config, "limits: { first_byte_timeout: 200ms }").await;
    let (reason, text) = trial.stopped(json!({})).await;
    assert_eq!(reason, "unavailable");
    assert!(text.ends_with(" does not answer: it took too long"), "{text}");
    trial.honest("attack", 1).await;
}

/// Begins a call whose client goes away once the guest is at it.
async fn abandoned(trial: &Trial, arguments: serde_json::Value) {
    let client = trial.client.clone();
    let gone: JoinHandle<_> = tokio::spawn(async move { client.call("attack_run", arguments).await });
    trial.beside(async { trial.server.logged(|entry| entry["message"] == "at it") }).await;
    gone.abort();
    assert_eq!(trial.record()["outcome"], json!("cancelled"));
    // Its one place is free as soon as the guest is gone, long before its deadline.
    let added = async || trial.client.call("attack_add", json!({ "a": 1, "b": 1 })).await;
    while added().await["structuredContent"] != json!({ "sum": 2 }) {}
    trial.honest("attack", 1).await;
}

pub(super) async fn ignore_cancellation(language: Language) {
    let one = "limits: { concurrent_calls: 1 }";
    for how in ["awake", "asleep"] {
        abandoned(&language.trial("ignore_cancellation", one).await, args(json!({ "how": how }))).await;
    }
    let upstream = silent().await;
    let config = format!("guest: wait_for_upstream, url: '{}'", upstream.url());
    abandoned(&language.trial_with(&config, one).await, json!({})).await;
}

pub(super) async fn burn_fuel(language: Language) {
    let rest = "limits: { fuel: 100000000 }";
    let (attack, end) = language.attack("guest: burn_fuel", rest).await;
    // Counting takes compiled code of its own.
    compile(&format!("{attack}{}", super::trial::neighbour())).await;
    let trial = Trial::start(&format!("{attack}{}{end}", super::trial::neighbour()));
    let text = "the integration was stopped: it used up its 100000000 units of fuel";
    for _ in 0..3 {
        let done = trial.answered(args(json!({ "steps": 10_000 }))).await;
        assert_eq!(done["content"][0]["text"], json!("49995000"));
        is(&trial.stopped(args(json!({ "steps": 100_000_000 }))).await, "fuel_exceeded", text);
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn endless_recursion(language: Language) {
    let text =
        language.or("InternalError: too much recursion", "RecursionError: maximum recursion depth exceeded");
    language.stopped("endless_recursion", "", "failed", text).await;
}

/// The interpreter's own bound can be taken away; the stack's cannot.
pub(super) async fn unbounded_recursion(language: Language) {
    let text = "the integration crashed: its stack overflowed";
    language.stopped("unbounded_recursion", "", "trapped", text).await;
}

pub(super) async fn many_timers(language: Language) {
    let trial = language.trial("many_timers", "limits: { handles: 100 }").await;
    let done = trial.answered(args(json!({ "count": 40 }))).await;
    assert_eq!(done["content"][0]["text"], json!("40 went off"));
    let text = "the integration was stopped: it kept more than 100 handles open";
    is(&trial.stopped(args(json!({ "count": 200 }))).await, "too_many_handles", text);
    trial.honest("attack", 1).await;
}

/// There is nothing that would block the engine itself.
pub(super) async fn atomics_wait(language: Language) {
    let trial = language.trial("atomics_wait", DEADLINE).await;
    let (reason, text) = trial.stopped(json!({})).await;
    assert_eq!((reason.as_str(), text.as_str()), ("failed", "ReferenceError: Atomics is not defined"));
}
