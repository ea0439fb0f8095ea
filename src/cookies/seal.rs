//! Sealing: what the browser keeps, it can neither read nor change nor use in another place.
//!
//! A sealed value is parts (1 byte) ‖ version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16):
//! the first byte says into how many cookies it is cut. There is a key for each purpose, all made
//! by HKDF-SHA-256 (RFC 5869) from the cookie secret.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use aws_lc_rs::aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use crate::clock::unix;
use crate::config::{CookieSecrets, Site};
use crate::error::{Error, Kind};
use crate::random;
use crate::secret::Secret;

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
    Detour,
    Farewell,
    LastUsed,
    Tokens,
}

impl Purpose {
    pub(crate) const ALL: [Self; 8] = [
        Self::Identity,
        Self::Mark,
        Self::Pending,
        Self::Rest,
        Self::Detour,
        Self::Farewell,
        Self::LastUsed,
        Self::Tokens,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Mark => "mark",
            Self::Pending => "pending login",
            Self::Rest => "rest of an identity",
            Self::Detour => "detour",
            Self::Farewell => "farewell",
            Self::LastUsed => "last used provider",
            Self::Tokens => "tokens",
        }
    }
}

/// The keys of one site: one set seals and opens, older ones only open.
pub(crate) struct Keyring {
    current: Keys,
    accepted: Vec<Keys>,
    /// Origin and base path, each with its length, as they stand in the associated data.
    place: Vec<u8>,
    /// Whether the log has the line about identities that another secret sealed.
    stranger_told: AtomicBool,
    /// Whether the log has the line about accepted secrets that have ended.
    end_told: AtomicBool,
}

