//! Owns [`Plan`]: what of an operation a call needs, worked out once. It travels with the tool, so that a call never
//! reads the document; it is small, for it has the names and styles of arguments and no schemas.

use serde::{Deserialize, Serialize};

/// What this version of the library writes; another's plans are not guessed at.
const VERSION: u8 = 1;
/// The contract's limit.
const MOST: usize = 64 << 10;

/// From a call's arguments to its request: see [`request`](Plan::request).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(rename = "v")]
    pub(crate) version: u8,
    #[serde(rename = "m")]
    pub(crate) method: String,
    /// Base URL, without a slash at its end.
    #[serde(rename = "u")]
    pub(crate) base: String,
    /// `/pets/{petId}`.
    #[serde(rename = "p")]
    pub(crate) path: String,
    /// A query that the path itself has.
    #[serde(rename = "q", default, skip_serializing_if = "String::is_empty")]
    pub(crate) query: String,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<Parameter>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Body>,
    /// The `Accept` header.
    #[serde(rename = "t")]
    pub(crate) accept: String,
}

/// Where an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum In {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

impl In {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// How lists and objects are written (OpenAPI's `style`; `tab` is Swagger 2's `tsv`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are OpenAPI's")]
pub enum Style {
    Simple,
    Label,
    Matrix,
    Form,
    Space,
    Pipe,
    Tab,
    Deep,
    /// As JSON, whatever it is.
    Json,
}

/// A style with its switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The style.
    #[serde(rename = "s")]
    pub style: Style,
    /// Whether parts stand for themselves.
    #[serde(rename = "e", default, skip_serializing_if = "is_false")]
    pub explode: bool,
    /// Reserved characters stay as they are where that does no harm.
    #[serde(rename = "r", default, skip_serializing_if = "is_false")]
    pub reserved: bool,
}

/// One argument outside the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// What the argument is called.
    #[serde(rename = "n")]
    pub argument: String,
    /// What the API calls it, if that is something else.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it goes.
    #[serde(rename = "i")]
    pub place: In,
    /// How it is written.
    #[serde(rename = "w")]
    pub written: Written,
}

impl Parameter {
    /// What the API calls it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.argument)
    }
}

/// How a body is made of its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// JSON.
    Json,
    /// One JSON value on each line.
    Lines,
    /// The text itself.
    Text,
    /// Bytes: `{text}` or `{base64}`.
    Binary,
    /// `a=1&b=2`.
    Form,
    /// `multipart/form-data`.
    Multipart,
}

/// The body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The argument that it is made of.
    #[serde(rename = "n")]
    pub argument: String,
    /// Its media type, and others that the caller may choose instead.
    #[serde(rename = "t")]
    pub media: Vec<String>,
    /// The argument that chooses.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// How.
    #[serde(rename = "k")]
    pub encoding: Encoding,
    /// Fields that are not written as their values are by default.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What it is called.
    #[serde(rename = "n")]
    pub name: String,
    /// It is a file, or a list of files.
    #[serde(rename = "f", default, skip_serializing_if = "is_false")]
    pub file: bool,
    /// How it is written, if not as usual.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// Its media type, in multipart.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Plan {
    pub(crate) fn new(method: &str, base: &str, path: &str, query: &str) -> Self {
        Self {
            version: VERSION,
            method: method.to_owned(),
            base: base.trim_end_matches('/').to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            parameters: Vec::new(),
            body: None,
            accept: String::new(),
        }
    }

    /// The plan as bytes.
    ///
    /// # Errors
    /// It has more than 64 KiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let bytes = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        match bytes.len() {
            size if size > MOST => Err(format!("its plan has {size} bytes; {MOST} is the most")),
            _ => Ok(bytes),
        }
    }

    /// The plan those bytes are.
    ///
    /// # Errors
    /// They are none, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let plan: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("the plan is none: {error}"))?;
        match plan.version {
            VERSION => Ok(plan),
            other => Err(format!("the plan is of version {other}; this component writes {VERSION}")),
        }
    }

    /// The path below the base, with its parameters in braces: `/pets/{petId}`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A query that the path itself has.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The arguments outside the body.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The body, if there may be one.
    pub fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// The `Accept` header.
    pub fn accept(&self) -> &str {
        &self.accept
    }

    /// The method it sends.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The cookies it may send.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        let cookies = self.parameters.iter().filter(|parameter| parameter.place == In::Cookie);
        cookies.map(Parameter::name)
    }

    /// The URLs it may ask for: the path with `*` for each segment that has an argument in it.
    pub fn pattern(&self) -> String {
        let segment = |segment: &str| if segment.contains('{') { "*".to_owned() } else { literal(segment) };
        let path: Vec<String> = self.path.split('/').map(segment).collect();
        format!("{}{}", self.base, path.join("/"))
    }
}

/// A segment of a path as it is sent; a literal `*` is no wildcard.
pub(crate) fn literal(segment: &str) -> String {
    const LITERAL: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'`')
        .add(b'{')
        .add(b'}')
        .add(b'|')
        .add(b'\\')
        .add(b'^')
        .add(b'#')
        .add(b'?')
        .add(b'*')
        .add(b'[')
        .add(b']');
    percent_encoding::utf8_percent_encode(segment, LITERAL).to_string()
}
