//! The identity: who is logged in and until when, in a small binary head, and then their claims.
//!
//! Who it is can be told without parsing the claims; they are parsed when somebody asks.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::OnceLock;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::last_used::LastUsed;
use super::mark::Mark;
use super::members;
use super::names::Names;
use super::packing;
use super::parts::{self, Cut, join};
use super::seal::{Keyring, Purpose};
use super::wire::{Reader, Write};
use super::{IDENTITY_BUDGET, names};
use crate::error::{Error, Kind};

/// How far in the future an identity may have been issued, in seconds: clocks of replicas differ.
pub(crate) const SKEW: i64 = 300;

/// How claims follow the head: as members, as packed JSON, or as packed JSON without the `iss` and
/// `sub` of the head.
const MEMBERS: u8 = 3;
const PACKED: u8 = 1;
const PACKED_BESIDE_HEAD: u8 = 2;

/// In the place of an `auth_time` that the provider has not told.
const UNTOLD: i64 = i64::MIN;

/// Everything about a login but its claims.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Random, new at each login.
    pub(crate) login_id: [u8; 16],
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    /// When the person last proved who they are, as the provider says.
    pub(crate) auth_time: Option<i64>,
    pub(crate) provider: String,
    pub(crate) fingerprint: [u8; 16],
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// The provider's own session (`sid`).
    pub(crate) session_id: Option<String>,
    /// The state that this login came from, hashed.
    pub(crate) state_hash: [u8; 16],
}

/// An opened identity.
#[derive(Debug)]
pub(crate) struct IdentityCookie {
    plain: Vec<u8>,
    login_id: [u8; 16],
    issued_at: i64,
    expires_at: i64,
    auth_time: i64,
    provider: Range<usize>,
    fingerprint: [u8; 16],
    issuer: Range<usize>,
    subject: Range<usize>,
    state_hash: [u8; 16],
    claims_at: usize,
    claims: OnceLock<Map<String, Value>>,
}

impl IdentityCookie {
    /// Seals an identity into one cookie, or two.
    ///
    /// # Errors
    ///
    /// When it does not fit, with the sizes of its claims, or cannot be sealed.
    pub(crate) fn seal(
        head: &Head,
        claims: &Map<String, Value>,
        names: &Names,
        keyring: &Keyring,
    ) -> Result<Cut, Error> {
        let plain = encode(head, claims, names).ok_or_else(|| Kind::IdentityTooLarge {
            report: sizes(head, claims, names),
        })?;
        Cut::seal(keyring, Purpose::Identity, &names.identity()[0], &plain)
    }

    /// The identity in a request's cookies, whatever its age; `None` when there is none, or two.
    pub(crate) fn open(
        headers: &HeaderMap,
        names: &Names,
        keyring: &Keyring,
        now: i64,
    ) -> Option<Self> {
        let name = &names.identity()[0];
        let mut opened = join(headers, names.identity())
            .filter_map(|sealed| keyring.open(Purpose::Identity, name, sealed, now))
            .filter_map(Self::decode);
        let identity = opened.next()?;
        // A neighbour can plant a second cookie of the name, and the order tells nothing.
        opened
            .all(|other| other.login_id == identity.login_id)
            .then_some(identity)
    }

    pub(crate) fn decode(plain: Vec<u8>) -> Option<Self> {
        let mut reader = Reader(&plain);
        let login_id = reader.array()?;
        let issued_at = reader.i64()?;
        let expires_at = reader.i64()?;
        let auth_time = reader.i64()?;
        let fingerprint = reader.array()?;
        let state_hash = reader.array()?;
        let at = |rest: &[u8], text: &str| {
            let end = plain.len() - rest.len();
            end - text.len()..end
        };
        let provider = reader.text()?;
        let provider = at(reader.0, provider);
        let issuer = reader.text()?;
        let issuer = at(reader.0, issuer);
        let subject = reader.text()?;
        let subject = at(reader.0, subject);
        let _session_id = reader.text()?;
        let claims_at = plain.len() - reader.0.len();
        if !matches!(reader.byte()?, MEMBERS | PACKED | PACKED_BESIDE_HEAD) {
            return None;
        }
        Some(Self {
            login_id,
            issued_at,
            expires_at,
            auth_time,
            provider,
            fingerprint,
            issuer,
            subject,
            state_hash,
            claims_at,
            claims: OnceLock::new(),
            plain,
        })
    }

    /// Whether the identity counts at `now`.
    pub(crate) fn is_current(&self, now: i64) -> bool {
        self.issued_at <= now.saturating_add(SKEW) && now < self.expires_at
    }

    /// Random, new at each login.
    pub(crate) fn login_id(&self) -> [u8; 16] {
        self.login_id
    }

