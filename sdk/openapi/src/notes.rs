//! Owns [`Note`]: what became of each operation, and why. Nothing is left out without one.

use std::fmt;

use crate::text;

/// What became of an operation, or what there is to say of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `GET /pets/{petId}`; none for the document as a whole.
    pub operation: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// What was changed or left out of it, and why.
    pub remarks: Vec<String>,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is the tool of that name.
    Mapped(String),
    /// It is none, and why.
    Dropped(String),
    /// The operator did not choose it: by which of the lists.
    NotChosen(&'static str),
    /// Nothing became of it: it is no operation.
    Said,
}

impl Note {
    pub(crate) fn document(text: impl Into<String>) -> Self {
        Self { operation: None, outcome: Outcome::Said, remarks: vec![text.into()] }
    }
}

/// `GET /pets/{petId} -> get_pet: mapped; header parameter X-Trace dropped: the host's to set`
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose =
            self.operation.as_deref().map_or("document".to_owned(), |operation| text::line(operation, 200));
        match &self.outcome {
            Outcome::Mapped(tool) => write!(f, "{whose} -> {tool}: mapped")?,
            Outcome::Dropped(why) => write!(f, "{whose}: dropped: {}", text::line(why, 400))?,
            Outcome::NotChosen(list) => write!(f, "{whose}: not chosen ({list})")?,
            Outcome::Said => write!(f, "{whose}:")?,
        }
        for (number, remark) in self.remarks.iter().enumerate() {
            let between = if number == 0 && self.outcome == Outcome::Said { " " } else { "; " };
            write!(f, "{between}{}", text::line(remark, 400))?;
        }
        Ok(())
    }
}