impl Keyring {
    pub(crate) fn new(secrets: &CookieSecrets, site: &Site) -> Result<Self, Error> {
        let mut place = Vec::new();
        put(&mut place, site.origin_text().as_bytes());
        put(&mut place, site.base_path().as_bytes());
        let keys = |secret: &Secret, process_salt: &[u8], until: Option<SystemTime>| {
            Keys::derive(secret.expose().as_bytes(), process_salt, until.map(unix))
        };
        Ok(Self {
            current: keys(&secrets.current, &secrets.process_salt, None)?,
            accepted: secrets
                .accepted
                .iter()
                // It is never weak, and other processes have sealed with it.
                .map(|accepted| keys(&accepted.secret, &[], accepted.until))
                .collect::<Result<_, _>>()?,
            place,
            stranger_told: AtomicBool::new(false),
            end_told: AtomicBool::new(false),
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

    pub(super) fn seal_with(
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

    /// Opens what [`seal`](Self::seal) made for the same purpose and name, with a secret that counts
    /// at `now`; `None` for everything else.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        name: &str,
        mut sealed: Vec<u8>,
        now: i64,
    ) -> Option<Vec<u8>> {
        if sealed.len() < OVERHEAD || sealed[1] != VERSION {
            return None;
        }
        let parts = sealed[0];
        let id: [u8; 4] = sealed[2..6].try_into().ok()?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed[6..HEAD]).ok()?;
        let keys = std::iter::once(&self.current)
            .chain(&self.accepted)
            .find(|keys| keys.id == id && keys.until.is_none_or(|until| now < until));
        let Some(keys) = keys else {
            self.tell_stranger(purpose);
            return None;
        };
        let aad = Aad::from(self.associated_data(&id, purpose, name, parts));
        let length = keys
            .of(purpose)
            .open_within(nonce, aad, &mut sealed, HEAD..)
            .ok()?
            .len();
        sealed.truncate(length);
        Some(sealed)
    }

    /// Warns, once, of accepted secrets that open nothing any more at `now`.
    pub(crate) fn tell_ends(&self, now: i64) {
        let has_ended = |keys: &&Keys| keys.until.is_some_and(|until| until <= now);
        let ended = self.accepted.iter().filter(has_ended).count();
        if ended > 0 && !self.end_told.swap(true, Ordering::Relaxed) {
            let cure = "take them out of cookie_secrets_accepted";
            tracing::warn!(
                ended,
                cure,
                "accepted cookie secrets are past their `until`"
            );
        }
    }

    /// Tells, once, that somebody is logged out because `cookie_secret` was changed.
    fn tell_stranger(&self, purpose: Purpose) {
        if purpose == Purpose::Identity && !self.stranger_told.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "a login was sealed with another cookie_secret, and counts for nobody; to change the \
                 secret without logging people out, name the older one in cookie_secrets_accepted"
            );
        }
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

    pub(crate) fn open_text(
        &self,
        purpose: Purpose,
        name: &str,
        text: &[u8],
        now: i64,
    ) -> Option<Vec<u8>> {
        let sealed = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        self.open(purpose, name, sealed, now)
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
    keys: [LessSafeKey; 8],
    /// From then on they open nothing.
    until: Option<i64>,
}

impl Keys {
    fn derive(secret: &[u8], process_salt: &[u8], until: Option<i64>) -> Result<Self, Error> {
        let mut material = secret.to_vec();
        material.extend_from_slice(process_salt);
        let prk = Salt::new(HKDF_SHA256, b"keycard cookies").extract(&material);
        let key = |purpose: Purpose| {
            let algorithm = match purpose {
                // Strangers decide how many of these there are, so a nonce may come twice.
                Purpose::Mark
                | Purpose::Pending
                | Purpose::Detour
                | Purpose::Farewell
                | Purpose::LastUsed => &AES_256_GCM_SIV,
                Purpose::Identity | Purpose::Rest | Purpose::Tokens => &AES_256_GCM,
            };
            let bytes: [u8; 32] = expand(&prk, purpose.name())?;
            UnboundKey::new(algorithm, &bytes)
                .map(LessSafeKey::new)
                .map_err(|_| underivable())
        };
        let [
            identity,
            mark,
            pending,
            rest,
            detour,
            farewell,
            last_used,
            tokens,
        ] = Purpose::ALL;
        Ok(Self {
            id: expand(&prk, "key id")?,
            keys: [
                key(identity)?,
                key(mark)?,
                key(pending)?,
                key(rest)?,
                key(detour)?,
                key(farewell)?,
                key(last_used)?,
                key(tokens)?,
            ],
            until,
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::vectors::{keyring, keyring_of, site};
    use super::*;
    use crate::config::Accepted;
    use crate::random::tests::Exhausted;
    use crate::secret::Secret;

    #[test]
    fn cke_23_a_hundred_thousand_seals_of_one_text_all_differ() {
        let keyring = keyring(&site(), &[]);
        for purpose in [Purpose::Identity, Purpose::Pending] {
            let sealed: HashSet<_> = (0..100_000)
                .map(|_| keyring.seal(purpose, "name", 1, b"the same").unwrap())
                .collect();
            let nonces: HashSet<_> = sealed.iter().map(|sealed| &sealed[6..HEAD]).collect();
            let texts: HashSet<_> = sealed.iter().map(|sealed| &sealed[HEAD..]).collect();
            assert_eq!(nonces.len(), 100_000, "{purpose:?}");
            assert_eq!(texts.len(), 100_000, "{purpose:?}");
        }
    }

    #[test]
    fn cke_03_and_in_every_purpose_one_flipped_bit_opens_nothing() {
        let keyring = keyring(&site(), &[]);
        for purpose in Purpose::ALL {
            let sealed = keyring.seal(purpose, "name", 1, b"plain text").unwrap();
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(keyring.open(purpose, "name", flipped, 0), None, "{bit}");
            }
        }
    }

    #[test]
    fn cke_04_and_in_every_purpose_another_length_opens_nothing() {
        let keyring = keyring(&site(), &[]);
        for purpose in Purpose::ALL {
            let sealed = keyring.seal(purpose, "name", 1, b"").unwrap();
            assert_eq!(sealed.len(), OVERHEAD);
            assert_eq!(
                keyring.open(purpose, "name", sealed.clone(), 0).as_deref(),
                Some(&b""[..])
            );
            for length in 0..sealed.len() {
                let cut = sealed[..length].to_vec();
                assert_eq!(keyring.open(purpose, "name", cut, 0), None, "{length}");
            }
            for more in 1..=64 {
                let longer = [&sealed[..], &vec![0; more]].concat();
                assert_eq!(keyring.open(purpose, "name", longer, 0), None, "{more}");
            }
        }
    }

    #[test]
    fn cke_20_an_accepted_secret_opens_and_the_current_one_seals() {
        let site = site();
        let [old, other, both] = [
            keyring_of(1, &[], &site),
            keyring_of(2, &[], &site),
            keyring_of(0, &[2, 1], &site),
        ];
        for keyring in [&old, &other, &both] {
            let sealed = keyring
                .seal(Purpose::Identity, "name", 1, b"plain")
                .unwrap();
            let opened = both.open(Purpose::Identity, "name", sealed.clone(), 0);
            assert_eq!(opened.as_deref(), Some(&b"plain"[..]));
            let ours = sealed[2..6] == both.current.id;
            assert_eq!(ours, std::ptr::eq(keyring, &raw const both));
            // The other way round nothing opens.
            for stranger in [&old, &other]
                .into_iter()
                .filter(|it| !std::ptr::eq(*it, keyring))
            {
                assert_eq!(
                    stranger.open(Purpose::Identity, "name", sealed.clone(), 0),
                    None
                );
            }
        }
        assert_ne!(old.current.id, other.current.id);
    }

    #[test]
    fn cke_20_an_accepted_secret_opens_until_its_end_and_ten_are_told_by_their_ids() {
        let site = site();
        let old = keyring_of(1, &[], &site);
        let sealed = old.seal(Purpose::Identity, "name", 1, b"plain").unwrap();
        let mut ten = keyring_of(0, &[9, 8, 7, 6, 5, 4, 3, 2, 11, 1], &site);
        ten.accepted[9].until = Some(1000);
        for (now, opens) in [
            (i64::MIN, true),
            (999, true),
            (1000, false),
            (i64::MAX, false),
        ] {
            let opened = ten.open(Purpose::Identity, "name", sealed.clone(), now);
            assert_eq!(opened.is_some(), opens, "{now}");
        }
        let ids: HashSet<_> = ten.accepted.iter().map(|keys| keys.id).collect();
        assert_eq!(ids.len(), 10);
    }

    #[test]
    fn a_weak_secret_is_worth_what_the_process_adds_to_it() {
        let site = site();
        let strong = Accepted {
            secret: Secret::new("strong"),
            until: None,
        };
        let keyring = |salt: u8| {
            let secrets = CookieSecrets {
                current: Secret::new("weak"),
                accepted: vec![strong.clone()],
                process_salt: vec![salt; 32],
            };
            Keyring::new(&secrets, &site).unwrap()
        };
        let sealed = keyring(1)
            .seal(Purpose::Identity, "name", 1, b"plain")
            .unwrap();
        assert!(
            keyring(1)
                .open(Purpose::Identity, "name", sealed.clone(), 0)
                .is_some()
        );
        assert!(
            keyring(2)
                .open(Purpose::Identity, "name", sealed, 0)
                .is_none()
        );

        // What another process sealed with an accepted one, which is not weak, it opens.
        let secrets = CookieSecrets {
            current: strong.secret.clone(),
            accepted: Vec::new(),
            process_salt: Vec::new(),
        };
        let sealed = Keyring::new(&secrets, &site)
            .unwrap()
            .seal(Purpose::Identity, "name", 1, b"plain")
            .unwrap();
        assert!(
            keyring(1)
                .open(Purpose::Identity, "name", sealed, 0)
                .is_some()
        );
    }

    #[test]
    fn without_randomness_nothing_is_sealed() {
        let keyring = keyring(&site(), &[]);
        let _exhausted = Exhausted::now();

        let error = keyring
            .seal(Purpose::Identity, "name", 1, b"plain")
            .unwrap_err();

        assert_eq!(error.code(), "random_unavailable");
    }

    #[test]
    fn leak_01_a_keyring_prints_no_key() {
        assert_eq!(
            format!("{:?}", keyring(&site(), &[1])),
            "Keyring([redacted])"
        );
    }
}
