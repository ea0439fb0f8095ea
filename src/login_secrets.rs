//! What one login sends that nobody can guess, all of it made from one random seed: the three
//! values are as unguessable as the seed and take the room of one.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::error::{Error, Kind};
use crate::secret::Secret;

/// What one login sends that nobody can guess: 256 bits each, as base64url.
#[derive(Clone, Debug)]
pub(crate) struct LoginSecrets {
    pub(crate) state: Secret,
    pub(crate) nonce: Secret,
    pub(crate) code_verifier: Secret,
}

impl LoginSecrets {
    /// One seed makes three values that tell nothing about each other (RFC 5869).
    pub(crate) fn derive(seed: &Seed) -> Result<Self, Error> {
        struct Bytes32;
        impl KeyType for Bytes32 {
            fn len(&self) -> usize {
                32
            }
        }
        let prk = Salt::new(HKDF_SHA256, b"keycard login").extract(&seed.0);
        let value = |info: &'static [u8]| {
            let mut bytes = [0; 32];
            prk.expand(&[info], Bytes32)
                .and_then(|okm| okm.fill(&mut bytes))
                .map_err(|_| {
                    Error::from(Kind::AnswerUnwritable {
                        what: "the state of a login",
                    })
                })?;
            Ok::<_, Error>(Secret::new(
                base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes),
            ))
        };
        Ok(Self {
            state: value(b"state")?,
            nonce: value(b"nonce")?,
            code_verifier: value(b"code verifier")?,
        })
    }
}

/// The 256 random bits of a login. They never print.
#[derive(Clone)]
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
