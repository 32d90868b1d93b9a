//! Users with passwords. A password is checked with argon2id, away from the threads that serve, a few at a time;
//! one that was right is remembered for a while, so that a client which sends it with every request costs one check.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::{Caller, Gates, Reason, recent::Recent};
use crate::{config::auth::User, secret::Secret};

/// Passwords checked at once; each takes a processor, and the memory its hash asks for.
const AT_ONCE: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a right password is remembered.
const MEMORY: Duration = Duration::from_secs(300);
/// How many are.
const REMEMBERED: usize = 1024;
/// The longest password that is looked at.
const LONGEST: usize = 1024;

/// Hashes a password with argon2id and a random salt, in PHC string format.
///
/// # Errors
/// When the system has no randomness.
pub fn hash(password: &Secret) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.expose().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Callers by user name.
pub struct Users {
    users: HashMap<String, (Arc<str>, Caller)>,
    decoy: Arc<str>,
    key: [u8; 32],
    recent: Recent<Caller>,
    room: Arc<Semaphore>,
}

/// With the key and what is remembered, passwords could be tried faster than argon2id has it.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.users.keys()).finish()
    }
}

impl Users {
    /// Everybody with a password.
    pub(super) fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.users.values().map(|(_, caller)| caller)
    }

    pub(super) fn new(config: Vec<User>, gates: &mut Gates) -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| format!("the system has no randomness: {error}"))?;
        let decoy =
            config.first().map(|user| decoy(user.hash.expose(), &key)).transpose()?.unwrap_or_default();
        let each = config.into_iter().map(|user| {
            let hash = user.hash.expose().into();
            (user.identity.id.as_ref().to_owned(), (hash, Caller::of(&user.identity, gates)))
        });
        Ok(Self {
            users: each.collect(),
            decoy: decoy.into(),
            key,
            recent: Recent::new(REMEMBERED),
            room: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whose password it is. A user who does not exist takes as long as one who does.
    pub(super) async fn verify(&self, username: &str, password: &Secret) -> Result<Caller, Reason> {
        if self.users.is_empty() || password.expose().len() > LONGEST {
            return Err(Reason::Unknown);
        }
        let digest = self.digest(username, password).ok_or(Reason::Busy)?;
        if let Some(caller) = self.recent.get(&digest) {
            return Ok(caller);
        }
        let user = self.users.get(username);
        let hash = user.map_or(&self.decoy, |(hash, _)| hash).clone();
        let turn = tokio::time::timeout(PATIENCE, self.room.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(Reason::Busy)?;
        let password = password.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn; // until it is done, even if the client has left
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default().verify_password(password.expose().as_bytes(), &hash).ok()
        });
        let right = checked.await.ok().flatten().is_some();
        let (_, caller) = user.filter(|_| right).ok_or(Reason::Unknown)?;
        self.recent.put(digest, caller.clone(), SystemTime::now() + MEMORY);
        Ok(caller.clone())
    }

    /// What stands for a user's password in memory: useless without the key, which is this process's own.
    fn digest(&self, username: &str, password: &Secret) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(&(username.len() as u64).to_be_bytes());
        mac.update(username.as_bytes());
        mac.update(password.expose().as_bytes());
        Some(mac.finalize().into_bytes().into())
    }
}

/// A hash of nobody's password that takes as long to check as `like`.
fn decoy(like: &str, random: &[u8]) -> Result<String, String> {
    let odd = |error| format!("a user's password hash cannot be used: {error}");
    let like = PasswordHash::new(like).map_err(|error| odd(error.to_string()))?;
    let params = Params::try_from(&like).map_err(|error| odd(error.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(random).map_err(|error| odd(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::auth::{Identity, Rights};

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    /// Ada, whose password is `right`; hashed as cheaply as argon2 permits.
    fn ada() -> Users {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let hash = argon2.hash_password(b"right").unwrap().to_string();
        let (id, tenant, rights) = ("ada".into(), "acme".into(), Rights::default());
        let identity = Identity { id, tenant, admin: false, rights };
        Users::new(vec![User { hash: Secret::new(hash), identity }], &mut Gates::default()).unwrap()
    }

    #[tokio::test]
    async fn a_right_password_is_remembered_and_a_wrong_one_is_not() {
        let users = ada();
        assert_eq!(&*users.verify("ada", &secret("right")).await.unwrap().id, "ada");
        users.room.close(); // from here on nothing can be checked
        assert!(users.verify("ada", &secret("right")).await.is_ok());
        assert_eq!(users.verify("ada", &secret("wrong")).await.unwrap_err(), Reason::Busy);
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_user_are_refused_alike() {
        let users = ada();
        for (name, password) in [("ada", "wrong"), ("ada", ""), ("bob", "right"), ("adar", "ight")] {
            assert_eq!(users.verify(name, &secret(password)).await.unwrap_err(), Reason::Unknown, "{name}");
        }
        let params = |hash: &str| Params::try_from(&PasswordHash::new(hash).unwrap()).unwrap();
        assert_eq!(params(&users.decoy), params(&users.users["ada"].0));
    }

    #[tokio::test]
    async fn the_memory_does_not_confuse_users() {
        let users = ada();
        assert_ne!(users.digest("ad", &secret("aright")), users.digest("ada", &secret("right")));
        assert_ne!(users.digest("ada", &secret("right")), ada().digest("ada", &secret("right")));
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_few_are_checked_at_once() {
        let users = ada();
        let _all = users.room.clone().acquire_many_owned(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
        assert_eq!(users.verify("ada", &secret("right")).await.unwrap_err(), Reason::Busy);
    }

    #[test]
    fn a_password_is_hashed_with_argon2id_and_a_salt() {
        let (one, two) = (hash(&secret("p")).unwrap(), hash(&secret("p")).unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(Argon2::default().verify_password(b"p", one.as_str()).is_ok());
    }
}
