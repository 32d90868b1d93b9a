//! What the calls of one tool may send, where its component says so: under `bulkhead/egress` in the tool's `_meta`. It
//! only ever narrows: a request needs one of these rules and one of the service's grant. A manifest is read before there
//! is a config, so a component whose tools come from its config can ask there only for all that they might be; here it
//! says what each of them is.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Grant, Rule, Rules, urls};
use crate::{
    config::service::method,
    egress::{DenyReason, target::Target},
};

/// Its key in the `_meta` of a tool. Clients are not shown it: it is between the component and its host, and says how
/// an upstream is laid out.
pub const META: &str = "bulkhead/egress";

/// One thing the calls of a tool may send, as the component has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ToolEgress {
    /// URL pattern, as in a manifest.
    pub url: String,
    /// Upper-case methods.
    pub methods: Vec<String>,
}

impl ToolEgress {
    /// Takes what a tool says of it out of its `_meta`; none if it says nothing.
    ///
    /// # Errors
    /// When it is not a list of such.
    pub fn take(meta: &mut Map<String, Value>) -> Result<Option<Vec<Self>>, String> {
        let Some(written) = meta.remove(META) else { return Ok(None) };
        let asked = Vec::<Self>::deserialize(written).map_err(|error| {
            format!("meta: `{META}` is not a list of `{{\"url\": …, \"methods\": […]}}`: {error}")
        })?;
        Ok(Some(asked))
    }
}

/// What the calls of a tool may send at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolGrant(Rules);

impl ToolGrant {
    /// From what the tool says, with the service's config put in.
    ///
    /// # Errors
    /// Says which entry is not valid.
    pub fn new(asked: &[ToolEgress], config: &Value) -> Result<Self, String> {
        let mut rules = Vec::new();
        for (number, ToolEgress { url, methods }) in asked.iter().enumerate() {
            let place = format!("meta: `{META}`[{number}]");
            let within = |error| format!("{place}: {error}");
            if methods.is_empty() {
                return Err(within("`methods` is empty".to_owned()));
            }
            let methods: Vec<Method> =
                methods.iter().map(|text| method(text)).collect::<Result<_, _>>().map_err(within)?;
            let (_, urls) = urls(&place, url, config)?;
            let rule = |url| Rule { url, methods: methods.clone(), query: None, cookies: Vec::new() };
            rules.extend(urls.into_iter().map(rule));
        }
        Ok(Self(Rules::new(rules)))
    }

    /// The rule by which a request of the tool may go out, as far as the tool is concerned.
    ///
    /// # Errors
    /// When there is none.
    pub fn check(&self, method: &Method, target: &Target) -> Result<&Rule, DenyReason> {
        self.0.find(method, target).ok_or(DenyReason::NoRuleOfTool)
    }

    /// What of a service's grant is left to the tool, for people to see.
    #[must_use]
    pub fn within(&self, grant: &Grant) -> Vec<Rule> {
        let mut left: Vec<Rule> = Vec::new();
        for own in &self.0.all {
            for rule in grant.rules().iter().filter_map(|rule| meet(own, rule)) {
                if !left.contains(&rule) {
                    left.push(rule);
                }
            }
        }
        left
    }
}

