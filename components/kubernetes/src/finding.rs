//! A finding: what is wrong with what, how that is known, and where to look next.

use bulkhead_sdk::prelude::*;

/// How bad it is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Critical,
    Warning,
    Info,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) object: String,
    pub(crate) problem: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) next: String,
}

impl Finding {
    pub(crate) fn new(severity: Severity, object: impl Into<String>, problem: impl Into<String>) -> Self {
        let (object, problem) = (object.into(), problem.into());
        Self { severity, object, problem, evidence: Vec::new(), next: String::new() }
    }

    pub(crate) fn critical(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(Severity::Critical, object, problem)
    }

    pub(crate) fn warning(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(Severity::Warning, object, problem)
    }

    pub(crate) fn info(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::new(Severity::Info, object, problem)
    }

    /// Adds how it is known; nothing is no evidence.
    pub(crate) fn because(mut self, evidence: impl Into<String>) -> Self {
        let evidence = evidence.into();
        if !evidence.is_empty() {
            self.evidence.push(evidence);
        }
        self
    }

    /// Adds several pieces of evidence.
    pub(crate) fn because_all(self, evidence: impl IntoIterator<Item = String>) -> Self {
        evidence.into_iter().fold(self, Self::because)
    }

    /// Says where to look next, or what to do.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    pub(crate) fn row(&self) -> Value {
        let severity = match self.severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let mut row = json!({
            "severity": severity, "object": self.object, "problem": self.problem, "evidence": self.evidence,
        });
        if let (false, Some(row)) = (self.next.is_empty(), row.as_object_mut()) {
            row.insert("next".into(), self.next.as_str().into());
        }
        row
    }
}

/// Worst first. What several objects suffer alike is one finding that names them: ten pods of one workload are one trouble.
pub(crate) fn merged(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.severity);
    let mut out: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        let same = |(known, _): &&mut (Finding, usize)| {
            known.severity == finding.severity
                && known.problem == finding.problem
                && known.next == finding.next
        };
        match out.iter_mut().find(same) {
            Some((known, count)) if known.object != finding.object => {
                *count += 1;
                if *count <= 3 {
                    known.object += &format!(", {}", finding.object);
                }
            }
            Some(_) => {}
            None => out.push((finding, 1)),
        }
    }
    let named = |(mut finding, count): (Finding, usize)| {
        if count > 3 {
            finding.object += &format!(" and {} more", count - 3);
        }
        finding
    };
    out.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_first_and_the_same_trouble_is_one() {
        let pods =
            (1..=5).map(|n| Finding::critical(format!("Pod/p{n}"), "crashes").because(format!("exit {n}")));
        let findings: Vec<Finding> = [Finding::info("Node/a", "old")].into_iter().chain(pods).collect();
        let rows: Vec<Value> = merged(findings).iter().map(Finding::row).collect();
        assert_eq!(
            Value::from(rows),
            json!([
                {
                    "severity": "critical", "object": "Pod/p1, Pod/p2, Pod/p3 and 2 more", "problem": "crashes",
                    "evidence": ["exit 1"]
                },
                { "severity": "info", "object": "Node/a", "problem": "old", "evidence": [] }
            ])
        );
    }
}
