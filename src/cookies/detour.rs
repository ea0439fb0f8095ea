//! What a guard remembers of a page on the way to the login: the browser carries it in the address of
//! our own login page, sealed, so that no other site can write one. It is no secret, and good for whoever has it: it
//! leads to a page of this app and nowhere else.

use super::seal::{Keyring, Purpose};
use super::wire::{Reader, Write};
use crate::error::Error;

/// It is in no cookie; this stands where the others have their cookie's name.
const NAME: &str = "detour";

/// A way to a page that leads over a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detour {
    /// Where it ends, as the browser sees it; empty for home.
    pub(crate) return_to: String,
    pub(crate) wants: Wants,
}

/// What kind of login it leads over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wants {
    #[default]
    Anyone,
    /// Another account than the one that is logged in.
    AnotherAccount,
    /// One in which the person proves who they are, unless they did within so many seconds.
    Fresh(u32),
}

impl Detour {
    /// Seals it, in the characters of a URL.
    pub(crate) fn seal(&self, keyring: &Keyring) -> Result<String, Error> {
        keyring.seal_text(Purpose::Detour, NAME, &self.encode())
    }

    /// Opens what [`seal`](Self::seal) made; `None` for everything else.
    pub(crate) fn open(keyring: &Keyring, sealed: &str, now: i64) -> Option<Self> {
        Self::decode(&keyring.open_text(Purpose::Detour, NAME, sealed.as_bytes(), now)?)
    }

    fn encode(&self) -> Vec<u8> {
        let (kind, seconds) = match self.wants {
            Wants::Anyone => (0, 0),
            Wants::AnotherAccount => (1, 0),
            Wants::Fresh(seconds) => (2, seconds),
        };
        let mut bytes = vec![kind];
        bytes.put_i64(seconds.into());
        bytes.put_bytes(self.return_to.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (kind, seconds) = (reader.byte()?, reader.i64()?);
        let wants = match kind {
            0 => Wants::Anyone,
            1 => Wants::AnotherAccount,
            2 => Wants::Fresh(u32::try_from(seconds).ok()?),
            _ => return None,
        };
        let return_to = reader.text()?.to_owned();
        reader.0.is_empty().then_some(Self { return_to, wants })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detour_comes_back_and_half_of_it_does_not() {
        for wants in [Wants::Anyone, Wants::AnotherAccount, Wants::Fresh(u32::MAX)] {
            let return_to = "/reports?q=1".to_owned();
            let detour = Detour { return_to, wants };
            let bytes = detour.encode();

            assert_eq!(Detour::decode(&bytes), Some(detour));
            for length in 0..bytes.len() {
                assert_eq!(Detour::decode(&bytes[..length]), None, "{length}");
            }
            assert_eq!(Detour::decode(&[bytes, vec![0]].concat()), None);
        }
    }
}
