//! The straight line of a call. Start reading the host here.

use std::sync::Arc;

use crate::{
    auth::{Auth, Caller},
    catalog::Catalog,
    error::CallError,
    limit::Admission,
    permit::Permit,
    record::{CallRecord, Records},
    request::{CallRequest, Credentials, ToolOutput},
    sandbox::Sandbox,
};

/// The stages a call passes, in order.
#[derive(Debug)]
pub struct Host {
    pub(crate) auth: Auth,
    pub(crate) admission: Admission,
    pub(crate) catalog: Catalog,
    pub(crate) sandbox: Sandbox,
    pub(crate) records: Arc<Records>,
}

impl Host {
    /// Runs one tool call, from credentials to record.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, request: CallRequest) -> Result<ToolOutput, CallError> {
        let mut record = CallRecord::open(&self.records, &request); // closes itself as cancelled if this future is dropped
        let result = self.attempt(request, &mut record).await;
        record.close(result)
    }

    async fn attempt(&self, request: CallRequest, record: &mut CallRecord) -> Result<ToolOutput, CallError> {
        let caller = self.auth.authenticate(&request.credentials)?;
        record.caller(&caller);
        self.records.ready()?;
        record.rule("access");
        let route = self.catalog.route(caller, &request.scope, &request.tool);
        record.rule("limits");
        let admitted = self.admission.admit(route)?;
        let permit = Permit::new(admitted, &request.tool)?;
        record.allowed(&permit);
        let (checked, conduct) = permit.check(request.id, request.arguments, request.traceparent)?;
        let (egress, usage) = (record.egress(), record.usage()); // of what runs inside the sandbox
        let result = self.sandbox.call(checked, request.events, request.cancelled, egress, usage).await;
        conduct.judge(result.as_ref().err());
        result
    }

    /// Who a request that is not a call comes from.
    ///
    /// # Errors
    /// When its credentials do not hold.
    pub fn authenticate(&self, credentials: &Credentials) -> Result<Caller, CallError> {
        self.auth.authenticate(credentials)
    }

    /// What is served.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where guests run.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}
