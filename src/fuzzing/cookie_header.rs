//! The Cookie headers of a request.
//!
//! No header holds a control character but the tab, so in an input they stand for what no fuzzer
//! can guess: a line feed for the end of one header, others for names and sealed values.

use std::sync::OnceLock;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use super::app::App;
use crate::cookies::{Cut, Head, IdentityCookie, Keyring, Names, Purpose, pairs};

/// How many values of one name are looked at: the first part of an identity, and the others.
const FIRSTS: usize = 4;
const OTHERS: usize = 2;

const NOW: i64 = 1_800_000_000;

/// Opens whatever is in the headers, and compares it with what was sealed.
pub fn cookie_header(input: &[u8]) -> bool {
    let sealed = Sealed::of_this_process();
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let line = sealed.spell_out(line);
        // What a server takes for no header never gets here.
        let Ok(line) = HeaderValue::from_bytes(&line) else {
            return false;
        };
        headers.append(COOKIE, line);
    }
    let expected: Vec<_> = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| cookies(line.as_bytes()))
        .collect();
    assert_eq!(pairs(&headers).collect::<Vec<_>>(), expected);

    for (name, value) in &expected {
        sealed.check_cookie(name, value);
    }
    let app = App::of_this_process();
    let opened = IdentityCookie::open(&headers, &app.names, &app.keyring, 0);
    let who = opened.as_ref().map(IdentityCookie::subject);
    assert_eq!(who, sealed.who(&expected), "somebody else is logged in");
    let Some(identity) = opened else {
        return false;
    };
    assert_eq!(*identity.claims(), claims(identity.subject()));
    assert_eq!(
        (identity.issued_at(), identity.expires_at()),
        (NOW, NOW + 600)
    );
    assert!(identity.is_current(NOW) && !identity.is_current(NOW + 600));
    true
}

/// The cookies of a header, by the simplest reading. In a header, ASCII has no white space but
/// space and tab.
fn cookies(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').filter_map(|cookie| {
        let equals = cookie.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&cookie[..equals], &cookie[equals + 1..]);
        Some((name.trim_ascii(), value.trim_ascii()))
    })
}

/// What this process has sealed.
struct Sealed {
    names: [String; 5],
    /// One login in one cookie, sealed twice.
    alice: [String; 2],
    /// A login that takes two cookies.
    bob: [String; 2],
    /// The two before they were cut.
    bob_uncut: String,
    mark: String,
    pending: String,
    /// Sealed with the right keys under the identity's name, but as a pending login.
    misused: String,
    /// Sealed under the identity's name with the keys of another app.
    foreign: String,
}

