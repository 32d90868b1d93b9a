//! What a guest says while the host asks it on its own account: what it is, and what it offers. The log has it like
//! everything guests say; here it is kept for whoever wants to read it at once.

use std::sync::{Arc, Mutex, PoisonError};

/// Two for each of the 4096 tools of a service. What a guest may say in bytes, its own limits bound; empty lines they do
/// not.
const LINES: usize = 8192;

/// One thing a guest said, as one line in which nothing acts on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `stdout`, `stderr`, or the level it was logged at.
    pub kind: &'static str,
    /// The words.
    pub text: String,
    /// What was logged beside them, as JSON.
    pub data: Option<String>,
}

/// Where the lines go; nowhere unless somebody listens.
#[derive(Clone, Debug, Default)]
pub struct Said(Option<Arc<Mutex<Vec<Line>>>>);

impl Said {
    /// Keeps what is said.
    #[must_use]
    pub fn listening() -> Self {
        Self(Some(Arc::default()))
    }

    /// Notes a line.
    pub(super) fn note(&self, kind: &'static str, text: &str, data: Option<&str>) {
        let Some(lines) = &self.0 else { return };
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < LINES {
            let (text, data) = (text.to_owned(), data.map(str::to_owned));
            lines.push(Line { kind, text, data });
        } else if lines.len() == LINES {
            let text = format!("(more than {LINES} lines; the rest is dropped)");
            lines.push(Line { kind: "warning", text, data: None });
        }
    }

    /// What was said up to now.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let lines = self.0.as_ref().map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone());
        lines.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_hears_what_nobody_listens_to_and_floods_end() {
        Said::default().note("info", "hello", None);
        assert_eq!(Said::default().lines(), []);
        let said = Said::listening();
        (0..3 * LINES).for_each(|_| said.note("info", "", Some("1")));
        let lines = said.lines();
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines[LINES].text, "(more than 8192 lines; the rest is dropped)");
        assert_eq!(lines[0], Line { kind: "info", text: String::new(), data: Some("1".to_owned()) });
    }
}
