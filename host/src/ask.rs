//! What a guest asks whoever is behind the client, and how the answers come back.
//!
//! A guest never waits for a person. It ends with its questions and what it wants to remember ([`Asked`]); the client
//! gets the questions and a sealed state ([`Inquiry`]), and calls again with both ([`Answers`]). The state is bound
//! to the caller, the request and the component, holds for ten minutes and for one call, and answers are checked
//! against the questions that are in it, so a guest gets no answer to what was not asked ([`Conversation`]).

mod check;

use std::{collections::BTreeMap, fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    auth::Caller,
    error::CallError,
    seal::{Kind, Sealer},
};

/// How long a person may take. Longer, and what the question was about may have changed.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// How often one request may ask. Another round costs a guest; an integration that needs more asks too little at once.
const MOST_ROUNDS: u8 = 8;
/// Questions at once: what a person still answers, twice over.
const MOST_QUESTIONS: usize = 16;
/// Characters of a question's key.
const KEY: usize = 64;
/// Bytes of all questions, and of what the guest remembers. With both the state still fits a handle.
const ASKED: usize = 64 << 10;
/// Bytes of all answers; a model that was asked may answer with an image.
const ANSWERED: usize = 1 << 20;

/// Which MCP request a question becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// The user fills in a form, or opens a page.
    Elicitation,
    /// The client's model writes something.
    Sampling,
    /// The client says what it works on.
    Roots,
}

impl InputKind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Elicitation, Self::Sampling, Self::Roots];

    /// The MCP method.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Elicitation => "elicitation/create",
            Self::Sampling => "sampling/createMessage",
            Self::Roots => "roots/list",
        }
    }
}

/// What a client can answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// The user can fill in a form.
    pub form: bool,
    /// The user can open a page.
    pub url: bool,
    /// The model can write something.
    pub sampling: bool,
    /// It knows what it works on.
    pub roots: bool,
    /// It comes back for what takes long.
    pub tasks: bool,
}

impl Accepts {
    /// The kinds a guest may ask for.
    pub fn kinds(self) -> impl Iterator<Item = InputKind> {
        InputKind::ALL.into_iter().filter(move |kind| match kind {
            InputKind::Elicitation => self.form || self.url,
            InputKind::Sampling => self.sampling,
            InputKind::Roots => self.roots,
        })
    }

    /// What it would have to answer beside, for these questions.
    fn lacks(self, questions: &[Question]) -> Self {
        let needs = |one: fn(&Question) -> bool| questions.iter().any(one);
        let form = |q: &Question| q.kind == InputKind::Elicitation && !q.is_page();
        Self {
            form: !self.form && needs(form),
            url: !self.url && needs(|q| q.kind == InputKind::Elicitation && q.is_page()),
            sampling: !self.sampling && needs(|q| q.kind == InputKind::Sampling),
            roots: !self.roots && needs(|q| q.kind == InputKind::Roots),
            tasks: false,
        }
    }
}

impl fmt::Display for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.form, "`elicitation`"),
            (self.url, "`elicitation` with `url`"),
            (self.sampling, "`sampling`"),
            (self.roots, "`roots`"),
        ];
        let words: Vec<_> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        f.write_str(&words.join(", "))
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Names the answer.
    pub key: String,
    /// Who is asked, and how.
    pub kind: InputKind,
    /// The params of the MCP request of that kind.
    pub params: Map<String, Value>,
}

impl Question {
    /// Whether the user is to open a page, and not to fill in a form.
    fn is_page(&self) -> bool {
        self.params.get("mode").is_some_and(|mode| mode == "url")
    }
}

/// What a guest asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The questions.
    pub questions: Vec<Question>,
    /// What it remembers.
    pub state: Option<Vec<u8>>,
}

/// What a client is asked, and what it has to give back with the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Inquiry {
    /// The questions.
    pub questions: Vec<Question>,
    /// The sealed state.
    pub state: String,
}

/// What a client gave back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The sealed state.
    pub state: String,
    /// The answers, by key.
    pub responses: BTreeMap<String, Value>,
}

/// What a guest gets of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Each answer's key, and its JSON.
    pub answers: Vec<(String, String)>,
    /// What it remembered.
    pub state: Option<Vec<u8>>,
    /// How often the request has asked.
    round: u8,
}

