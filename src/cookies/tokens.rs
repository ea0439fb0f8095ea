//! The tokens of a login, beside its identity and worth nothing beside another.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::IDENTITY_BUDGET;
use super::header::values;
use super::last_used::LastUsed;
use super::mark::Mark;
use super::names::{self, Names};
use super::parts::{self, Cut, join};
use super::seal::{Keyring, Purpose};
use super::updates::Updates;
use super::wire::{Reader, Write};
use crate::error::Error;
use crate::secret::Secret;

/// In the place of an end that the provider has not told.
const UNTOLD: i64 = i64::MIN;

/// The longest text that tokens have which are to be renewed: whatever answer renews them has to carry
/// all of it, and cannot send the browser for the rest.
const RENEWABLE: usize = 3200;

/// How a token is written: not at all, as it is, or as so many parts of base64 with dots between
/// them, which takes a quarter less.
const NONE: u8 = 0;
const TEXT: u8 = 1;
const PARTS: u8 = 2;

/// The tokens that are kept of a login.
#[derive(Clone, PartialEq)]
pub(crate) struct KeptTokens {
    /// The login that they belong to.
    pub(crate) login_id: [u8; 16],
    /// When the provider handed them out: of two, the later ones count.
    pub(crate) issued_at: i64,
    pub(crate) access: Option<Secret>,
    /// When the access token ends, where the provider says.
    pub(crate) expires_at: Option<i64>,
    pub(crate) refresh: Option<Secret>,
    pub(crate) id: Option<Secret>,
    /// What a refresh has told about the person.
    pub(crate) updates: Updates,
    /// In the place of tokens that do not fit: how long each was.
    pub(crate) too_large: Option<String>,
}

impl KeptTokens {
    /// Seals them into one cookie, or two. What does not fit into `room` leaves word of its size, and of
    /// claims that have changed since the login their names, which are told no more.
    ///
    /// # Errors
    ///
    /// When they cannot be sealed.
    pub(crate) fn seal(
        &mut self,
        names: &Names,
        keyring: &Keyring,
        room: usize,
    ) -> Result<Cut, Error> {
        let fits = |plain: &Vec<u8>| size(plain, names) <= room;
        let is_renewable = |plain: &Vec<u8>| parts::text_length(plain.len()) <= RENEWABLE;
        let is_whole = |plain: &Vec<u8>| self.refresh.is_none() || is_renewable(plain);
        let plain = self.encode().filter(fits).filter(is_whole);
        let plain = match plain {
            Some(plain) => plain,
            None => {
                self.leave_sizes();
                let sizes = self.too_large.as_deref();
                tracing::warn!(
                    sizes,
                    "the tokens of a login do not fit their cookies, and are not kept: expose fewer \
                     tokens, ask for fewer scopes, or keep fewer claims"
                );
                let left = self.encode().filter(fits).filter(is_renewable);
                if left.is_none() {
                    self.updates.leave_names();
                }
                self.encode().unwrap_or_default()
            }
        };
        Cut::seal(keyring, Purpose::Tokens, &names.tokens()[0], &plain)
    }

    /// The newest tokens of this login in a request's cookies.
    pub(crate) fn open(
        headers: &HeaderMap,
        names: &Names,
        keyring: &Keyring,
        login_id: [u8; 16],
        now: i64,
    ) -> Option<Self> {
        let name = &names.tokens()[0];
        join(headers, names.tokens())
            .filter_map(|sealed| keyring.open(Purpose::Tokens, name, sealed, now))
            .filter_map(|plain| Self::decode(&plain))
            .filter(|tokens| tokens.login_id == login_id)
            .max_by_key(|tokens| tokens.issued_at)
    }

    /// What is left of them when the provider takes them no more: what it has told since the login.
    pub(crate) fn without_tokens(&self, now: i64) -> Option<Self> {
        let left = Self {
            issued_at: now,
            access: None,
            expires_at: Some(now),
            refresh: None,
            id: None,
            too_large: None,
            ..self.clone()
        };
        (!left.updates.is_empty()).then_some(left)
    }

    /// Whether there were tokens, which the provider takes no more.
    pub(crate) fn are_over(&self) -> bool {
        self.access.is_none() && self.expires_at.is_some()
    }

    /// Forgets the tokens, and keeps how long they were.
    fn leave_sizes(&mut self) {
        let tokens = [
            ("access token", self.access.take()),
            ("refresh token", self.refresh.take()),
            ("ID token", self.id.take()),
        ];
        let sizes: Vec<_> = tokens
            .iter()
            .filter_map(|(name, token)| Some((name, token.as_ref()?.expose().len())))
            .map(|(name, length)| format!("the {name} has {length} bytes"))
            .collect();
        self.expires_at = None;
        self.too_large = Some(sizes.join(", "));
    }

