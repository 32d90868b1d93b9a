//! What a service may send: the component's request ∩ the operator's grant.
//!
//! A host is reachable only if the operator wrote it. Where the component asks for `{config.KEY}…`, the
//! value in the service's config is the grant. Where it names the host itself, an `egress` rule of the
//! operator must name it too. An `egress` block narrows both; one that is wider than what the component
//! asks for is refused. An empty grant denies everything. The calls of a tool may be narrowed further ([`tool`]).

pub mod tool;
mod tree;

use std::fmt;

use http::Method;
use serde_json::Value;

use self::tree::Tree;
use crate::{
    config::{EgressRule, service::method},
    egress::{DenyReason, pattern::UrlPattern, target::Target},
};

/// One thing a component asks for, as its manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRequest {
    /// URL pattern, perhaps with `{config.KEY}` at the start.
    pub url: String,
    /// Upper-case methods.
    pub methods: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A set of requests that are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which URLs.
    pub url: UrlPattern,
    /// With which methods.
    pub methods: Vec<Method>,
    /// With which query keys; none means any.
    pub query: Option<Vec<String>>,
    /// The cookies that a guest may set.
    pub cookies: Vec<String>,
}

impl Rule {
    /// Whether it means a request whose URL it matches.
    fn means(&self, method: &Method, target: &Target) -> bool {
        let known = |keys: &Vec<String>| target.query_keys().all(|key| keys.iter().any(|own| *own == key));
        self.methods.contains(method) && self.query.as_ref().is_none_or(known)
    }
}

/// Rules, and the way to those that match a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules {
    all: Vec<Rule>,
    tree: Tree,
}

impl Rules {
    fn new(all: Vec<Rule>) -> Self {
        Self { tree: Tree::new(all.iter().map(|rule| &rule.url)), all }
    }

    /// The first that lets a request out.
    fn find(&self, method: &Method, target: &Target) -> Option<&Rule> {
        let means = |place| self.all.get(place).is_some_and(|rule: &Rule| rule.means(method, target));
        self.all.get(self.tree.first(target, means)?)
    }
}

/// `GET POST https://h/** ?a,b cookies c,d`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for method in &self.methods {
            write!(f, "{method} ")?;
        }
        write!(f, "{}", self.url)?;
        if let Some(keys) = &self.query {
            write!(f, " ?{}", keys.join(","))?;
        }
        if !self.cookies.is_empty() {
            write!(f, " cookies {}", self.cookies.join(","))?;
        }
        Ok(())
    }
}

/// The outbound requests of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    rules: Rules,
    narrowed: Option<Rules>,
    /// Hosts the component names itself and the operator has not granted, for `check` to show.
    pub withheld: Vec<String>,
}

impl Grant {
    /// Works out the grant of a service.
    ///
    /// # Errors
    /// When the manifest's patterns are not valid, the config's URLs cannot stand in them, or the
    /// operator's rules reach further than the manifest's.
    pub fn new(
        asked: &[EgressRequest],
        config: &Value,
        egress: Option<&[EgressRule]>,
    ) -> Result<Self, String> {
        let (mut grant, mut rules) = (Self::default(), Vec::new());
        for request in asked {
            let methods = request.methods.iter().map(|m| method(m)).collect::<Result<Vec<_>, _>>()?;
            let (anchored, urls) = urls("the component's manifest", &request.url, config)?;
            for url in urls {
                let rule = Rule { url, methods: methods.clone(), query: None, cookies: Vec::new() };
                let overlaps = |own: &UrlPattern| rule.url.covers(own) || own.covers(&rule.url);
                let written = egress.into_iter().flatten().any(|own| own.url.as_ref().is_some_and(overlaps));
                if anchored || written {
                    rules.push(rule);
                } else {
                    grant.withheld.push(request.url.clone());
                }
            }
        }
        if let Some(own) = egress {
            let narrowed = own.iter().map(|rule| narrow(rule, &rules)).collect::<Result<Vec<_>, _>>()?;
            grant.narrowed = Some(Rules::new(narrowed.concat()));
        }
        grant.rules = Rules::new(rules);
        Ok(grant)
    }

    /// The rule by which a request may go out.
    ///
    /// # Errors
    /// When there is none.
    pub fn check(&self, method: &Method, target: &Target) -> Result<&Rule, DenyReason> {
        let asked = self.rules.find(method, target);
        let found = match &self.narrowed {
            Some(own) => asked.and_then(|_| own.find(method, target)),
            None => asked,
        };
        found.ok_or(DenyReason::NoRule)
    }

    /// Whether a guest may set a cookie of that name in a request: only a rule of the operator says so.
    #[must_use]
    pub fn allows_cookie(&self, name: &str, method: &Method, target: &Target) -> bool {
        let names = |rule: &&Rule| rule.cookies.iter().any(|own| own == name);
        let mut naming = self.rules().iter().filter(names);
        naming.any(|rule| {
            let (scheme, host, port) = (target.scheme(), target.host(), target.port());
            rule.url.matches(scheme, host, port, target.segments()) && rule.means(method, target)
        })
    }

