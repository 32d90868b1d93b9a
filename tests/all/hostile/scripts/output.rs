//! Guests that answer, report and log what they must not.

use serde_json::{Value, json};

use super::{
    super::{
        output::{reported, text},
        trial::is,
    },
    Language, args,
};

const SMALL: &str = "limits: { result_bytes: 64KiB, memory: 512MiB }";
const DROPPED: &str =
    "the result was dropped: it is more than four times the limit of 64.0 KiB; ask for less";

pub(super) async fn huge_result(language: Language) {
    let trial = language.trial("huge_result", SMALL).await;
    // A block takes 32 bytes beside its text: this fits just so.
    let whole = trial.answered(args(json!({ "bytes": 65_504 }))).await;
    assert_eq!((text(&whole).len(), whole.get("_meta")), (65_504, None));
    for bytes in [65_505, 4 * 65_536] {
        let cut = trial.answered(args(json!({ "bytes": bytes }))).await;
        let note = format!(" of {bytes} bytes shown; ask for less, e.g. narrow the query or pass a limit]");
        let (shown, told) = text(&cut).split_once("\n[cut: ").unwrap();
        assert_eq!(told, format!("{}{note}", shown.len()));
        let sizes = json!({ "shown": text(&cut).len() + 32, "of": bytes + 32 });
        assert_eq!(cut["_meta"]["bulkhead/truncated"], sizes);
    }
    for bytes in [4 * 65_536 + 1, 8 << 20] {
        is(&trial.stopped(args(json!({ "bytes": bytes }))).await, "result_too_large", DROPPED);
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn huge_error(language: Language) {
    let trial = language.trial("huge_error", SMALL).await;
    for bytes in [4 * 65_536 + 1, 8 << 20] {
        is(&trial.stopped(args(json!({ "bytes": bytes }))).await, "result_too_large", DROPPED);
    }
    let cut = format!("{} [cut: 65536 of 65537 bytes shown]", "x".repeat(65_536));
    is(&trial.stopped(args(json!({ "bytes": 65_537 }))).await, "failed", &cut);
    is(&trial.stopped(args(json!({ "bytes": 100 }))).await, "failed", &"x".repeat(100));
}

/// A bug's message is bounded where the caller reads it, and where the log has its stack.
pub(super) async fn huge_exception(language: Language) {
    let trial = language.trial("huge_exception", SMALL).await;
    let kind = language.or("RangeError: ", "ValueError: ");
    is(&trial.stopped(args(json!({ "bytes": 100 }))).await, "failed", &format!("{kind}{}", "x".repeat(100)));
    let whole = 65_537 + kind.len();
    let cut = format!("{kind}{} [cut: 65536 of {whole} bytes shown]", "x".repeat(65_536 - kind.len()));
    is(&trial.stopped(args(json!({ "bytes": 65_537 }))).await, "failed", &cut);
    is(&trial.stopped(args(json!({ "bytes": 8 << 20 }))).await, "result_too_large", DROPPED);
    let log = trial.server.log_text();
    assert!(log.len() < 256 << 10, "{} bytes", log.len());
    trial.honest("attack", 1).await;
}

pub(super) async fn progress_flood(language: Language) {
    let trial = language.trial("progress_flood", "").await;
    let (reports, result) = reported(&trial, json!({})).await;
    assert_eq!(text(&result), "flooded");
    let done: Vec<_> = reports.iter().map(|report| report["progress"].as_f64().unwrap()).collect();
    // What the client does not take in time is dropped; what comes is in order.
    assert!(done.is_sorted_by(|a, b| a < b) && done.len() < 100_000, "{} reports", done.len());
    assert_eq!(text(&trial.answered(json!({})).await), "flooded");
}

pub(super) async fn huge_progress(language: Language) {
    let trial = language.trial("huge_progress", SMALL).await;
    let (reports, result) = reported(&trial, args(json!({ "bytes": 100 }))).await;
    assert_eq!((reports.len(), text(&result)), (1, "reported"));
    assert_eq!(reports[0]["message"], json!("x".repeat(100)));
    let (reports, _) = reported(&trial, args(json!({ "bytes": 300_000 }))).await;
    let sent: usize = reports.iter().map(|report| report.to_string().len()).sum();
    assert!(sent <= 65_536 + 100, "{sent}");
    is(&trial.stopped(args(json!({ "bytes": 8 << 20 }))).await, "result_too_large", DROPPED);
}

pub(super) async fn not_a_number_progress(language: Language) {
    let trial = language.trial("not_a_number_progress", "").await;
    let (reports, result) = reported(&trial, json!({})).await;
    assert_eq!(text(&result), "reported");
    assert_eq!(
        reports,
        [
            json!({ "progressToken": "p", "progress": 1.0 }),
            json!({ "progressToken": "p", "progress": 2.0, "total": 4.0 }),
        ]
    );
}

pub(super) async fn log_flood(language: Language) {
    for (limits, bytes) in [("", 32 << 10), ("limits: { log_bytes: 1KiB }", 1 << 10)] {
        let trial = language.trial("log_flood", limits).await;
        assert_eq!(text(&trial.answered(json!({})).await), "flooded");
        trial.server.logged(|entry| entry["message"] == "further log messages of this call are dropped");
        assert_eq!(trial.server.log_text().matches("logged line").count(), bytes / "logged line".len());
        trial.honest("attack", 1).await;
    }
}

pub(super) async fn print_flood(language: Language) {
    // JavaScript prints to its output, Python's SDK to the log.
    let dropped = language
        .or("(further output of this call is dropped)", "further log messages of this call are dropped");
    let line = language.or("printed line\n", "printed line").len();
    for (limits, bytes) in [("", 32 << 10), ("limits: { log_bytes: 1KiB }", 1 << 10)] {
        let trial = language.trial("print_flood", limits).await;
        assert_eq!(text(&trial.answered(json!({})).await), "flooded");
        trial.server.logged(|entry| entry["message"] == dropped);
        assert_eq!(trial.server.log_text().matches("printed line").count(), bytes / line);
        trial.honest("attack", 1).await;
    }
}

pub(super) async fn log_control_characters(language: Language) {
    let trial = language.trial("log_control_characters", "").await;
    assert_eq!(text(&trial.answered(json!({})).await), "logged");
    let odd =
        r#"begun\n{"level":"ERROR","message":"forged"}\r\n\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{0}ended"#;
    trial.server.logged(|entry| entry["message"] == odd);
    // JavaScript's engine prints up to the zero.
    let end = language.or("", r"\u{0}ended");
    let printed = format!(r"printed \u{{1b}}[2J\u{{7}}\r\u{{9b}}31m{end}");
    trial.server.logged(|entry| entry["message"] == printed);
    let log = trial.server.log_text();
    let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(lines.all(|line| line.is_object() && line["message"] != "forged"), "{log}");
}

/// JSON has no such numbers: JavaScript writes null for them, Python's SDK says so.
pub(super) async fn not_a_number_result(language: Language) {
    let trial = language.trial("not_a_number_result", "").await;
    match language {
        Language::JavaScript => {
            let empty = json!({ "nan": null, "infinite": null });
            assert_eq!(trial.structured(json!({})).await, empty);
        }
        Language::Python => {
            let text = "ValueError: Out of range float values are not JSON compliant: nan";
            is(&trial.stopped(json!({})).await, "failed", text);
        }
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn cyclic_result(language: Language) {
    let text =
        language.or("TypeError: cyclic object value", "RecursionError: maximum recursion depth exceeded");
    language.stopped("cyclic_result", "", "failed", text).await;
}

/// What is no character becomes the one that stands for it, and nothing crashes.
pub(super) async fn lone_surrogates(language: Language) {
    let trial = language.trial("lone_surrogates", "").await;
    let mended = "a\u{fffd}b\u{fffd}c";
    assert_eq!(trial.structured(args(json!({ "where": "data" }))).await, json!({ (mended): mended }));
    assert_eq!(text(&trial.answered(args(json!({ "where": "text" }))).await), mended);
    is(&trial.stopped(args(json!({ "where": "error" }))).await, "failed", mended);
    assert_eq!(text(&trial.answered(args(json!({ "where": "log" }))).await), "logged");
    trial.server.logged(|entry| entry["message"] == mended);
    trial.honest("attack", 1).await;
}

pub(super) async fn no_json_result(language: Language) {
    let trial = language.trial("no_json_result", "").await;
    let text = language.or(
        "TypeError: BigInt value can't be serialized in JSON",
        "TypeError: Object of type complex is not JSON serializable",
    );
    for within in [false, true] {
        let (reason, came) = trial.stopped(args(json!({ "within": within }))).await;
        assert_eq!(reason, "failed", "{came}");
        assert!(came.starts_with(text), "{came}");
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn deep_json_result(language: Language) {
    let trial = language.trial("deep_json_result", "").await;
    let text = "the integration crashed: its structured result is not JSON (recursion limit exceeded at line 1 column ";
    let (reason, came) = trial.stopped(args(json!({ "depth": 200 }))).await;
    assert!(reason == "trapped" && came.starts_with(text), "{came}");
    let (reason, text) = language.or(
        ("failed", "InternalError: too much recursion"),
        ("trapped", "the integration crashed: its stack overflowed"),
    );
    is(&trial.stopped(args(json!({ "depth": 100_000 }))).await, reason, text);
    trial.honest("attack", 1).await;
}

pub(super) async fn media_flood(language: Language) {
    let trial = language.trial("media_flood", SMALL).await;
    let many = trial.client.call("attack_run", args(json!({ "pieces": 100_000 }))).await;
    assert_eq!(many["_meta"]["bulkhead/error"]["reason"], "result_too_large");
    let some = trial.client.call("attack_run", args(json!({ "pieces": 5_000 }))).await;
    assert!(some["_meta"]["bulkhead/truncated"]["of"].as_u64() > Some(65_536), "{some}");
    assert!(some.to_string().len() < 2 * 65_536, "{}", some.to_string().len());
    trial.honest("attack", 1).await;
}
