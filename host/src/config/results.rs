//! What becomes of results, as it is written: how each tool's are shaped, and how long and where they are
//! kept to be used again.

use std::{sync::Arc, time::Duration};

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json_path::JsonPath;

use super::{
    resolve::{ResolveError, at},
    units::{Bytes, Time},
};
use crate::shape::{Select, Shaping};

/// How the results of a tool are shaped.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// JSONPath (RFC 9535) of the part of a JSON result that is passed on, such as `$.data.result[*]`. A path
    /// that names one place gives the value there, any other gives the list of what it finds.
    pub select: Option<String>,
    /// Size of a result; what is over it is cut, and the result says so.
    pub max_bytes: Option<Bytes>,
}

/// Longer paths are a mistake; the path is walked for every result.
const LONGEST_PATH: usize = 512;
/// Less has no room for anything but the note that it was cut.
const LEAST: ByteSize = ByteSize::kib(1);

impl Shape {
    /// The rules that stand at `key` in the file.
    ///
    /// # Errors
    /// Names the key and says what to write instead.
    pub fn resolve(self, key: &str) -> Result<Shaping, ResolveError> {
        let select = self.select.map(|path| select(&path)).transpose();
        let select = select.map_err(at(format!("{key}.select")))?;
        let max_bytes = self.max_bytes.map(|bytes| bytes.0);
        if max_bytes.is_some_and(|bytes| bytes < LEAST) {
            return Err(at(format!("{key}.max_bytes"))(format!("must be at least {LEAST}")));
        }
        Ok(Shaping { select: select.map(Arc::new), max_bytes })
    }
}

fn select(path: &str) -> Result<Select, String> {
    if path.len() > LONGEST_PATH {
        return Err(format!("is longer than {LONGEST_PATH} characters"));
    }
    // Each `..` looks at everything below everything: two of them at once are more than a result is worth.
    if path.matches("..").count() > 1 {
        return Err("has more than one `..`; name the members on the way".to_owned());
    }
    // And a filter in a filter doubles the work of the parser.
    if path.matches('?').count() > 3 {
        return Err("has more than three filters; select less closely".to_owned());
    }
    let parsed = JsonPath::parse(path)
        .map_err(|e| format!("`{path}` is not a JSONPath (RFC 9535): {e}; write it like $.data.result[*]"))?;
    // Only a singular query can be compared with something (RFC 9535 §2.3.5.1), so the parser tells.
    let singular = JsonPath::parse(&format!("$[?{path} == 0]")).is_ok();
    Ok(Select { path: parsed, singular })
}

/// The cache of results. A tool of which the component says for how long its results hold is answered from it.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Whether results are kept; true unless given.
    pub enabled: Option<bool>,
    /// Memory of all kept results; 64MiB unless given. A tenant has at most a quarter.
    pub max_bytes: Option<Bytes>,
    /// The longest a result is kept, whatever the component says; 1h unless given.
    pub max_ttl: Option<Time>,
}

/// The cache of results, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Memory of all kept results.
    pub max_bytes: ByteSize,
    /// The longest a result is kept.
    pub max_ttl: Duration,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { max_bytes: ByteSize::mib(64), max_ttl: Duration::from_secs(3600) }
    }
}

impl Cache {
    /// What stands at `key` in the file; none if the cache is off.
    ///
    /// # Errors
    /// Names the key and says what to write instead.
    pub fn resolve(self, key: &str) -> Result<Option<CacheLimits>, ResolveError> {
        if self.enabled == Some(false) {
            let without = [("max_bytes", self.max_bytes.is_some()), ("max_ttl", self.max_ttl.is_some())];
            return match without.into_iter().find(|(_, given)| *given) {
                None => Ok(None),
                Some((name, _)) => Err(at(format!("{key}.{name}"))(
                    "has no effect with `enabled: false`; remove one of the two".into(),
                )),
            };
        }
        let default = CacheLimits::default();
        let max_bytes = self.max_bytes.map_or(default.max_bytes, |bytes| bytes.0);
        if max_bytes < ByteSize::mib(1) {
            return Err(at(format!("{key}.max_bytes"))(
                "must be at least 1MiB; to keep nothing, write `enabled: false`".into(),
            ));
        }
        let max_ttl = self.max_ttl.map_or(default.max_ttl, |time| time.0);
        if max_ttl.is_zero() || max_ttl > Duration::from_secs(24 * 3600) {
            return Err(at(format!("{key}.max_ttl"))("must be more than 0 and at most 24h".into()));
        }
        Ok(Some(CacheLimits { max_bytes, max_ttl }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Result<Shaping, String> {
        serde_saphyr::from_str::<Shape>(text).unwrap().resolve("tools.shape.x").map_err(|e| e.to_string())
    }

    fn cache(text: &str) -> Result<Option<CacheLimits>, String> {
        serde_saphyr::from_str::<Cache>(text).unwrap().resolve("cache").map_err(|e| e.to_string())
    }

    #[test]
    fn a_path_to_one_place_is_told_from_one_to_many() {
        let singular = |path: &str| shape(&format!("select: \"{path}\"")).unwrap().select.unwrap().singular;
        assert!(singular("$.data.result") && singular("$['a b'][0]") && singular("$"));
        assert!(!singular("$.data.result[*]") && !singular("$..a") && !singular("$[?@.a == 1]"));
        assert!(!singular("$[0, 1]") && !singular("$[1:2]"));
    }

    #[test]
    fn odd_shapes_are_refused_by_name() {
        let path = shape("select: data.result").unwrap_err();
        assert!(
            path.starts_with("tools.shape.x.select: `data.result` is not a JSONPath (RFC 9535): "),
            "{path}"
        );
        assert_eq!(
            shape("select: $..a..b").unwrap_err(),
            "tools.shape.x.select: has more than one `..`; name the members on the way"
        );
        assert_eq!(
            shape("select: $[?@[?@[?@[?@.a]]]]").unwrap_err(),
            "tools.shape.x.select: has more than three filters; select less closely"
        );
        assert_eq!(shape("max_bytes: 10").unwrap_err(), "tools.shape.x.max_bytes: must be at least 1.0 KiB");
    }

    #[test]
    fn the_cache_has_defaults_and_can_be_turned_off() {
        assert_eq!(cache("{}"), Ok(Some(CacheLimits::default())));
        assert_eq!(cache("enabled: false"), Ok(None));
        assert_eq!(
            cache("{enabled: false, max_ttl: 1m}").unwrap_err(),
            "cache.max_ttl: has no effect with `enabled: false`; remove one of the two"
        );
        assert_eq!(
            cache("max_bytes: 1KiB").unwrap_err(),
            "cache.max_bytes: must be at least 1MiB; to keep nothing, write `enabled: false`"
        );
        assert_eq!(cache("max_ttl: 2d").unwrap_err(), "cache.max_ttl: must be more than 0 and at most 24h");
    }
}
