//! Disk watermarks: how much is free on each node, and what Elasticsearch does about it.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{at, text};

use super::{Facts, Finding, Severity, keeps_data, settings::Settings};
use crate::shape::{bytes, counted};

/// The worst first. What is usual is used where the settings may not be read.
const MARKS: [(&str, &str, Severity, &str, &str); 3] = [
    (
        "flood_stage",
        "95%",
        Severity::Critical,
        "indices with a shard on it refuse writes",
        "free disk now: delete old indices or add disk; the block lifts by itself below the high watermark",
    ),
    (
        "high",
        "90%",
        Severity::Warning,
        "its shards are moved away",
        "free disk or add nodes; see `indices` with `sort: -size`",
    ),
    (
        "low",
        "85%",
        Severity::Warning,
        "it takes no further replicas",
        "plan for disk: see `indices` with `sort: -size`, and whether ILM deletes",
    ),
];

/// Nodes above a watermark, each under the worst.
pub(super) fn watermarks(facts: &Facts, out: &mut Vec<Finding>) {
    let setting = |name: &str| facts.settings.as_ref().and_then(|settings: &Settings| settings.get(name));
    if setting("cluster.routing.allocation.disk.threshold_enabled") == Some("false") {
        return;
    }
    let mut left: Vec<&Value> = facts.nodes().filter(|node| keeps_data(node)).collect();
    for (mark, usual, severity, effect, next) in MARKS {
        let name = format!("cluster.routing.allocation.disk.watermark.{mark}");
        let value = setting(&name).unwrap_or(usual);
        let headroom = setting(&format!("{name}.max_headroom")).and_then(size);
        let (over, under): (Vec<&Value>, Vec<&Value>) = left.into_iter().partition(|node| {
            let (free, total) = space(node);
            total > 0.0 && needed(value, headroom, total).is_some_and(|needed| free < needed)
        });
        left = under;
        if over.is_empty() {
            continue;
        }
        let evidence = over.iter().map(|node| {
            let (free, total) = space(node);
            json!({
                "node": text(node, "/name"),
                "used_percent": ((1.0 - free / total) * 1000.0).round() / 10.0,
                "free": bytes(free),
                "of": bytes(total),
            })
        });
        out.push(Finding {
            severity,
            finding: format!(
                "{} above the {} disk watermark: {effect}",
                counted(over.len(), "node is", "nodes are"),
                mark.replace('_', " ")
            ),
            evidence: json!({ "nodes": evidence.collect::<Vec<_>>(), "watermark": value }),
            next: next.to_owned(),
        });
    }
}

fn space(node: &Value) -> (f64, f64) {
    let size = |name: &str| at(node, "/fs/total").get(name).and_then(Value::as_f64).unwrap_or_default();
    (size("available_in_bytes"), size("total_in_bytes"))
}

/// The bytes that have to be free: `85%` and `0.85` are of what may be used, but a large disk need not keep more free
/// than the headroom; `50gb` is what has to be free.
fn needed(watermark: &str, headroom: Option<f64>, total: f64) -> Option<f64> {
    let used = match watermark.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => watermark.parse::<f64>().ok().filter(|ratio| *ratio <= 1.0),
    };
    match used {
        Some(used) => Some((total * (1.0 - used)).min(headroom.unwrap_or(f64::MAX))),
        None => size(watermark),
    }
}

/// `150gb`; none for `-1`, which is no limit.
fn size(words: &str) -> Option<f64> {
    let words = words.trim().to_lowercase();
    let at = words.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = words.split_at_checked(at)?;
    let power = ["b", "kb", "mb", "gb", "tb", "pb"].iter().position(|known| *known == unit)?;
    Some(number.parse::<f64>().ok()? * 1024_f64.powi(i32::try_from(power).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_are_shares_or_sizes() {
        const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
        let at = |watermark: &str, headroom| {
            needed(watermark, headroom, 1000.0 * GIB).map(|needed| (needed / GIB).round())
        };
        assert_eq!(at("85%", None), Some(150.0));
        assert_eq!(at("0.85", None), Some(150.0));
        assert_eq!(at("85%", size("100GB")), Some(100.0));
        assert_eq!(at("85%", size("-1")), Some(150.0));
        assert_eq!((at("50gb", None), at("1.5tb", None), at("much", None)), (Some(50.0), Some(1536.0), None));
    }
}
