//! The ID token, as a provider, or somebody in its place, may write it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use serde_json::{Map, Value};

use super::members::members;
use super::signer::{Keys, Signer, base64url};
use crate::algorithm::Algorithm;
use crate::error::{Error, Kind};
use crate::provider::id_token::{Expected, NonceRule, Unverified};
use crate::secret::Secret;

const ALLOWED: [Algorithm; 4] = [
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::PS256,
    Algorithm::RS256,
];
const ISSUER: &str = "https://provider.example";
const CLIENT_ID: &str = "client";
const NONCE: &str = "nonce";
const ACCESS_TOKEN: &str = "access token";
const MAX_AGE: u32 = 3600;
const NOW: i64 = 1_800_000_000;
const LEEWAY: i64 = 120;

/// What is looked at before the signature is known to be good.
const BEFORE_THE_SIGNATURE: [&str; 6] = ["alg", "form", "header", "kid", "signature", "typ"];

/// An input that begins with a digit is a header and claims, parted by a line feed and signed by
/// whom the digit tells; any other is a token as it stands.
pub fn id_token(input: &[u8]) -> bool {
    let signer = match input.first() {
        Some(b'1') => Signer::Rs256,
        Some(b'2') => Signer::Ps256,
        Some(b'3') => Signer::Es256,
        Some(b'4') => Signer::EdDSA,
        Some(b'5') => Signer::HmacOfPublicKey,
        Some(b'6') => Signer::Nobody,
        _ => {
            if let Ok(token) = std::str::from_utf8(input) {
                refused_unread(token);
            }
            return false;
        }
    };
    let mut documents = input[1..].splitn(2, |byte| *byte == b'\n');
    let mut document = || documents.next().unwrap_or_default();
    let (header, payload) = (document(), document());
    let message = format!("{}.{}", base64url(header), base64url(payload));
    // Signing is dear, and no signature helps a header that is refused.
    if Unverified::read(&format!("{message}."), &ALLOWED).is_err() {
        return false;
    }
    let signature = Keys::of_this_process().sign(signer, message.as_bytes());
    let token = format!("{message}.{}", base64url(signature));
    if signer.header().is_none() {
        refused_unread(&token);
        return false;
    }

    let accepted = [None, Some(MAX_AGE)].map(|max_age| {
        let Ok(claims) = verify(&token, max_age) else {
            return false;
        };
        check_header(header, signer);
        assert_eq!(
            members(payload).as_deref().map(<[_]>::len),
            Some(claims.len())
        );
        assert_eq!(
            serde_json::from_slice::<Value>(payload).ok().as_ref(),
            Some(&claims.clone().into())
        );
        check_claims(&claims, signer, max_age);
        true
    });
    if accepted[0] {
        refused_unread(&changed(&token, input.len() * 31));
    }
    accepted[0]
}

fn verify(token: &str, max_age: Option<u32>) -> Result<Map<String, Value>, Error> {
    let expected = Expected {
        issuer: ISSUER,
        issuer_of_tenant: None,
        nonce_rule: NonceRule::Required,
        client_id: CLIENT_ID,
        nonce: &Secret::new(NONCE),
        access_token: &Secret::new(ACCESS_TOKEN),
        max_age,
        leeway: Duration::from_secs(LEEWAY.unsigned_abs()),
        now: NOW,
    };
    let unverified = Unverified::read(token, &ALLOWED)?;
    let (id, algorithm) = (unverified.key_id.clone(), unverified.algorithm);
    let keys = &Keys::of_this_process().published;
    unverified.verify(keys.fitting(id.as_deref(), algorithm), &expected)
}

/// A token that no key of the provider's signed is refused before its payload is looked at.
fn refused_unread(token: &str) {
    let error = verify(token, None).expect_err("a token that nobody signed");
    let Kind::IdTokenRefused { check, .. } = error.kind() else {
        panic!("{error} is about a claim");
    };
    assert!(BEFORE_THE_SIGNATURE.contains(check), "{check} is a claim");
}

/// The token with another character at one place.
fn changed(token: &str, at: usize) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("ASCII")
}

fn check_header(header: &[u8], signer: Signer) {
    let names = members(header).expect("a header that is an object");
    let outlawed = |name: &String| name == "b64" || name == "crit";
    assert!(!names.iter().any(outlawed), "a header of another meaning");
    let header: Map<String, Value> = serde_json::from_slice(header).expect("a header");
    assert_eq!(names.len(), header.len(), "a member of the header twice");
    let (algorithm, key_id) = signer.header().expect("a key of the provider's");
    assert_eq!(header["alg"], algorithm);
    assert!(header.get("kid").is_none_or(|id| id == key_id));
    let is_jwt = |kind: &Value| {
        kind.as_str()
            .is_some_and(|it| it.eq_ignore_ascii_case("jwt"))
    };
    assert!(header.get("typ").is_none_or(is_jwt));
}

/// Everything that a login depends on (OpenID Connect Core §3.1.3.7).
fn check_claims(claims: &Map<String, Value>, signer: Signer, max_age: Option<u32>) {
    assert_eq!(claims["iss"], ISSUER);
    let audiences = match &claims["aud"] {
        Value::Array(audiences) => audiences.clone(),
        audience => vec![audience.clone()],
    };
    assert!(audiences.iter().all(Value::is_string));
    assert!(audiences.iter().any(|audience| audience == CLIENT_ID));
    let alone = audiences.iter().all(|audience| audience == CLIENT_ID);
    assert!(claims.get("azp").map_or(alone, |azp| azp == CLIENT_ID));
    let subject = claims["sub"].as_str().expect("a subject");
    assert!(
        (1..=255).contains(&subject.len())
            && !subject.contains(|c: char| !(' '..='~').contains(&c))
    );
    assert_eq!(claims["nonce"], NONCE);
    assert!(!claims.contains_key("events"));

    #[expect(clippy::cast_precision_loss, reason = "a time of our day")]
    let (now, leeway) = (NOW as f64, LEEWAY as f64);
    let time = |name: &str| claims.get(name).map(|time| time.as_f64().expect("a time"));
    let (exp, iat) = (time("exp").expect("exp"), time("iat").expect("iat"));
    assert!(
        exp.is_finite() && exp > now - leeway,
        "it was over at {exp}"
    );
    // A fraction of a second goes before the comparison.
    assert!(
        iat < now + leeway + 1.0 && iat >= now - 86400.0,
        "it is of {iat}"
    );
    assert!(time("nbf").is_none_or(|nbf| (0.0..now + leeway + 1.0).contains(&nbf)));
    if let Some(max_age) = max_age {
        let oldest = now - f64::from(max_age) - leeway;
        assert!(time("auth_time").expect("auth_time") >= oldest);
    }
    if let Some(found) = claims.get("at_hash") {
        let hash = if signer == Signer::EdDSA {
            &SHA512
        } else {
            &SHA256
        };
        let digest = digest(hash, ACCESS_TOKEN.as_bytes());
        let (half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
        assert_eq!(*found, base64url(half));
    }
}
