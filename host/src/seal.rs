//! Handles: what a client keeps for the host and gives back (a session's id, a cursor, the state of a question, a
//! task's id). They are sealed, so a client can neither read nor make nor change one, and bound to the caller they
//! were made for: from anybody else they are nothing. Any host with the key opens them, so none has to remember.
//!
//! A handle is base64url of a nonce (24 bytes) and of what XChaCha20-Poly1305 makes of its end (seconds since 1970) and
//! what it holds, with its kind and its caller as additional data.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::{auth::Caller, secret::Secret};

/// Bytes that are another handle's only by chance, which there is none of.
pub const NONCE: usize = 24;
/// No handle of ours is longer; a longer one is not decoded.
const LONGEST: usize = 256 << 10;
/// How many handles that were used up are remembered. Each is used up at the cost of a call.
const SPENT: u64 = 1 << 20;

/// What a handle is for. One of another kind does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The id of an MCP session.
    Session,
    /// A place in a list.
    Cursor,
    /// What a guest left when it asked the user something.
    State,
    /// The id of a task.
    Task,
}

impl Kind {
    /// Part of what is sealed; never changes.
    fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Cursor => "cursor",
            Self::State => "state",
            Self::Task => "task",
        }
    }
}

/// Seals handles, and opens them.
#[derive(Clone)]
pub struct Sealer {
    /// The first seals.
    keys: Arc<[XChaCha20Poly1305]>,
    spent: Cache<[u8; NONCE], ()>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// What was in a handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it holds.
    pub content: Vec<u8>,
    /// When it ends.
    pub until: SystemTime,
    nonce: [u8; NONCE],
}

impl Opened {
    /// What no other handle has, and a host can remember it by.
    #[must_use]
    pub fn id(&self) -> [u8; NONCE] {
        self.nonce
    }
}

/// It cannot be told whether a handle was never made, was changed, is another's, has ended, or was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not known here: it was made for another caller or another host, has expired, or was used already"
)]
pub struct Unknown;

impl Sealer {
    /// A sealer with these keys, newest first. Without any it has one of its own, which nobody else knows.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new(keys: &[Secret]) -> Result<Self, String> {
        let derived = |secret: &Secret| {
            let key =
                Sha256::new().chain_update("bulkhead handles 1\0").chain_update(secret.expose()).finalize();
            XChaCha20Poly1305::new(&key)
        };
        let mut keys: Vec<_> = keys.iter().map(derived).collect();
        if keys.is_empty() {
            keys.push(XChaCha20Poly1305::new(&random::<32>()?.into()));
        }
        Ok(Self { keys: keys.into(), spent: Cache::builder().max_capacity(SPENT).time_to_live(MOST).build() })
    }

    /// The same with other keys: what was used up stays so.
    ///
    /// # Errors
    /// As [`Sealer::new`].
    pub fn renewed(&self, keys: &[Secret]) -> Result<Self, String> {
        Ok(Self { spent: self.spent.clone(), ..Self::new(keys)? })
    }

    /// A handle that `caller` can give back for so long, at most a day.
    ///
    /// # Errors
    /// When the system has no randomness, or what it is to hold is too large.
    pub fn seal(
        &self,
        kind: Kind,
        caller: &Caller,
        life: Duration,
        content: &[u8],
    ) -> Result<String, String> {
        let nonce = random::<NONCE>()?;
        let until =
            (SystemTime::now() + life.min(MOST)).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let message = [&until.to_be_bytes(), content].concat();
        let aad = bound(kind, caller);
        let key = self.keys.first().ok_or("there is no key")?;
        let sealed = key
            .encrypt(&XNonce::from(nonce), Payload { msg: &message, aad: &aad })
            .map_err(|_| "what a handle is to hold is too large".to_owned())?;
        let handle = BASE64.encode([&nonce[..], &sealed].concat());
        if handle.len() > LONGEST {
            return Err(format!("what a handle is to hold is too large: at most {LONGEST} bytes as base64"));
        }
        Ok(handle)
    }

    /// What is in a handle of `caller`.
    ///
    /// # Errors
    /// Whatever is wrong with it: the answer is the same.
    pub fn open(&self, kind: Kind, caller: &Caller, handle: &str) -> Result<Opened, Unknown> {
        if handle.len() > LONGEST {
            return Err(Unknown);
        }
        let bytes = BASE64.decode(handle).map_err(|_| Unknown)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Unknown)?;
        let aad = bound(kind, caller);
        let payload = || Payload { msg: sealed, aad: &aad };
        let message = self.keys.iter().find_map(|key| key.decrypt(&XNonce::from(*nonce), payload()).ok());
        let message = message.ok_or(Unknown)?;
        let (until, content) = message.split_first_chunk::<8>().ok_or(Unknown)?;
        let until = UNIX_EPOCH + Duration::from_secs(u64::from_be_bytes(*until));
        if until <= SystemTime::now() || self.spent.contains_key(nonce) {
            return Err(Unknown);
        }
        Ok(Opened { content: content.to_owned(), until, nonce: *nonce })
    }

    /// Uses a handle up: from now on it is unknown to this host. Others with the same key cannot know of it; each takes
    /// it once.
    ///
    /// # Errors
    /// When another did so since it was opened.
    pub fn spend(&self, opened: &Opened) -> Result<(), Unknown> {
        let entry = self.spent.entry(opened.nonce).or_insert(());
        if entry.is_fresh() { Ok(()) } else { Err(Unknown) }
    }
}

