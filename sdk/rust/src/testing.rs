//! Owns testing a service natively, through the path the component's exports take.
//!
//! ```text
//! let mock = Mock::new().on(Method::Get, "/v1/forecast?q=Oslo", 200, json!({"high": 4}));
//! let output = testing::call::<Weather>(json!({"url": "http://up"}), &mock, "forecast", json!({"city": "Oslo"}));
//! assert_eq!(output.unwrap().structured(), Some(&json!({"high": 4})));
//! assert_eq!(mock.requests().len(), 1);
//! ```

pub(crate) mod mock;
mod more;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

pub use mock::{Body, LogLine, Mock, Progress, Sent};
pub use more::{PromptInfo, complete, prompt, prompts, read, resources, templates};

use crate::call::Call;
use crate::error::Result;
use crate::manifest::is_name;
use crate::output::Output;
use crate::service::Service;
use crate::tool::Annotations;
use crate::{clock, dispatch, schema};

/// A tool as clients will see it, without the service's prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolInfo {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: String,
    /// Its input schema.
    pub input_schema: Value,
    /// Its output schema.
    pub output_schema: Option<Value>,
    /// Its hints.
    pub annotations: Annotations,
    /// Its tags.
    pub tags: Vec<String>,
    /// How long a result may be reused.
    pub cache: Option<Duration>,
    /// What its calls get handed back.
    pub plan: Option<Vec<u8>>,
    /// Its `_meta` as the host gets it: with what its calls send ([`Tool::egress`](crate::Tool::egress)).
    pub meta: Option<Value>,
}

/// Makes the service and calls one tool, with the mock as its host.
///
/// # Errors
/// As the tool's; a config that is refused is `failed`.
pub fn call<S: Service>(
    config: impl Into<Value>,
    mock: &Mock,
    tool: &str,
    arguments: impl Into<Value>,
) -> Result<Output> {
    call_as::<S>(config, mock, tool, arguments, context())
}

/// The same with a [`Call`] made by [`context`] and changed.
///
/// # Errors
/// As [`call`].
pub fn call_as<S: Service>(
    config: impl Into<Value>,
    mock: &Mock,
    tool: &str,
    arguments: impl Into<Value>,
    mut call: Call,
) -> Result<Output> {
    let _host = mock.install();
    if let Some(deadline) = mock.allowed() {
        call.allowed = deadline;
    }
    call.started = clock::now();
    let service = dispatch::initialize::<S>(&config.into().to_string()).map_err(crate::Error::failed)?;
    if call.plan.is_none() {
        call.plan = dispatch::list_tools(&service)?.find(tool).and_then(|found| found.plan);
    }
    dispatch::call_tool(&service, tool, &arguments.into().to_string(), &call)
}

/// Every tool the service lists with this config.
///
/// # Errors
/// The config is refused, or the service cannot tell.
pub fn list<S: Service>(config: impl Into<Value>) -> Result<Vec<ToolInfo>, String> {
    list_with::<S>(config, &Mock::new())
}

/// The same for a service that asks first, with the mock as its host.
///
/// # Errors
/// As [`list`].
pub fn list_with<S: Service>(config: impl Into<Value>, mock: &Mock) -> Result<Vec<ToolInfo>, String> {
    let _host = mock.install();
    let service = dispatch::initialize::<S>(&config.into().to_string())?;
    Ok(dispatch::list_tools(&service)
        .map_err(|error| error.to_string())?
        .into_iter()
        .map(|tool| ToolInfo {
            input_schema: tool.input(),
            output_schema: tool.published_output(),
            meta: tool.whole_meta(),
            name: tool.name.into_owned(),
            title: tool.title.map(Into::into),
            description: tool.description.into_owned(),
            annotations: tool.annotations,
            tags: tool.tags.into_iter().map(Into::into).collect(),
            cache: tool.cache,
            plan: tool.plan,
        })
        .collect())
}

/// Asks the service whether its upstream answers.
///
/// # Errors
/// The config is refused, or what [`Service::health`] says.
pub fn health<S: Service>(config: impl Into<Value>, mock: &Mock) -> Result<String, String> {
    let _host = mock.install();
    let service = dispatch::initialize::<S>(&config.into().to_string())?;
    clock::block_on(service.health())
}

/// Whether the config is taken.
///
/// # Errors
/// Why it is not.
pub fn configure<S: Service>(config: impl Into<Value>) -> Result<(), String> {
    dispatch::initialize::<S>(&config.into().to_string()).map(drop)
}

/// The schema of the service's config, as the host will see it.
pub fn config_schema<S: Service>() -> Value {
    schema::input::<S::Config>()
}

/// Everything about the service that breaks a rule of the contract; empty if all is well.
///
/// # Errors
/// The config is refused.
pub fn check<S: Service>(config: impl Into<Value>) -> Result<Vec<String>, String> {
    let mut problems = S::manifest().problems();
    let mut seen = BTreeSet::new();
    for tool in list::<S>(config)? {
        let name = &tool.name;
        if !is_name(name, 48, b'_') {
            problems.push(format!("tool name `{name}` is not [a-z][a-z0-9_]*, at most 48 characters"));
        }
        if !seen.insert(name.clone()) {
            problems.push(format!("two tools are called `{name}`"));
        }
        if tool.description.trim().is_empty() {
            problems.push(format!("tool `{name}` has no description"));
        }
        if tool.input_schema.get("type") != Some(&Value::from("object")) {
            problems.push(format!("the input schema of `{name}` is not an object's"));
        }
        if tool.annotations.read_only && tool.annotations.destructive {
            problems.push(format!("tool `{name}` is both read-only and destructive"));
        }
        if tool.plan.is_some_and(|plan| plan.len() > 64 * 1024) {
            problems.push(format!("the plan of `{name}` is larger than 64 KiB"));
        }
    }
    Ok(problems)
}

/// A call like any other: tenant `tenant`, caller `caller`, 30 s.
pub fn context() -> Call {
    Call {
        id: "call-1".to_owned(),
        tenant: "tenant".to_owned(),
        caller: "caller".to_owned(),
        allowed: Duration::from_secs(30),
        started: clock::now(),
        traceparent: None,
        accepts: Vec::new(),
        plan: None,
        inputs: Vec::new(),
        state: None,
    }
}

impl Call {
    /// For tests: the same call by this tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = tenant.into();
        self
    }

    /// For tests: the same call with this trace.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// For tests: a call of a tool that was listed with this plan. Without it the tools are listed first.
    #[must_use]
    pub fn with_plan(mut self, plan: Vec<u8>) -> Self {
        self.plan = Some(plan);
        self
    }

    /// For tests: the attempt after a question was answered.
    #[must_use]
    pub fn with_input(mut self, key: impl Into<String>, value: Value) -> Self {
        self.inputs.push(crate::Answer { key: key.into(), value });
        self
    }

    /// For tests: the attempt after one that left this state.
    #[must_use]
    pub fn with_state(mut self, state: Vec<u8>) -> Self {
        self.state = Some(state);
        self
    }

    /// For tests: a caller whose client answers questions of this kind.
    #[must_use]
    pub fn with_accepts(mut self, kind: crate::InputKind) -> Self {
        self.accepts.push(kind);
        self
    }
}

#[cfg(test)]
mod tests;
