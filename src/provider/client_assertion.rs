//! The client assertion: a JWT that says who the client is, in the place of a secret (OpenID Connect
//! Core §9, RFC 7523).

use serde_json::json;

use crate::error::{Error, Kind};
use crate::private_key::PrivateKey;
use crate::random;
use crate::secret::Secret;

/// The `client_assertion_type` that goes with it (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long one counts, in seconds: it is sent at once.
const LIFE: i64 = 60;

/// An assertion for one request to the provider of this issuer, at this time in seconds since 1970.
/// `known` are the algorithms that the provider names, if it names any.
pub(super) fn client_assertion(
    key: &PrivateKey,
    client_id: &str,
    issuer: &str,
    known: Option<&[String]>,
    now: i64,
) -> Result<Secret, Error> {
    let knows = |name: &str| known.is_some_and(|known| known.iter().any(|known| known == name));
    let algorithms = key.algorithms();
    let common = algorithms.iter().find(|it| knows(it.name()));
    let algorithm = *common.unwrap_or(&algorithms[0]);
    let id = base64_simd::URL_SAFE_NO_PAD.encode_to_string(random::bytes::<16>()?);
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        // The issuer, and nothing else: an assertion that fits two addresses can be played on from
        // one to the other.
        "aud": issuer,
        "jti": id,
        "iat": now,
        "exp": now.saturating_add(LIFE),
    });
    let signed = key.sign(algorithm, &claims).map(Secret::new);
    signed.map_err(|_| {
        let what = "the client assertion, which its private_key does not sign";
        Kind::AnswerUnwritable { what }.into()
    })
}