/// The longest a handle may live, and so what was used up is remembered.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// What else has to be the same when a handle comes back.
fn bound(kind: Kind, caller: &Caller) -> Vec<u8> {
    // Neither a kind nor a tenant has a zero byte in it, so no two callers give the same text.
    [kind.word(), "\0", &caller.tenant, "\0", &caller.id].concat().into_bytes()
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system has no randomness: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::caller;

    const HOUR: Duration = Duration::from_secs(3600);

    fn sealer(keys: &[&str]) -> Sealer {
        let keys: Vec<_> = keys.iter().map(|key| Secret::new((*key).to_owned())).collect();
        Sealer::new(&keys).unwrap()
    }

    #[test]
    fn a_handle_gives_back_what_was_put_in() {
        let (sealer, alice) = (sealer(&[]), caller("acme", "alice"));
        let handle = sealer.seal(Kind::State, &alice, HOUR, b"half way").unwrap();
        assert_eq!(sealer.open(Kind::State, &alice, &handle).unwrap().content, b"half way");
        assert!(handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{handle}");
        assert_ne!(handle, sealer.seal(Kind::State, &alice, HOUR, b"half way").unwrap());
    }

    #[test]
    fn a_handle_is_nothing_to_others() {
        let (sealer, alice) = (sealer(&[]), caller("acme", "alice"));
        let handle = sealer.seal(Kind::Session, &alice, HOUR, b"").unwrap();
        for (kind, other) in [
            (Kind::Session, caller("acme", "bob")),
            (Kind::Session, caller("other", "alice")),
            // Not the same text as `acme`, `alice`, though it would be without what stands between them.
            (Kind::Session, caller("acmea", "lice")),
            (Kind::Task, alice.clone()),
        ] {
            assert_eq!(sealer.open(kind, &other, &handle), Err(Unknown), "{kind:?} {other:?}");
        }
    }

    #[test]
    fn a_handle_that_was_changed_is_nothing() {
        let (sealer, alice) = (sealer(&[]), caller("acme", "alice"));
        let handle = sealer.seal(Kind::State, &alice, HOUR, b"12345678").unwrap();
        for at in 0..handle.len() {
            let mut changed = handle.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(sealer.open(Kind::State, &alice, &changed), Err(Unknown), "{at}");
        }
        for text in ["", "AAAA", "not base64 !", &handle[..40], &format!("{handle}=")] {
            assert_eq!(sealer.open(Kind::State, &alice, text), Err(Unknown), "{text}");
        }
    }

    #[test]
    fn a_handle_ends() {
        let (sealer, alice) = (sealer(&[]), caller("acme", "alice"));
        let handle = sealer.seal(Kind::State, &alice, Duration::ZERO, b"").unwrap();
        assert_eq!(sealer.open(Kind::State, &alice, &handle), Err(Unknown));
    }

    #[test]
    fn a_handle_is_used_up_once() {
        let (sealer, alice) = (sealer(&[]), caller("acme", "alice"));
        let handle = sealer.seal(Kind::State, &alice, HOUR, b"").unwrap();
        let (first, second) = (
            sealer.open(Kind::State, &alice, &handle).unwrap(),
            sealer.open(Kind::State, &alice, &handle).unwrap(),
        );
        assert_eq!(sealer.spend(&first), Ok(()));
        assert_eq!(sealer.spend(&second), Err(Unknown));
        assert_eq!(sealer.open(Kind::State, &alice, &handle), Err(Unknown));
    }

    #[test]
    fn hosts_with_the_same_key_open_each_others_handles() {
        let alice = caller("acme", "alice");
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let before = sealer(&[&old]).seal(Kind::Task, &alice, HOUR, b"t").unwrap();
        let rotated = sealer(&[&new, &old]);
        assert_eq!(rotated.open(Kind::Task, &alice, &before).unwrap().content, b"t");
        let after = rotated.seal(Kind::Task, &alice, HOUR, b"t").unwrap();
        assert_eq!(sealer(&[&old]).open(Kind::Task, &alice, &after), Err(Unknown));
        assert!(sealer(&[&new]).open(Kind::Task, &alice, &after).is_ok());
        assert_eq!(sealer(&[]).open(Kind::Task, &alice, &after), Err(Unknown));
    }

    #[test]
    fn what_is_too_large_is_not_sealed() {
        let (sealer, alice) = (sealer(&[]), caller("acme", "alice"));
        let error = sealer.seal(Kind::State, &alice, HOUR, &vec![0; LONGEST]).unwrap_err();
        assert_eq!(error, "what a handle is to hold is too large: at most 262144 bytes as base64");
        assert_eq!(sealer.open(Kind::State, &alice, &"A".repeat(LONGEST + 4)), Err(Unknown));
    }
}
