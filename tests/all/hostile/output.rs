//! Guests that answer, report and log what they must not.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::trial::{Trial, attack, host, is, neighbour, stopped};
use crate::support::{component, run};

const SMALL: &str = "limits: { result_bytes: 64KiB }";
const DROPPED: &str =
    "the result was dropped: it is more than four times the limit of 64.0 KiB; ask for less";

pub(super) fn text(answer: &Value) -> &str {
    answer["content"][0]["text"].as_str().unwrap()
}

pub(super) async fn huge_result() {
    let trial = Trial::of("huge_result", "limits: { result_bytes: 64KiB, memory: 512MiB }");
    // A block takes 32 bytes beside its text: this fits just so.
    let whole = trial.answered(json!({ "bytes": 65_504 })).await;
    assert_eq!((text(&whole).len(), whole.get("_meta")), (65_504, None));
    // A byte more is cut, and says so where the model and where a program looks; so is the most that is taken.
    for bytes in [65_505, 4 * 65_536] {
        let cut = trial.answered(json!({ "bytes": bytes })).await;
        let note = format!(" of {bytes} bytes shown; ask for less, e.g. narrow the query or pass a limit]");
        let (shown, told) = text(&cut).split_once("\n[cut: ").unwrap();
        assert_eq!(told, format!("{}{note}", shown.len()));
        let sizes = json!({ "shown": text(&cut).len() + 32, "of": bytes + 32 });
        assert_eq!(cut["_meta"]["bulkhead/truncated"], sizes);
        assert!((65_000..65_504).contains(&text(&cut).len()), "{}", text(&cut).len());
    }
    // A byte over that, so much that it may not even be copied out of the guest, and a hundred megabytes.
    for bytes in [4 * 65_536 + 1, 8 << 20, 100_000_000] {
        is(&trial.stopped(json!({ "bytes": bytes })).await, "result_too_large", DROPPED);
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn huge_error() {
    let trial = Trial::of("huge_error", SMALL);
    for bytes in [4 * 65_536 + 1, 8 << 20] {
        is(&trial.stopped(json!({ "bytes": bytes })).await, "result_too_large", DROPPED);
    }
    let cut = format!("{} [cut: 65536 of 65537 bytes shown]", "x".repeat(65_536));
    is(&trial.stopped(json!({ "bytes": 65_537 })).await, "failed", &cut);
    is(&trial.stopped(json!({ "bytes": 100 })).await, "failed", &"x".repeat(100));
}

pub(super) async fn huge_panic_message() {
    let trial = Trial::of("huge_panic_message", "");
    let text = "the integration crashed: it panicked or aborted; the log has its last words";
    is(&trial.stopped(json!({})).await, "trapped", text);
    trial.server.logged(|entry| entry["message"] == "(further output of this call is dropped)");
    let log = trial.server.log_text();
    assert!(log.contains("last words last words") && log.len() < 64 << 10, "{} bytes", log.len());
    trial.honest("attack", 1).await;
}

/// Calls `run` and asks for progress: the progress notifications, and the result.
pub(super) async fn reported(trial: &Trial, arguments: Value) -> (Vec<Value>, Value) {
    let params = json!({ "name": "attack_run", "arguments": arguments, "_meta": { "progressToken": "p" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let response = trial.beside(trial.client.post(&body)).await;
    let stream = String::from_utf8(response.body().to_vec()).unwrap();
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| !data.is_empty());
    let mut messages: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    let result = messages.pop().unwrap()["result"].take();
    (messages.into_iter().map(|mut message| message["params"].take()).collect(), result)
}

pub(super) async fn progress_flood() {
    let trial = Trial::of("progress_flood", "");
    let (reports, result) = reported(&trial, json!({})).await;
    assert_eq!(text(&result), "flooded");
    let done: Vec<_> = reports.iter().map(|report| report["progress"].as_f64().unwrap()).collect();
    // What the client does not take in time is dropped; what comes is in order.
    assert!(done.is_sorted_by(|a, b| a < b) && done.len() < 100_000, "{} reports", done.len());
    assert_eq!(text(&trial.answered(json!({})).await), "flooded");
}

pub(super) async fn huge_progress() {
    let trial = Trial::of("huge_progress", SMALL);
    let (reports, result) = reported(&trial, json!({ "bytes": 100 })).await;
    assert_eq!((reports.len(), text(&result)), (1, "reported"));
    assert_eq!(reports[0]["message"], json!("x".repeat(100)));
    // More than a result may be does not go to the client.
    for bytes in [65_537, 300_000] {
        let (reports, _) = reported(&trial, json!({ "bytes": bytes })).await;
        let sent: usize = reports.iter().map(|report| report.to_string().len()).sum();
        assert!(sent <= 65_536 + 100, "{sent} bytes of progress for a message of {bytes}");
    }
    is(&trial.stopped(json!({ "bytes": 8 << 20 })).await, "result_too_large", DROPPED);
}

pub(super) async fn not_a_number_progress() {
    let trial = Trial::of("not_a_number_progress", "");
    let (reports, result) = reported(&trial, json!({})).await;
    assert_eq!(text(&result), "reported");
    // JSON has no such numbers: a report without one is none, and an unknown total is left out.
    assert_eq!(
        reports,
        [
            json!({ "progressToken": "p", "progress": 1.0 }),
            json!({ "progressToken": "p", "progress": 2.0, "total": 4.0 }),
        ]
    );
}

pub(super) async fn log_flood() {
    let trial = Trial::of("log_flood", "");
    assert_eq!(text(&trial.answered(json!({})).await), "flooded");
    trial.server.logged(|entry| entry["message"] == "further log messages of this call are dropped");
    assert_eq!(trial.server.log_text().matches("logged line").count(), (32 << 10) / "logged line".len());
    trial.honest("attack", 1).await;
}

pub(super) async fn print_flood() {
    for (limits, bytes) in [("", 32 << 10), ("limits: { log_bytes: 1KiB }", 1 << 10)] {
        let trial = Trial::of("print_flood", limits);
        assert_eq!(text(&trial.answered(json!({})).await), "flooded");
        trial.server.logged(|entry| entry["message"] == "(further output of this call is dropped)");
        let printed = trial.server.log_text().matches("printed line").count();
        assert_eq!(printed, bytes / "printed line\n".len());
        trial.honest("attack", 1).await;
    }
}

pub(super) async fn log_control_characters() {
    let trial = Trial::of("log_control_characters", "");
    assert_eq!(text(&trial.answered(json!({})).await), "logged");
    let odd =
        r#"begun\n{"level":"ERROR","message":"forged"}\r\n\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{0}ended"#;
    // One entry each, with all of it inside and nothing in it that acts; nothing became an entry of its own, or is no JSON.
    let entry = trial.server.logged(|entry| entry["message"] == odd);
    assert_eq!((&entry["level"], &entry["service"]), (&json!("INFO"), &json!("attack")));
    assert_eq!((&entry["target"], &entry["data"]), (&json!("guest"), &json!(odd)));
    trial.server.logged(|entry| entry["message"] == r"printed \u{1b}[2J\u{7}\r\u{9b}31m\u{0}ended");
    let log = trial.server.log_text();
    let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(lines.all(|line| line.is_object() && line["message"] != "forged"), "{log}");
}

pub(super) async fn forge_log_lines() {
    // Not as JSON this time: in the lines that people read.
    let services = format!("{}{}", attack(&component("attacks"), "guest: forge_log_lines", ""), neighbour());
    let output = run(&["call", "attack_run", "--log", "info"], &host(&services));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.contains("forged"), "{log}");
    let breaks = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    assert!(log.split(breaks).all(|line| !line.starts_with("2026-01-01T")), "{log:?}");
}

/// A guest whose structured answer is not JSON, in serde's words.
async fn no_json(guest: &str, why: &str) {
    let text = format!("the integration crashed: its structured result is not JSON ({why})");
    stopped(guest, "", "trapped", &text).await;
}

pub(super) async fn deep_json_result() {
    no_json("deep_json_result", "recursion limit exceeded at line 1 column 128").await;
}

pub(super) async fn bad_json_result() {
    no_json("bad_json_result", "EOF while parsing a value at line 1 column 10").await;
}

pub(super) async fn two_json_results() {
    no_json("two_json_results", "trailing characters at line 1 column 10").await;
}

pub(super) async fn lone_surrogates() {
    no_json("lone_surrogates", "unexpected end of hex escape at line 1 column 14").await;
}

pub(super) async fn duplicate_keys() {
    let trial = Trial::of("duplicate_keys", "");
    assert_eq!(trial.structured(json!({})).await, json!({ "a": 2 }));
}

pub(super) async fn invalid_utf8() {
    super::trial::crashed("invalid_utf8").await;
}

pub(super) async fn bad_meta() {
    let text = "the integration crashed: its result meta is not a JSON object";
    stopped("bad_meta", "", "trapped", text).await;
}

pub(super) async fn reserved_meta() {
    let trial = Trial::of("reserved_meta", "");
    let listed = trial.client.rpc("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let tool = tools.iter().find(|tool| tool["name"] == "attack_run").unwrap();
    assert_eq!(tool["_meta"], json!({ "acme.example/y": 2 }));
    assert_eq!(trial.answered(json!({})).await["_meta"], json!({ "acme.example/y": 2 }));
}

pub(super) async fn media_flood() {
    let trial = Trial::of("media_flood", SMALL);
    let kinds =
        ["image", "audio", "many", "empty", "link", "link type", "link description", "blob", "blob type"];
    for kind in kinds {
        let ended = trial.client.call("attack_run", json!({ "kind": kind })).await;
        // So many pieces are not even copied out of the guest.
        if kind == "many" {
            assert_eq!(ended["_meta"]["bulkhead/error"]["reason"], "result_too_large");
            continue;
        }
        assert!(ended["_meta"]["bulkhead/truncated"]["of"].as_u64() > Some(65_536), "{kind}: {ended}");
        assert!(ended.to_string().len() < 65_536, "{kind}: {}", ended.to_string().len());
    }
    trial.honest("attack", 1).await;
    trial.honest("neighbour", 1).await;
}

pub(super) async fn deep_json_arguments() {
    let trial = Trial::of("deep_json_arguments", "");
    for depth in [1000, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"attack_run","arguments":{{"a":{nested}}}}}}}"#
        );
        let response = trial.beside(trial.client.post(&body)).await;
        let error: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status(), &error["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32700)));
    }
    assert_eq!(text(&trial.answered(json!({ "a": [[1]] })).await), "11 bytes");
}

pub(super) async fn absurd_retry() {
    let trial = Trial::of("absurd_retry", "");
    let text = "later (try again after 18446744073709551615 ms)";
    is(&trial.stopped(json!({})).await, "throttled", text);
}