impl Sealed {
    fn of_this_process() -> &'static Self {
        static SEALED: OnceLock<Sealed> = OnceLock::new();
        SEALED.get_or_init(Self::new)
    }

    fn new() -> Self {
        let App { names, keyring, .. } = App::of_this_process();
        let [first, second, third] = names.identity().clone();
        let text = |keyring: &Keyring, purpose, name: &str| {
            let text = keyring.seal_text(purpose, name, &[7; 64]);
            text.expect("the operating system gives randomness")
        };
        let one = |subject: &str| seal(subject, names, keyring).first;
        let two = seal("bob", names, keyring);
        let bob = [two.first, two.second.expect("two cookies")];
        let pending = names.pending("state");
        Self {
            alice: [one("alice"), one("alice")],
            bob_uncut: bob.concat(),
            bob,
            mark: text(keyring, Purpose::Mark, names.mark()),
            pending: text(keyring, Purpose::Pending, &pending),
            misused: text(keyring, Purpose::Pending, &first),
            foreign: text(&App::new().keyring, Purpose::Identity, &first),
            names: [first, second, third, names.mark().to_owned(), pending],
        }
    }

    /// A line with names and values in the places of the bytes that stand for them.
    fn spell_out(&self, line: &[u8]) -> Vec<u8> {
        let [first, second, third, mark, pending] = &self.names;
        let (front, back) = self.alice[0].split_at(self.alice[0].len() / 2);
        let mut written = Vec::with_capacity(line.len());
        for byte in line {
            let words = match byte {
                0x01 => first,
                0x02 => second,
                0x03 => third,
                0x04 => mark,
                0x05 => pending,
                0x06 => &self.alice[0],
                0x07 => &self.alice[1],
                0x08 => &self.bob[0],
                0x0b => &self.bob[1],
                0x0c => &self.mark,
                0x0e => &self.pending,
                0x0f => &self.misused,
                0x10 => &self.foreign,
                0x11 => front,
                0x12 => back,
                other => {
                    written.push(*other);
                    continue;
                }
            };
            written.extend_from_slice(words.as_bytes());
        }
        written
    }

    /// Who is logged in by these cookies.
    fn who(&self, cookies: &[(&[u8], &[u8])]) -> Option<&'static str> {
        let [first, second, ..] = &self.names;
        // Wherever it is cut, it is one sealed value.
        let is_bob = |first: &[u8]| {
            values(cookies, second)
                .take(OTHERS)
                .any(|second| [first, second].concat() == self.bob_uncut.as_bytes())
        };
        let mut logins = values(cookies, first).take(FIRSTS).filter_map(|value| {
            if self.alice.iter().any(|alice| alice.as_bytes() == value) {
                Some("alice")
            } else {
                is_bob(value).then_some("bob")
            }
        });
        let who = logins.next()?;
        logins.all(|other| other == who).then_some(who)
    }

    /// A cookie opens under the name and for the purpose that it was sealed for, and no other does.
    fn check_cookie(&self, name: &[u8], value: &[u8]) {
        let app = App::of_this_process();
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        let [first, _, _, mark, pending] = &self.names;
        for purpose in Purpose::ALL {
            let sealed: &[(&String, &String)] = match purpose {
                Purpose::Identity => &[
                    (first, &self.alice[0]),
                    (first, &self.alice[1]),
                    (first, &self.bob_uncut),
                ],
                Purpose::Mark => &[(mark, &self.mark)],
                Purpose::Pending => &[(pending, &self.pending), (first, &self.misused)],
                Purpose::Rest
                | Purpose::Detour
                | Purpose::Farewell
                | Purpose::LastUsed
                | Purpose::Tokens => &[],
            };
            let is_ours = sealed
                .iter()
                .any(|(its_name, its)| *its_name == name && its.as_bytes() == value);
            let opened = app.keyring.open_text(purpose, name, value, 0);
            assert_eq!(opened.is_some(), is_ours, "{purpose:?} under {name}");
        }
    }
}

/// The values of the cookies of one name.
fn values<'a>(cookies: &'a [(&[u8], &[u8])], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = cookies
        .iter()
        .filter(move |(found, _)| *found == name.as_bytes());
    named.map(|(_, value)| *value)
}

fn seal(subject: &str, names: &Names, keyring: &Keyring) -> Cut {
    let head = Head {
        login_id: if subject == "bob" { [1; 16] } else { [0; 16] },
        issued_at: NOW,
        expires_at: NOW + 600,
        auth_time: None,
        provider: "https".to_owned(),
        fingerprint: [3; 16],
        issuer: "https://provider.example".to_owned(),
        subject: subject.to_owned(),
        session_id: None,
        state_hash: [4; 16],
    };
    IdentityCookie::seal(&head, &claims(subject), names, keyring).expect("claims that fit")
}

/// Claims for one cookie, or for bob, whose groups take two.
fn claims(subject: &str) -> Map<String, Value> {
    let groups = if subject == "bob" { 300 } else { 3 };
    // Text that hardly deflates.
    let group = |at: u64| {
        let mixed = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!(
            "{:016x}",
            (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        )
    };
    let claims = json!({
        "iss": "https://provider.example",
        "sub": subject,
        "name": "Zoë",
        "groups": (1..=groups).map(group).collect::<Vec<_>>(),
    });
    claims.as_object().cloned().unwrap_or_default()
}
