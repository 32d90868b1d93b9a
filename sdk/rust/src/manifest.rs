//! Owns [`Manifest`]: what a component says of itself before it has any config.

use std::borrow::Cow;

use crate::http::Method;

/// What this component is, and the most it will ever ask for.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(crate) name: Cow<'static, str>,
    pub(crate) version: Cow<'static, str>,
    pub(crate) title: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) instructions: Option<Cow<'static, str>>,
    pub(crate) egress: Vec<Egress>,
}

/// A set of requests the component wants to be able to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// A URL pattern: `https://api.example.com/v1/**`, or `{config.url}/api/**`.
    pub url: String,
    /// Upper-case HTTP methods.
    pub methods: Vec<String>,
    /// Why, in words for the operator.
    pub reason: String,
}

impl Egress {
    /// Requests with these methods to URLs of this pattern, and why.
    pub fn new(url: impl Into<String>, methods: &[&str], reason: impl Into<String>) -> Self {
        let methods = methods.iter().map(|method| method.to_ascii_uppercase()).collect();
        Self { url: url.into(), methods, reason: reason.into() }
    }
}

impl Manifest {
    /// A component called `name` (`[a-z][a-z0-9-]*`), its own version, and its title for people.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            title: title.into(),
            description: Cow::Borrowed(""),
            instructions: None,
            egress: Vec::new(),
        }
    }

    /// One or two sentences for the operator who decides whether to install it.
    #[must_use]
    pub fn description(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.description = text.into();
        self
    }

    /// What a model should know before it uses these tools together. It may refer to them as a prompt does:
    /// `{tool:query}`, on a line that is left out where the caller cannot use it.
    #[must_use]
    pub fn instructions(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Asks for outbound requests. Without any, the component has no network.
    #[must_use]
    pub fn egress(mut self, url: impl Into<String>, methods: &[&str], reason: impl Into<String>) -> Self {
        self.egress.push(Egress::new(url, methods, reason));
        self
    }

    /// Asks for each of these: what comes after `base`, methods, and why. A path of its own for each, so that an operator
    /// can grant some and not others.
    #[must_use]
    pub fn egress_below(self, base: &str, requests: &[(&str, &[&str], &str)]) -> Self {
        requests.iter().fold(self, |manifest, (path, methods, reason)| {
            manifest.egress(format!("{base}{path}"), methods, *reason)
        })
    }

    /// What it asks for.
    pub fn asked(&self) -> &[Egress] {
        &self.egress
    }

    /// What is wrong with it, if anything: the rules of `wit/service.wit`, for
    /// [`testing::check`](crate::testing).
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_name(&self.name, 32, b'-') {
            problems
                .push(format!("manifest name `{}` is not [a-z][a-z0-9-]*, at most 32 characters", self.name));
        }
        if self.version.is_empty() || self.title.is_empty() {
            problems.push("the manifest needs a version and a title".to_owned());
        }
        if self.description.is_empty() {
            problems.push("the manifest has no description".to_owned());
        }
        for egress in &self.egress {
            let url = &egress.url;
            if egress.methods.is_empty() {
                problems.push(format!("egress `{url}` names no method"));
            }
            for method in egress.methods.iter().filter(|method| Method::from_name(method).is_none()) {
                problems.push(format!("egress `{url}` names an unknown method `{method}`"));
            }
            if url.contains(['?', '#']) {
                problems
                    .push(format!("egress `{url}` has a query or a fragment; patterns end with the path"));
            }
        }
        problems
    }
}

/// True for `[a-z][a-z0-9<separator>]*` of at most `most` bytes.
pub(crate) fn is_name(name: &str, most: usize, separator: u8) -> bool {
    name.len() <= most
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_requests_is_asked_for_line_by_line() {
        const TABLE: &[(&str, &[&str], &str)] =
            &[("alerts", &["GET", "POST"], "lists and sends"), ("status", &["GET"], "reads the status")];
        let manifest = Manifest::new("a", "1", "A").egress_below("{config.url}/api/", TABLE);
        let expected = [
            Egress::new("{config.url}/api/alerts", &["GET", "POST"], "lists and sends"),
            Egress::new("{config.url}/api/status", &["GET"], "reads the status"),
        ];
        assert_eq!(manifest.asked(), expected);
    }
}
