//! The keys of a provider, made when the process starts, and whoever else signs tokens.

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::json;

use crate::provider::keys::KeySet;

/// Who signs a token, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    EdDSA,
    Es256,
    /// The public key taken for a shared secret (RFC 8725 §2.1).
    HmacOfPublicKey,
    Nobody,
    Ps256,
    Rs256,
}

impl Signer {
    /// The `alg` and the `kid` of a token that is verified with this signer's key.
    pub(super) fn header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::EdDSA => Some(("EdDSA", "ed")),
            Self::Es256 => Some(("ES256", "ec")),
            Self::HmacOfPublicKey | Self::Nobody => None,
            Self::Ps256 => Some(("PS256", "rsa")),
            Self::Rs256 => Some(("RS256", "rsa")),
        }
    }
}

/// One key of each kind, and the key set that they are published in.
pub(super) struct Keys {
    pub(super) published: KeySet,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    rsa: RsaKeyPair,
}

impl Keys {
    pub(super) fn of_this_process() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(|| {
            let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
            let generated = "the operating system gives randomness";
            let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect(generated);
            let ed = Ed25519KeyPair::generate().expect(generated);
            let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect(generated);
            Self {
                published: publish(&ec, &ed, &rsa),
                ec,
                ed,
                rsa,
            }
        })
    }

    pub(super) fn sign(&self, signer: Signer, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa
                .sign(encoding, &random, message, &mut signature)
                .expect("a good key signs");
            signature
        };
        match signer {
            Signer::EdDSA => self.ed.sign(message).as_ref().to_vec(),
            Signer::Es256 => {
                let signature = self.ec.sign(&random, message).expect("a good key signs");
                signature.as_ref().to_vec()
            }
            Signer::HmacOfPublicKey => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.rsa.public_key().as_ref());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Signer::Nobody => Vec::new(),
            Signer::Ps256 => rsa(&RSA_PSS_SHA256),
            Signer::Rs256 => rsa(&RSA_PKCS1_SHA256),
        }
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}

fn publish(ec: &EcdsaKeyPair, ed: &Ed25519KeyPair, rsa: &RsaKeyPair) -> KeySet {
    // SEC 1 §2.3.3: 0x04, then x and y, 32 bytes each on P-256.
    let (x, y) = ec.public_key().as_ref()[1..].split_at(32);
    let keys = json!({ "keys": [
        { "kty": "EC", "kid": "ec", "crv": "P-256", "x": base64url(x), "y": base64url(y) },
        { "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": base64url(ed.public_key()) },
        {
            "kty": "RSA",
            "kid": "rsa",
            "n": base64url(rsa.public_key().modulus().big_endian_without_leading_zero()),
            "e": base64url(rsa.public_key().exponent().big_endian_without_leading_zero()),
        },
    ] });
    KeySet::read(keys.to_string().as_bytes()).expect("a key set")
}