    /// The rules in force, for `check`.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.narrowed.as_ref().unwrap_or(&self.rules).all
    }
}

/// What a rule of the operator leaves of what was asked for.
fn narrow(own: &EgressRule, asked: &[Rule]) -> Result<Vec<Rule>, String> {
    let meant: Vec<&Rule> =
        asked.iter().filter(|rule| own.url.as_ref().is_none_or(|url| rule.url.covers(url))).collect();
    let shown = own.url.as_ref().map_or("any of its URLs".to_owned(), |url| format!("`{url}`"));
    if meant.is_empty() {
        return Err(format!(
            "egress: {shown} is wider than what the component asks for; see `bulkhead inspect`"
        ));
    }
    let unasked = |method: &&Method| !meant.iter().any(|rule| rule.methods.contains(method));
    if let Some(method) = own.methods.iter().flatten().find(unasked) {
        return Err(format!(
            "egress: the component does not ask for {method} on {shown}; see `bulkhead inspect`"
        ));
    }
    let narrowed = meant.into_iter().map(|rule| {
        let kept = |method: &&Method| own.methods.as_ref().is_none_or(|methods| methods.contains(method));
        let methods = rule.methods.iter().filter(kept).cloned().collect();
        Rule {
            url: own.url.clone().unwrap_or_else(|| rule.url.clone()),
            methods,
            query: own.query.clone(),
            cookies: own.cookies.clone(),
        }
    });
    Ok(narrowed.filter(|rule| !rule.methods.is_empty()).collect())
}

