//! Whose components are run: signers by name, what each may sign, and whether a component beside its bundle is signed
//! by one of them. Whatever cannot be decided is refused.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    bundle::{Bundle, Signature, Signed},
    digest::Digest,
    key::PublicKey,
    payload::Payload,
};

/// Somebody whose signature counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// What the operator calls them.
    pub name: String,
    /// What their signatures are checked with, or why there is no such thing.
    pub proof: Result<Proof, String>,
    /// Until when their signatures count, whenever they were made.
    pub not_after: Option<SystemTime>,
    /// Names they may sign, where `*` is any text; none means any.
    pub names: Option<Vec<String>>,
}

/// What a signature is checked with. Identities that a certificate authority vouches for would be another kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// A public key.
    Key(PublicKey),
}

impl Proof {
    fn verifies(&self, Signature { payload, signature }: &Signature) -> bool {
        match self {
            Self::Key(key) => key.verifies(payload.as_bytes(), signature),
        }
    }

    /// What people compare.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        match self {
            Self::Key(key) => key.fingerprint(),
        }
    }
}

/// What is asked of the signatures of a component.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Requirement {
    /// Those who are known.
    pub signers: Arc<[Signer]>,
    /// Whether there has to be one. Those that are there are checked in any case.
    pub required: bool,
    /// By whom it has to be; none means any of them.
    pub by: Option<Vec<String>>,
    /// The name it has to be signed under; unless given, one that ends in the file's.
    pub signed_as: Option<String>,
}

/// Who vouches for a component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Vouch {
    /// The signer.
    pub signer: String,
    /// What the signature was checked with.
    pub key: Digest,
    /// The name it was signed under.
    pub name: String,
    /// The digest of the manifest that was signed.
    pub manifest: Digest,
    /// When, by the signer's word.
    pub signed: Option<SystemTime>,
    /// Until when that counts.
    pub not_after: Option<SystemTime>,
}

/// What is known of a component that may run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Somebody vouches for it.
    Signed(Box<Vouch>),
    /// Nobody has to; why nobody does.
    Unsigned(String),
}

impl Verdict {
    /// Who vouches for it.
    #[must_use]
    pub fn vouch(&self) -> Option<&Vouch> {
        match self {
            Self::Signed(vouch) => Some(vouch),
            Self::Unsigned(_) => None,
        }
    }
}

/// Why nobody vouches for a component.
enum Nobody {
    /// There is nothing to check.
    Unsigned(String),
    /// There is, and it does not hold.
    Refused(String),
}

impl Requirement {
    /// Whether a component in `file` with this digest may run.
    ///
    /// # Errors
    /// Why not, complete.
    pub fn check(&self, file: &Path, component: &Digest, now: SystemTime) -> Result<Verdict, String> {
        let bundle = Bundle::read(file).map_err(|error| error.to_string())?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let vouch = match &bundle {
            None => Err(Nobody::Unsigned(format!(
                "it is not signed: there is no {} beside it; `bulkhead install` brings it, `bulkhead sign` makes it",
                crate::bundle::beside(file).file_name().unwrap_or_default().to_string_lossy()
            ))),
            Some(bundle) => self.vouch(bundle, &stem, component, now),
        };
        match vouch {
            Ok(vouch) => Ok(Verdict::Signed(Box::new(vouch))),
            Err(Nobody::Unsigned(why)) if !self.required => Ok(Verdict::Unsigned(why)),
            Err(Nobody::Unsigned(why) | Nobody::Refused(why)) => Err(why),
        }
    }

    /// Whether what was vouched for before still is. What nobody vouched for must not need it now.
    #[must_use]
    pub fn upholds(&self, vouch: Option<&Vouch>, now: SystemTime) -> bool {
        let Some(vouch) = vouch else { return !self.required };
        let same = |signer: &&Signer| {
            signer.proof.as_ref().is_ok_and(|proof| proof.fingerprint() == vouch.key)
                && signer.name == vouch.signer
        };
        let counts =
            |signer: &Signer| self.counts(signer) && !expired(signer, now) && signer.may_sign(&vouch.name);
        self.signers.iter().find(same).map_or(!self.required, counts)
    }

    fn counts(&self, signer: &Signer) -> bool {
        self.by.as_ref().is_none_or(|by| by.contains(&signer.name))
    }

