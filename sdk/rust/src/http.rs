//! Owns outbound HTTP: [`Http`] starts a request by URL, [`Base`] by a path below a configured
//! URL. Every request is mediated by the host; there is no other way out.

#[cfg(any(target_family = "wasm", test))]
mod body;
mod request;
mod response;

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod wasm;

#[cfg(not(target_family = "wasm"))]
use native as backend;
#[cfg(target_family = "wasm")]
use wasm as backend;

use std::fmt;

pub(crate) use request::Failure;
pub use request::Request;
pub use response::Response;

use crate::url::Url;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard's and say it all")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Method {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// The method of that upper-case name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options]
            .into_iter()
            .find(|method| method.as_str() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Requests by absolute URL.
#[derive(Debug, Clone, Copy)]
pub struct Http;

impl Http {
    /// A GET request.
    pub fn get(url: &str) -> Request {
        Self::request(Method::Get, url)
    }

    /// A POST request.
    pub fn post(url: &str) -> Request {
        Self::request(Method::Post, url)
    }

    /// A PUT request.
    pub fn put(url: &str) -> Request {
        Self::request(Method::Put, url)
    }

    /// A PATCH request.
    pub fn patch(url: &str) -> Request {
        Self::request(Method::Patch, url)
    }

    /// A DELETE request.
    pub fn delete(url: &str) -> Request {
        Self::request(Method::Delete, url)
    }

    /// A request. A URL that cannot be used is reported when it is sent.
    pub fn request(method: Method, url: &str) -> Request {
        Request::new(method, Url::parse(url))
    }
}

/// The upstream's base URL; a path in it is kept: `https://h/prom` + `/api` is `https://h/prom/api`.
#[derive(Debug, Clone)]
pub struct Base(Url);

impl Base {
    /// Checks a base URL.
    ///
    /// # Errors
    /// Says what was expected; put the config key before it.
    pub fn new(url: &str) -> Result<Self, String> {
        let mut url = Url::parse(url).map_err(|error| error.message().to_owned())?;
        if !url.query.is_empty() {
            return Err(format!("`{url}` has a query; a base URL ends with its path"));
        }
        url.path.truncate(url.path.trim_end_matches('/').len());
        Ok(Self(url))
    }

    /// Scheme, host and port, without a path.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.0.scheme(), self.0.authority)
    }

    /// A GET request for a path below the base.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::Get, path)
    }

    /// A POST request for a path below the base.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::Post, path)
    }

    /// A PUT request for a path below the base.
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::Put, path)
    }

    /// A PATCH request for a path below the base.
    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::Patch, path)
    }

    /// A DELETE request for a path below the base.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::Delete, path)
    }

    /// A request for a path below the base. Paths are literals of the integration; what comes
    /// from arguments goes through [`Request::segment`] and [`Request::query`].
    pub fn request(&self, method: Method, path: &str) -> Request {
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        Request::new(method, Url::parse(&format!("{}{}{slash}{path}", self.origin(), self.0.path)))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.0.path)
    }
}

#[cfg(test)]
mod tests;
