//! Why credentials do not hold: bounded labels for logs and metrics, which clients never see.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why credentials do not hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The labels of all of them.
            pub const LABELS: &[&str] = &[$($label,)*];

            /// A bounded label.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

reasons! {
    /// None were sent.
    Missing = "missing",
    /// Several at once, or not readable.
    Unreadable = "unreadable",
    /// Nobody has such a key, token, user with this password, or certificate.
    Unknown = "unknown",
    /// They were good once.
    Expired = "expired",
    /// The token is not good yet (`nbf`).
    NotYetValid = "not_yet_valid",
    /// The token is of an issuer that is not configured.
    Issuer = "issuer",
    /// The token is meant for somebody else.
    Audience = "audience",
    /// The token is signed with an algorithm that is not accepted.
    Algorithm = "algorithm",
    /// The issuer has no such key.
    UnknownKey = "unknown_key",
    /// The signature is wrong.
    Signature = "signature",
    /// The token lacks a claim, or has one that cannot be used.
    Claims = "claims",
    /// The token's tenant is not one of the host's.
    Tenant = "tenant",
    /// The token holds, and lacks a required scope.
    Scope = "scope",
    /// The issuer's keys are not known, since it does not answer.
    IssuerDown = "issuer_down",
    /// Too many passwords are being checked.
    Busy = "busy",
}

impl Reason {
    /// Whether it speaks against the peer: it sent something that does not hold.
    #[must_use]
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Missing | Self::Scope | Self::IssuerDown | Self::Busy)
    }
}

/// How often each happened since start.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; Reason::ALL.len()]);

impl Counts {
    pub(super) fn count(&self, reason: Reason) {
        if let Some((_, count)) = Reason::ALL.iter().zip(&self.0).find(|(known, _)| **known == reason) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Reason::ALL.iter().map(|reason| reason.as_str()).zip(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_under_its_own_label() {
        let counts = Counts::default();
        counts.count(Reason::Busy);
        counts.count(Reason::Busy);
        counts.count(Reason::Missing);
        let all: Vec<_> = counts.all().filter(|(_, count)| *count > 0).collect();
        assert_eq!(all, [("missing", 1), ("busy", 2)]);
    }
}
