//! The provider's key set (RFC 7517), parsed key by key: one that nobody can use spoils no other.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    EcdsaVerificationAlgorithm, ParsedPublicKey, UnparsedPublicKey,
};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderMap};
use jsonwebtoken::{Algorithm as Jws, DecodingKey};
use serde_json::{Map, Value};
use url::Url;

use super::cached::Fetched;
use super::http::Http;
use super::json;
use crate::algorithm::Algorithm;
use crate::error::{Endpoint, Error, Kind};
use crate::secret::Secret;

/// The most keys of a set that are looked at.
const MAX: usize = 64;

const SHORTEST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The keys that a provider signs with.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<VerifyingKey>);

/// One key, good for the algorithms that its type, curve and own `alg` allow.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    /// Whose it is, where one key set is for several issuers.
    issuer: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Ed25519(DecodingKey),
    Hmac(DecodingKey),
    P256(DecodingKey),
    P384(DecodingKey),
    P521(Vec<u8>),
    Rsa(DecodingKey),
}

/// Fetches and reads the key set.
pub(super) async fn fetch(http: Http, url: Url, deadline: Duration) -> Fetched<KeySet> {
    let endpoint = Endpoint::Keys;
    let answer = http.get(endpoint, &url, None, deadline).await?;
    if answer.status != StatusCode::OK {
        return Err(Kind::ProviderStatus {
            endpoint,
            status: answer.status.as_u16(),
        }
        .into());
    }
    let keys = KeySet::read(&answer.body)?;
    Ok((keys, fresh_for(&answer.headers)))
}

impl KeySet {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        let invalid = |what: &str| {
            Error::from(Kind::KeysInvalid {
                what: what.to_owned(),
            })
        };
        let members = json::object(body).map_err(invalid)?;
        let Some(keys) = members.get("keys").and_then(Value::as_array) else {
            return Err(invalid("it lacks keys"));
        };
        let keys: Vec<_> = keys
            .iter()
            .take(MAX)
            .filter_map(Value::as_object)
            .filter_map(VerifyingKey::read)
            .collect();
        if keys.is_empty() {
            return Err(invalid("none of its keys can verify a signature"));
        }
        Ok(Self(keys))
    }

    /// The keys that a token with this header may have been signed with.
    pub(crate) fn fitting<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a VerifyingKey> {
        self.0
            .iter()
            .filter(move |key| id.is_none() || key.id.as_deref() == id)
            .filter(move |key| key.allows(algorithm))
    }

    /// Whether a key of this id is in the set, whatever its kind.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

impl VerifyingKey {
    /// The key of HS256: the bytes of the client secret (OpenID Connect Core §10.1).
    pub(super) fn from_client_secret(secret: &Secret) -> Self {
        let material = Material::Hmac(DecodingKey::from_secret(secret.expose().as_bytes()));
        Self {
            id: None,
            algorithm: Some(Algorithm::HS256),
            issuer: None,
            material,
        }
    }

