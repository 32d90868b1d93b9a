//! What a pod's state comes to in a word, and how often it was started again.

use serde_json::Value;

use crate::clock;

/// As the column `Status` has it.
pub fn status(pod: &Value) -> String {
    if pod["metadata"]["deletionTimestamp"].is_string() {
        return "Terminating".to_owned();
    }
    let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
    let mut word = pod["status"]["reason"].as_str().unwrap_or(phase).to_owned();
    if let Some(initial) = initial(pod) {
        return initial;
    }
    let mut running = false;
    for container in pod["status"]["containerStatuses"].as_array().into_iter().flatten().rev() {
        let state = &container["state"];
        if let Some(reason) = state["waiting"]["reason"].as_str() {
            reason.clone_into(&mut word);
        } else if state["terminated"].is_object() {
            word = ended(&state["terminated"]);
        } else if container["ready"] == true && state["running"].is_object() {
            running = true;
        }
    }
    if word == "Completed" && running { "Running".to_owned() } else { word }
}

/// What holds its init containers up.
fn initial(pod: &Value) -> Option<String> {
    let all = pod["status"]["initContainerStatuses"].as_array()?;
    let count = pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
    for (place, container) in all.iter().enumerate() {
        let state = &container["state"];
        if state["terminated"]["exitCode"] == 0 {
            continue;
        }
        return Some(match state["waiting"]["reason"].as_str() {
            _ if state["terminated"].is_object() => format!("Init:{}", ended(&state["terminated"])),
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{place}/{count}"),
        });
    }
    None
}

fn ended(state: &Value) -> String {
    match (state["reason"].as_str().unwrap_or_default(), state["signal"].as_i64().unwrap_or_default()) {
        ("", 0) => format!("ExitCode:{}", state["exitCode"]),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// As the column `Restarts` has it: how often, and when last.
pub fn restarts(pod: &Value, now: f64) -> String {
    let statuses = || pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let count: i64 = statuses().filter_map(|one| one["restartCount"].as_i64()).sum();
    let times =
        statuses().filter_map(|one| clock::parse(one["lastState"]["terminated"]["finishedAt"].as_str()?));
    match times.fold(None, |latest: Option<f64>, time| Some(latest.map_or(time, |one| one.max(time)))) {
        Some(latest) if count > 0 => format!("{count} ({} ago)", clock::age(now - latest)),
        _ => count.to_string(),
    }
}