    pub(crate) fn issued_at(&self) -> i64 {
        self.issued_at
    }

    pub(crate) fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// When the person last proved who they are, where the provider has said so.
    pub(crate) fn auth_time(&self) -> Option<i64> {
        (self.auth_time != UNTOLD).then_some(self.auth_time)
    }

    pub(crate) fn provider(&self) -> &str {
        self.text(&self.provider)
    }

    pub(crate) fn fingerprint(&self) -> [u8; 16] {
        self.fingerprint
    }

    pub(crate) fn issuer(&self) -> &str {
        self.text(&self.issuer)
    }

    pub(crate) fn subject(&self) -> &str {
        self.text(&self.subject)
    }

    /// Whether the login with this state made the identity.
    pub(crate) fn came_from(&self, state_hash: &[u8; 16]) -> bool {
        self.state_hash == *state_hash
    }

    /// The claims, parsed when they are first asked for.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        self.claims
            .get_or_init(|| self.read_claims().unwrap_or_default())
    }

    /// A claim that is text. Most pages ask for one or two: these are read without the others.
    pub(crate) fn text_claim(&self, name: &str) -> Option<&str> {
        if let Some((&MEMBERS, members)) = self.plain[self.claims_at..].split_first()
            && let Some(text) = members::bare_text(members::find(members, name)?)
        {
            return Some(text);
        }
        self.claims().get(name)?.as_str()
    }

    fn read_claims(&self) -> Option<Map<String, Value>> {
        let (how, written) = self.plain[self.claims_at..].split_first()?;
        if *how == MEMBERS {
            return members::decode(written);
        }
        let mut claims: Map<String, Value> =
            serde_json::from_slice(&packing::unpack(written)?).ok()?;
        if *how == PACKED_BESIDE_HEAD {
            claims.insert("iss".to_owned(), self.issuer().into());
            claims.insert("sub".to_owned(), self.subject().into());
        }
        Some(claims)
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // `decode` found UTF-8 there, and the bytes have not changed since.
        std::str::from_utf8(&self.plain[range.clone()]).unwrap_or_default()
    }
}

/// Head and claims, as members if that fits one cookie, else packed; `None` if neither fits the budget.
pub(super) fn encode(head: &Head, claims: &Map<String, Value>, names: &Names) -> Option<Vec<u8>> {
    let mut plain = encode_head(head);
    let json = serde_json::to_vec(claims).ok()?;
    if json.len() > packing::MAX {
        return None;
    }
    let room = parts::ROOM.saturating_sub(plain.len() + 1);
    let members = members::encode(claims);
    if members.len() <= room {
        plain.push(MEMBERS);
        plain.extend_from_slice(&members);
        return Some(plain);
    }
    let in_head =
        |claim: &str, value: &str| claims.get(claim).and_then(Value::as_str) == Some(value);
    if in_head("iss", &head.issuer) && in_head("sub", &head.subject) {
        let mut others = claims.clone();
        others.remove("iss");
        others.remove("sub");
        plain.push(PACKED_BESIDE_HEAD);
        plain.extend_from_slice(&packing::pack(&serde_json::to_vec(&others).ok()?, room));
    } else {
        plain.push(PACKED);
        plain.extend_from_slice(&packing::pack(&json, room));
    }
    let text = parts::text_length(plain.len());
    let cookies = &names.identity()[..parts::count(text).min(3)];
    let beside = parts::text_length(Mark::LENGTH) + parts::text_length(LastUsed::LENGTH);
    let room: usize = cookies
        .iter()
        .map(String::as_str)
        .chain([names.mark(), names.last_used()])
        .map(|name| names::size(name.as_bytes(), b""))
        .sum();
    (text + beside + room <= IDENTITY_BUDGET).then_some(plain)
}

fn encode_head(head: &Head) -> Vec<u8> {
    let mut plain = Vec::with_capacity(1024);
    plain.extend_from_slice(&head.login_id);
    plain.put_i64(head.issued_at);
    plain.put_i64(head.expires_at);
    plain.put_i64(head.auth_time.unwrap_or(UNTOLD));
    plain.extend_from_slice(&head.fingerprint);
    plain.extend_from_slice(&head.state_hash);
    plain.put_bytes(head.provider.as_bytes());
    plain.put_bytes(head.issuer.as_bytes());
    plain.put_bytes(head.subject.as_bytes());
    plain.put_bytes(head.session_id.as_deref().unwrap_or_default().as_bytes());
    plain
}

