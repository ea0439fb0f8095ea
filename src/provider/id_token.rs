//! The ID token, checked in full (OpenID Connect Core §3.1.3.7, RFC 8725).
//!
//! The header is read first, strictly; then the signature is verified; and only then is the
//! payload looked at. Every check names itself when it refuses.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use serde_json::{Map, Value};

use super::json;
use super::keys::VerifyingKey;
use super::{shown, tenant};
use crate::algorithm::Algorithm;
use crate::clock::seconds;
use crate::error::{Error, Kind};
use crate::presets::IssuerOfTenant;
use crate::secret::Secret;

/// The oldest token that is accepted, in seconds since it was issued.
const OLDEST: i64 = 24 * 60 * 60;

/// The most keys that are tried where a token names none.
const TRIES: usize = 8;

/// What a token must say to be ours.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    /// The metadata's.
    pub(crate) issuer: &'a str,
    /// What the issuers have in common, where each tenant has one.
    pub(crate) issuer_of_tenant: Option<&'static IssuerOfTenant>,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a Secret,
    pub(crate) nonce_rule: NonceRule,
    pub(crate) access_token: &'a Secret,
    pub(crate) max_age: Option<u32>,
    pub(crate) leeway: Duration,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Whether the token must have the nonce that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceRule {
    /// One that it has is compared.
    IfSent,
    /// It may have that of the login long ago, which nobody has kept (OpenID Connect Core §12.2).
    OfTheLogin,
    Required,
    /// None was sent: one that it has is another login's.
    #[cfg(feature = "password")]
    Unsent,
}

/// A token of which nothing is believed yet.
pub(crate) struct Unverified<'a> {
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
}

impl<'a> Unverified<'a> {
    /// Reads the header, and refuses what no signature could make good. Whoever brings the token has
    /// seen to it that it is no longer than 64 KB.
    pub(crate) fn read(token: &'a str, allowed: &[Algorithm]) -> Result<Self, Error> {
        let Some((message, signature)) = token.rsplit_once('.') else {
            return Err(refused("form", "three segments", "one"));
        };
        let Some((header, payload)) = message.split_once('.') else {
            return Err(refused("form", "three segments", "two"));
        };
        if payload.contains('.') {
            return Err(refused(
                "form",
                "a signed token of three segments",
                "more segments",
            ));
        }
        let header = read_segment(header, "header")?;
        let algorithm = algorithm(&header, allowed)?;
        for outlawed in ["crit", "b64"] {
            if header.contains_key(outlawed) {
                return Err(refused(
                    "header",
                    "nothing that changes its meaning",
                    outlawed,
                ));
            }
        }
        if let Some(kind) = header.get("typ") {
            let kind = kind.as_str().unwrap_or("no string");
            if !kind.eq_ignore_ascii_case("jwt") {
                return Err(refused("typ", "JWT", kind));
            }
        }
        let key_id = match header.get("kid") {
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(refused("kid", "a string", "something else")),
            None => None,
        };
        Ok(Self {
            message,
            payload,
            signature,
            algorithm,
            key_id,
        })
    }

    /// Verifies the signature with one of `keys`, then every claim that a login depends on.
    pub(crate) fn verify<'k>(
        self,
        keys: impl Iterator<Item = &'k VerifyingKey>,
        expected: &Expected<'_>,
    ) -> Result<Map<String, Value>, Error> {
        let algorithm = self.algorithm;
        let (claims, key) = self.signed(keys)?;
        check_claims(&claims, algorithm, expected)?;
        check_key(key, &claims, expected.issuer_of_tenant)?;
        Ok(claims)
    }

    /// What one of `keys` has signed, and which.
    pub(super) fn signed<'k>(
        self,
        keys: impl Iterator<Item = &'k VerifyingKey>,
    ) -> Result<(Map<String, Value>, &'k VerifyingKey), Error> {
        // Loose base64 would let one token come in many spellings.
        if base64_simd::URL_SAFE_NO_PAD
            .check(self.signature.as_bytes())
            .is_err()
        {
            return Err(refused("signature", "base64url", "something else"));
        }
        let mut keys = keys.take(TRIES).peekable();
        if keys.peek().is_none() {
            let id = self.key_id.as_deref().unwrap_or("none");
            return Err(refused("kid", "a key of the provider's key set", id));
        }
        let verifies = |key: &&VerifyingKey| {
            key.verifies(self.algorithm, self.message.as_bytes(), self.signature)
        };
        let Some(key) = keys.find(verifies) else {
            return Err(refused(
                "signature",
                "one made with the provider's key",
                "another",
            ));
        };
        Ok((read_segment(self.payload, "payload")?, key))
    }
}

