//! The keys that sign the tokens, and the key set that the provider publishes.

use std::fmt;

use aws_lc_rs::{
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64_simd::URL_SAFE_NO_PAD;
use rand::{TryRng, rngs::SysRng};
use serde_json::{Value, json};

/// The algorithm that the provider signs its tokens with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlg {
    /// ECDSA on P-256 with SHA-256: the quickest to start.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits: what every provider must offer.
    #[default]
    Rs256,
}

impl SigningAlg {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// The key in force, and one that nobody publishes.
pub(super) struct Keys {
    pub(super) current: SigningKey,
    pub(super) stranger: Option<SigningKey>,
}

/// A private key with its `kid`.
pub(super) struct SigningKey {
    id: String,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    pub(super) fn generate(alg: SigningAlg) -> Result<Self, Unspecified> {
        let pair = match alg {
            SigningAlg::Es256 => {
                Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)
            }
            SigningAlg::Rs256 => Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048)?),
        };
        let id = random_text(9);
        Ok(Self { id, pair })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The key set with this key's public half in it.
    pub(super) fn key_set(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Es256(pair) => {
                // SEC 1 §2.3.3: 0x04, then x and y, 32 bytes each on P-256.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) })
            }
            Pair::Rs256(pair) => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": base64url(public.modulus().big_endian_without_leading_zero()),
                    "e": base64url(public.exponent().big_endian_without_leading_zero()),
                })
            }
        };
        key["kid"] = json!(self.id);
        key["use"] = json!("sig");
        key["alg"] = json!(self.alg().name());
        json!({ "keys": [key] })
    }

    /// The header that goes with an honest signature of this key.
    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.alg().name(), "kid": self.id, "typ": "JWT" })
    }

    /// The compact JWS over exactly these two documents.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let header = base64url(header.to_string().as_bytes());
        let claims = base64url(claims.to_string().as_bytes());
        let message = format!("{header}.{claims}");
        let signature = base64url(&self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    #[expect(
        clippy::expect_used,
        reason = "a good key pair signs any message, memory permitting"
    )]
    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair.sign(&random, message);
                signature.expect("an ECDSA key signs").as_ref().to_vec()
            }
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("an RSA key signs into a buffer of its modulus' length");
                signature
            }
        }
    }

    fn alg(&self) -> SigningAlg {
        match self.pair {
            Pair::Es256(_) => SigningAlg::Es256,
            Pair::Rs256(_) => SigningAlg::Rs256,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// This many random bytes as base64url.
#[expect(
    clippy::expect_used,
    reason = "a development machine without randomness is of no use"
)]
pub(super) fn random_text(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SysRng
        .try_fill_bytes(&mut random)
        .expect("the operating system gives randomness");
    base64url(&random)
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
