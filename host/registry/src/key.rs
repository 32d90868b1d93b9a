//! Keys that sign, as cosign makes and keeps them: ECDSA on P-256 with SHA-256.

mod sealed;

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use pem::{EncodeConfig, LineEnding, Pem};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use zeroize::Zeroizing;

use crate::digest::Digest;

/// How a public key on P-256 begins in DER (RFC 5480); its point follows.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point.
const POINT: usize = 65;

/// Why a key cannot be used. The text is complete, but for the file's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// It is something else, or damaged.
    #[error("{0}")]
    Unusable(String),
    /// It is encrypted, and no password was given.
    #[error("the key is encrypted, and needs its password")]
    NeedsPassword,
    /// The password does not open it.
    #[error("the password does not open the key")]
    WrongPassword,
}

fn unusable(why: impl fmt::Display) -> KeyError {
    KeyError::Unusable(why.to_string())
}

/// A key that checks signatures.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    point: Vec<u8>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl PublicKey {
    /// Reads one in PEM.
    ///
    /// # Errors
    /// When it is not a public key on P-256.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|error| unusable(format_args!("it is not PEM: {error}")))?;
        match pem.tag() {
            "PUBLIC KEY" => {}
            tag if tag.ends_with("PRIVATE KEY") => {
                return Err(unusable("it is a private key; this needs the public one"));
            }
            tag => return Err(unusable(format_args!("it is `{tag}`, not `PUBLIC KEY`"))),
        }
        match pem.contents().strip_prefix(&SPKI) {
            Some(point) if point.len() == POINT && point.first() == Some(&4) => {
                Ok(Self { point: point.to_vec() })
            }
            _ => Err(unusable("it is not an ECDSA key on P-256, as `cosign generate-key-pair` makes them")),
        }
    }

    /// In PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        encode("PUBLIC KEY", self.der())
    }

    /// What people compare: the SHA-256 of the key in DER.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der())
    }

    fn der(&self) -> Vec<u8> {
        [SPKI.as_slice(), &self.point].concat()
    }

    /// Whether a signature, in base64, is this key's over a message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = BASE64_STANDARD.decode(signature.trim()) else { return false };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, &signature).is_ok()
    }
}

/// A key that signs.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    der: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().fingerprint())
    }
}

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let document = document.map_err(|_| unusable("there is no randomness"))?;
        Self::from_der(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Reads one in PEM: as cosign keeps it, or PKCS#8 that is not encrypted.
    ///
    /// # Errors
    /// When it is something else, or encrypted under another password.
    pub fn from_pem(text: &str, password: Option<&str>) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|error| unusable(format_args!("it is not PEM: {error}")))?;
        match pem.tag() {
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let password = password.ok_or(KeyError::NeedsPassword)?;
                Self::from_der(sealed::open(pem.contents(), password)?)
            }
            "PRIVATE KEY" => Self::from_der(Zeroizing::new(pem.into_contents())),
            "PUBLIC KEY" => Err(unusable("it is a public key; to sign, the private one is needed")),
            tag => Err(unusable(format_args!(
                "it is `{tag}`; `openssl pkcs8 -topk8 -nocrypt -in FILE` makes a `PRIVATE KEY` of it"
            ))),
        }
    }

    fn from_der(der: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new());
        let pair =
            pair.map_err(|why| unusable(format_args!("it is not an ECDSA key on P-256 in PKCS#8 ({why})")))?;
        Ok(Self { pair, der })
    }

    /// In PEM, encrypted under a password, as cosign keeps its keys.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn to_pem(&self, password: &str) -> Result<String, KeyError> {
        Ok(encode("ENCRYPTED SIGSTORE PRIVATE KEY", sealed::close(&self.der, password)?))
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { point: self.pair.public_key().as_ref().to_vec() }
    }

    /// Signs a message. In base64.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| unusable("there is no randomness"))?;
        Ok(BASE64_STANDARD.encode(signature))
    }
}

fn encode(tag: &str, contents: Vec<u8>) -> String {
    pem::encode_config(&Pem::new(tag, contents), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
mod tests;
