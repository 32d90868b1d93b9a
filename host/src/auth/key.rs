//! API keys and bearer tokens. The host knows only their SHA-256 and looks that up: nothing is compared with a
//! secret, so nothing can be learnt from how long it takes.

use std::{collections::HashMap, time::SystemTime};

use sha2::{Digest, Sha256};

use super::{Caller, Gates, Reason};
use crate::{config::auth, secret::Secret};

/// What a key starts with, so that people and secret scanners recognise it.
pub const PREFIX: &str = "bulkhead_";
/// The alphabet of a key: base 62, which double-click selects and no shell or YAML reads as anything else.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 > 2^256: the digits of 32 random bytes.
const DIGITS: usize = 43;
/// Digits of the checksum.
const CHECK: usize = 6;

/// Makes a key: `bulkhead_`, 256 random bits, and six digits of checksum by which a mistyped key, or something
/// that only looks like one, can be told from a key without asking a host.
///
/// # Errors
/// When the system has no randomness.
pub fn generate() -> Result<Secret, String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| format!("the system has no randomness: {error}"))?;
    let body = format!("{PREFIX}{}", digits::<DIGITS>(&random));
    let check = checksum(&body);
    Ok(Secret::new(body + &check))
}

/// Whether a text has the form of a key, checksum included.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    let Some((body, check)) = text.split_at_checked(PREFIX.len() + DIGITS) else { return false };
    let digits = body.strip_prefix(PREFIX);
    digits.is_some_and(|digits| digits.bytes().all(|b| ALPHABET.contains(&b))) && checksum(body) == check
}

/// SHA-256 of a key, in hex, as the config has it.
#[must_use]
pub fn fingerprint(key: &Secret) -> String {
    digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(key: &Secret) -> [u8; 32] {
    Sha256::digest(key.expose()).into()
}

fn checksum(body: &str) -> String {
    // 30 bits: fewer than 62^6.
    let hash: [u8; 32] = Sha256::digest(body).into();
    let [a, b, c, d, ..] = hash;
    digits::<CHECK>(&(u32::from_be_bytes([a, b, c, d]) >> 2).to_be_bytes())
}

/// A big-endian number in base 62, in exactly `N` digits.
fn digits<const N: usize>(number: &[u8]) -> String {
    let mut number = number.to_vec();
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u16;
        for byte in &mut number {
            let value = rest << 8 | u16::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default(); // rest < 62, so it fits
            rest = value % 62;
        }
        *digit = ALPHABET.get(usize::from(rest)).copied().unwrap_or_default();
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Callers by the digest of their key.
#[derive(Debug)]
pub struct Keys(HashMap<[u8; 32], Entry>);

impl Keys {
    /// Everybody with a key.
    pub(super) fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.0.values().map(|entry| &entry.caller)
    }
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    api: bool,
    expires: Option<SystemTime>,
}

impl Keys {
    pub(super) fn new(config: &[auth::Key], gates: &mut Gates) -> Self {
        let mut entry = |key: &auth::Key| {
            let caller = Caller::of(&key.identity, gates);
            Entry { caller, api: key.api, expires: key.expires }
        };
        Self(config.iter().map(|key| (key.digest, entry(key))).collect())
    }

    /// Who sends `X-Api-Key`.
    pub(super) fn api_key(&self, key: &Secret) -> Result<Caller, Reason> {
        self.find(key, |entry| entry.api)
    }

    /// Who sends `Authorization: Bearer`: API keys are taken there too, since many clients can send nothing else.
    pub(super) fn bearer(&self, token: &Secret) -> Result<Caller, Reason> {
        self.find(token, |_| true)
    }

    fn find(&self, key: &Secret, fits: impl Fn(&Entry) -> bool) -> Result<Caller, Reason> {
        let entry = self.0.get(&digest(key)).filter(|entry| fits(entry)).ok_or(Reason::Unknown)?;
        if entry.expires.is_some_and(|expires| expires <= SystemTime::now()) {
            return Err(Reason::Expired);
        }
        Ok(entry.caller.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::config::auth::{Identity, Rights};

    fn keys(api: bool, expires: Option<SystemTime>) -> Keys {
        let identity =
            Identity { id: "ci".into(), tenant: "acme".into(), admin: false, rights: Rights::default() };
        Keys::new(
            &[auth::Key { digest: digest(&secret("right")), api, expires, identity }],
            &mut Gates::default(),
        )
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_key_is_known_by_its_digest() {
        let keys = keys(true, None);
        assert_eq!(&*keys.api_key(&secret("right")).unwrap().id, "ci");
        assert_eq!(&*keys.bearer(&secret("right")).unwrap().tenant, "acme");
        assert_eq!(keys.api_key(&secret("wrong")).unwrap_err(), Reason::Unknown);
        assert_eq!(keys.bearer(&secret("")).unwrap_err(), Reason::Unknown);
    }

    #[test]
    fn a_bearer_token_is_no_api_key() {
        let keys = keys(false, None);
        assert_eq!(keys.api_key(&secret("right")).unwrap_err(), Reason::Unknown);
        assert!(keys.bearer(&secret("right")).is_ok());
    }

    #[test]
    fn an_expired_key_is_refused() {
        let (minute, now) = (Duration::from_secs(60), SystemTime::now());
        assert_eq!(keys(true, Some(now - minute)).api_key(&secret("right")).unwrap_err(), Reason::Expired);
        assert!(keys(true, Some(now + minute)).api_key(&secret("right")).is_ok());
    }

    #[test]
    fn a_generated_key_has_its_prefix_and_its_checksum() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert!(one != two);
        for key in [one, two] {
            assert_eq!(key.expose().len(), PREFIX.len() + DIGITS + CHECK);
            assert!(key.expose().starts_with("bulkhead_"));
            assert!(is_well_formed(key.expose()));
            assert_eq!(fingerprint(&key).len(), 64);
        }
    }

    #[test]
    fn digits_are_the_number_in_base_62() {
        assert_eq!(digits::<3>(&[0, 61]), "00z");
        assert_eq!(digits::<3>(&[0, 62]), "010");
        assert_eq!(digits::<43>(&[0xff; 32]).len(), 43);
    }

    proptest! {
        #[test]
        fn a_mistyped_key_is_not_well_formed(at in 9_usize..58, with in "[0-9A-Za-z]") {
            let key = generate().unwrap();
            let mut typed = key.expose().to_owned();
            typed.replace_range(at..=at, &with);
            prop_assert_eq!(is_well_formed(&typed), typed == key.expose());
        }

        #[test]
        fn whatever_is_typed_is_judged_without_a_panic(text in "\\PC{0,80}") {
            prop_assert!(!is_well_formed(&text));
        }
    }
}