/// The rounds of one request: whose it is, what it asks for, and of which component.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Whose.
    pub caller: Caller,
    /// The digest of the method, the name and the arguments.
    pub request: String,
    /// The digest of the component.
    pub component: String,
}

/// What is sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    request: String,
    component: String,
    round: u8,
    questions: Vec<Expected>,
    state: Option<String>,
}

/// What an answer has to be.
#[derive(Debug, Serialize, Deserialize)]
struct Expected {
    key: String,
    kind: InputKind,
    /// Of the form.
    schema: Option<Value>,
}

/// Questions that may be asked.
#[derive(Debug)]
pub struct Posed {
    caller: Caller,
    kept: Kept,
    questions: Vec<Question>,
}

impl Conversation {
    /// Opens what came back, and uses it up.
    ///
    /// # Errors
    /// When it is not of this conversation, or an answer is none.
    pub fn resume(&self, sealer: &Sealer, answers: Answers) -> Result<Inputs, CallError> {
        let unknown = || {
            let why = "requestState: is unknown, outdated or used already; call again without it";
            CallError::BadAnswer(why.to_owned())
        };
        let opened = sealer.open(Kind::State, &self.caller, &answers.state).map_err(|_| unknown())?;
        let kept: Kept = serde_json::from_slice(&opened.content).map_err(CallError::internal)?;
        if kept.request != self.request {
            let why = "requestState: is of another request; send the same method, name and arguments again";
            return Err(CallError::BadAnswer(why.to_owned()));
        }
        if kept.component != self.component {
            let why = "requestState: the service was replaced meanwhile; call again without it";
            return Err(CallError::BadAnswer(why.to_owned()));
        }
        let answers = check::answers(&kept.questions, answers.responses)?;
        let state = kept.state.map(|state| BASE64.decode(state)).transpose().map_err(CallError::internal)?;
        // Last, so that a client may mend its answers.
        sealer.spend(&opened).map_err(|_| unknown())?;
        Ok(Inputs { answers, state, round: kept.round })
    }

    /// Questions of a guest that had these inputs, for a client that answers so.
    ///
    /// # Errors
    /// When the client cannot answer them, or the guest asks too much or too often.
    pub fn pose(self, asked: Asked, before: &Inputs, accepts: Accepts) -> Result<Posed, CallError> {
        let Asked { questions, state } = asked;
        check::questions(&questions, state.as_deref())?;
        let lacking = accepts.lacks(&questions);
        if lacking != Accepts::default() {
            return Err(CallError::InputUnavailable(lacking));
        }
        let round = before.round + 1;
        if round > MOST_ROUNDS {
            let why = format!("the integration asked the user more than {MOST_ROUNDS} times in one call");
            return Err(CallError::Failed(why));
        }
        let kept = Kept {
            request: self.request,
            component: self.component,
            round,
            questions: questions.iter().map(Expected::of).collect(),
            state: state.map(|state| BASE64.encode(state)),
        };
        Ok(Posed { caller: self.caller, kept, questions })
    }
}

impl Expected {
    fn of(question: &Question) -> Self {
        Self {
            key: question.key.clone(),
            kind: question.kind,
            schema: question.params.get("requestedSchema").filter(|_| !question.is_page()).cloned(),
        }
    }
}

impl Inquiry {
    /// Checks answers that are given before the rest of them.
    ///
    /// # Errors
    /// Names the answer at fault.
    pub fn check(&self, responses: &BTreeMap<String, Value>) -> Result<(), CallError> {
        let expected: Vec<_> = self.questions.iter().map(Expected::of).collect();
        check::answers(&expected, responses.clone()).map(drop)
    }
}

impl Posed {
    /// Seals what has to come back.
    ///
    /// # Errors
    /// Only a fault of the host.
    pub fn seal(self, sealer: &Sealer) -> Result<Inquiry, CallError> {
        let kept = serde_json::to_vec(&self.kept).map_err(CallError::internal)?;
        let state = sealer.seal(Kind::State, &self.caller, PATIENCE, &kept).map_err(CallError::internal)?;
        Ok(Inquiry { questions: self.questions, state })
    }
}

#[cfg(test)]
mod tests;
