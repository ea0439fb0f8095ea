//! The client's public key, and what has to be signed with its private half for the client to be
//! believed: `private_key_jwt` of OpenID Connect Core §9.

use std::{collections::HashSet, sync::Mutex};

use jsonwebtoken::{Algorithm, DecodingKey, crypto, jwk::Jwk};
use serde_json::{Map, Value};

use super::socket::lock;

/// What the client's assertions are checked with, and those that were accepted.
pub(super) struct ClientKey {
    id: Option<String>,
    key: DecodingKey,
    spent: Mutex<HashSet<String>>,
}

impl ClientKey {
    /// `None` for what is no public key of RSA, P-256, P-384 or Ed25519.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        let is_private = jwk.get("d").is_some() || jwk.get("k").is_some();
        let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (!is_private).then_some(Self {
            id: jwk.common.key_id,
            key,
            spent: Mutex::default(),
        })
    }

    /// What the metadata says of `token_endpoint_auth_signing_alg_values_supported`.
    pub(super) fn algorithms(&self) -> Vec<&'static str> {
        let known = ALGORITHMS.iter();
        let fitting = known.filter(|(_, algorithm)| algorithm.family() == self.key.family());
        fitting.map(|(name, _)| *name).collect()
    }

    /// Whether this assertion is this client's, for this issuer, and new; or what is wrong with it.
    pub(super) fn check(
        &self,
        assertion: &str,
        client_id: &str,
        issuer: &str,
        now: i64,
    ) -> Result<(), &'static str> {
        // A provider starts without an `Auth`, and another crate may have chosen another library.
        let _ = crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let (message, signature) = assertion.rsplit_once('.').ok_or(NO_JWT)?;
        let (header, claims) = message.split_once('.').ok_or(NO_JWT)?;
        let (header, claims) = (object(header)?, object(claims)?);
        let name = header.get("alg").and_then(Value::as_str);
        let known = ALGORITHMS.iter().find(|(known, _)| Some(*known) == name);
        let (_, algorithm) = known.ok_or("alg is none that is known")?;
        if self.id.is_some() && header.get("kid").and_then(Value::as_str) != self.id.as_deref() {
            return Err("kid is not the registered key's");
        }
        if !crypto::verify(signature, message.as_bytes(), &self.key, *algorithm).unwrap_or(false) {
            return Err("the signature is not the registered key's");
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(client_id) || text("sub") != Some(client_id) {
            return Err("iss and sub are not both the client_id");
        }
        if text("aud") != Some(issuer) {
            return Err("aud is not the issuer alone");
        }
        let exp = claims.get("exp").and_then(Value::as_i64);
        if exp.is_none_or(|exp| exp <= now || exp > now + LONGEST) {
            return Err("exp is not soon, or over");
        }
        let id = text("jti").filter(|id| !id.is_empty());
        let id = id.ok_or("jti is missing")?;
        if !lock(&self.spent).insert(id.to_owned()) {
            return Err("jti was there before");
        }
        Ok(())
    }
}

fn object(part: &str) -> Result<Map<String, Value>, &'static str> {
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part);
    let bytes = bytes.map_err(|_| NO_JWT)?;
    serde_json::from_slice(&bytes).map_err(|_| NO_JWT)
}

const NO_JWT: &str = "client_assertion is no signed JWT";

/// The longest that an assertion may count from now on, in seconds.
const LONGEST: i64 = 600;

const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];
