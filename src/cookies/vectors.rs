//! Known answers: the formats as they stand in `tests/vectors/cookies.json`. A release that changes
//! one of them logs everybody out, so a changed format is a new version beside the old one.

use base64_simd::URL_SAFE_NO_PAD as BASE64;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use serde_json::{Map, Value, json};

use super::identity::{Head, IdentityCookie, encode};
use super::names::Names;
use super::parts::{self, Cut};
use super::pending::Pending;
use super::seal::{Keyring, Purpose};
use crate::config::{Accepted, CookieSecrets, Site, site_at};
use crate::login_secrets::Seed;
use crate::secret::Secret;

const REDIRECT_URI: &str = "https://app.example.com/oauth2callback";
const NOW: i64 = 1_700_000_000;

pub(super) fn site() -> Site {
    site_at(REDIRECT_URI)
}

/// A keyring of secrets that are made by a loop and no use to anybody.
pub(super) fn keyring(site: &Site, accepted: &[u8]) -> Keyring {
    keyring_of(0, accepted, site)
}

pub(super) fn keyring_of(current: u8, accepted: &[u8], site: &Site) -> Keyring {
    let secrets = CookieSecrets {
        current: secret(current),
        accepted: accepted
            .iter()
            .map(|from| Accepted {
                secret: secret(*from),
                until: None,
            })
            .collect(),
        process_salt: Vec::new(),
    };
    Keyring::new(&secrets, site).unwrap()
}

/// 32 different bytes, from `!` up by 37 at a time, among the 94 that print.
fn secret(from: u8) -> Secret {
    let byte = |at: u8| b'!' + ((u16::from(from) + u16::from(at) * 37) % 94) as u8;
    Secret::new((0..32).map(|at| char::from(byte(at))).collect::<String>())
}

fn nonce(purpose: Purpose) -> [u8; 12] {
    std::array::from_fn(|at| purpose as u8 * 16 + at as u8)
}

fn head() -> Head {
    Head {
        login_id: std::array::from_fn(|at| at as u8),
        issued_at: NOW,
        expires_at: NOW + 2_592_000,
        auth_time: Some(NOW - 5),
        provider: "entra".to_owned(),
        fingerprint: [0xf1; 16],
        issuer: "https://login.example.com/v2.0".to_owned(),
        subject: "subject".to_owned(),
        session_id: Some("sid-1".to_owned()),
        state_hash: [0xa5; 16],
    }
}

fn claims(groups: u32) -> Map<String, Value> {
    let mix = |number: u64| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    let guid = |at: u32| {
        let digits = format!("{:016x}{:016x}", mix(at.into()), mix(u64::from(at) + 1000));
        [0..8, 8..12, 12..16, 16..20, 20..32]
            .map(|part| &digits[part])
            .join("-")
    };
    let claims = json!({
        "iss": "https://login.example.com/v2.0",
        "sub": "subject",
        "name": "Zoë Example",
        "groups": (0..groups).map(guid).collect::<Vec<_>>(),
    });
    claims.as_object().unwrap().clone()
}

