//! Owns where requests go: the operator's base URL, or a server of the document that the operator has granted. A document
//! alone never decides that.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::{Document, Node, Version};
use crate::location;

/// What the operator says of servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers {
    /// The base URL of the API, with its path; it takes the place of the document's servers.
    pub url: Option<String>,
    /// Base URLs below which a server of the document may be.
    pub granted: Vec<String>,
    /// Values of variables in the URLs of servers.
    pub variables: BTreeMap<String, String>,
}

impl Servers {
    /// The base URL of an operation with these servers of its own.
    ///
    /// # Errors
    /// None of its servers is granted; says which there are and what to write.
    pub(crate) fn base(&self, document: &Document, own: &[Node<'_>]) -> Result<String, String> {
        let common = servers(document);
        let written = |servers: &[Node<'_>]| -> Vec<String> {
            servers.iter().filter_map(|server| server.text("url")).map(str::to_owned).collect()
        };
        let is_common =
            |server: &Node<'_>| common.iter().any(|(url, _)| Some(url.as_str()) == server.text("url"));
        if let Some(url) = &self.url
            && (own.is_empty() || own.iter().any(is_common))
        {
            return Ok(url.trim().trim_end_matches('/').to_owned());
        }
        let from = self.url.as_deref().unwrap_or_else(|| document.at(0));
        let candidates: Vec<Result<String, String>> = match own {
            [] => {
                common.iter().map(|(url, variables)| self.absolute(url, *variables, document.at(0))).collect()
            }
            own => own
                .iter()
                .filter_map(|server| Some(self.absolute(server.text("url")?, server.get("variables"), from)))
                .collect(),
        };
        let granted = |url: &&String| {
            self.granted.iter().chain(&self.url).any(|granted| location::is_below(url, granted))
        };
        if let Some(url) = candidates.iter().filter_map(|url| url.as_ref().ok()).find(granted) {
            return Ok(url.clone());
        }
        let known: Vec<String> = candidates.into_iter().map(|url| url.unwrap_or_else(|why| why)).collect();
        let whose = if own.is_empty() { "the document's server" } else { "its own server" };
        Err(match known.as_slice() {
            [] => format!("{whose} has no URL ({}); set `url`", written(own).join(", ")),
            known => {
                format!("{whose} is not granted: {}; name it in `servers`, or set `url`", known.join(", "))
            }
        })
    }

    /// A server's URL with its variables filled in.
    fn absolute(&self, url: &str, variables: Option<Node<'_>>, from: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = url;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            filled.push_str(before);
            filled.push_str(&self.variable(name, variables.and_then(|all| all.get(name)))?);
            rest = after;
        }
        filled.push_str(rest);
        let whole = location::join(from, &filled)?;
        let path = location::split(&whole).1;
        let odd = |c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '{' | '}' | '?' | '#' | '\\' | '@' | '*')
        };
        if !whole.starts_with("http")
            || whole.contains(odd)
            || path.split('/').any(|segment| matches!(segment, "." | ".."))
        {
            return Err(format!("`{whole}` cannot be a base URL"));
        }
        Ok(whole.trim_end_matches('/').to_owned())
    }

    fn variable(&self, name: &str, declared: Option<Node<'_>>) -> Result<String, String> {
        let allowed = declared.map(|variable| variable.texts("enum")).unwrap_or_default();
        let default = declared.and_then(|variable| variable.value.get("default"));
        let value = match (self.variables.get(name), default) {
            (Some(own), _) => own.clone(),
            (None, Some(Value::String(default))) => default.clone(),
            (None, Some(default @ (Value::Number(_) | Value::Bool(_)))) => default.to_string(),
            (None, _) => {
                return Err(format!("the variable `{name}` has no value; set it in `server_variables`"));
            }
        };
        match allowed.is_empty() || allowed.contains(&value.as_str()) {
            true => Ok(value),
            false => Err(format!("the variable `{name}` is `{value}`, and may be {}", allowed.join(", "))),
        }
    }
}

/// The first server that the document names in full.
pub(crate) fn first(document: &Document) -> Option<String> {
    let nothing = Servers::default();
    let all = servers(document);
    let mut urls =
        all.iter().filter_map(|(url, variables)| nothing.absolute(url, *variables, document.at(0)).ok());
    urls.find(|url| url.contains("://"))
}

/// The servers of a document, with their variables.
fn servers(document: &Document) -> Vec<(String, Option<Node<'_>>)> {
    let root = document.root();
    if document.version() == Version::Swagger2 {
        let path = root.text("basePath").unwrap_or_default();
        let Some(host) = root.text("host") else { return vec![(path.to_owned(), None)] };
        let mut schemes = root.texts("schemes");
        if schemes.is_empty() {
            schemes = vec![if document.at(0).starts_with("http://") { "http" } else { "https" }];
        }
        schemes.sort_by_key(|scheme| *scheme != "https");
        return schemes.iter().map(|scheme| (format!("{scheme}://{host}{path}"), None)).collect();
    }
    let all: Vec<_> = root
        .items("servers")
        .filter_map(|server| Some((server.text("url")?.to_owned(), server.get("variables"))))
        .collect();
    if all.is_empty() { vec![("/".to_owned(), None)] } else { all }
}