/// The patterns a URL of a component stands for, and whether the operator's config named their host. `place` is where the
/// component says it.
fn urls(place: &str, url: &str, config: &Value) -> Result<(bool, Vec<UrlPattern>), String> {
    let Some(rest) = url.strip_prefix("{config.") else {
        let pattern = url.parse().map_err(|e| format!("{place}: {e}"))?;
        return Ok((false, vec![pattern]));
    };
    let (key, path) = rest.split_once('}').ok_or_else(|| format!("{place}: `{url}` lacks a `}}`"))?;
    // What follows the operator's URL may lead further down and nowhere else: `{config.url}.evil.example` or
    // `{config.scheme}://evil.example` would be hosts that nobody wrote.
    if !path.is_empty() && !path.starts_with('/') {
        return Err(format!("{place}: in `{url}`, only a path may follow `{{config.{key}}}`"));
    }
    let value = key.split('.').try_fold(config, |value, part| value.get(part));
    let values: Vec<&Value> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    };
    let patterns = values.into_iter().map(|value| {
        let base = value.as_str().ok_or_else(|| format!("config.{key} must be a URL"))?;
        let base = base.trim().trim_end_matches('/');
        let pattern = |text: &str| text.parse::<UrlPattern>().map_err(|e| format!("config.{key}: {e}"));
        pattern(base)?;
        pattern(&format!("{base}{path}"))
    });
    Ok((true, patterns.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(url: &str) -> EgressRequest {
        EgressRequest { url: url.into(), methods: vec!["GET".into()], reason: String::new() }
    }

    fn rule(url: &str, methods: Option<&[&str]>) -> EgressRule {
        let methods = methods.map(|m| m.iter().map(|m| method(m).unwrap()).collect());
        EgressRule { url: Some(url.parse().unwrap()), methods, query: None, cookies: Vec::new() }
    }

    fn allowed(grant: &Grant, method: &str, url: &str) -> bool {
        grant.check(&method.parse().unwrap(), &Target::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn the_config_is_the_grant() {
        let config = json!({"url": "http://prom.internal:9090/prom/"});
        let grant = Grant::new(&[asks("{config.url}/api/**")], &config, None).unwrap();
        assert!(allowed(&grant, "GET", "http://prom.internal:9090/prom/api/v1/query?query=up"));
        for url in [
            "http://prom.internal:9090/api/v1/query",
            "http://prom.internal:9091/prom/api/x",
            "https://prom.internal:9090/prom/api/x",
            "http://other:9090/prom/api/x",
            "http://prom.internal:9090/prom/admin",
        ] {
            assert!(!allowed(&grant, "GET", url), "{url}");
        }
        assert!(!allowed(&grant, "POST", "http://prom.internal:9090/prom/api/x"));
    }

    #[test]
    fn a_component_adds_nothing_but_a_path_to_what_the_operator_wrote() {
        let config = json!({"url": "https://h", "scheme": "https", "slashes": "https://"});
        for url in [
            "{config.url}.evil.example/**",
            "{config.url}:8443/**",
            "{config.url}-admin/**",
            "{config.scheme}://evil.example/**",
            "{config.slashes}evil.example/**",
        ] {
            let error = Grant::new(&[asks(url)], &config, None).unwrap_err();
            assert!(error.contains("only a path may follow"), "{url}: {error}");
        }
        let error = Grant::new(&[asks("{config.slashes}//evil.example/**")], &config, None).unwrap_err();
        assert!(error.contains("config.slashes: `https:` is not a URL pattern"), "{error}");
        assert!(Grant::new(&[asks("{config.url}")], &config, None).is_ok());
    }

    #[test]
    fn a_list_in_the_config_grants_each_and_an_absent_key_none() {
        let asked = [asks("{config.fetch}/**")];
        let grant = Grant::new(&asked, &json!({"fetch": ["https://a.example", "https://*.b.example"]}), None)
            .unwrap();
        assert!(
            allowed(&grant, "GET", "https://a.example/x") && allowed(&grant, "GET", "https://c.b.example/")
        );
        assert!(!allowed(&grant, "GET", "https://b.example/"));
        assert_eq!(Grant::new(&asked, &json!({}), None).unwrap(), Grant::default());
    }

    #[test]
    fn a_host_the_component_names_needs_the_operator() {
        let asked = [asks("https://api.example.com/**")];
        let grant = Grant::new(&asked, &json!({}), None).unwrap();
        assert!(!allowed(&grant, "GET", "https://api.example.com/x"));
        assert_eq!(grant.withheld, ["https://api.example.com/**"]);
        let grant =
            Grant::new(&asked, &json!({}), Some(&[rule("https://api.example.com/v1/**", None)])).unwrap();
        assert!(allowed(&grant, "GET", "https://api.example.com/v1/x"));
        assert!(!allowed(&grant, "GET", "https://api.example.com/v2/x"));
    }

    #[test]
    fn an_egress_block_narrows() {
        let asked = [
            asks("{config.url}/**"),
            EgressRequest { methods: vec!["POST".into()], ..asks("{config.url}/w") },
        ];
        let config = json!({"url": "http://h"});
        let grant = Grant::new(&asked, &config, Some(&[rule("http://h/w", Some(&["GET"]))])).unwrap();
        assert!(allowed(&grant, "GET", "http://h/w"));
        assert!(!allowed(&grant, "POST", "http://h/w") && !allowed(&grant, "GET", "http://h/x"));
    }

    #[test]
    fn a_rule_without_a_url_narrows_the_methods_everywhere() {
        let asked = [
            asks("{config.url}/r"),
            EgressRequest { methods: vec!["GET".into(), "POST".into()], ..asks("{config.url}/w") },
        ];
        let own =
            EgressRule { url: None, methods: Some(vec![Method::GET]), query: None, cookies: Vec::new() };
        let grant = Grant::new(&asked, &json!({"url": "http://h"}), Some(&[own])).unwrap();
        assert!(allowed(&grant, "GET", "http://h/r") && allowed(&grant, "GET", "http://h/w"));
        assert!(!allowed(&grant, "POST", "http://h/w"));
        // and it does not grant a host that only the component names
        let own = EgressRule { url: None, methods: None, query: None, cookies: Vec::new() };
        let error = Grant::new(&[asks("https://api.example.com/**")], &json!({}), Some(&[own])).unwrap_err();
        assert!(error.contains("is wider"), "{error}");
    }

    #[test]
    fn query_keys_are_limited_on_request() {
        let own = EgressRule { query: Some(vec!["q".into(), "t x".into()]), ..rule("http://h/**", None) };
        let grant =
            Grant::new(&[asks("{config.url}/**")], &json!({"url": "http://h"}), Some(&[own])).unwrap();
        for url in ["http://h/a", "http://h/a?q=1&q=2", "http://h/?t+x=1&%71"] {
            assert!(allowed(&grant, "GET", url), "{url}");
        }
        for url in ["http://h/a?Q=1", "http://h/?q=1&admin=1", "http://h/?q=1&&qq", "http://h/?=1"] {
            assert!(!allowed(&grant, "GET", url), "{url}");
        }
        assert_eq!(grant.rules()[0].to_string(), "GET http://h/** ?q,t x");
    }

    #[test]
    fn an_egress_block_cannot_widen() {
        let config = json!({"url": "http://h"});
        let refused = |own| Grant::new(&[asks("{config.url}/api/**")], &config, Some(&[own])).unwrap_err();
        assert!(refused(rule("http://h/**", None)).contains("is wider than what the component asks for"));
        assert!(refused(rule("http://other/api/x", None)).contains("is wider"));
        assert!(refused(rule("http://h/api/x", Some(&["DELETE"]))).contains("does not ask for DELETE"));
    }

    #[test]
    fn a_config_value_that_is_no_url_says_which() {
        let error = |config| Grant::new(&[asks("{config.url}/**")], &config, None).unwrap_err();
        assert_eq!(error(json!({"url": 3})), "config.url must be a URL");
        assert!(
            error(json!({"url": "prom:9090"}))
                .starts_with("config.url: `prom:9090` is not a URL pattern: it needs a scheme")
        );
        assert!(error(json!({"url": "http://u:p@h"})).contains("no user name or password"));
    }
}
