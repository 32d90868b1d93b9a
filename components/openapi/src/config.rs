//! Owns [`Config`]: what the operator writes.

use std::collections::BTreeMap;

use bulkhead_openapi::{Choice, Limits, Servers, Settings};
use bulkhead_sdk::prelude::*;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// URL of the document: `https://api.example.com/openapi.json`. This or `file`.
    pub document: Option<String>,
    /// Path of the document in a folder of the service's `files`: `/api/openapi.yaml`. This or `document`.
    pub file: Option<String>,
    /// Base URL of the API, with its path: `https://api.example.com/v1`. It takes the place of the document's servers.
    pub url: Option<String>,
    /// Base URLs below which servers of the document may be; the others are not used.
    #[serde(default)]
    pub servers: Vec<String>,
    /// Values for variables in the URLs of servers.
    #[serde(default)]
    pub server_variables: BTreeMap<String, String>,
    /// URLs below which other files may be that the document refers to.
    #[serde(default)]
    pub references: Vec<String>,
    /// Which operations become tools; all unless given.
    #[serde(default)]
    pub choose: Choose,
    /// An OpenAPI Overlay 1.0, or several, to rename, describe anew or take out.
    #[serde(default)]
    pub overlays: Vec<Value>,
    /// The same in files, as `file` is.
    #[serde(default)]
    pub overlay_files: Vec<String>,
    /// Whether tools say what their results look like; yes unless given.
    pub output_schemas: Option<bool>,
    /// Response headers that results have: `link`, `location`, `etag` and `x-total-count` unless given.
    pub headers: Option<Vec<String>>,
    /// A path that a health check asks for: `/healthz`. It asks whether the document is there unless given.
    pub health: Option<String>,
    /// How much of a document is read, and how large a tool may be.
    #[serde(default)]
    pub limits: Bounds,
}

/// Which operations become tools: those that every list takes. `*` stands for anything (in paths for one segment, `**` for
/// the rest), and an entry that begins with `!` takes away.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Choose {
    /// `[pets, "!admin"]`
    pub tags: Vec<String>,
    /// `[/pets/**]`
    pub paths: Vec<String>,
    /// `[GET, POST]`
    pub methods: Vec<String>,
    /// Operation ids, or names of tools: `[listPets, "get_*"]`
    pub operations: Vec<String>,
    /// `false` leaves deprecated operations out.
    pub deprecated: Option<bool>,
    /// Only operations that change nothing.
    pub read_only: bool,
}

/// Limits; each has a default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Bytes of a document: 33554432.
    pub document_bytes: Option<usize>,
    /// Bytes of a tool's input schema: 32768.
    pub schema_bytes: Option<usize>,
    /// Bytes of a tool's output schema: 8192.
    pub output_schema_bytes: Option<usize>,
    /// Characters of a description: 1024.
    pub description: Option<usize>,
}

impl Config {
    /// Whether it can be worked with.
    pub(crate) fn check(&self) -> Result<(), String> {
        match (&self.document, &self.file) {
            (Some(url), None) => {
                Base::new(url)
                    .map_err(|why| format!("config.document: {why}; it is granted as it is written"))?;
            }
            (None, Some(path)) if path.starts_with('/') => {}
            (None, Some(path)) => {
                return Err(format!(
                    "config.file: `{path}` must be absolute, below the `at` of an entry of the service's `files`"
                ));
            }
            _ => {
                return Err(
                    "config: exactly one of `document` (a URL) and `file` (a path) is needed".to_owned()
                );
            }
        }
        let all = self.url.iter().map(|url| ("url", url));
        let all = all.chain(self.servers.iter().map(|url| ("servers", url)));
        for (key, url) in all.chain(self.references.iter().map(|url| ("references", url))) {
            Base::new(url).map_err(|why| format!("config.{key}: {why}"))?;
        }
        if self.url.is_none() && self.servers.is_empty() {
            return Err("config: `url`, the base URL of the API, is needed; or `servers`, where those of the document may be".to_owned());
        }
        if let Some(path) = self.overlay_files.iter().find(|path| !path.starts_with('/')) {
            return Err(format!("config.overlay_files: `{path}` must be absolute"));
        }
        match &self.health {
            Some(path) if !path.starts_with('/') => {
                Err(format!("config.health: `{path}` must begin with a slash"))
            }
            Some(_) if self.url.is_none() => Err("config.health: has no effect without `url`".to_owned()),
            _ => Ok(()),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            bytes: self.limits.document_bytes.unwrap_or(usual.bytes),
            schema_bytes: self.limits.schema_bytes.unwrap_or(usual.schema_bytes),
            output_bytes: self.limits.output_schema_bytes.unwrap_or(usual.output_bytes),
            description: self.limits.description.unwrap_or(usual.description),
            ..usual
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let Choose { tags, paths, methods, operations, deprecated, read_only } = &self.choose;
        Settings {
            choice: Choice {
                tags: tags.clone(),
                paths: paths.clone(),
                methods: methods.clone(),
                operations: operations.clone(),
                deprecated: *deprecated,
                read_only: *read_only,
            },
            servers: Servers {
                url: self.url.clone(),
                granted: self.servers.clone(),
                variables: self.server_variables.clone(),
            },
            output_schemas: self.output_schemas.unwrap_or(true),
        }
    }

    pub(crate) fn headers(&self) -> Vec<&str> {
        match &self.headers {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => vec!["link", "location", "etag", "x-total-count"],
        }
    }
}
