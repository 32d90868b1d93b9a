//! Owns the path from an export to the service. The component's exports and
//! [`testing`](crate::testing) both go through here, so tests run what runs in the sandbox.

use crate::call::Call;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::service::Service;
use crate::{arguments, clock};

/// Reads the config and makes the service.
///
/// # Errors
/// Names the key and says what was expected.
pub fn initialize<S: Service>(config: &str) -> Result<S, String> {
    S::new(arguments::config(config)?)
}

/// Runs one call to its end.
///
/// # Errors
/// The tool is unknown, its arguments do not fit, or it failed.
pub fn call_tool<S: Service>(service: &S, name: &str, arguments: &str, call: &Call) -> Result<Output> {
    let tool = service
        .tool(name, call.plan())
        .ok_or_else(|| Error::not_found(format!("this service has no tool `{name}`")))?;
    call.enter();
    clock::block_on(tool.run(service, arguments, call))
}