    /// `None` where they are longer than any cookies.
    fn encode(&self) -> Option<Vec<u8>> {
        let mut plain = self.login_id.to_vec();
        plain.put_i64(self.issued_at);
        plain.put_i64(self.expires_at.unwrap_or(UNTOLD));
        for token in [&self.access, &self.refresh, &self.id] {
            put_token(&mut plain, token.as_ref())?;
        }
        plain.put_bytes(self.too_large.as_deref().unwrap_or_default().as_bytes());
        plain.extend_from_slice(&self.updates.encode()?);
        (plain.len() <= IDENTITY_BUDGET).then_some(plain)
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        let mut reader = Reader(plain);
        let (login_id, issued_at) = (reader.array()?, reader.i64()?);
        let expires_at = Some(reader.i64()?).filter(|at| *at != UNTOLD);
        let [access, refresh, id] = [(); 3].map(|()| take_token(&mut reader));
        let too_large = Some(reader.text()?.to_owned()).filter(|text| !text.is_empty());
        Some(Self {
            login_id,
            issued_at,
            expires_at,
            access: access?,
            refresh: refresh?,
            id: id?,
            too_large,
            updates: Updates::decode(reader.0)?,
        })
    }
}

// Whose they are is nobody's business.
impl fmt::Debug for KeptTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptTokens").finish_non_exhaustive()
    }
}

/// How much room an identity leaves to the tokens beside it, when its parts are so long.
pub(crate) fn room_beside(names: &Names, identity: impl Iterator<Item = usize>) -> usize {
    let beside = [
        (names.mark(), Mark::LENGTH),
        (names.last_used(), LastUsed::LENGTH),
    ];
    let beside =
        beside.map(|(name, length)| names::size(name.as_bytes(), b"") + parts::text_length(length));
    let beside: usize = beside.iter().sum();
    let identity = names.identity().iter().zip(identity);
    let identity: usize = identity
        .map(|(name, length)| names::size(name.as_bytes(), b"") + length)
        .sum();
    IDENTITY_BUDGET.saturating_sub(identity + beside)
}

/// The same for the identity in a request's cookies.
pub(crate) fn room_in(headers: &HeaderMap, names: &Names) -> usize {
    let lengths = names
        .identity()
        .iter()
        .map_while(|name| values(headers, name).map(<[u8]>::len).max());
    room_beside(names, lengths)
}

/// What these bytes take in the browser's Cookie header once they are sealed.
fn size(plain: &[u8], names: &Names) -> usize {
    let text = parts::text_length(plain.len());
    let cookies = names.tokens().iter().take(parts::count(text));
    let named: usize = cookies.map(|name| names::size(name.as_bytes(), b"")).sum();
    text + named
}

fn put_token(plain: &mut Vec<u8>, token: Option<&Secret>) -> Option<()> {
    let Some(token) = token.map(Secret::expose) else {
        plain.push(NONE);
        return Some(());
    };
    if token.len() > IDENTITY_BUDGET {
        return None;
    }
    match decoded(token) {
        Some((count, parts)) => {
            plain.extend([PARTS, count]);
            parts.iter().for_each(|part| plain.put_bytes(part));
        }
        None => {
            plain.push(TEXT);
            plain.put_bytes(token.as_bytes());
        }
    }
    Some(())
}

/// The inner `None` is no token, the outer one no tokens of ours.
#[expect(
    clippy::option_option,
    reason = "no token is not the same as none readable"
)]
fn take_token(reader: &mut Reader<'_>) -> Option<Option<Secret>> {
    Some(match reader.byte()? {
        NONE => None,
        TEXT => Some(Secret::new(reader.text()?)),
        PARTS => {
            let count = reader.byte()?;
            let parts = (0..count).map(|_| Some(URL_SAFE_NO_PAD.encode_to_string(reader.bytes()?)));
            let parts: Vec<_> = parts.collect::<Option<_>>()?;
            Some(Secret::new(parts.join(".")))
        }
        _ => return None,
    })
}

/// How many parts a token has between its dots, and those, if they come back from bytes as they were:
/// three of a JWT, and whatever others use.
fn decoded(token: &str) -> Option<(u8, Vec<Vec<u8>>)> {
    let decode = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(part).ok()?;
        (URL_SAFE_NO_PAD.encode_to_string(&bytes) == part).then_some(bytes)
    };
    let parts: Vec<_> = token.split('.').map(decode).collect::<Option<_>>()?;
    Some((u8::try_from(parts.len()).ok()?, parts))
}

