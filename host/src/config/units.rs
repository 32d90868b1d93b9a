//! Sizes and times as people write them: `64MiB`, `30s`.

use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

/// A number of bytes: `64MiB`, `1MB`, or a plain number.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq)]
#[schemars(transparent)]
pub struct Bytes(
    #[schemars(with = "String", regex(pattern = r"^[0-9.]+ ?([KMG]i?)?B?$"), extend("examples" = ["64MiB"]))]
    pub ByteSize,
);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let size = text
            .parse()
            .map_err(|_| D::Error::custom(format!("`{text}` is not a size; write it like 64MiB")))?;
        Ok(Self(size))
    }
}

/// A length of time: `500ms`, `30s`, `5m`.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq)]
#[schemars(transparent)]
pub struct Time(#[schemars(with = "String", extend("examples" = ["30s"]))] pub Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_duration(&text)
            .map_err(|_| D::Error::custom(format!("`{text}` is not a time; write it like 30s or 500ms")))?;
        Ok(Self(time))
    }
}
