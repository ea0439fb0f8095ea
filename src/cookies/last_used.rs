//! The provider of this browser's last login, which the chooser shows first. It outlives the logout:
//! it says nothing of who it was.

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;

use super::header::values;
use super::names::Names;
use super::seal::{Keyring, Purpose};
use crate::error::Error;

/// How long it is remembered after the last login, in seconds: a year.
pub(crate) const LIFE: i64 = 31_536_000;

/// The most values of its name that are looked at.
const CANDIDATES: usize = 2;

/// Which provider it was. A hash has the same length for every name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastUsed([u8; Self::LENGTH]);

impl LastUsed {
    /// How many bytes it is before it is sealed.
    pub(super) const LENGTH: usize = 16;

    pub(crate) fn of(provider: &str) -> Self {
        let mut hash = [0; Self::LENGTH];
        hash.copy_from_slice(&digest(&SHA256, provider.as_bytes()).as_ref()[..Self::LENGTH]);
        Self(hash)
    }

    /// Seals it for its cookie.
    pub(crate) fn seal(self, keyring: &Keyring, names: &Names) -> Result<String, Error> {
        keyring.seal_text(Purpose::LastUsed, names.last_used(), &self.0)
    }

    /// The one in a request's cookies; `None` where none of ours is.
    pub(crate) fn open(
        headers: &HeaderMap,
        names: &Names,
        keyring: &Keyring,
        now: i64,
    ) -> Option<Self> {
        let name = names.last_used();
        let open = |value| keyring.open_text(Purpose::LastUsed, name, value, now);
        let mut candidates = values(headers, name).take(CANDIDATES);
        Some(Self(candidates.find_map(open)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_are_different_providers() {
        let google = LastUsed::of("google");

        assert_eq!(google, LastUsed::of("google"));
        for other in ["", "Google", "google ", "github"] {
            assert_ne!(google, LastUsed::of(other), "{other}");
        }
    }
}