    fn vouch(
        &self,
        bundle: &Bundle,
        stem: &str,
        component: &Digest,
        now: SystemTime,
    ) -> Result<Vouch, Nobody> {
        let Some(signed) = bundle.of(component) else {
            let others: Vec<_> = bundle.artifacts.iter().map(|one| one.component.to_string()).collect();
            return Err(Nobody::Refused(format!(
                "its signatures are for {}, and the file is {component}",
                if others.is_empty() { "nothing".to_owned() } else { others.join(", ") }
            )));
        };
        let contents = signed.artifact.contents().map_err(|error| Nobody::Refused(error.to_string()))?;
        if contents.component != *component {
            let other = contents.component;
            return Err(Nobody::Refused(format!("its manifest is for {other}, and the file is {component}")));
        }
        let mut why = None;
        for signature in &signed.signatures {
            match self.judge(signature, signed, stem, now) {
                Some(Ok(vouch)) => return Ok(vouch),
                Some(Err(refused)) => why = why.or(Some(refused)),
                None => {}
            }
        }
        Err(why.map_or_else(|| self.nobodys(signed), Nobody::Refused))
    }

    /// What a signature is worth; none if it is by nobody known here.
    fn judge(
        &self,
        signature: &Signature,
        signed: &Signed,
        stem: &str,
        now: SystemTime,
    ) -> Option<Result<Vouch, String>> {
        let by = |signer: &&Signer| signer.proof.as_ref().is_ok_and(|proof| proof.verifies(signature));
        // One key may be several signers, who may sign different things.
        let judged =
            self.signers.iter().filter(by).map(|signer| self.accept(signer, signature, signed, stem, now));
        judged.reduce(Result::or)
    }

    fn accept(
        &self,
        signer: &Signer,
        signature: &Signature,
        signed: &Signed,
        stem: &str,
        now: SystemTime,
    ) -> Result<Vouch, String> {
        let who = &signer.name;
        if let Some(by) = self.by.as_ref().filter(|by| !by.contains(who)) {
            return Err(format!("it is signed by `{who}`, and has to be by {}", by.join(" or ")));
        }
        let payload =
            Payload::read(&signature.payload).map_err(|error| format!("signed by `{who}`, but {error}"))?;
        let manifest = signed.artifact.digest();
        if payload.digest != manifest {
            let other = payload.digest;
            return Err(format!("what `{who}` signed is {other}, and this is {manifest}"));
        }
        self.check_name(signer, &payload.name, stem)?;
        if let Some(end) = signer.not_after.filter(|_| expired(signer, now)) {
            return Err(format!("it is signed by `{who}`, whose key expired on {}", time(end)));
        }
        let Ok(proof) = &signer.proof else { return Err(format!("`{who}` has no key")) };
        Ok(Vouch {
            signer: who.clone(),
            key: proof.fingerprint(),
            name: payload.name,
            manifest,
            signed: payload.signed,
            not_after: signer.not_after,
        })
    }

    /// A component of the same signer that is meant for something else must not take this one's place.
    fn check_name(&self, signer: &Signer, name: &str, stem: &str) -> Result<(), String> {
        let who = &signer.name;
        let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
        match &self.signed_as {
            Some(meant) if meant == name => {}
            Some(meant) => return Err(format!("`{who}` signed it as {name}, and it has to be {meant}")),
            None if last == stem => {}
            None => {
                return Err(format!(
                    "`{who}` signed it as {name}, and here it is {stem}; if that is meant, write `signatures: {{ as: {name} }}` for the service"
                ));
            }
        }
        match &signer.names {
            Some(names) if !signer.may_sign(name) => {
                Err(format!("`{who}` may sign {}, and signed it as {name}", names.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Why nobody known here signed it.
    fn nobodys(&self, signed: &Signed) -> Nobody {
        if signed.signatures.is_empty() {
            return Nobody::Unsigned("it is not signed: its registry has no signatures of it".to_owned());
        }
        // Perhaps it is by one of these.
        let broken = self.signers.iter().filter(|signer| self.counts(signer));
        let broken = broken.filter_map(|signer| Some((&signer.name, signer.proof.as_ref().err()?))).next();
        if let Some((who, why)) = broken {
            return Nobody::Refused(format!("the signatures of `{who}` cannot be checked: {why}"));
        }
        let known = self.signers.iter().filter(|signer| self.counts(signer));
        let known: Vec<&str> = known.map(|signer| signer.name.as_str()).collect();
        Nobody::Unsigned(match known.as_slice() {
            [] => "it is signed by somebody who is not known here; `signatures.signers` is empty".to_owned(),
            known => format!("it is signed, but not by {}", known.join(" or ")),
        })
    }
}

impl Signer {
    fn may_sign(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.iter().any(|pattern| matches(pattern, name)))
    }
}

fn expired(signer: &Signer, now: SystemTime) -> bool {
    signer.not_after.is_some_and(|end| now > end)
}

/// Whether a name is like a pattern, in which `*` is any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// A moment, as people write it.
#[must_use]
pub fn time(at: SystemTime) -> String {
    // What cannot be written so is after the year 9999.
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_seconds(at.min(last)).to_string()
}

#[cfg(test)]
mod tests;
