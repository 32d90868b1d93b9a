//! Owns `hash`: digests, checksums and message authentication codes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulkhead_sdk::prelude::*;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;

use crate::encode::{Encoding, decode, hex};
use crate::{Utilities, limits, set};

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "hash",
            "Hashes text: sha256, sha512, sha1, md5 or crc32; with `key` the HMAC. With `expected` it says whether \
             they match.",
            hash,
        )
        .title("Hash")
        .read_only()
        .idempotent()
        .tag("text"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Hash {
    /// What is hashed, as UTF-8 unless `encoding` says how to decode it first.
    text: String,
    /// sha256 if left out.
    algorithm: Option<Algorithm>,
    /// Makes it an HMAC.
    key: Option<String>,
    /// Of `text`: base64, base64url, hex or url.
    encoding: Option<Encoding>,
    /// A hash in hex to compare with.
    expected: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Sha256,
    Sha512,
    Sha1,
    Md5,
    Crc32,
}

async fn hash(_: &Utilities, args: Hash, _: &Call) -> Result<Output> {
    limits::at_most("text", &args.text, limits::TEXT)?;
    let data = match args.encoding {
        None => args.text.into_bytes(),
        Some(encoding) => decode("text", &args.text, encoding)?,
    };
    let algorithm = args.algorithm.unwrap_or(Algorithm::Sha256);
    let digest = match &args.key {
        None => match algorithm {
            Algorithm::Sha256 => sha2::Sha256::digest(&data).to_vec(),
            Algorithm::Sha512 => sha2::Sha512::digest(&data).to_vec(),
            Algorithm::Sha1 => sha1::Sha1::digest(&data).to_vec(),
            Algorithm::Md5 => md5::Md5::digest(&data).to_vec(),
            Algorithm::Crc32 => crc32fast::hash(&data).to_be_bytes().to_vec(),
        },
        Some(key) => {
            limits::at_most("key", key, limits::EXPRESSION)?;
            let key = key.as_bytes();
            match algorithm {
                Algorithm::Sha256 => code::<Hmac<sha2::Sha256>>(key, &data)?,
                Algorithm::Sha512 => code::<Hmac<sha2::Sha512>>(key, &data)?,
                Algorithm::Sha1 => code::<Hmac<sha1::Sha1>>(key, &data)?,
                Algorithm::Md5 => code::<Hmac<md5::Md5>>(key, &data)?,
                Algorithm::Crc32 => {
                    return Err(Error::invalid("key", "crc32 is a checksum and takes no key; use sha256"));
                }
            }
        }
    };
    let hex = hex(&digest);
    let mut value = json!({"hex": hex, "base64": STANDARD.encode(&digest)});
    let mut text = hex.clone();
    if let Some(expected) = args.expected {
        let matches = expected.trim().eq_ignore_ascii_case(&hex);
        set(&mut value, "matches", matches);
        text = format!("{hex}\n{} the expected hash.", if matches { "Matches" } else { "Does not match" });
    }
    Ok(Output::structured_with_text(value, text))
}

fn code<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let mut mac =
        <M as KeyInit>::new_from_slice(key).map_err(|error| Error::invalid("key", error.to_string()))?;
    mac.update(data);
    Ok(mac.finalize().into_bytes().to_vec())
}