#[cfg(test)]
mod tests {
    use http::header::{COOKIE, HeaderValue};
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::vectors::{keyring, site};
    use super::*;

    const LOGIN: [u8; 16] = [7; 16];

    fn tokens(access: &str) -> KeptTokens {
        KeptTokens {
            login_id: LOGIN,
            issued_at: 1000,
            access: Some(Secret::new(access)),
            expires_at: Some(4600),
            refresh: None,
            id: Some(Secret::new("e30.e30.AAAA")),
            updates: Updates::between(
                json!({"a": 1}).as_object().unwrap(),
                json!({"b": 2}).as_object().unwrap(),
            ),
            too_large: None,
        }
    }

    fn cookies(names: &Names, cut: &Cut) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let parts = [Some(&cut.first), cut.second.as_ref()]
            .into_iter()
            .flatten();
        for (name, value) in names.tokens().iter().zip(parts) {
            let pair = HeaderValue::try_from(format!("{name}={value}")).unwrap();
            headers.append(COOKIE, pair);
        }
        headers
    }

    #[test]
    fn tokens_come_back_to_their_own_login_and_to_no_other() {
        let (names, keyring) = (Names::new(&site()), keyring(&site(), &[]));
        for length in [1, 1000, 2000, 3000] {
            let mut kept = tokens(&"x".repeat(length));
            let cut = kept.seal(&names, &keyring, IDENTITY_BUDGET).unwrap();
            let headers = cookies(&names, &cut);
            let open = |login_id| KeptTokens::open(&headers, &names, &keyring, login_id, 1000);
            assert!(open(LOGIN) == Some(kept), "{length}");
            assert!(open([8; 16]).is_none(), "{length}");
        }
    }

    #[test]
    fn what_does_not_fit_leaves_its_sizes() {
        let (names, keyring) = (Names::new(&site()), keyring(&site(), &[]));
        let mut small = tokens("x");
        let room = size(&small.encode().unwrap(), &names);
        small.seal(&names, &keyring, room).unwrap();
        assert_eq!(small.too_large, None);

        let mut names_alone = tokens("").updates;
        names_alone.leave_names();
        for (access, room, left) in [
            ("x".to_owned(), 0, names_alone),
            ("x".repeat(70_000), IDENTITY_BUDGET, tokens("").updates),
        ] {
            let mut kept = tokens(&access);
            let cut = kept.seal(&names, &keyring, room).unwrap();
            let headers = cookies(&names, &cut);
            let read = KeptTokens::open(&headers, &names, &keyring, LOGIN, 1000).unwrap();
            assert!(read == kept);
            let sizes = format!(
                "the access token has {} bytes, the ID token has 12 bytes",
                access.len()
            );
            assert_eq!(read.too_large.as_deref(), Some(sizes.as_str()));
            assert!(read.access.is_none() && read.id.is_none() && read.updates == left);
        }
    }

    #[test]
    fn of_two_the_newer_ones_count() {
        let (names, keyring) = (Names::new(&site()), keyring(&site(), &[]));
        let (mut older, mut newer) = (tokens("older"), tokens("newer"));
        newer.issued_at += 1;
        let mut headers = HeaderMap::new();
        for kept in [&mut newer, &mut older] {
            let cut = kept.seal(&names, &keyring, IDENTITY_BUDGET).unwrap();
            for (name, value) in &cookies(&names, &cut) {
                headers.append(name, value.clone());
            }
        }
        let read = KeptTokens::open(&headers, &names, &keyring, LOGIN, 1000);
        assert!(read == Some(newer));
    }

    proptest! {
        #[test]
        fn every_token_comes_back_letter_by_letter(
            access in "[!-~]{1,80}",
            refresh in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}",
            id in proptest::option::of("[A-Za-z0-9_.=-]{1,80}"),
        ) {
            let kept = KeptTokens {
                access: Some(Secret::new(access)),
                refresh: Some(Secret::new(refresh)),
                id: id.map(Secret::new),
                ..tokens("")
            };
            let plain = kept.encode().unwrap();
            prop_assert!(KeptTokens::decode(&plain) == Some(kept));
            // Whatever is missing at the end of the tokens, no others are read.
            for length in 0..16 + 8 + 8 + 3 {
                prop_assert!(KeptTokens::decode(&plain[..length]).is_none());
            }
        }
    }
}