/// What each of the biggest claims takes, and the line that keeps the others.
fn sizes(head: &Head, claims: &Map<String, Value>, names: &Names) -> String {
    let mut sizes: Vec<_> = claims
        .iter()
        .map(|(name, value)| (value.to_string().len(), name))
        .collect();
    sizes.sort_by(|left, right| right.cmp(left));
    let total: usize = sizes.iter().map(|(size, name)| size + name.len() + 4).sum();
    let mut report = format!("{total} bytes of claims;");
    for (size, name) in sizes.iter().take(NAMED) {
        let _ = write!(report, " {} has {size},", name.escape_debug());
    }
    let without = |biggest: usize| {
        let mut kept = claims.clone();
        for (_, name) in &sizes[..biggest] {
            kept.remove(*name);
        }
        kept
    };
    let fits = |biggest: usize| {
        let kept = without(biggest);
        kept.keys().map(String::len).sum::<usize>() <= NAMES && encode(head, &kept, names).is_some()
    };
    let fewest = partition_point(sizes.len(), |biggest| !fits(biggest));
    let kept: Vec<_> = without(fewest).keys().map(|name| quoted(name)).collect();
    let _ = write!(
        report,
        " keep the others with claims = [{}]",
        kept.join(", ")
    );
    report
}

/// How many of the biggest claims are named.
const NAMED: usize = 3;
/// The most bytes of names that are to be kept: a line that nobody reads cures nothing.
const NAMES: usize = 2048;

