//! What was found: well, odd or wrong, each in a line, and how to mend it in the next.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Well,
    /// The host works, and somebody should look.
    Odd,
    Wrong,
}

/// Something that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    level: Level,
    /// Which part.
    area: &'static str,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Well => '✓',
            Level::Odd => '!',
            Level::Wrong => '✗',
        };
        // What a server or a file says may stand in it, and a terminal obeys what it prints.
        let plain =
            |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        write!(f, "{mark} {:<14} {}", self.area, plain(&self.what))?;
        match &self.mend {
            Some(mend) => write!(f, "\n  {:<14} {}", "mend", plain(mend)),
            None => Ok(()),
        }
    }
}

/// All that was looked at, in that order.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn well(&mut self, area: &'static str, what: impl Into<String>) {
        self.0.push(Finding { level: Level::Well, area, what: what.into(), mend: None });
    }

    pub(super) fn odd(&mut self, area: &'static str, what: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { level: Level::Odd, area, what: what.into(), mend: Some(mend.into()) });
    }

    pub(super) fn wrong(&mut self, area: &'static str, what: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { level: Level::Wrong, area, what: what.into(), mend: Some(mend.into()) });
    }

    pub(super) fn all(&self) -> &[Finding] {
        &self.0
    }

    pub(super) fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }

    /// How many there are that are not well, to tell whether a part added one.
    pub(super) fn ill(&self) -> usize {
        self.0.iter().filter(|finding| finding.level != Level::Well).count()
    }
}
