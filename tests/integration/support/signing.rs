//! Keys of every kind that an ID token may be signed with, made for one test.

use aws_lc_rs::encoding::{
    AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, EcPrivateKeyRfc5915Der, Pkcs8V1Der,
    PublicKeyX509Der,
};
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

    /// The private half as people have it: PKCS#8, the PEM that is older than that, if there is one,
    /// and a JWK, in this order.
    pub fn private_texts(&self) -> Vec<String> {
        let whole = match &self.pair {
            Pair::Ecdsa(pair, _) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)
                .unwrap()
                .as_ref()
                .to_vec(),
        };
        let mut texts = vec![pem("PRIVATE KEY", &whole)];
        let mut key = self.jwk();
        match &self.pair {
            Pair::Ecdsa(pair, _) => {
                let private = pair.private_key();
                let sec1: EcPrivateKeyRfc5915Der<'_> = private.as_der().unwrap();
                texts.push(pem("EC PRIVATE KEY", sec1.as_ref()));
                let scalar: EcPrivateKeyBin<'_> = private.as_be_bytes().unwrap();
                key["d"] = json!(base64url(scalar.as_ref()));
            }
            Pair::Ed25519(pair) => {
                let seed: Curve25519SeedBin<'_> = pair.seed().unwrap().as_be_bytes().unwrap();
                key["d"] = json!(base64url(seed.as_ref()));
            }
            Pair::Rsa(_) => {
                // The key is what comes last: in an octet string, and with a head of four bytes.
                let at = whole.windows(2).skip(2).position(|two| two == [0x30, 0x82]);
                let pkcs1 = &whole[at.unwrap() + 2..];
                texts.push(pem("RSA PRIVATE KEY", pkcs1));
                let numbers = integers(&pkcs1[4..]);
                // RFC 8017 §A.1.2: the version, then these, the first two of which are public.
                let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
                for (name, number) in names.iter().zip(&numbers[1..]).skip(2) {
                    key[*name] = json!(base64url(number));
                }
            }
        }
        texts.push(key.to_string());
        texts
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

pub fn pem(label: &str, der: &[u8]) -> String {
    let encoded = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<_> = encoded.as_bytes().chunks(64).collect();
    let lines = lines.join(&b'\n');
    let body = String::from_utf8(lines).unwrap();
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// The integers of a DER sequence, without the zero in front that only says that they are positive.
fn integers(mut der: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let [0x02, length, rest @ ..] = der {
        let (length, rest) = match *length {
            0x82 => (usize::from(rest[0]) << 8 | usize::from(rest[1]), &rest[2..]),
            0x81 => (usize::from(rest[0]), &rest[1..]),
            short => (usize::from(short), rest),
        };
        let number = &rest[..length];
        found.push(number.strip_prefix(&[0]).unwrap_or(number).to_vec());
        der = &rest[length..];
    }
    found
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