fn algorithm(header: &Map<String, Value>, allowed: &[Algorithm]) -> Result<Algorithm, Error> {
    let expected = || {
        allowed
            .iter()
            .map(|algorithm| algorithm.name())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let name = match header.get("alg") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(refused("alg", &expected(), "no string")),
        None => return Err(refused("alg", &expected(), "none at all")),
    };
    name.parse()
        .ok()
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or_else(|| refused("alg", &expected(), name))
}

fn read_segment(segment: &str, which: &'static str) -> Result<Map<String, Value>, Error> {
    let bytes = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(segment)
        .map_err(|_| refused(which, "base64url", "something else"))?;
    json::object(&bytes).map_err(|why| refused(which, "a JSON object", why))
}

fn check_claims(
    claims: &Map<String, Value>,
    algorithm: Algorithm,
    expected: &Expected<'_>,
) -> Result<(), Error> {
    check_issuer(claims, expected)?;
    check_audience(claims, expected.client_id)?;
    check_subject(claims)?;
    check_times(claims, expected)?;
    check_nonce(claims, expected)?;
    check_access_token(claims, algorithm, expected.access_token)?;
    // A logout token (Back-Channel Logout §2.4) has `events`, and is no login.
    if claims.contains_key("events") {
        return Err(refused("events", "none", "some"));
    }
    Ok(())
}

/// OpenID Connect Core §3.1.3.7 (2). Where each tenant has an issuer, the metadata may name none of
/// them; the token names its tenant, and then has that one's.
fn check_issuer(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Error> {
    let named = expected.issuer;
    let issuer = match expected.issuer_of_tenant {
        Some(rule) if named == rule.template.0 => {
            tenant::issuer(rule, claims).ok_or_else(|| {
                refused(
                    rule.claim,
                    "the tenant's GUID",
                    &words(claims.get(rule.claim)),
                )
            })?
        }
        _ => named.to_owned(),
    };
    match claims.get("iss") {
        Some(Value::String(found)) if *found == issuer => Ok(()),
        found => Err(refused("iss", &issuer, &words(found))),
    }
}

/// A key that says whose it is vouches for no other tenant.
pub(super) fn check_key(
    key: &VerifyingKey,
    claims: &Map<String, Value>,
    issuer_of_tenant: Option<&IssuerOfTenant>,
) -> Result<(), Error> {
    let (Some(rule), Some(of_key)) = (issuer_of_tenant, key.issuer()) else {
        return Ok(());
    };
    let issuer = claims
        .get("iss")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if tenant::may_vouch(rule, of_key, issuer) {
        Ok(())
    } else {
        Err(refused("the key's issuer", issuer, of_key))
    }
}

/// OpenID Connect Core §3.1.3.7 (3), (4), (5): an audience besides us is trusted only where the
/// token says that it was made for us.
fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), Error> {
    let azp = claims.get("azp");
    if azp.is_some_and(|azp| azp != client_id) {
        return Err(refused("azp", client_id, &words(azp)));
    }
    let aud = claims.get("aud");
    let (ours, others) = match aud {
        Some(Value::String(found)) => (found == client_id, 0),
        Some(Value::Array(found)) if found.iter().all(Value::is_string) => (
            found.iter().any(|found| found == client_id),
            found.iter().filter(|found| **found != client_id).count(),
        ),
        _ => (false, 0),
    };
    if !ours {
        return Err(refused("aud", client_id, &words(aud)));
    }
    if others > 0 && azp.is_none() {
        return Err(refused("azp", client_id, "none, beside other audiences"));
    }
    Ok(())
}

