//! What questions and answers have to look like.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{ANSWERED, ASKED, Expected, InputKind, KEY, MOST_QUESTIONS, Question};
use crate::{
    catalog::{effort::Effort, tool::validator},
    error::CallError,
};

/// Checks what a guest asks.
///
/// # Errors
/// Says what is wrong with it: that is the integration's fault.
pub(super) fn questions(questions: &[Question], state: Option<&[u8]>) -> Result<(), CallError> {
    let fault = |why: String| CallError::Trapped(format!("it asked the user something it may not: {why}"));
    if questions.is_empty() || questions.len() > MOST_QUESTIONS {
        return Err(fault(format!("{} questions; 1 to {MOST_QUESTIONS} at once", questions.len())));
    }
    let mut size = state.map_or(0, <[u8]>::len);
    let mut keys = BTreeSet::new();
    for question in questions {
        let Question { key, kind, params } = question;
        if key.is_empty() || key.chars().count() > KEY || !keys.insert(key) {
            return Err(fault(format!("each needs a key of its own, of at most {KEY} characters")));
        }
        // Cut off early: what is counted is made for it.
        size += serde_json::to_string(params).map_or(ASKED, |text| text.len());
        if size > ASKED {
            return Err(fault(format!("questions and state of more than {} KiB", ASKED >> 10)));
        }
        if *kind == InputKind::Elicitation && !question.is_page() {
            let schema = params.get("requestedSchema").unwrap_or(&Value::Null);
            form(schema).map_err(|why| fault(format!("the form of `{key}`: {why}")))?;
        }
    }
    Ok(())
}

/// What checks a form.
fn form(schema: &Value) -> Result<(Effort, jsonschema::Validator), String> {
    let schema = schema.as_object().ok_or("its schema is not an object")?;
    Ok((Effort::new(schema)?, validator(schema)?))
}

/// The answers there are to these questions, checked; further ones are left out.
///
/// # Errors
/// Names the answer at fault.
pub(super) fn answers(
    questions: &[Expected],
    mut responses: BTreeMap<String, Value>,
) -> Result<Vec<(String, String)>, CallError> {
    let mut size = 0;
    let given = questions.iter().filter_map(|question| Some((question, responses.remove(&question.key)?)));
    let answers = given.map(|(question, answer)| {
        let fault = |why: String| CallError::BadAnswer(format!("inputResponses.{}: {why}", question.key));
        let text = answer.to_string();
        size += text.len();
        if size > ANSWERED {
            return Err(fault(format!("the answers are larger than {} KiB", ANSWERED >> 10)));
        }
        let answer = answer.as_object().ok_or_else(|| fault("is not an object".to_owned()))?;
        match question.kind {
            InputKind::Elicitation => elicited(answer, question.schema.as_ref()),
            InputKind::Sampling => sampled(answer),
            InputKind::Roots => roots(answer),
        }
        .map_err(fault)?;
        Ok((question.key.clone(), text))
    });
    answers.collect()
}

fn elicited(answer: &Map<String, Value>, schema: Option<&Value>) -> Result<(), String> {
    let action = answer.get("action").and_then(Value::as_str).unwrap_or_default();
    match (action, schema) {
        ("decline" | "cancel", _) | ("accept", None) => return Ok(()),
        ("accept", Some(_)) => {}
        _ => return Err("action: is not `accept`, `decline` or `cancel`".to_owned()),
    }
    let Some(content) = answer.get("content").filter(|content| content.is_object()) else {
        return Err("content: is not an object".to_owned());
    };
    let (effort, validator) = form(schema.unwrap_or(&Value::Null))?;
    effort.allow(content).map_err(|_| "content: too much to check".to_owned())?;
    let Some(error) = validator.iter_errors(content).next() else { return Ok(()) };
    let path = error.instance_path().to_string().replace('/', ".");
    // Without the value: what people write into forms is in no log and no error.
    Err(format!("content{path}: {}", error.masked()))
}

fn sampled(answer: &Map<String, Value>) -> Result<(), String> {
    if !matches!(answer.get("role").and_then(Value::as_str), Some("assistant" | "user")) {
        return Err("role: is not `assistant` or `user`".to_owned());
    }
    if !matches!(answer.get("content"), Some(Value::Object(_) | Value::Array(_))) {
        return Err("content: is not a message's".to_owned());
    }
    Ok(())
}

fn roots(answer: &Map<String, Value>) -> Result<(), String> {
    let roots = answer.get("roots").and_then(Value::as_array).ok_or("roots: is not an array")?;
    let sound = |root: &Value| root.get("uri").is_some_and(Value::is_string);
    if roots.iter().all(sound) { Ok(()) } else { Err("roots: one has no `uri`".to_owned()) }
}
