//! The ID token: its claims, its header, and its signature, each of which a fault may spoil.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    fault::{Fault, merge},
    grants::Grant,
    inner::{ClaimsIn, Inner},
    keys::{base64url, random_text},
    person::shown_claims,
    socket::lock,
};

/// The ID token to go with this access token, or nothing where a fault leaves it out.
pub(super) fn id_token(
    inner: &Inner,
    grant: &Grant,
    nonce: Option<&str>,
    access_token: &str,
) -> Option<String> {
    let fault = inner.fault();
    let mut claims = claims(inner, grant, nonce, access_token);
    let keys = lock(&inner.keys);
    let mut header = keys.current.header();
    let mut key = &keys.current;
    match &fault {
        Some(Fault::NoIdToken) => return None,
        Some(Fault::IdToken(token)) => return Some(token.clone()),
        Some(Fault::IdTokenClaims(patch)) => merge(&mut claims, patch),
        Some(Fault::IdTokenHeader(patch)) => merge(&mut header, patch),
        Some(Fault::SignedByAnotherKey) => key = keys.stranger.as_ref().unwrap_or(key),
        Some(Fault::UnknownKeyId) => header["kid"] = random_text(9).into(),
        _ => {}
    }
    Some(key.sign(&header, &claims))
}

fn claims(inner: &Inner, grant: &Grant, nonce: Option<&str>, access_token: &str) -> Value {
    let now = inner.now();
    let shown = match inner.claims_in {
        ClaimsIn::IdTokenAndUserinfo => shown_claims(&grant.claims, &grant.scopes),
        ClaimsIn::Userinfo => Default::default(),
    };
    let mut claims = Value::Object(shown);
    merge(
        &mut claims,
        &json!({
            "iss": inner.issuer,
            "sub": grant.claims.get("sub"),
            "aud": inner.client_id,
            "iat": now,
            "exp": now + LIFETIME,
            "auth_time": grant.auth_time,
            "nonce": nonce,
            // OIDC Core §3.1.3.6: the left half of the hash that the alg names, SHA-256 for both.
            "at_hash": base64url(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16]),
        }),
    );
    claims
}

const LIFETIME: i64 = 3600;