/// OpenID Connect Core §2: at most 255 ASCII characters.
fn check_subject(claims: &Map<String, Value>) -> Result<(), Error> {
    let expected = "1 to 255 printable ASCII characters";
    match claims.get("sub") {
        Some(Value::String(subject))
            if (1..=255).contains(&subject.len())
                && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)) =>
        {
            Ok(())
        }
        Some(Value::String(_)) => Err(refused("sub", expected, "something else")),
        found => Err(refused("sub", expected, &words(found))),
    }
}

/// OpenID Connect Core §3.1.3.7 (9), (10), (12), (13). The token was made a moment ago, so a time
/// that does not fit is a clock that does not fit.
fn check_times(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Error> {
    let (now, leeway) = (expected.now, seconds(expected.leeway));
    let differs = |claim, off: i64| {
        Err(Kind::ClockDiffers {
            claim,
            seconds: off,
            allowed: expected.leeway.as_secs(),
        }
        .into())
    };
    let exp = required_time(claims, "exp")?;
    let iat = required_time(claims, "iat")?;
    if now >= exp.saturating_add(leeway) {
        return differs("exp", exp.saturating_sub(now));
    }
    if iat > now.saturating_add(leeway) {
        return differs("iat", iat.saturating_sub(now));
    }
    if iat < now.saturating_sub(OLDEST) {
        return Err(Kind::ClockDiffers {
            claim: "iat",
            seconds: iat.saturating_sub(now),
            allowed: OLDEST.unsigned_abs(),
        }
        .into());
    }
    if let Some(nbf) = time(claims, "nbf")?.filter(|nbf| *nbf > now.saturating_add(leeway)) {
        return differs("nbf", nbf.saturating_sub(now));
    }
    let auth_time = time(claims, "auth_time")?;
    if let Some(max_age) = expected.max_age {
        let Some(auth_time) = auth_time else {
            return Err(refused(
                "auth_time",
                "the time of the login, since max_age was sent",
                "none",
            ));
        };
        if auth_time > now.saturating_add(leeway) {
            return differs("auth_time", auth_time.saturating_sub(now));
        }
        if now.saturating_sub(auth_time) > i64::from(max_age).saturating_add(leeway) {
            return Err(refused(
                "auth_time",
                &format!("at most {max_age} s ago"),
                "longer ago",
            ));
        }
    }
    Ok(())
}

/// When the person proved who they are, in seconds since 1970, of claims that were checked.
pub(super) fn auth_time(claims: &Map<String, Value>) -> Option<i64> {
    time(claims, "auth_time").ok().flatten()
}

fn required_time(claims: &Map<String, Value>, claim: &'static str) -> Result<i64, Error> {
    time(claims, claim)?.ok_or_else(|| refused(claim, "a time", "none"))
}

/// A NumericDate, which may have a fraction (RFC 7519 §2). A claim of another type is never taken
/// for an absent one.
fn time(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<i64>, Error> {
    /// Later than any clock, and exact in a double.
    const FAR: f64 = 9_007_199_254_740_992.0;
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let number = value.as_f64().filter(|number| (0.0..FAR).contains(number));
    match number {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "in range, and only a fraction goes"
        )]
        Some(number) => Ok(Some(number as i64)),
        _ => Err(refused(claim, "seconds since 1970", &words(Some(value)))),
    }
}

