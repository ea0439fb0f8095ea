//! What of an identity and its tokens is too long for one answer.

use std::fmt;

use super::names::Names;
use super::seal::{Keyring, Purpose};
use super::wire::{Reader, Write};
use crate::error::Error;

/// The rest of a login, on its way to the browser in an answer of its own.
pub(crate) struct Rest {
    /// Where the first part came from: the rest of one identity joins no other.
    pub(crate) first: [u8; 32],
    /// The values of the cookies that follow.
    pub(crate) cookies: Vec<(Follower, String)>,
    pub(crate) issued_at: i64,
    pub(crate) life: i64,
    pub(crate) return_to: String,
}

/// A cookie that may follow the first one of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follower {
    IdentitysSecond,
    TokensFirst,
    TokensSecond,
}

impl Follower {
    const ALL: [Self; 3] = [Self::IdentitysSecond, Self::TokensFirst, Self::TokensSecond];

    pub(crate) fn name(self, names: &Names) -> &str {
        match self {
            Self::IdentitysSecond => &names.identity()[1],
            Self::TokensFirst => &names.tokens()[0],
            Self::TokensSecond => &names.tokens()[1],
        }
    }
}

// Its cookies log in.
impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").finish_non_exhaustive()
    }
}

impl Rest {
    /// Seals it, in the characters of a URL.
    pub(crate) fn seal(&self, keyring: &Keyring, names: &Names) -> Result<String, Error> {
        keyring.seal_text(Purpose::Rest, &names.identity()[1], &self.encode())
    }

    /// Opens what [`seal`](Self::seal) made; `None` for everything else.
    pub(crate) fn open(keyring: &Keyring, names: &Names, sealed: &str, now: i64) -> Option<Self> {
        let name = &names.identity()[1];
        Self::decode(&keyring.open_text(Purpose::Rest, name, sealed.as_bytes(), now)?)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.first.to_vec();
        bytes.put_i64(self.issued_at);
        bytes.put_i64(self.life);
        bytes.put_bytes(self.return_to.as_bytes());
        for (follower, value) in &self.cookies {
            bytes.push(*follower as u8);
            bytes.put_bytes(value.as_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut rest = Self {
            first: reader.array()?,
            issued_at: reader.i64()?,
            life: reader.i64()?,
            return_to: reader.text()?.to_owned(),
            cookies: Vec::new(),
        };
        while !reader.0.is_empty() {
            let follower = Follower::ALL.get(usize::from(reader.byte()?))?;
            rest.cookies.push((*follower, reader.text()?.to_owned()));
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_comes_back_and_half_of_it_does_not() {
        let rest = Rest {
            first: [9; 32],
            cookies: vec![
                (Follower::IdentitysSecond, "second".to_owned()),
                (Follower::TokensSecond, "tokens".to_owned()),
            ],
            issued_at: 5,
            life: 7,
            return_to: "/é".to_owned(),
        };
        let bytes = rest.encode();
        let read = Rest::decode(&bytes).unwrap();
        assert_eq!((read.first, read.issued_at, read.life), ([9; 32], 5, 7));
        assert_eq!(
            (&read.cookies, read.return_to.as_str()),
            (&rest.cookies, "/é")
        );
        for length in 0..32 + 8 + 8 + 2 + "/é".len() {
            assert!(Rest::decode(&bytes[..length]).is_none(), "{length}");
        }
    }
}
