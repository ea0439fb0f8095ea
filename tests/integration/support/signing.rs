//! Keys of every kind that an ID token may be signed with, made for one test.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

/// A private key with its `kid`, for one algorithm.
pub struct TestKey {
    pub id: String,
    algorithm: &'static str,
    pair: Pair,
}

impl std::fmt::Debug for TestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

enum Pair {
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl TestKey {
    pub fn new(algorithm: &'static str) -> Self {
        let ecdsa = |how: &'static EcdsaSigningAlgorithm, curve| {
            Pair::Ecdsa(EcdsaKeyPair::generate(how).unwrap(), curve)
        };
        let pair = match algorithm {
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            "ES512" => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
            "EdDSA" => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            rsa if rsa_encoding(rsa).is_some() => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
            }
            other => panic!("no key for {other}"),
        };
        Self {
            id: format!("test-{algorithm}"),
            algorithm,
            pair,
        }
    }

    /// The public half, as a key set has it.
    pub fn jwk(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Ecdsa(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
            }
            Pair::Ed25519(pair) => {
                let x = base64url(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
            Pair::Rsa(pair) => json!({
                "kty": "RSA",
                "n": base64url(pair.public_key().modulus().big_endian_without_leading_zero()),
                "e": base64url(pair.public_key().exponent().big_endian_without_leading_zero()),
            }),
        };
        key["kid"] = json!(self.id);
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm);
        key
    }

    /// The header of an honest token.
    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "kid": self.id, "typ": "JWT" })
    }

    /// The public key in DER: as a SubjectPublicKeyInfo, and alone (PKCS #1, or a bare point).
    pub fn public_der(&self) -> [Vec<u8>; 2] {
        let (whole, alone): (PublicKeyX509Der<'_>, &[u8]) = match &self.pair {
            Pair::Ecdsa(pair, _) => {
                let key = pair.public_key();
                (key.as_der().unwrap(), key.as_ref())
            }
            Pair::Ed25519(pair) => {
                let key = pair.public_key();
                (key.as_der().unwrap(), key.as_ref())
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                (key.as_der().unwrap(), key.as_ref())
            }
        };
        [whole.as_ref().to_vec(), alone.to_vec()]
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), claims.to_string())
    }

    /// The compact JWS over exactly these bytes.
    pub fn sign_text(&self, header: &str, payload: impl AsRef<[u8]>) -> String {
        self.sign_encoded(&base64url(header), &base64url(payload))
    }

    /// The compact JWS over segments that are already encoded, or are no base64url at all.
    pub fn sign_encoded(&self, header: &str, payload: &str) -> String {
        let message = format!("{header}.{payload}");
        let signature = base64url(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        self.signature_by(self.algorithm, message)
    }

    /// A signature by another algorithm of the same kind of key, where there are several.
    pub fn signature_by(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair, _) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let how = rsa_encoding(algorithm).unwrap();
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(how, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

fn rsa_encoding(algorithm: &str) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        "RS256" => &RSA_PKCS1_SHA256,
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        _ => return None,
    })
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}