/// OpenID Connect Core §3.1.3.7 (11): the token belongs to this login of this browser.
fn check_nonce(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Error> {
    let nonce = expected.nonce;
    match claims.get("nonce") {
        #[cfg(feature = "password")]
        Some(_) if expected.nonce_rule == NonceRule::Unsent => {
            Err(refused("nonce", "none, since none was sent", "one"))
        }
        _ if expected.nonce_rule == NonceRule::OfTheLogin => Ok(()),
        None if expected.nonce_rule != NonceRule::Required => Ok(()),
        Some(Value::String(found))
            if verify_slices_are_equal(found.as_bytes(), nonce.expose().as_bytes()).is_ok() =>
        {
            Ok(())
        }
        Some(_) => Err(refused("nonce", "the one that was sent", "another")),
        None => Err(refused("nonce", "the one that was sent", "none")),
    }
}

/// OpenID Connect Core §3.1.3.8: if there is a hash of the access token, it is that of ours.
fn check_access_token(
    claims: &Map<String, Value>,
    algorithm: Algorithm,
    access_token: &Secret,
) -> Result<(), Error> {
    let Some(found) = claims.get("at_hash") else {
        return Ok(());
    };
    let hash = match algorithm {
        Algorithm::ES384 | Algorithm::PS384 | Algorithm::RS384 => &SHA384,
        // RFC 8037 says nothing of EdDSA; SHA-512 is what Ed25519 itself hashes with.
        Algorithm::EdDSA | Algorithm::ES512 | Algorithm::PS512 | Algorithm::RS512 => &SHA512,
        Algorithm::ES256 | Algorithm::HS256 | Algorithm::PS256 | Algorithm::RS256 => &SHA256,
    };
    let digest = digest::digest(hash, access_token.expose().as_bytes());
    let half = &digest.as_ref()[..digest.as_ref().len() / 2];
    if *found == base64_simd::URL_SAFE_NO_PAD.encode_to_string(half) {
        Ok(())
    } else {
        Err(refused(
            "at_hash",
            "the hash of the access token",
            "another",
        ))
    }
}

/// What was found, in words that hold no secret: an ID token's issuer, audience and times.
fn words(found: Option<&Value>) -> String {
    match found {
        Some(found) => found.to_string(),
        None => "none".to_owned(),
    }
}

fn refused(check: &'static str, expected: &str, found: &str) -> Error {
    Kind::IdTokenRefused {
        check,
        expected: expected.to_owned(),
        found: shown(found),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::super::keys::KeySet;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn base64url(bytes: &[u8]) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// A key set with one key, and a token that it vouches for, as three decoded segments.
    fn issue() -> (KeySet, [Vec<u8>; 3]) {
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key = json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) });
        let keys = KeySet::read(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
        let header = json!({ "alg": "ES256", "typ": "JWT" }).to_string();
        let claims = json!({
            "iss": "https://provider.example", "sub": "alice", "aud": "client", "nonce": "nonce",
            "iat": NOW, "exp": NOW + 600,
        })
        .to_string();
        let (header, claims) = (header.into_bytes(), claims.into_bytes());
        let message = format!("{}.{}", base64url(&header), base64url(&claims));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        (keys, [header, claims, signature.as_ref().to_vec()])
    }

    fn verify(keys: &KeySet, token: &str) -> Result<Map<String, Value>, Error> {
        let secret = Secret::new("nonce");
        let expected = Expected {
            issuer: "https://provider.example",
            issuer_of_tenant: None,
            nonce_rule: NonceRule::Required,
            client_id: "client",
            nonce: &secret,
            access_token: &secret,
            max_age: None,
            leeway: Duration::from_secs(120),
            now: NOW,
        };
        let unverified = Unverified::read(token, &[Algorithm::ES256])?;
        let (id, algorithm) = (unverified.key_id.clone(), unverified.algorithm);
        unverified.verify(keys.fitting(id.as_deref(), algorithm), &expected)
    }

    fn written(segments: &[Vec<u8>; 3]) -> String {
        segments
            .each_ref()
            .map(|segment| base64url(segment))
            .join(".")
    }

    #[test]
    fn idt_02_no_bit_of_a_token_can_be_changed() {
        let (keys, segments) = issue();
        assert_eq!(verify(&keys, &written(&segments)).unwrap()["sub"], "alice");

        for segment in 0..3 {
            for bit in 0..segments[segment].len() * 8 {
                let mut changed = segments.clone();
                changed[segment][bit / 8] ^= 1 << (bit % 8);
                let refusal = verify(&keys, &written(&changed)).unwrap_err();
                assert_eq!(refusal.code(), "id_token_refused", "{segment} {bit}");
            }
        }
    }

    #[test]
    fn idt_02_no_character_of_a_token_can_be_changed_or_left_out() {
        let (keys, segments) = issue();
        let token = written(&segments);
        for at in 0..token.len() {
            for other in [b'A', b'_', b'=', b'.', b' ', b'+', 0] {
                let mut changed = token.clone().into_bytes();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert!(verify(&keys, &changed).is_err(), "{at} {other}");
            }
            let shorter = [&token[..at], &token[at + 1..]].concat();
            assert!(verify(&keys, &shorter).is_err(), "without {at}");
            assert!(verify(&keys, &token[..at]).is_err(), "cut at {at}");
        }
    }
}
