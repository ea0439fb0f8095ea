//! The logout under way: what is remembered between leaving for the provider's end-session endpoint
//! and coming back.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::names::Names;
use super::seal::{Keyring, Purpose};
use super::wire::{Reader, Write};
use crate::error::Error;

/// How long the provider's pages may take, in seconds.
pub(crate) const LIFE: i64 = 600;

/// A logout that goes on at the provider, and leads back to a page of the app.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Farewell {
    pub(crate) state: [u8; 32],
    pub(crate) issued_at: i64,
    /// Where to go afterwards, as the browser sees it.
    pub(crate) return_to: String,
}

impl Farewell {
    /// The state as it is sent.
    pub(crate) fn state(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.state)
    }

    /// Whether this is the state that was sent, in time.
    pub(crate) fn is_answered_by(&self, state: &str, now: i64) -> bool {
        let age = now.saturating_sub(self.issued_at);
        age <= LIFE && verify_slices_are_equal(self.state().as_bytes(), state.as_bytes()).is_ok()
    }

    /// Seals it for its cookie.
    pub(crate) fn seal(&self, keyring: &Keyring, names: &Names) -> Result<String, Error> {
        keyring.seal_text(Purpose::Farewell, names.farewell(), &self.encode())
    }

    /// Opens its cookie; `None` where it holds no logout of ours.
    pub(crate) fn open(keyring: &Keyring, names: &Names, value: &[u8], now: i64) -> Option<Self> {
        Self::decode(&keyring.open_text(Purpose::Farewell, names.farewell(), value, now)?)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.state.to_vec();
        bytes.put_i64(self.issued_at);
        bytes.put_bytes(self.return_to.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let farewell = Self {
            state: reader.array()?,
            issued_at: reader.i64()?,
            return_to: reader.text()?.to_owned(),
        };
        reader.0.is_empty().then_some(farewell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farewell_comes_back_and_half_of_it_does_not() {
        let farewell = Farewell {
            state: [7; 32],
            issued_at: 1000,
            return_to: "/bye?q=é".to_owned(),
        };
        let bytes = farewell.encode();

        assert!(Farewell::decode(&bytes) == Some(farewell.clone()));
        for length in 0..bytes.len() {
            assert!(Farewell::decode(&bytes[..length]).is_none(), "{length}");
        }
        assert!(Farewell::decode(&[bytes, vec![0]].concat()).is_none());

        let state = farewell.state();
        for (state, now, is_answered) in [
            (state.as_str(), 1000, true),
            (&state, 1000 + LIFE, true),
            (&state, 1001 + LIFE, false),
            ("", 1000, false),
            (&state[1..], 1000, false),
            (
                &Farewell {
                    state: [8; 32],
                    ..farewell.clone()
                }
                .state(),
                1000,
                false,
            ),
        ] {
            assert_eq!(
                farewell.is_answered_by(state, now),
                is_answered,
                "{state} at {now}"
            );
        }
    }
}
