//! The pending login: what is remembered between leaving for the provider and coming back.
//!
//! Nothing of it is kept on the server. State, nonce and code verifier are made from one random
//! seed, so the three are as unguessable as one and take the room of one.

use aws_lc_rs::digest::{SHA256, digest};

use super::seal::{Keyring, Purpose};
use super::wire::{Reader, Write};
use crate::error::Error;
use crate::login_secrets::{LoginSecrets, Seed};
use crate::secret::Secret;

/// How long a login may take, in seconds.
pub(crate) const LIFE: i64 = 600;

/// A login that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) seed: Seed,
    pub(crate) issued_at: i64,
    pub(crate) provider: String,
    pub(crate) fingerprint: [u8; 16],
    /// The issuer that was asked; empty where none is known.
    pub(crate) issuer: String,
    /// The `max_age` that was asked for, in seconds.
    pub(crate) max_age: Option<u32>,
    /// How many logins of this browser came to nothing within two minutes.
    pub(crate) bounces: u8,
    /// Where to go afterwards; empty for home.
    pub(crate) return_to: String,
    /// What a provider of the app's own remembers of it; empty for nothing.
    pub(crate) remembered: Secret,
}

impl Pending {
    /// Seals it for the cookie `name`.
    pub(crate) fn seal(&self, keyring: &Keyring, name: &str) -> Result<String, Error> {
        keyring.seal_text(Purpose::Pending, name, &self.encode())
    }

    /// Opens the cookie `name`; `None` where it holds no pending login of ours.
    pub(crate) fn open(keyring: &Keyring, name: &str, value: &[u8], now: i64) -> Option<Self> {
        Self::decode(&keyring.open_text(Purpose::Pending, name, value, now)?)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.seed.0.to_vec();
        bytes.put_i64(self.issued_at);
        bytes.extend_from_slice(&self.fingerprint);
        bytes.extend_from_slice(&self.max_age.unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(self.bounces);
        bytes.put_bytes(self.provider.as_bytes());
        bytes.put_bytes(self.issuer.as_bytes());
        bytes.put_bytes(self.return_to.as_bytes());
        // Nearly every login has none, and its cookie is as it was before there could be one.
        if !self.remembered.expose().is_empty() {
            bytes.put_bytes(self.remembered.expose().as_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let pending = Self {
            seed: Seed(reader.array()?),
            issued_at: reader.i64()?,
            fingerprint: reader.array()?,
            max_age: reader
                .array()
                .map(u32::from_be_bytes)
                .map(|age| (age < u32::MAX).then_some(age))?,
            bounces: reader.byte()?,
            provider: reader.text()?.to_owned(),
            issuer: reader.text()?.to_owned(),
            return_to: reader.text()?.to_owned(),
            remembered: Secret::new(match reader.0 {
                [] => "",
                _ => reader.text().filter(|text| !text.is_empty())?,
            }),
        };
        reader.0.is_empty().then_some(pending)
    }

    /// Seconds since the login began, at least 0.
    pub(crate) fn age(&self, now: i64) -> i64 {
        now.saturating_sub(self.issued_at).max(0)
    }

    /// What was sent with this login, or will be.
    pub(crate) fn secrets(&self) -> Result<LoginSecrets, Error> {
        LoginSecrets::derive(&self.seed)
    }
}

/// The state as an identity remembers it.
pub(crate) fn state_hash(state: &str) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest(&SHA256, state.as_bytes()).as_ref()[..16]);
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn pending(return_to: &str, max_age: Option<u32>) -> Pending {
        Pending {
            seed: Seed([3; 32]),
            issued_at: 1000,
            provider: "google".to_owned(),
            fingerprint: [4; 16],
            issuer: "https://accounts.google.com".to_owned(),
            max_age,
            bounces: 2,
            return_to: return_to.to_owned(),
            remembered: Secret::new(""),
        }
    }

    #[test]
    fn what_a_provider_remembers_comes_back_and_half_of_it_does_not() {
        let mut pending = pending("/reports", None);
        let without = pending.encode();
        pending.remembered = Secret::new("é");
        let bytes = pending.encode();
        let read = Pending::decode(&bytes).unwrap();
        assert_eq!(read.remembered, pending.remembered);
        for length in without.len() + 1..bytes.len() {
            assert!(Pending::decode(&bytes[..length]).is_none(), "{length}");
        }
        assert!(Pending::decode(&[&without[..], &[0, 0]].concat()).is_none());
        assert!(!format!("{pending:?}").contains('é'));
    }

    #[test]
    fn a_pending_login_comes_back_and_half_of_it_does_not() {
        for max_age in [None, Some(0), Some(3600)] {
            let bytes = pending("/reports?q=é", max_age).encode();
            let read = Pending::decode(&bytes).unwrap();
            assert_eq!(read.encode(), bytes);
            assert_eq!(read.max_age, max_age);
            assert_eq!(read.return_to, "/reports?q=é");
            for length in 0..bytes.len() {
                assert!(Pending::decode(&bytes[..length]).is_none(), "{length}");
            }
            assert!(Pending::decode(&[&bytes[..], b"x"].concat()).is_none());
        }
    }

    #[test]
    fn no_clock_makes_an_age_negative_or_wraps_it() {
        let pending = pending("", None);
        for (now, age) in [
            (1000, 0),
            (1600, 600),
            (999, 0),
            (i64::MIN, 0),
            (i64::MAX, i64::MAX - 1000),
        ] {
            assert_eq!(pending.age(now), age);
        }
    }

    #[test]
    fn one_seed_makes_three_values_and_another_seed_three_others() {
        let mut seen = HashSet::new();
        for seed in 0..50 {
            let secrets = LoginSecrets::derive(&Seed([seed; 32])).unwrap();
            for value in [&secrets.state, &secrets.nonce, &secrets.code_verifier] {
                // RFC 7636 §4.1: 43 to 128 characters.
                assert_eq!(value.expose().len(), 43);
                assert!(seen.insert(value.expose().to_owned()));
            }
            let again = LoginSecrets::derive(&Seed([seed; 32])).unwrap();
            assert_eq!(again.state, secrets.state);
        }
    }

    #[test]
    fn leak_01_a_pending_login_prints_no_secret() {
        let pending = pending("", None);
        let secrets = pending.secrets().unwrap();
        let printed = format!("{pending:?}{secrets:?}");
        for secret in [&secrets.state, &secrets.nonce, &secrets.code_verifier] {
            assert!(!printed.contains(secret.expose()), "{printed}");
        }
        assert!(!printed.contains("3, 3"), "{printed}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_pending_login_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(pending) = Pending::decode(&bytes) {
                prop_assert_eq!(pending.encode(), bytes);
            }
        }
    }
}
