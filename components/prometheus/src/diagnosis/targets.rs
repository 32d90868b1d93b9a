//! Targets that are down, by job and cause, and those that are about to be.

use std::collections::BTreeMap;

use bulkhead_sdk::duration;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{shortened, text};

use super::{Facts, finding, some};

/// A scrape that takes more of its timeout than this fails at the next hiccup.
const NEAR: f64 = 0.8;

/// What a scrape's error contains, what that is called, and what to do about it.
const CAUSES: [(&[&str], &str, &str); 11] = [
    (
        &["connection refused"],
        "connection refused",
        "nothing listens there: is the process running, and on that port?",
    ),
    (&["no such host", "server misbehaving"], "name not found", "check the target's name and DNS"),
    (
        &["deadline exceeded", "i/o timeout", "Timeout"],
        "timeout",
        "the target is slow or cut off: check its load and the network, or raise scrape_timeout",
    ),
    (
        &["no route to host", "network is unreachable"],
        "no route",
        "check the network, firewalls and network policies",
    ),
    (
        &["connection reset", "EOF"],
        "connection broken",
        "the target closes the connection: check its log, and whether it wants TLS",
    ),
    (
        &["x509", "tls:", "certificate"],
        "TLS",
        "check scheme, ca_file and server_name of the job, and the certificate",
    ),
    (&["status 401", "status 403"], "not authorized", "check the credentials of the job"),
    (&["status 404"], "path not found", "check metrics_path of the job"),
    (&["HTTP status 5"], "target answers with an error", "look at the target's log"),
    (
        &["limit exceeded", "exceeded"],
        "limit exceeded",
        "the target exposes more than the job allows: see what grew, or raise the limit",
    ),
    (
        &["invalid metric", "expected", "unsupported Content-Type", "parse"],
        "no metrics there",
        "what answers is no exposition format: check port and path",
    ),
];

fn label<'a>(target: &'a Value, name: &str) -> &'a str {
    target.get("labels").and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn cause(error: &str) -> (&'static str, &'static str) {
    let found = CAUSES.iter().find(|(words, ..)| words.iter().any(|word| error.contains(word)));
    found
        .map_or(("other", "see the error itself, and `targets` for each"), |(_, cause, next)| (*cause, *next))
}

pub(super) fn down(facts: &Facts) -> Vec<Value> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for target in facts.targets.iter().filter(|target| text(target, "/health") == "down") {
        groups.entry((label(target, "job"), cause(text(target, "/lastError")).0)).or_default().push(target);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, targets)| std::cmp::Reverse(targets.len()));
    let told = |((job, cause_name), targets): ((&str, &str), Vec<&Value>)| {
        let of_job = facts.targets.iter().filter(|target| label(target, "job") == job).count();
        let error = targets.first().map(|target| text(target, "/lastError")).unwrap_or_default();
        finding(
            "targets_down",
            format!("job {job}: {} of {of_job} targets down: {cause_name}", targets.len()),
            json!({
                "job": job, "cause": cause_name, "instances": some(targets.iter().map(|target| label(target, "instance"))),
                "last_error": shortened(error, 300),
                "last_scrape": targets.iter().map(|target| text(target, "/lastScrape")).max(),
            }),
            cause(error).1,
        )
    };
    groups.into_iter().map(told).collect()
}

pub(super) fn slow(facts: &Facts) -> Vec<Value> {
    let near = |target: &&Value| {
        let took = target.get("lastScrapeDuration").and_then(Value::as_f64).unwrap_or(0.0);
        let allowed = duration::parse(text(target, "/scrapeTimeout")).unwrap_or(0.0);
        text(target, "/health") == "up" && allowed > 0.0 && took > allowed * NEAR
    };
    let slow: Vec<&Value> = facts.targets.iter().filter(near).collect();
    if slow.is_empty() {
        return Vec::new();
    }
    let line = |target: &&Value| {
        json!({ "job": label(target, "job"), "instance": label(target, "instance"),
                "took_seconds": target.get("lastScrapeDuration"), "timeout": text(target, "/scrapeTimeout") })
    };
    vec![finding(
        "scrapes_near_timeout",
        format!("targets that take most of their scrape timeout and may be lost soon: {}", slow.len()),
        json!({ "targets": slow.iter().take(super::SHOWN).map(line).collect::<Vec<_>>() }),
        "see what the targets expose that takes so long, or raise scrape_timeout",
    )]
}
