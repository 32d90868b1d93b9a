//! What the tools of a service may send, for people to see: asked of the code that enforces it.

use http::{HeaderMap, Method};

use super::{service::Service, tool::Tool};
use crate::{
    egress::{DenyReason, explain::Explanation, target::Target},
    grant::Rule,
};

impl Service {
    /// What the calls of a tool may send, if it says so.
    #[must_use]
    pub fn sent_by(&self, tool: &Tool) -> Option<Vec<Rule>> {
        Some(self.tool_grant(tool)?.within(&self.compartment.policy.grant))
    }

    /// What the calls of all its tools may send, if each says what its own do. What else it does (listing tools, health,
    /// prompts, resources) may send what the service may.
    #[must_use]
    pub fn sent_by_tools(&self) -> Option<Vec<Rule>> {
        let mut all: Vec<Rule> = Vec::new();
        for tool in &*self.tools {
            for rule in self.sent_by(tool)? {
                match all.iter_mut().find(|known| known.url == rule.url && known.query == rule.query) {
                    Some(known) => {
                        let new = rule.methods.into_iter().filter(|method| !known.methods.contains(method));
                        let new: Vec<_> = new.collect();
                        known.methods.extend(new);
                    }
                    None => all.push(rule),
                }
            }
        }
        (!self.tools.is_empty()).then_some(all)
    }

    /// Explains what would become of a request: of one tool, or of any if none is named.
    pub async fn explain(&self, tool: Option<&Tool>, method: &Method, url: &str) -> Explanation {
        let policy = &self.compartment.policy;
        if let Some(tool) = tool {
            let own = self.tool_grant(tool);
            let explained = policy.explain_for(own.as_deref(), method, url).await;
            return Explanation { tool: Some(tool.public_name.to_string()), ..explained };
        }
        let explained = policy.explain(method, url).await;
        let Some(sent) = self.sent_by_tools() else { return explained };
        let rules = || sent.iter().map(ToString::to_string).collect();
        let Ok(target) = Target::parse(url) else { return Explanation { rules: rules(), ..explained } };
        let sends = |tool: &Tool| {
            let own = self.tool_grant(tool);
            policy.decide_for(own.as_deref(), method, &target, &HeaderMap::new()).is_ok()
        };
        let tools = self.tools.iter().filter(|tool| sends(tool)).map(|tool| tool.public_name.to_string());
        let tools: Vec<String> = tools.collect();
        match (explained.rule.is_some(), tools.is_empty()) {
            (true, false) => Explanation { tools, ..explained },
            (true, true) => Explanation {
                allowed: false,
                reason: Some(DenyReason::NoRuleOfTool.as_str()),
                rule: None,
                rules: rules(),
                credentials: Vec::new(),
                addresses: Vec::new(),
                tls: None,
                hint: None,
                ..explained
            },
            (false, _) => Explanation { rules: rules(), ..explained },
        }
    }
}
