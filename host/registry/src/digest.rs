//! SHA-256 digests, as registries write them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// In hexadecimal, without `sha256:`.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// From hexadecimal, without `sha256:`.
    ///
    /// # Errors
    /// When it is not 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, String> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() != 64 || !hex.bytes().all(digit) {
            return Err(format!("`{hex}` is not a SHA-256 digest: 64 lower-case hexadecimal digits"));
        }
        Ok(Self(hex.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = text.strip_prefix("sha256:");
        Self::from_hex(hex.ok_or_else(|| format!("`{text}` is not a digest of the form sha256:…"))?)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_lower_case_digits() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of(b""));
        for odd in ["", "sha256:", "sha512:00", &empty.to_uppercase(), &empty[..70], &format!("{empty}0")] {
            assert!(odd.parse::<Digest>().is_err(), "{odd}");
        }
    }
}