    /// `None` for a key that is not for verifying, or not one that keycard knows.
    fn read(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).map(Value::as_str);
        if text("use").is_some_and(|purpose| purpose != Some("sig")) {
            return None;
        }
        if let Some(operations) = members.get("key_ops") {
            operations
                .as_array()?
                .iter()
                .find(|operation| **operation == "verify")?;
        }
        // A private key in a public document is nobody's any more.
        if members.contains_key("d") || members.contains_key("k") {
            return None;
        }
        let algorithm = match text("alg") {
            Some(name) => Some(name?.parse().ok()?),
            None => None,
        };
        let id = match text("kid") {
            Some(id) => Some(id?.to_owned()),
            None => None,
        };
        let bytes = |name: &str| {
            base64_simd::URL_SAFE_NO_PAD
                .decode_to_vec(text(name)??)
                .ok()
        };
        let material = match (text("kty")??, text("crv").flatten()) {
            ("RSA", _) => rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some("P-256")) => Material::P256(DecodingKey::from_ec_der(&point(
                &bytes("x")?,
                &bytes("y")?,
                32,
                &ECDSA_P256_SHA256_FIXED,
            )?)),
            ("EC", Some("P-384")) => Material::P384(DecodingKey::from_ec_der(&point(
                &bytes("x")?,
                &bytes("y")?,
                48,
                &ECDSA_P384_SHA384_FIXED,
            )?)),
            ("EC", Some("P-521")) => Material::P521(point(
                &bytes("x")?,
                &bytes("y")?,
                66,
                &ECDSA_P521_SHA512_FIXED,
            )?),
            ("OKP", Some("Ed25519")) => ed25519(&bytes("x")?)?,
            _ => return None,
        };
        let issuer = match text("issuer") {
            Some(issuer) => Some(issuer?.to_owned()),
            None => None,
        };
        Some(Self {
            id,
            algorithm,
            issuer,
            material,
        })
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.jws(algorithm).is_some()
    }

    /// The algorithm in jsonwebtoken's words, if the key is of its kind; the outer `None` is a key
    /// of another kind, the inner one P-521, which jsonwebtoken does not know.
    #[expect(clippy::option_option, reason = "two different absences")]
    fn jws(&self, algorithm: Algorithm) -> Option<Option<Jws>> {
        match (&self.material, algorithm) {
            (Material::Ed25519(_), Algorithm::EdDSA) => Some(Some(Jws::EdDSA)),
            (Material::Hmac(_), Algorithm::HS256) => Some(Some(Jws::HS256)),
            (Material::P256(_), Algorithm::ES256) => Some(Some(Jws::ES256)),
            (Material::P384(_), Algorithm::ES384) => Some(Some(Jws::ES384)),
            (Material::P521(_), Algorithm::ES512) => Some(None),
            (Material::Rsa(_), Algorithm::PS256) => Some(Some(Jws::PS256)),
            (Material::Rsa(_), Algorithm::PS384) => Some(Some(Jws::PS384)),
            (Material::Rsa(_), Algorithm::PS512) => Some(Some(Jws::PS512)),
            (Material::Rsa(_), Algorithm::RS256) => Some(Some(Jws::RS256)),
            (Material::Rsa(_), Algorithm::RS384) => Some(Some(Jws::RS384)),
            (Material::Rsa(_), Algorithm::RS512) => Some(Some(Jws::RS512)),
            _ => None,
        }
    }

    /// Whether this key made `signature` (base64url) over `message` with `algorithm`.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        match (&self.material, self.jws(algorithm)) {
            (Material::P521(point), Some(None)) => {
                let Ok(signature) = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(signature) else {
                    return false;
                };
                UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point)
                    .verify(message, &signature)
                    .is_ok()
            }
            (
                Material::Ed25519(key)
                | Material::Hmac(key)
                | Material::P256(key)
                | Material::P384(key)
                | Material::Rsa(key),
                Some(Some(jws)),
            ) => jsonwebtoken::crypto::verify(signature, message, key, jws).unwrap_or(false),
            _ => false,
        }
    }
}

/// 2048 to 8192 bits (RFC 7518 §3.3; beyond, one signature would cost seconds), and an exponent
/// that makes a signature cost something to forge.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Material> {
    // Some libraries write a zero in front (RFC 7518 §6.3.1.1), which verifies nothing.
    let first = |bytes: &[u8]| bytes.iter().position(|byte| *byte != 0);
    let modulus = &modulus[first(modulus)?..];
    let exponent = &exponent[first(exponent)?..];
    let bits = |bytes: &[u8]| bytes.len() * 8 - bytes[0].leading_zeros() as usize;
    let odd = exponent.last()? % 2 == 1;
    if !(2048..=8192).contains(&bits(modulus)) || !odd || !(2..=33).contains(&bits(exponent)) {
        return None;
    }
    Some(Material::Rsa(DecodingKey::from_rsa_raw_components(
        modulus, exponent,
    )))
}

/// A point that is on its curve (RFC 8725 §3.4), uncompressed.
fn point(
    x: &[u8],
    y: &[u8],
    length: usize,
    curve: &'static EcdsaVerificationAlgorithm,
) -> Option<Vec<u8>> {
    if x.len() != length || y.len() != length {
        return None;
    }
    let point = [&[4], x, y].concat();
    ParsedPublicKey::new(curve, &point).ok()?;
    Some(point)
}

fn ed25519(x: &[u8]) -> Option<Material> {
    let mut y: [u8; 32] = x.try_into().ok()?;
    // The sign of the other coordinate does not change the order.
    y[31] &= 0x7f;
    if SMALL_ORDER.contains(&y) {
        return None;
    }
    Some(Material::Ed25519(DecodingKey::from_ed_der(x)))
}

