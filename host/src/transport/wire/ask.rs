//! Questions of guests, as MCP has them.

use rmcp::model::{
    ClientCapabilities, ElicitationCapability, ErrorData, FormElicitationCapability, InputRequest,
    InputRequests, InputRequiredResult, RootsCapabilities, SamplingCapability, UrlElicitationCapability,
};
use serde_json::{Value, json};

use crate::{
    ask::{Accepts, InputKind, Inquiry, Question},
    error::CallError,
};

/// What a client can be asked, by what it declared.
pub(in crate::transport) fn accepts(declared: Option<ClientCapabilities>) -> Accepts {
    let Some(declared) = declared else { return Accepts::default() };
    let elicitation = declared.elicitation.as_ref();
    let page = elicitation.is_some_and(|can| can.url.is_some());
    Accepts {
        // Before there were pages, to declare elicitation was to declare forms.
        form: elicitation.is_some_and(|can| can.form.is_some() || !page),
        url: page,
        sampling: declared.sampling.is_some(),
        roots: declared.roots.is_some(),
        tasks: declared.supports_tasks(),
    }
}

/// What a client would have to declare.
pub(super) fn capabilities(lacking: Accepts) -> ClientCapabilities {
    let mut capabilities = ClientCapabilities::default();
    if lacking.form || lacking.url {
        let mut elicitation = ElicitationCapability::new();
        elicitation.form = (lacking.form && lacking.url).then(FormElicitationCapability::default);
        elicitation.url = lacking.url.then(UrlElicitationCapability::default);
        capabilities.elicitation = Some(elicitation);
    }
    capabilities.sampling = lacking.sampling.then(SamplingCapability::default);
    capabilities.roots = lacking.roots.then(RootsCapabilities::default);
    capabilities
}

/// A question as the MCP request it becomes.
///
/// # Errors
/// When its params are not those of one.
pub(in crate::transport) fn question(question: &Question) -> Result<InputRequest, CallError> {
    let fault = |why: &dyn std::fmt::Display| {
        let method = question.kind.method();
        CallError::Trapped(format!("it asked the user something that is no `{method}` ({why})"))
    };
    let request =
        json!({ "method": question.kind.method(), "params": Value::Object(question.params.clone()) });
    let parsed = match question.kind {
        InputKind::Elicitation => serde_json::from_value(request).map(InputRequest::Elicitation),
        InputKind::Sampling => serde_json::from_value(request).map(InputRequest::CreateMessage),
        InputKind::Roots => serde_json::from_value(request).map(InputRequest::ListRoots),
    };
    parsed.map_err(|error| fault(&error))
}

/// What a client of 2026-07-28 gets instead of a result.
pub(super) fn inquiry(inquiry: &Inquiry) -> Result<InputRequiredResult, ErrorData> {
    let requests = requests(inquiry.questions.iter())?;
    Ok(InputRequiredResult::new(Some(requests), Some(inquiry.state.clone())))
}

/// Questions as MCP requests, by their keys.
pub(super) fn requests<'a>(
    questions: impl Iterator<Item = &'a Question>,
) -> Result<InputRequests, ErrorData> {
    let requests = questions.map(|one| Ok((one.key.clone(), question(one)?)));
    let requests = requests.collect::<Result<_, CallError>>();
    requests.map_err(|error| ErrorData::internal_error(error.to_string(), None))
}
