//! Owns a call: the plan's request out, the response back.

use bulkhead_openapi::Plan;
use bulkhead_sdk::prelude::*;

use crate::{OpenApi, result};

pub(crate) async fn run(service: &OpenApi, arguments: Value, call: &Call) -> Result<Output> {
    let plan = call.plan().ok_or_else(|| Error::failed("the host did not hand back what listing gave it"))?;
    let plan = Plan::from_bytes(plan).map_err(Error::failed)?;
    let Value::Object(arguments) = arguments else { return Err(Error::invalid("", "expected an object")) };
    let parts = plan.request(&arguments).map_err(|error| Error::invalid(&error.path, error.why))?;
    let method = Method::from_name(&parts.method)
        .ok_or_else(|| Error::failed(format!("requests with the method {} are not sent", parts.method)))?;
    let mut request = Http::request(method, &parts.url);
    let mut kind = None;
    for (name, value) in &parts.headers {
        match name.as_str() {
            "content-type" => kind = Some(value.as_str()),
            name => request = request.header(name, value),
        }
    }
    if let Some(body) = parts.body {
        request = request.body(body, kind.unwrap_or("application/octet-stream"));
    }
    let response = request.send().await?.ok()?;
    let at = parts.url.split('?').next().unwrap_or_default();
    Ok(result::output(&response, at, &service.config.headers()))
}
