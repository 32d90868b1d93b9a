//! Owns making a request: a plan and arguments in, what goes over the wire out.

use std::fmt;

use serde_json::{Map, Value};

use crate::plan::{In, Parameter, Plan, Style, literal};
use crate::{body, styles};

/// A request, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestParts {
    /// Upper-case.
    pub method: String,
    /// Absolute, encoded.
    pub url: String,
    /// Lower-case names; the body's media type among them.
    pub headers: Vec<(String, String)>,
    /// None for a request without one.
    pub body: Option<Vec<u8>>,
}

/// An argument that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    /// Which: `filter.tags`.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

impl ArgumentError {
    pub(crate) fn new(path: &str, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

impl std::error::Error for ArgumentError {}

impl Plan {
    /// The request that a call with these arguments means. They are taken to match the tool's schema; what cannot be
    /// written unmistakably is refused all the same.
    ///
    /// # Errors
    /// Which argument cannot be sent, and why.
    pub fn request(&self, arguments: &Map<String, Value>) -> Result<RequestParts, ArgumentError> {
        let path = self.filled(arguments)?;
        let mut query: Vec<String> = Vec::new();
        if !self.query.is_empty() {
            query.push(self.query.clone());
        }
        let mut headers = vec![("accept".to_owned(), self.accept.clone())];
        let mut cookies: Vec<String> = Vec::new();
        for parameter in &self.parameters {
            let at = &parameter.argument;
            let Some(value) = arguments.get(at) else { continue };
            let pairs = || {
                self.apart(parameter, value)?;
                let pairs = styles::pairs(parameter.name(), value, parameter.written, at)?;
                Ok(pairs.into_iter().map(|(key, value)| format!("{key}={value}")))
            };
            match parameter.place {
                In::Path => {}
                In::Query => query.extend(pairs()?),
                In::Cookie => cookies.extend(pairs()?),
                In::Header => {
                    if let Some(value) = styles::in_header(value, parameter.written, at)? {
                        headers.push((parameter.name().to_ascii_lowercase(), value));
                    }
                }
            }
        }
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies.join("; ")));
        }
        let body = match self.body.as_ref().and_then(|body| Some((body, arguments.get(&body.argument)?))) {
            Some((body, value)) => {
                let (media, bytes) = body::encode(body, value, arguments)?;
                headers.push(("content-type".to_owned(), media));
                Some(bytes)
            }
            None => None,
        };
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{}", self.base, query.join("&"));
        Ok(RequestParts { method: self.method.clone(), url, headers, body })
    }

    /// The keys of an object that stand for themselves may not be another parameter's name: it would be that one's value.
    fn apart(&self, parameter: &Parameter, value: &Value) -> Result<(), ArgumentError> {
        let Some(fields) =
            value.as_object().filter(|_| parameter.written.style == Style::Form && parameter.written.explode)
        else {
            return Ok(());
        };
        let at = &parameter.argument;
        let taken = |key: &str| {
            let fixed =
                self.query.split('&').filter_map(|pair| pair.split('=').next()).any(|known| known == key);
            let mut others = self
                .parameters
                .iter()
                .filter(|other| other.place == parameter.place && other.argument != *at);
            fixed && parameter.place == In::Query || others.any(|other| other.name() == key)
        };
        match fields.keys().find(|key| taken(key)) {
            Some(key) => {
                Err(ArgumentError::new(at, format!("the key `{key}` is the name of another parameter")))
            }
            None => Ok(()),
        }
    }

    fn filled(&self, arguments: &Map<String, Value>) -> Result<String, ArgumentError> {
        let mut segments = Vec::new();
        for template in self.path.split('/') {
            let mut segment = String::new();
            let mut named = None;
            let mut rest = template;
            while let Some((before, (name, after))) =
                rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
            {
                segment.push_str(&literal(before));
                let parameter = self
                    .parameters
                    .iter()
                    .find(|parameter| parameter.place == In::Path && parameter.name() == name);
                let parameter =
                    parameter.ok_or_else(|| ArgumentError::new(name, "the plan does not know it"))?;
                let at = &parameter.argument;
                let value = arguments
                    .get(at)
                    .ok_or_else(|| ArgumentError::new(at, "is part of the path; it is missing"))?;
                segment.push_str(&styles::in_path(name, value, parameter.written, at)?);
                named = Some(at);
                rest = after;
            }
            segment.push_str(&literal(rest));
            if let Some(at) = named
                && (segment.is_empty() || climbs(&segment))
            {
                return Err(ArgumentError::new(at, format!("`{segment}` cannot be a segment of a path")));
            }
            segments.push(segment);
        }
        Ok(segments.join("/"))
    }
}

/// Whether a segment, as it is written in a URL, would be resolved away on the route, or by a server that decodes it
/// first, and reach another resource. `..;x` is `..` with a parameter to some.
fn climbs(segment: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
    let dots = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    decoded.contains('\0') || decoded.split(['/', '\\']).any(dots)
}
