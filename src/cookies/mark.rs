//! The mark of a finished login, for two minutes: a browser that keeps marks but comes back
//! anonymous goes in circles.

use http::HeaderMap;

use super::header::values;
use super::names::Names;
use super::seal::{Keyring, Purpose};
use super::wire::{Reader, Write};
use crate::error::Error;

/// How long a mark counts, in seconds.
pub(crate) const LIFE: i64 = 120;

/// A login that was finished, and how many before it came to nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) issued_at: i64,
    pub(crate) count: u8,
}

impl Mark {
    /// How many bytes it is before it is sealed.
    pub(super) const LENGTH: usize = 9;

    /// Seals it for its cookie.
    pub(crate) fn seal(self, keyring: &Keyring, names: &Names) -> Result<String, Error> {
        keyring.seal_text(Purpose::Mark, names.mark(), &self.encode())
    }

    /// The mark in a request's cookies, whatever its age.
    pub(crate) fn open(
        headers: &HeaderMap,
        names: &Names,
        keyring: &Keyring,
        now: i64,
    ) -> Option<Self> {
        let value = values(headers, names.mark()).next()?;
        Self::decode(&keyring.open_text(Purpose::Mark, names.mark(), value, now)?)
    }

    fn encode(self) -> Vec<u8> {
        let mut bytes = vec![self.count];
        bytes.put_i64(self.issued_at);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        Some(Self {
            count: reader.byte()?,
            issued_at: reader.i64()?,
        })
    }

    pub(crate) fn is_current(self, now: i64) -> bool {
        (0..LIFE).contains(&now.saturating_sub(self.issued_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_and_counts_for_two_minutes() {
        let mark = Mark {
            issued_at: 1000,
            count: 3,
        };
        assert_eq!(mark.encode().len(), Mark::LENGTH);
        let read = Mark::decode(&mark.encode()).unwrap();
        assert_eq!((read.issued_at, read.count), (1000, 3));
        for (now, counts) in [
            (999, false),
            (1000, true),
            (1119, true),
            (1120, false),
            (i64::MAX, false),
            (i64::MIN, false),
        ] {
            assert_eq!(read.is_current(now), counts, "{now}");
        }
        assert!(Mark::decode(&mark.encode()[..8]).is_none());
    }
}
