//! The configurations that are measured: with nothing around the services, and with everything on.

use std::path::Path;

use bulkhead::{auth::key, request::Credentials, secret::Secret};

/// High enough never to refuse, and of every kind, so that each is counted.
pub(crate) const LIMITS: &str =
    "limits: { calls_per_second: 1000000, concurrent_calls: 1000, calls_per_day: 4000000000 }";

/// What is on.
#[derive(Clone, Copy)]
pub(crate) enum Front {
    /// No callers, no limits but those that are always there, no series of their own, no audit log.
    Nothing,
    /// Everything but the audit log.
    Callers,
    /// API keys, rights, limits of every kind, metrics by tenant and tool, and the audit log.
    Everything,
}

impl Front {
    /// A configuration with these services, as flow YAML. What each needs beside comes from [`Self::service`].
    pub(crate) fn config(self, services: &str, secret: &Secret) -> String {
        if let Self::Nothing = self {
            return format!(
                "components: {{ cache_dir: cache }}\nmetrics: {{ per_tenant: false, per_tool: false }}\n\
                 tenants: {{ bench: {{ services: {{ {services} }} }} }}\n"
            );
        }
        let audit = if let Self::Everything = self { "audit: {}\n" } else { "" };
        let hash = key::fingerprint(secret);
        format!(
            "components: {{ cache_dir: cache }}\n{audit}\
             auth: {{ api_keys: [{{ id: agent, sha256: {hash}, tenant: bench, tools: ['*'], deny_tools: \
             ['*_drop'], {LIMITS} }}] }}\n\
             tenants: {{ bench: {{ {LIMITS}, services: {{ {services} }} }} }}\n"
        )
    }

    /// The service `name` of a component with a tool `tool`.
    pub(crate) fn service(self, name: &str, tool: &str, component: &Path) -> String {
        let file = component.display();
        match self {
            Self::Nothing => format!("{name}: {{ component: '{file}' }}"),
            _ => format!(
                "{name}: {{ component: '{file}', {LIMITS}, tools: {{ limits: {{ {name}_{tool}: {{ calls_per_second: \
                 1000000 }} }} }} }}"
            ),
        }
    }

    /// The service `bench` of `add`, and nothing else.
    pub(crate) fn one(self, component: &Path, secret: &Secret) -> String {
        self.config(&self.service("bench", "add", component), secret)
    }

    /// What a caller shows.
    pub(crate) fn credentials(self, secret: &Secret) -> Credentials {
        match self {
            Self::Nothing => Credentials::Local,
            _ => Credentials::ApiKey(secret.clone()),
        }
    }

    /// The same, as a header's value.
    pub(crate) fn key(self, secret: &Secret) -> Option<String> {
        match self {
            Self::Nothing => None,
            _ => Some(secret.expose().to_owned()),
        }
    }
}