/// The first of `0..length` for which `is_before` does not hold, `length` if it holds for all.
fn partition_point(length: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// A claim's name as TOML has it, in printable characters alone.
fn quoted(name: &str) -> String {
    let mut quoted = String::from("\"");
    for c in name.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\'' => write!(quoted, "'"),
            c if c.escape_debug().count() == 1 => write!(quoted, "{c}"),
            c => write!(quoted, "\\U{:08x}", u32::from(c)),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use http::header::{COOKIE, HeaderValue};
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::vectors::{keyring, site};
    use super::*;

    fn head(issuer: &str, subject: &str) -> Head {
        Head {
            login_id: [1; 16],
            issued_at: 1000,
            expires_at: 2000,
            auth_time: None,
            provider: "google".to_owned(),
            fingerprint: [2; 16],
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            session_id: None,
            state_hash: [3; 16],
        }
    }

    /// What comes back of an identity, as a browser would send it; `None` where it is refused.
    fn sent_back(head: &Head, claims: &Map<String, Value>) -> Option<IdentityCookie> {
        let site = site();
        let (names, keyring) = (Names::new(&site), keyring(&site, &[]));
        let cut = IdentityCookie::seal(head, claims, &names, &keyring).ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in names.identity().iter().zip([Some(cut.first), cut.second]) {
            let Some(value) = value else { continue };
            let line = names.set(name, &value, 2_592_000).unwrap();
            assert!(
                line.len() <= 3993,
                "3.9 KB with name and attributes: {}",
                line.len()
            );
            let pair = format!("{name}={value}");
            headers.append(COOKIE, HeaderValue::try_from(pair).unwrap());
        }
        Some(IdentityCookie::open(&headers, &names, &keyring, 0).expect("what was sealed opens"))
    }

    #[test]
    fn an_identity_counts_from_five_minutes_before_until_it_ends() {
        let identity = sent_back(&head("i", "s"), &Map::new()).unwrap();
        for (now, counts) in [
            (i64::MIN, false),
            (699, false),
            (700, true),
            (1000, true),
            (1999, true),
            (2000, false),
            (i64::MAX, false),
        ] {
            assert_eq!(identity.is_current(now), counts, "{now}");
        }
    }

    #[test]
    fn half_an_identity_is_none() {
        let mut bytes = encode_head(&head("https://issuer.example", "subject"));
        bytes.push(MEMBERS);
        assert!(IdentityCookie::decode(bytes.clone()).is_some());
        for length in 0..bytes.len() {
            assert!(
                IdentityCookie::decode(bytes[..length].to_vec()).is_none(),
                "{length}"
            );
        }
    }

    #[test]
    fn claims_in_a_form_of_another_release_make_no_identity() {
        for how in 0..=u8::MAX {
            let mut bytes = encode_head(&head("https://issuer.example", "subject"));
            bytes.push(how);
            let known = [MEMBERS, PACKED, PACKED_BESIDE_HEAD].contains(&how);
            assert_eq!(IdentityCookie::decode(bytes).is_some(), known, "{how}");
        }
    }

    #[test]
    fn what_fits_one_cookie_is_neither_packed_nor_cut() {
        let names = Names::new(&site());
        let head = head("https://issuer.example", "subject");
        let claims = |length: usize| {
            let note = Value::from("x".repeat(length));
            Map::from_iter([("note".to_owned(), note)])
        };
        let besides = encode(&head, &claims(0), &names).unwrap().len();
        let most = parts::ROOM - besides;

        let whole = encode(&head, &claims(most), &names).unwrap();
        assert_eq!(whole.len(), parts::ROOM);
        assert_eq!(whole[besides - "\0\u{4}note\0\u{2}\"\"".len() - 1], MEMBERS);
        assert!(encode(&head, &claims(most + 1), &names).unwrap().len() < parts::ROOM);
    }

    #[test]
    fn a_claim_that_is_text_is_the_same_alone_and_among_all() {
        let claims = json!({
            "name": "Zo\u{eb}",
            "quoted": "\"",
            "number": 1,
            "guid": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "list": ["name"],
        });
        let mut claims = claims.as_object().unwrap().clone();
        for filler in [0, 4000] {
            claims.insert("filler".to_owned(), "x".repeat(filler).into());
            let identity = sent_back(&head("i", "s"), &claims).unwrap();
            for (name, value) in &claims {
                assert_eq!(identity.text_claim(name), value.as_str(), "{name}");
            }
            assert_eq!(identity.text_claim("nobody"), None);
        }
    }

    #[test]
    fn claims_that_differ_from_the_head_are_kept_as_they_are() {
        let filler = json!(["x".repeat(3000)]);
        for (iss, sub) in [
            (json!("i"), json!("s")),
            (json!("another"), json!("s")),
            (json!("i"), json!(7)),
            (Value::Null, json!("s")),
        ] {
            let claims = json!({ "iss": iss, "sub": sub, "filler": filler });
            let claims = claims.as_object().unwrap();
            let identity = sent_back(&head("i", "s"), claims).unwrap();
            assert_eq!(identity.claims(), claims);
            assert_eq!((identity.issuer(), identity.subject()), ("i", "s"));
        }
        // Claims that were not to be kept do not come back from the head.
        let claims = json!({ "filler": filler });
        let identity = sent_back(&head("i", "s"), claims.as_object().unwrap()).unwrap();
        assert_eq!(identity.claims(), claims.as_object().unwrap());
    }

    #[test]
    fn cke_18_a_refusal_gives_sizes_and_the_line_that_cures_it() {
        let mut state = 1_u32;
        let mut noise = |length: usize| -> String {
            let letters = (0..length).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(b'a' + (state >> 24) as u8 % 26)
            });
            letters.collect()
        };
        let claims = json!({
            "sub": "s",
            "roles": noise(9000),
            "groups": noise(20_000),
            "name": "Al",
            "it's \"odd\"\n": 1,
        });
        let site = site();
        let refused = IdentityCookie::seal(
            &head("i", "s"),
            claims.as_object().unwrap(),
            &Names::new(&site),
            &keyring(&site, &[]),
        );
        let refused = refused.unwrap_err();
        let Kind::IdentityTooLarge { report } = refused.kind() else {
            panic!("{refused}");
        };
        assert_eq!(
            report,
            "29061 bytes of claims; groups has 20002, roles has 9002, name has 4, keep the others \
             with claims = [\"it's \\\"odd\\\"\\U0000000a\", \"name\", \"sub\"]"
        );
    }

    #[test]
    fn too_many_claims_to_name_are_not_named() {
        let claims: Map<String, Value> = (0..8000)
            .map(|at| {
                (
                    format!("claim-{at}-{:x}", at * 2_654_435_761_u64),
                    json!(at),
                )
            })
            .collect();
        let report = sizes(&head("i", "s"), &claims, &Names::new(&site()));
        assert!(report.len() < 4000, "{}", report.len());
    }

    /// JSON of every kind.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text(40).prop_map(Value::from),
            any::<[u8; 16]>().prop_map(|guid| {
                let mut quoted = Vec::new();
                packing::write_guid(&mut quoted, &guid);
                serde_json::from_slice(&quoted).unwrap()
            }),
        ];
        leaf.prop_recursive(3, 200, 120, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..120).prop_map(Value::from),
                prop::collection::btree_map(text(8), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn text(longest: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(any::<char>(), 0..longest)
            .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn cke_19_whatever_fits_comes_back_as_it_was(
            members in prop::collection::btree_map(text(12), value(), 0..12),
            issuer in text(60),
            subject in text(60),
        ) {
            let claims: Map<String, Value> = members.into_iter().collect();
            let head = head(&issuer, &subject);
            if let Some(identity) = sent_back(&head, &claims) {
                prop_assert_eq!(identity.claims(), &claims);
                prop_assert_eq!(identity.issuer(), issuer);
                prop_assert_eq!(identity.subject(), subject);
            }
        }
    }
}
