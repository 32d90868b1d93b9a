//! "Would this request pass, and why?", answered by the code that enforces it.

use http::{HeaderMap, Method};
use serde::Serialize;

use super::{Policy, target::Target};
use crate::grant::tool::ToolGrant;

/// What would become of a request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The service that would send it.
    pub service: String,
    /// The tool whose call would send it, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Its method.
    pub method: String,
    /// Its URL as it would be sent, less what a credential adds; as it was given if it is malformed.
    pub url: String,
    /// Whether it would be sent.
    pub allowed: bool,
    /// Why it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The rule that allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The tools whose calls may send it, where each tool of the service says what its calls send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// The rules there are, if none does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// What the host would attach.
    pub credentials: Vec<String>,
    /// The host's addresses now, and whether each may be dialled.
    pub addresses: Vec<Address>,
    /// The TLS identity it would use, if the upstream has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// What to change, if it would not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// An address of the host.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// The address.
    pub address: std::net::IpAddr,
    /// Whether it may be dialled.
    pub allowed: bool,
}

impl Policy {
    /// Explains what would become of a request. Resolves the name; sends nothing.
    pub async fn explain(&self, method: &Method, url: &str) -> Explanation {
        self.explain_for(None, method, url).await
    }

    /// The same of a request of a tool that may send less.
    pub async fn explain_for(&self, tool: Option<&ToolGrant>, method: &Method, url: &str) -> Explanation {
        let mut explained = Explanation {
            service: self.service.to_string(),
            tool: None,
            method: method.to_string(),
            url: url.to_owned(),
            allowed: false,
            reason: None,
            rule: None,
            tools: Vec::new(),
            rules: Vec::new(),
            credentials: Vec::new(),
            addresses: Vec::new(),
            tls: None,
            hint: None,
        };
        let target = Target::parse(url);
        let decided = target.and_then(|target| {
            let rule = self.decide_for(tool, method, &target, &HeaderMap::new())?;
            Ok((target, rule))
        });
        let (target, rule) = match decided {
            Ok(decided) => decided,
            Err(reason) => {
                explained.reason = Some(reason.as_str());
                let rules = tool.map_or_else(|| self.grant.rules().to_vec(), |own| own.within(&self.grant));
                explained.rules = rules.iter().map(ToString::to_string).collect();
                let withheld = self.grant.withheld.first();
                explained.hint = withheld.map(|url| {
                    format!("the component asks for {url}; to allow it, add `egress: [{{ url: \"{url}\" }}]`")
                });
                return explained;
            }
        };
        target.url().as_str().clone_into(&mut explained.url);
        explained.rule = Some(rule.to_string());
        explained.credentials = self.attached(&target).map(ToString::to_string).collect();
        explained.tls = self.dialer.identity(&target).map(super::tls::TlsIdentity::describe);
        match self.dialer.look_up(&target).await {
            Ok(found) => {
                let refused = found.iter().find(|(_, allowed)| !allowed).map(|(address, _)| *address);
                explained.allowed = found.iter().any(|(_, allowed)| *allowed);
                if !explained.allowed {
                    explained.reason = Some("address");
                    explained.hint = refused.map(|address| {
                        let bits = if address.is_ipv4() { 32 } else { 128 };
                        format!("to allow it, add `network: {{ allow_addresses: [\"{address}/{bits}\"] }}`")
                    });
                }
                let address = |(address, allowed)| Address { address, allowed };
                explained.addresses = found.into_iter().map(address).collect();
            }
            Err(error) => {
                explained.reason = Some("unresolved");
                explained.hint = Some(format!("the name does not resolve here: {error}"));
            }
        }
        explained
    }
}
