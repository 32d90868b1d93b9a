//! What a run found, for people and for programs: by area, with what was looked at where nothing was found.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    checks::{AREAS, CHECKS, Severity},
    ledger::{Allowed, Finding, Ledger, Sums},
};

/// A run that has ended.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) file: &'a Path,
    /// Who it is, if it said so: name and version.
    pub(super) component: Option<(String, String)>,
    pub(super) digest: Option<String>,
    pub(super) seed: u64,
    pub(super) cases: usize,
    /// The config that was used.
    pub(super) config: Option<Value>,
    pub(super) ledger: &'a Ledger,
    pub(super) allowed: &'a [Allowed],
    /// Whether warnings count as errors.
    pub(super) strict: bool,
}

impl Report<'_> {
    fn sums(&self) -> Sums {
        self.ledger.sums(self.allowed)
    }

    /// Whether the component is what it should be.
    pub(super) fn passed(&self) -> bool {
        let sums = self.sums();
        sums.errors == 0 && !(self.strict && sums.warnings > 0)
    }

    fn reason(&self, finding: &Finding) -> Option<&str> {
        let allowed = self.allowed.iter().find(|one| one.id == finding.check.id);
        allowed.map(|one| one.reason.as_str())
    }

    /// How bad a finding is here, in a word.
    fn word(&self, finding: &Finding) -> &'static str {
        if self.reason(finding).is_some() { "allowed" } else { finding.check.severity.as_str() }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![match &self.component {
            Some((name, version)) => format!("{} is {name} {version}", self.file.display()),
            None => self.file.display().to_string(),
        }];
        if let Some(digest) = &self.digest {
            lines.push(format!("sha256:{digest}"));
        }
        if let Some(config) = &self.config {
            lines.push(format!("config {config}"));
        }
        lines.push(String::new());
        for (area, _) in AREAS {
            self.area(area, &mut lines);
        }
        lines.push(String::new());
        lines.push(self.verdict());
        lines.join("\n")
    }

    fn area(&self, area: &str, lines: &mut Vec<String>) {
        let findings: Vec<&Finding> = self.ledger.of(area).collect();
        let words = findings.iter().map(|finding| self.word(finding));
        let worst =
            ["error", "warning", "allowed"].into_iter().find(|word| words.clone().any(|own| own == *word));
        let (state, at) = match (worst, self.ledger.at(area)) {
            (Some(worst), at) => (worst, at.unwrap_or_default()),
            (None, Some(at)) => ("ok", at),
            (None, None) => ("-", "not there, or not reached"),
        };
        lines.push(format!("{area:<12} {state:<8} {at}").trim_end().to_owned());
        let mut told = None;
        for (n, finding) in findings.iter().enumerate() {
            let check = finding.check;
            if told != Some(check.id) {
                told = Some(check.id);
                lines.push(format!("  {} {}: {}", self.word(finding), check.id, check.fault));
                match self.reason(finding) {
                    Some(reason) => lines.push(format!("    allowed: {reason}")),
                    None => lines.push(format!("    to mend: {}", check.mend)),
                }
            }
            lines.push(format!("    {}: {}", finding.place, finding.what));
            let last = findings.get(n.saturating_add(1)).is_none_or(|next| next.check.id != check.id);
            let more = self.ledger.more(check.id);
            if last && more > 0 {
                lines.push(format!("    and {more} more"));
            }
        }
    }

    /// One line.
    fn verdict(&self) -> String {
        let Sums { errors, warnings, allowed } = self.sums();
        let word = if self.passed() { "passed" } else { "FAILED" };
        let strict = if self.strict { ", and warnings count" } else { "" };
        let many = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        format!(
            "{word}: {}, {}, {allowed} allowed (seed {}, {} for each tool{strict})",
            many(errors, "error"),
            many(warnings, "warning"),
            self.seed,
            many(self.cases, "case")
        )
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let finding = |finding: &Finding| {
            json!({
                "check": finding.check.id, "severity": finding.check.severity.as_str(), "place": finding.place,
                "what": finding.what, "fault": finding.check.fault, "mend": finding.check.mend,
                "allowed": self.reason(finding),
            })
        };
        let area = |(area, about): &(&str, &str)| {
            let findings: Vec<Value> = self.ledger.of(area).map(finding).collect();
            json!({ "area": area, "about": about, "lookedAt": self.ledger.at(area), "findings": findings })
        };
        let Sums { errors, warnings, allowed } = self.sums();
        json!({
            "file": self.file, "name": self.component.as_ref().map(|(name, _)| name),
            "version": self.component.as_ref().map(|(_, version)| version),
            "digest": self.digest.as_ref().map(|digest| format!("sha256:{digest}")),
            "seed": self.seed, "cases": self.cases, "config": self.config, "strict": self.strict,
            "passed": self.passed(), "errors": errors, "warnings": warnings, "allowed": allowed,
            "areas": AREAS.iter().map(area).collect::<Vec<_>>(),
        })
    }

    /// As CI systems read it: a suite of the checks. One fails if it found what counts.
    pub(super) fn junit(&self) -> String {
        let counts = |finding: &&Finding| {
            self.reason(finding).is_none() && (self.strict || finding.check.severity == Severity::Error)
        };
        let (mut cases, mut failures, mut skipped) = (String::new(), 0_usize, 0_usize);
        for check in CHECKS {
            let open = format!(r#"<testcase classname="{}" name="{}">"#, check.area(), check.id);
            let all: Vec<&Finding> = self.ledger.by(check.id).collect();
            let failing = lines(all.iter().copied().filter(counts));
            let body = if !failing.is_empty() {
                failures = failures.saturating_add(1);
                let (fault, mend) = (escaped(check.fault), escaped(check.mend));
                format!(r#"<failure message="{fault}">{}to mend: {mend}</failure>"#, escaped(&failing))
            } else if !all.is_empty() {
                format!("<system-out>{}</system-out>", escaped(&lines(all.iter().copied())))
            } else if self.ledger.at(check.area()).is_none() {
                skipped = skipped.saturating_add(1);
                r#"<skipped message="not there, or not reached"/>"#.to_owned()
            } else {
                String::new()
            };
            cases.push_str(&format!("    {open}{body}</testcase>\n"));
        }
        let name = escaped(&self.file.display().to_string());
        let tests = CHECKS.len();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{name}\" tests=\"{tests}\" \
             failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n{cases}  </testsuite>\n</testsuites>\n"
        )
    }
}