/// The points of Ed25519 that are of order 8 or less, in each of their encodings: under such a key
/// a signature is easily made that fits many messages (RFC 8032 §5.1).
const SMALL_ORDER: [[u8; 32]; 7] = {
    const fn around(first: u8, middle: u8, last: u8) -> [u8; 32] {
        let mut bytes = [middle; 32];
        bytes[0] = first;
        bytes[31] = last;
        bytes
    }
    [
        around(0, 0, 0),
        around(1, 0, 0),
        around(0xec, 0xff, 0x7f),
        around(0xed, 0xff, 0x7f),
        around(0xee, 0xff, 0x7f),
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};

/// What Cache-Control says (RFC 9111 §5.2.2), within five minutes and an hour.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let directives: Vec<_> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    if directives
        .iter()
        .any(|directive| matches!(directive.as_str(), "no-cache" | "no-store"))
    {
        return SHORTEST;
    }
    let max_age = directives
        .iter()
        .find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok());
    max_age
        .map_or(LONGEST, Duration::from_secs)
        .clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;

    fn key(members: &Value) -> Option<VerifyingKey> {
        VerifyingKey::read(members.as_object().unwrap())
    }

    fn base64url(bytes: &[u8]) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<VerifyingKey> {
        key(&json!({ "kty": "RSA", "n": base64url(modulus), "e": base64url(exponent) }))
    }

    /// An odd number of this many bits.
    fn odd(bits: usize) -> Vec<u8> {
        let mut number = vec![0x5b; bits.div_ceil(8)];
        let top = (bits - 1) % 8;
        number[0] = number[0] & ((1 << top) - 1) | 1 << top;
        number
    }

    #[test]
    fn idt_27_an_rsa_key_has_2048_to_8192_bits_and_an_honest_exponent() {
        for (bits, taken) in [
            (8, false),
            (1024, false),
            (2047, false),
            (2048, true),
            (8192, true),
            (8193, false),
            (16_384, false),
        ] {
            let is_taken = |zeros: usize| {
                let modulus = [vec![0; zeros], odd(bits)].concat();
                rsa_key(&modulus, &[1, 0, 1]).is_some()
            };
            assert_eq!((is_taken(0), is_taken(3)), (taken, taken), "{bits} bits");
        }
        for (exponent, taken) in [
            (&[][..], false),
            (&[0], false),
            (&[1], false),
            (&[0, 0, 1], false),
            (&[2], false),
            (&[1, 0, 0], false),
            (&[3], true),
            (&[1, 0, 1], true),
            (&[0, 1, 0, 1], true),
            (&[1, 0, 0, 0, 1], true),
            (&[3, 0, 0, 0, 1], false),
            (&[1; 64], false),
        ] {
            assert_eq!(
                rsa_key(&odd(2048), exponent).is_some(),
                taken,
                "{exponent:?}"
            );
        }
        assert!(rsa_key(&[], &[1, 0, 1]).is_none());
        assert!(rsa_key(&[0; 256], &[1, 0, 1]).is_none());
    }

    #[test]
    fn idt_27_a_modulus_of_16384_bits_costs_nothing() {
        let modulus = odd(16_384);
        // The best of a few: other tests run at the same time.
        let best = (0..20).map(|_| {
            let began = Instant::now();
            assert!(rsa_key(&modulus, &[1, 0, 1]).is_none());
            began.elapsed()
        });
        assert!(best.min().unwrap() < Duration::from_millis(10));
    }

    #[test]
    fn idt_26_no_encoding_of_a_point_of_small_order_is_a_key() {
        let okp = |x: &[u8]| json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(x) });
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut x = y;
                x[31] |= sign;
                assert!(key(&okp(&x)).is_none(), "{x:?}");
            }
        }
        // The base point is of large order.
        let mut base = [0x66; 32];
        base[0] = 0x58;
        assert!(key(&okp(&base)).is_some());
    }

    #[test]
    fn jwk_08_no_set_of_members_panics() {
        let values = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1e300),
            json!(""),
            json!("A"),
            json!("AA"),
            json!("AQAB"),
            json!("\0"),
            json!("x".repeat(100_000)),
            json!([]),
            json!({}),
        ];
        for kty in ["RSA", "EC", "OKP", "oct"] {
            for crv in ["P-256", "P-384", "P-521", "Ed25519"] {
                for first in &values {
                    for second in &values {
                        let members = json!({
                            "kty": kty, "crv": crv,
                            "n": first, "e": second, "x": first, "y": second,
                        });
                        assert!(key(&members).is_none(), "{kty} {crv}");
                    }
                }
            }
        }
    }
}
