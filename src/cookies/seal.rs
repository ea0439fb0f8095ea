//! Sealing: what the browser keeps, it can neither read nor change nor use in another place.
//!
//! A sealed value is parts (1 byte) ‖ version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16):
//! the first byte says into how many cookies it is cut. There is a key for each purpose, all made
//! by HKDF-SHA-256 (RFC 5869) from the cookie secret.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use crate::config::{CookieSecrets, Site};
use crate::error::{Error, Kind};
use crate::random;

/// The format of everything that is sealed. Others are ignored, so that replicas of two releases
/// can stand side by side.
const VERSION: u8 = 1;

const HEAD: usize = 1 + 1 + 4 + NONCE;
const NONCE: usize = 12;
const TAG: usize = 16;

/// How many bytes sealing adds.
pub(super) const OVERHEAD: usize = HEAD + TAG;

/// What a sealed value is for. One is worth nothing as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Identity,
    Mark,
    Pending,
    Rest,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Identity, Self::Mark, Self::Pending, Self::Rest];

    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Mark => "mark",
            Self::Pending => "pending login",
            Self::Rest => "rest of an identity",
        }
    }
}

/// The keys of one site: one set seals and opens, older ones only open.
pub(crate) struct Keyring {
    current: Keys,
    accepted: Vec<Keys>,
    /// Origin and base path, each with its length, as they stand in the associated data.
    place: Vec<u8>,
}

impl Keyring {
    pub(crate) fn new(secrets: &CookieSecrets, site: &Site) -> Result<Self, Error> {
        let mut place = Vec::new();
        put(&mut place, site.origin_text().as_bytes());
        put(&mut place, site.base_path().as_bytes());
        let keys = |secret: &str| Keys::derive(secret.as_bytes(), &secrets.process_salt);
        Ok(Self {
            current: keys(secrets.current.expose())?,
            accepted: secrets
                .accepted
                .iter()
                .map(|secret| keys(secret.expose()))
                .collect::<Result<_, _>>()?,
            place,
        })
    }

    /// Seals `plain` for the cookie `name`, to be cut into `parts`.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        name: &str,
        parts: u8,
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.seal_with(random::bytes()?, purpose, name, parts, plain)
    }

    fn seal_with(
        &self,
        nonce: [u8; NONCE],
        purpose: Purpose,
        name: &str,
        parts: u8,
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let unwritable = |_| {
            Error::from(Kind::AnswerUnwritable {
                what: "a sealed cookie",
            })
        };
        let keys = &self.current;
        let mut sealed = Vec::with_capacity(OVERHEAD + plain.len());
        sealed.push(parts);
        sealed.push(VERSION);
        sealed.extend_from_slice(&keys.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let aad = Aad::from(self.associated_data(&keys.id, purpose, name, parts));
        let tag = keys
            .of(purpose)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                aad,
                &mut sealed[HEAD..],
            )
            .map_err(unwritable)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and name; `None` for everything
    /// else.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        name: &str,
        mut sealed: Vec<u8>,
    ) -> Option<Vec<u8>> {
        if sealed.len() < OVERHEAD || sealed[1] != VERSION {
            return None;
        }
        let parts = sealed[0];
        let id: [u8; 4] = sealed[2..6].try_into().ok()?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed[6..HEAD]).ok()?;
        let keys = std::iter::once(&self.current)
            .chain(&self.accepted)
            .find(|keys| keys.id == id)?;
        let aad = Aad::from(self.associated_data(&id, purpose, name, parts));
        let length = keys
            .of(purpose)
            .open_within(nonce, aad, &mut sealed, HEAD..)
            .ok()?
            .len();
        sealed.truncate(length);
        Some(sealed)
    }

    /// Seals bytes of which only the browser's own copy counts, in the characters of a URL.
    pub(crate) fn seal_text(
        &self,
        purpose: Purpose,
        name: &str,
        plain: &[u8],
    ) -> Result<String, Error> {
        let sealed = self.seal(purpose, name, 1, plain)?;
        Ok(base64_simd::URL_SAFE_NO_PAD.encode_to_string(sealed))
    }

    pub(crate) fn open_text(&self, purpose: Purpose, name: &str, text: &[u8]) -> Option<Vec<u8>> {
        let sealed = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        self.open(purpose, name, sealed)
    }

    /// Binds a value to its name, purpose and app: a pending login cannot pose as an identity, nor
    /// the cookie of one app as that of its neighbour with the same secret.
    fn associated_data(&self, id: &[u8; 4], purpose: Purpose, name: &str, parts: u8) -> Vec<u8> {
        let purpose = purpose.name();
        let mut data = Vec::with_capacity(64 + purpose.len() + name.len() + self.place.len());
        put(&mut data, b"keycard");
        put(&mut data, &[VERSION]);
        put(&mut data, id);
        put(&mut data, purpose.as_bytes());
        put(&mut data, name.as_bytes());
        data.extend_from_slice(&self.place);
        put(&mut data, &[parts]);
        data
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring([redacted])")
    }
}

/// The keys that are made from one secret.
struct Keys {
    id: [u8; 4],
    keys: [LessSafeKey; 4],
}

impl Keys {
    fn derive(secret: &[u8], process_salt: &[u8]) -> Result<Self, Error> {
        let mut material = secret.to_vec();
        material.extend_from_slice(process_salt);
        let prk = Salt::new(HKDF_SHA256, b"keycard cookies").extract(&material);
        let key = |purpose: Purpose| {
            let algorithm = match purpose {
                // Strangers decide how many of these there are, so a nonce may come twice.
                Purpose::Mark | Purpose::Pending => &AES_256_GCM_SIV,
                Purpose::Identity | Purpose::Rest => &AES_256_GCM,
            };
            let bytes: [u8; 32] = expand(&prk, purpose.name())?;
            UnboundKey::new(algorithm, &bytes)
                .map(LessSafeKey::new)
                .map_err(|_| underivable())
        };
        let [identity, mark, pending, rest] = Purpose::ALL;
        Ok(Self {
            id: expand(&prk, "key id")?,
            keys: [key(identity)?, key(mark)?, key(pending)?, key(rest)?],
        })
    }

    fn of(&self, purpose: Purpose) -> &LessSafeKey {
        &self.keys[purpose as usize]
    }
}

/// `N` bytes for one use, of this version of the format.
fn expand<const N: usize>(prk: &Prk, info: &str) -> Result<[u8; N], Error> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = [0; N];
    prk.expand(&[info.as_bytes(), &[VERSION]], Length(N))
        .and_then(|okm| okm.fill(&mut bytes))
        .map_err(|_| underivable())?;
    Ok(bytes)
}

fn underivable() -> Error {
    Error::from(Kind::AnswerUnwritable {
        what: "the keys of the cookies",
    })
}

/// Appends one part of the associated data, its length (4 bytes) in front.
fn put(data: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    data.extend_from_slice(&length.to_be_bytes());
    data.extend_from_slice(part);
}