fn lines<'f>(findings: impl Iterator<Item = &'f Finding>) -> String {
    findings.map(|finding| format!("{}: {}\n", finding.place, finding.what)).collect()
}

/// Every check, as `--checks` prints it.
pub(super) fn catalogue() -> String {
    let mut lines = Vec::new();
    for (area, about) in AREAS {
        lines.push(format!("{area}: {about}"));
        let own = CHECKS.iter().filter(|check| check.area() == area);
        lines.extend(
            own.map(|check| format!("  {:<28} {:<8} {}", check.id, check.severity.as_str(), check.fault)),
        );
    }
    lines.join("\n")
}

/// The same as data.
pub(super) fn catalogue_json() -> Value {
    let check = |check: &super::checks::Check| json!({ "id": check.id, "severity": check.severity.as_str(), "fault": check.fault, "mend": check.mend });
    CHECKS.iter().map(check).collect()
}

/// Text within XML. What XML cannot hold was escaped when it was found.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.looked("manifest", "everything");
        ledger.find("schema.open", "tool a", "x < y & \"z\"");
        ledger.find("call.trap", "tool a", "boom");
        ledger
    }

    fn report<'a>(ledger: &'a Ledger, allowed: &'a [Allowed], strict: bool) -> Report<'a> {
        Report {
            file: Path::new("a.wasm"),
            component: None,
            digest: None,
            seed: 1,
            cases: 2,
            config: None,
            ledger,
            allowed,
            strict,
        }
    }

    #[test]
    fn errors_fail_and_warnings_do_where_they_count() {
        let (ledger, allow) = (ledger(), |id| Allowed { id, reason: "we know".to_owned() });
        assert!(!report(&ledger, &[], false).passed());
        let allowed = [allow("call.trap")];
        let accepted = report(&ledger, &allowed, false);
        assert!(accepted.passed());
        assert!(
            accepted
                .text()
                .contains("  allowed call.trap: a call with valid arguments crashes\n    allowed: we know\n")
        );
        assert!(!report(&ledger, &allowed, true).passed());
        let both = [allow("call.trap"), allow("schema.open")];
        let strict = report(&ledger, &both, true);
        assert!(strict.passed());
        assert!(strict.text().ends_with(
            "passed: 0 errors, 0 warnings, 2 allowed (seed 1, 2 cases for each tool, and warnings count)"
        ));
    }

    #[test]
    fn ci_systems_get_a_suite() {
        let ledger = ledger();
        let junit = report(&ledger, &[], false).junit();
        assert!(junit.contains(r#"failures="1" errors="0""#), "{junit}");
        assert!(junit.contains("tool a: boom\nto mend: "), "{junit}");
        assert!(junit.contains("<system-out>tool a: x &lt; y &amp; &quot;z&quot;\n</system-out>"), "{junit}");
        assert!(
            junit.contains(r#"name="prompt.trap"><skipped"#)
                && junit.contains(r#"name="manifest.name"></testcase>"#)
        );
        assert!(report(&ledger, &[], true).junit().contains(r#"failures="2""#));
    }
}