/// What both a tool and the service's grant allow.
fn meet(own: &Rule, granted: &Rule) -> Option<Rule> {
    let methods: Vec<Method> =
        own.methods.iter().filter(|method| granted.methods.contains(method)).cloned().collect();
    let url = own.url.meet(&granted.url).filter(|_| !methods.is_empty())?;
    Some(Rule { url, methods, query: granted.query.clone(), cookies: granted.cookies.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{config::EgressRule, grant::EgressRequest};

    fn asked(written: Value) -> Vec<ToolEgress> {
        ToolEgress::take(&mut Map::from_iter([(META.to_owned(), written)])).unwrap().unwrap()
    }

    fn grant(url: &str, methods: &[&str], narrowed: Option<&[EgressRule]>) -> Grant {
        let methods = methods.iter().map(ToString::to_string).collect();
        let request = EgressRequest { url: url.into(), methods, reason: String::new() };
        Grant::new(&[request], &json!({ "url": "https://h" }), narrowed).unwrap()
    }

    fn left(own: Value, grant: &Grant) -> Vec<String> {
        let own =
            ToolGrant::new(&asked(own), &json!({ "url": "https://h", "two": ["https://a", "https://b"] }));
        own.unwrap().within(grant).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tool_gets_what_both_allow() {
        let wide = grant("{config.url}/**", &["GET", "POST"], None);
        let own = json!([{ "url": "{config.url}/v1/pets/*", "methods": ["GET", "DELETE"] }]);
        assert_eq!(left(own, &wide), ["GET https://h/v1/pets/*"]);
        // More than the grant is the grant.
        let own = json!([{ "url": "https://*/**", "methods": ["GET", "POST", "PATCH"] }]);
        assert_eq!(left(own, &wide), ["GET POST https://h/**"]);
        let narrow = grant("{config.url}/*/b", &["GET"], None);
        let own = json!([{ "url": "{config.url}/a/*", "methods": ["GET"] }]);
        assert_eq!(left(own, &narrow), ["GET https://h/a/b"]);
        for nothing in [
            json!([]),
            json!([{ "url": "https://other/**", "methods": ["GET"] }]),
            json!([{ "url": "{config.absent}/**", "methods": ["GET"] }]),
            json!([{ "url": "{config.url}/**", "methods": ["PUT"] }]),
        ] {
            assert_eq!(left(nothing.clone(), &wide), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn what_the_operator_wrote_holds_for_a_tool_too() {
        let rule = EgressRule {
            url: Some("https://h/v1/**".parse().unwrap()),
            methods: Some(vec![Method::GET]),
            query: Some(vec!["q".into()]),
            cookies: Vec::new(),
        };
        let grant = grant("{config.url}/**", &["GET", "POST"], Some(&[rule]));
        let own = json!([{ "url": "{config.url}/**", "methods": ["GET", "POST"] }]);
        assert_eq!(left(own, &grant), ["GET https://h/v1/** ?q"]);
    }

    #[test]
    fn the_config_stands_in_it_as_in_a_manifest() {
        let own = json!([{ "url": "{config.two}/x", "methods": ["GET"] }]);
        let config = json!({ "two": ["https://a", "https://b"], "bad": 3 });
        let grant = ToolGrant::new(&asked(own), &config).unwrap();
        let check = |url: &str| grant.check(&Method::GET, &Target::parse(url).unwrap()).is_ok();
        assert!(
            check("https://a/x") && check("https://b/x") && !check("https://c/x") && !check("https://a/y")
        );
        let own = json!([{ "url": "{config.bad}/x", "methods": ["GET"] }]);
        assert_eq!(ToolGrant::new(&asked(own), &config).unwrap_err(), "config.bad must be a URL");
    }

    #[test]
    fn an_entry_that_is_not_valid_is_named() {
        let refused = |own: Value| ToolGrant::new(&asked(own), &json!({})).unwrap_err();
        let good = json!({ "url": "https://h/a", "methods": ["GET"] });
        assert_eq!(
            refused(json!([good, { "url": "h/a", "methods": ["GET"] }])),
            "meta: `bulkhead/egress`[1]: `h/a` is not a URL pattern: it needs a scheme, like https://"
        );
        assert_eq!(
            refused(json!([{ "url": "https://h/a", "methods": [] }])),
            "meta: `bulkhead/egress`[0]: `methods` is empty"
        );
        let error = refused(json!([{ "url": "https://h/a", "methods": ["get"] }]));
        assert!(error.starts_with("meta: `bulkhead/egress`[0]: `get` is not an HTTP method"), "{error}");
        assert_eq!(
            refused(json!([{ "url": "{config.url}.evil/**", "methods": ["GET"] }])),
            "meta: `bulkhead/egress`[0]: in `{config.url}.evil/**`, only a path may follow `{config.url}`"
        );
        for (written, why) in [
            (json!("all"), "invalid type"),
            (json!([{ "url": "https://h/a" }]), "missing field `methods`"),
            (json!([{ "url": "https://h/a", "methods": ["GET"], "query": ["q"] }]), "unknown field `query`"),
            (json!([{ "url": "https://h/a", "methods": "GET" }]), "invalid type"),
        ] {
            let error = ToolEgress::take(&mut Map::from_iter([(META.to_owned(), written)])).unwrap_err();
            assert!(
                error.starts_with("meta: `bulkhead/egress` is not a list of") && error.contains(why),
                "{error}"
            );
        }
    }
}