fn pending() -> Pending {
    Pending {
        seed: Seed(std::array::from_fn(|at| at as u8 * 7)),
        issued_at: NOW,
        provider: "entra".to_owned(),
        fingerprint: [0xf1; 16],
        issuer: "https://login.example.com/v2.0".to_owned(),
        max_age: Some(3600),
        bounces: 1,
        return_to: "/reports?year=2026".to_owned(),
        remembered: Secret::new(""),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What each purpose seals under its real name.
fn name_of(purpose: Purpose, names: &Names) -> String {
    match purpose {
        Purpose::Identity => names.identity()[0].clone(),
        Purpose::Mark => names.mark().to_owned(),
        Purpose::Pending => {
            let secrets = pending().secrets().unwrap();
            names.pending(secrets.state.expose())
        }
        Purpose::Rest => names.identity()[1].clone(),
        Purpose::Detour => "detour".to_owned(),
        Purpose::Farewell => names.farewell().to_owned(),
        Purpose::LastUsed => names.last_used().to_owned(),
        Purpose::Tokens => names.tokens()[0].clone(),
    }
}

fn identity(groups: u32, names: &Names, keyring: &Keyring) -> Value {
    let plain = encode(&head(), &claims(groups), names).unwrap();
    let count = parts::count(parts::text_length(plain.len()));
    let name = &names.identity()[0];
    let sealed = keyring
        .seal_with(
            nonce(Purpose::Identity),
            Purpose::Identity,
            name,
            count as u8,
            &plain,
        )
        .unwrap();
    let Cut { first, second } = Cut::new(&sealed);
    json!({
        "claims": claims(groups),
        "plain": hex(&plain),
        "cookies": [first, second],
    })
}

/// Everything that the file holds, made by this code.
fn made() -> Value {
    let site = site();
    let (names, keyring) = (Names::new(&site), keyring(&site, &[]));
    let sealed = |purpose: Purpose| {
        let name = name_of(purpose, &names);
        let plain = match purpose {
            Purpose::Pending => pending().encode(),
            _ => format!("the plain text of {purpose:?}").into_bytes(),
        };
        let sealed = keyring
            .seal_with(nonce(purpose), purpose, &name, 1, &plain)
            .unwrap();
        json!({
            "purpose": format!("{purpose:?}"),
            "name": name,
            "parts": 1,
            "nonce": hex(&nonce(purpose)),
            "plain": hex(&plain),
            "value": BASE64.encode_to_string(&sealed),
        })
    };
    let pending = pending();
    let secrets = pending.secrets().unwrap();
    json!({
        "about": "The cookie secret is 32 characters: 33 + (37 i mod 94) for i from 0 to 31.",
        "redirect_uri": REDIRECT_URI,
        "sealed": Purpose::ALL.map(sealed),
        "identity": {
            "one cookie": identity(3, &names, &keyring),
            "two cookies, packed": identity(150, &names, &keyring),
        },
        "login": {
            "seed": hex(&pending.seed.0),
            "state": secrets.state.expose(),
            "nonce": secrets.nonce.expose(),
            "code_verifier": secrets.code_verifier.expose(),
        },
    })
}

fn known() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/cookies.json")).unwrap()
}

#[test]
fn cke_24_what_is_sealed_and_derived_is_what_it_always_was() {
    let (made, known) = (made(), known());
    assert_eq!(
        made,
        known,
        "the format changed; if it is a new version, this is its file:\n{}",
        serde_json::to_string_pretty(&made).unwrap()
    );
}

#[test]
fn cke_24_what_was_sealed_once_is_opened_for_ever() {
    let known = known();
    let site = site();
    let (names, keyring) = (Names::new(&site), keyring(&site, &[]));

    for (vector, purpose) in known["sealed"].as_array().unwrap().iter().zip(Purpose::ALL) {
        let text = |key: &str| vector[key].as_str().unwrap();
        let opened = keyring.open_text(purpose, text("name"), text("value").as_bytes(), 0);
        assert_eq!(hex(&opened.unwrap()), text("plain"));
    }
    let value = known["sealed"][2]["value"].as_str().unwrap();
    let opened = keyring.open_text(
        Purpose::Pending,
        &name_of(Purpose::Pending, &names),
        value.as_bytes(),
        0,
    );
    let read = Pending::decode(&opened.unwrap()).unwrap();
    assert_eq!(read.encode(), pending().encode());

    for (vector, count) in [("one cookie", 1), ("two cookies, packed", 2)] {
        let vector = &known["identity"][vector];
        let cookies: Vec<_> = vector["cookies"]
            .as_array()
            .unwrap()
            .iter()
            .zip(names.identity())
            .filter_map(|(value, name)| Some(format!("{name}={}", value.as_str()?)))
            .collect();
        assert_eq!(cookies.len(), count);
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(cookies.join("; ")).unwrap());
        let read = IdentityCookie::open(&headers, &names, &keyring, 0).unwrap();
        assert_eq!(Value::Object(read.claims().clone()), vector["claims"]);
        assert_eq!(
            (read.issued_at(), read.expires_at()),
            (NOW, NOW + 2_592_000)
        );
        assert_eq!(
            (read.provider(), read.issuer(), read.subject()),
            ("entra", "https://login.example.com/v2.0", "subject")
        );
        assert_eq!(read.fingerprint(), [0xf1; 16]);
        assert!(read.came_from(&[0xa5; 16]) && !read.came_from(&[0; 16]));
    }
}

#[test]
fn cke_24_every_purpose_has_a_key_of_its_own() {
    let site = site();
    let keyring = keyring(&site, &[]);
    let sealed = Purpose::ALL.map(|purpose| {
        let sealed = keyring
            .seal_with([7; 12], purpose, "name", 1, &[0; 64])
            .unwrap();
        sealed[18..82].to_vec()
    });

    // One nonce, one text, one name: only the keys make them differ.
    for one in 0..Purpose::ALL.len() {
        for other in 0..one {
            assert_ne!(sealed[one], sealed[other], "{:?}", Purpose::ALL[one]);
        }
    }
}

#[test]
fn cke_12_no_purpose_opens_what_was_sealed_for_another() {
    let site = site();
    let (names, keyring) = (Names::new(&site), keyring(&site, &[]));
    for from in Purpose::ALL {
        let name = name_of(from, &names);
        let sealed = keyring.seal(from, &name, 1, b"plain").unwrap();
        for to in Purpose::ALL {
            for under in Purpose::ALL.map(|purpose| name_of(purpose, &names)) {
                let opened = keyring.open(to, &under, sealed.clone(), 0);
                let its_own = from == to && under == name;
                assert_eq!(
                    opened.is_some(),
                    its_own,
                    "{from:?} as {to:?} under {under}"
                );
            }
        }
    }
}

#[test]
fn cke_14_no_site_opens_what_was_sealed_for_another() {
    let sites = [
        "https://app.example.com/oauth2callback",
        "https://app.example.com:8443/oauth2callback",
        "https://app.example.com/a/oauth2callback",
        "https://app.example.com/ab/oauth2callback",
        "https://other.example.com/oauth2callback",
        "http://localhost:8501/oauth2callback",
        "http://localhost:8502/oauth2callback",
        "http://localhost:8501/a/oauth2callback",
    ]
    .map(site_at);
    for (at, from) in sites.iter().enumerate() {
        let sealed = keyring(from, &[])
            .seal(Purpose::Identity, "one name", 1, b"plain")
            .unwrap();
        for (to_at, to) in sites.iter().enumerate() {
            let opened = keyring(to, &[]).open(Purpose::Identity, "one name", sealed.clone(), 0);
            assert_eq!(opened.is_some(), at == to_at);
        }
    }
}
