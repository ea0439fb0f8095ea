//! The identity inside its seal: what only keycard writes, and what it is made from.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::app::App;
use crate::cookies::{Cut, Head, IDENTITY_BUDGET, IdentityCookie, size};
use crate::error::Kind;

/// An input that begins with `c` is a provider's claims, to be sealed and opened again; any other
/// is the plain text behind a first byte that is left out.
pub fn identity(input: &[u8]) -> bool {
    match input.split_first() {
        Some((b'c', claims)) => claims_come_back(claims),
        Some((_, plain)) => is_read(plain),
        None => false,
    }
}

fn is_read(plain: &[u8]) -> bool {
    let Some(identity) = IdentityCookie::decode(plain.to_vec()) else {
        return false;
    };
    for text in [identity.provider(), identity.issuer(), identity.subject()] {
        let stands_there = text.is_empty()
            || plain
                .windows(text.len())
                .any(|window| window == text.as_bytes());
        assert!(stands_there, "{text:?} comes from nowhere");
    }
    let _ = identity.claims();
    true
}

fn claims_come_back(json: &[u8]) -> bool {
    let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(json) else {
        return false;
    };
    let text = |name: &str| {
        let text = claims.get(name).and_then(Value::as_str).unwrap_or_default();
        text.chars().take(255).collect::<String>()
    };
    let head = Head {
        login_id: [1; 16],
        issued_at: 0,
        expires_at: 600,
        auth_time: claims.get("auth_time").and_then(Value::as_i64),
        provider: "https".to_owned(),
        fingerprint: [2; 16],
        issuer: text("iss"),
        subject: text("sub"),
        session_id: Some(text("sid")),
        state_hash: [3; 16],
    };
    let App { names, keyring, .. } = App::of_this_process();
    let Cut { first, second } = match IdentityCookie::seal(&head, &claims, names, keyring) {
        Ok(cut) => cut,
        Err(error) => {
            let Kind::IdentityTooLarge { report } = error.kind() else {
                panic!("the operating system gives randomness: {error}");
            };
            assert!(!report.contains(char::is_control), "{report:?} is no line");
            return false;
        }
    };

    let mut headers = HeaderMap::new();
    let mut room = 0;
    for (name, value) in names.identity().iter().zip([Some(first), second]) {
        let Some(value) = value else { break };
        room += size(name.as_bytes(), value.as_bytes());
        let line = HeaderValue::try_from(format!("{name}={value}")).expect("a header");
        headers.append(COOKIE, line);
    }
    assert!(room <= IDENTITY_BUDGET, "{room} bytes of cookies");
    let opened = IdentityCookie::open(&headers, names, keyring, 0).expect("what was sealed opens");
    for (name, value) in &claims {
        assert_eq!(opened.text_claim(name), value.as_str(), "{name:?} alone");
    }
    assert_eq!(*opened.claims(), claims);
    assert_eq!(
        (opened.issuer(), opened.subject()),
        (&*head.issuer, &*head.subject)
    );
    true
}
