//! A private key under a password: JSON, with scrypt for the password and NaCl's secretbox for the key. This is what
//! cosign and go-securesystemslib write.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crypto_secretbox::{
    Key, Nonce, XSalsa20Poly1305,
    aead::{Aead as _, KeyInit as _},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyError, unusable};

/// log2 of scrypt's N: cosign's since 2022 (64 MiB). Opening takes N up to four times that.
const LOG_N: u8 = 16;
const MOST_LOG_N: u8 = 18;
const R: u32 = 8;
const P: u32 = 1;
const SALT: usize = 32;
const NONCE: usize = 24;

#[derive(Deserialize, Serialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize, Serialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize, Serialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize, Serialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The key in it.
pub(super) fn open(text: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let Sealed { kdf, cipher, ciphertext } =
        serde_json::from_slice(text).map_err(|error| unusable(format_args!("it is damaged: {error}")))?;
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        return Err(unusable(format_args!("it is encrypted with {} and {}", kdf.name, cipher.name)));
    }
    let Params { n, r, p } = kdf.params;
    let log_n = u8::try_from(n.checked_ilog2().unwrap_or_default()).unwrap_or(u8::MAX);
    // What is more than that would take gigabytes, or hours.
    if !n.is_power_of_two() || log_n > MOST_LOG_N || r != R || p != P {
        return Err(unusable(format_args!("its scrypt parameters are odd: N={n}, r={r}, p={p}")));
    }
    let bytes = |text: &str| {
        BASE64_STANDARD.decode(text).map_err(|error| unusable(format_args!("it is damaged: {error}")))
    };
    let nonce: [u8; NONCE] =
        bytes(&cipher.nonce)?.try_into().map_err(|_| unusable("it is damaged: its nonce"))?;
    let opened = secretbox(password, &bytes(&kdf.salt)?, log_n)?
        .decrypt(&Nonce::from(nonce), bytes(&ciphertext)?.as_slice());
    opened.map(Zeroizing::new).map_err(|_| KeyError::WrongPassword)
}

/// A key, sealed.
pub(super) fn close(key: &[u8], password: &str) -> Result<Vec<u8>, KeyError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    getrandom::fill(&mut salt).and_then(|()| getrandom::fill(&mut nonce)).map_err(unusable)?;
    let ciphertext = secretbox(password, &salt, LOG_N)?.encrypt(&Nonce::from(nonce), key);
    let ciphertext = ciphertext.map_err(|_| unusable("it cannot be encrypted"))?;
    let text = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let sealed = Sealed {
        kdf: Kdf { name: "scrypt".into(), params: Params { n: 1 << LOG_N, r: R, p: P }, salt: text(&salt) },
        cipher: Cipher { name: "nacl/secretbox".into(), nonce: text(&nonce) },
        ciphertext: text(&ciphertext),
    };
    serde_json::to_vec(&sealed).map_err(unusable)
}

fn secretbox(password: &str, salt: &[u8], log_n: u8) -> Result<XSalsa20Poly1305, KeyError> {
    let params = scrypt::Params::new(log_n, R, P).map_err(unusable)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &params, key.as_mut_slice()).map_err(unusable)?;
    Ok(XSalsa20Poly1305::new(&Key::from(*key)))
}
