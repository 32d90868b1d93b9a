//! Time, text and data tools that need no upstream, and `web_fetch` where the operator allows it.
//!
//! One file per family of tools; each lists its own. Everything works on what the call brings:
//! sizes and counts are bounded, and nothing is kept.

mod calculate;
mod convert;
mod diff;
mod encode;
mod fetch;
mod hash;
mod ids;
mod json;
mod limits;
mod pattern;
mod random;
mod time;
mod versions;
mod wait;

use bulkhead_sdk::prelude::*;
use jiff::tz::TimeZone;

/// What the operator can set.
#[derive(Debug, Deserialize, JsonSchema)]
struct Config {
    /// IANA time zone used where a call names none, for example `Europe/Berlin`. UTC if not set.
    timezone: Option<String>,
    /// What `web_fetch` may read: origins such as `https://docs.rs`, `https://*.wikipedia.org`, or
    /// `https://*` for every public site. Without it there is no `web_fetch`.
    #[serde(default)]
    fetch: Vec<String>,
}

/// The service: its default time zone, and whether it may fetch.
struct Utilities {
    zone: TimeZone,
    fetch: bool,
}

impl Service for Utilities {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("utilities", env!("CARGO_PKG_VERSION"), "Utilities")
            .description(
                "Time zones and date arithmetic, JSON, text, encoding, hashing, identifiers and exact \
                 calculation, all inside the sandbox. Reads web pages if `fetch` lists where from.",
            )
            .egress("{config.fetch}/**", &["GET", "HEAD"], "web_fetch reads these sites")
    }

    fn new(config: Config) -> Result<Self, String> {
        let zone = match config.timezone.as_deref() {
            None => TimeZone::UTC,
            Some(name) => time::zone::find(name).map_err(|why| format!("config.timezone: {why}"))?,
        };
        for origin in &config.fetch {
            fetch::check_origin(origin).map_err(|why| format!("config.fetch: {why}"))?;
        }
        Ok(Self { zone, fetch: !config.fetch.is_empty() })
    }

    fn tools(&self) -> Tools<Self> {
        let tools = Tools::new()
            .extend(time::tools())
            .extend(wait::tools())
            .extend(json::tools())
            .extend(convert::tools())
            .extend(encode::tools())
            .extend(hash::tools())
            .extend(ids::tools())
            .extend(random::tools())
            .extend(pattern::tools())
            .extend(versions::tools())
            .extend(calculate::tools())
            .extend(diff::tools());
        if self.fetch { tools.extend(fetch::tools()) } else { tools }
    }
}

/// Adds a key to a structured result.
fn set(value: &mut Value, key: &str, field: impl Into<Value>) {
    if let Value::Object(object) = value {
        object.insert(key.to_owned(), field.into());
    }
}

bulkhead_sdk::register!(Utilities);

#[cfg(test)]
mod tests;
