//! A private key of the app's own, and the JWTs that it signs.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64_simd::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;

/// What an RSA key signs with, the algorithm that every provider knows first.
const OF_RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::RS384,
    Algorithm::PS384,
    Algorithm::RS512,
    Algorithm::PS512,
];

/// A private key. `Debug` shows nothing of it.
#[derive(Clone)]
pub(crate) struct PrivateKey {
    /// The `kid` of what it signs.
    id: Option<String>,
    /// What it may sign with, the first choice first.
    algorithms: Vec<Algorithm>,
    pair: Arc<Pair>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// Why a text is no key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    Encrypted,
    Public,
    /// Neither a PEM nor a JWK of a kind of key that keycard knows.
    Unreadable,
    /// RSA with fewer than 2048 bits, or more than 8192.
    WrongSize,
}

impl PrivateKey {
    /// The first private key of a PEM (RFC 7468: PKCS#8, SEC 1 or PKCS#1), or a JWK (RFC 7517).
    pub(crate) fn read(text: &str) -> Result<Self, Unusable> {
        if text.trim_start().starts_with('{') {
            let members = serde_json::from_str(text).map_err(|_| Unusable::Unreadable)?;
            return Self::of_jwk(&members);
        }
        Self::of_pem(text)
    }

    fn of_pem(text: &str) -> Result<Self, Unusable> {
        // RFC 1421 §4.6.1.1 has it in a header, PKCS#8 in the label.
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("4,ENCRYPTED") {
            return Err(Unusable::Encrypted);
        }
        // A variable often has no line ends but `\n` in two characters; and lines may be indented.
        let text = text.replace("\\n", "\n");
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let is_private = |(kind, _): &(SectionKind, _)| {
            use SectionKind::{EcPrivateKey, PrivateKey, RsaPrivateKey};
            matches!(kind, EcPrivateKey | PrivateKey | RsaPrivateKey)
        };
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter;
        let private = sections(lines.join("\n").as_bytes())
            .map_while(Result::ok)
            .find(is_private);
        match private {
            Some((_, der)) => Ok(Self::of(None, Pair::of_der(&der)?)),
            None if !text.contains("PRIVATE KEY")
                && (text.contains("BEGIN CERTIFICATE") || text.contains("PUBLIC KEY-----")) =>
            {
                Err(Unusable::Public)
            }
            None => Err(Unusable::Unreadable),
        }
    }

    fn of_jwk(members: &Map<String, Value>) -> Result<Self, Unusable> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if matches!(text("kty"), Some("EC" | "OKP" | "RSA")) && !members.contains_key("d") {
            return Err(Unusable::Public);
        }
        let key = Self::of(text("kid"), Pair::of_jwk(members)?);
        match text("alg") {
            None => Ok(key),
            Some(own) => {
                let own = own.parse().map_err(|_| Unusable::Unreadable)?;
                key.with_algorithm(own).ok_or(Unusable::Unreadable)
            }
        }
    }

    fn of(id: Option<&str>, pair: Pair) -> Self {
        Self {
            id: id.map(str::to_owned),
            algorithms: pair.algorithms().to_vec(),
            pair: Arc::new(pair),
        }
    }

    /// The same key under this `kid`.
    pub(crate) fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// The same key for this algorithm alone, if it is one of its own.
    pub(crate) fn with_algorithm(mut self, algorithm: Algorithm) -> Option<Self> {
        if !self.algorithms.contains(&algorithm) {
            return None;
        }
        self.algorithms = vec![algorithm];
        Some(self)
    }

    /// What it may sign with, the first choice first; at least one.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The claims as a JWT (RFC 7519) that this key has signed with one of its algorithms.
    pub(crate) fn sign(&self, algorithm: Algorithm, claims: &Value) -> Result<String, Unspecified> {
        let mut header = json!({ "alg": algorithm.name(), "typ": "JWT" });
        if let Some(id) = &self.id {
            header["kid"] = id.as_str().into();
        }
        let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let [header, claims] = [&header, claims].map(|part| base64url(part.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let signature = self.pair.sign(algorithm, message.as_bytes())?;
        Ok(format!("{message}.{}", base64url(&signature)))
    }
}

/// The public half tells keys apart.
impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.algorithms == other.algorithms
            && self.pair.public() == other.pair.public()
    }
}

impl Eq for PrivateKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Pair {
    const CURVES: [&EcdsaSigningAlgorithm; 3] = [
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &ECDSA_P384_SHA384_FIXED_SIGNING,
        &ECDSA_P521_SHA512_FIXED_SIGNING,
    ];

    fn of_der(der: &[u8]) -> Result<Self, Unusable> {
        let ecdsa = |curve| EcdsaKeyPair::from_private_key_der(curve, der).ok();
        if let Some(pair) = Self::CURVES.into_iter().find_map(ecdsa) {
            return Ok(Self::Ecdsa(pair));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Ok(Self::Ed25519(pair));
        }
        let rsa = RsaKeyPair::from_pkcs8(der).or_else(|why| match rejection(why) {
            Unusable::WrongSize => Err(why),
            _ => RsaKeyPair::from_der(der),
        });
        rsa.map(Self::Rsa).map_err(rejection)
    }

    /// RFC 7518 §6.2 and §6.3, RFC 8037 §2.
    fn of_jwk(members: &Map<String, Value>) -> Result<Self, Unusable> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let bytes = |name: &str| {
            let decoded = text(name).and_then(|text| URL_SAFE_NO_PAD.decode_to_vec(text).ok());
            decoded.ok_or(Unusable::Unreadable)
        };
        let ecdsa = |curve| {
            let point = [&[4], &*bytes("x")?, &*bytes("y")?].concat();
            EcdsaKeyPair::from_private_key_and_public_key(curve, &bytes("d")?, &point)
                .map(Self::Ecdsa)
                .map_err(rejection)
        };
        match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => ecdsa(Self::CURVES[0]),
            (Some("EC"), Some("P-384")) => ecdsa(Self::CURVES[1]),
            (Some("EC"), Some("P-521")) => ecdsa(Self::CURVES[2]),
            (Some("OKP"), Some("Ed25519")) => {
                Ed25519KeyPair::from_seed_and_public_key(&bytes("d")?, &bytes("x")?)
                    .map(Self::Ed25519)
                    .map_err(rejection)
            }
            (Some("RSA"), _) => {
                let components = KeyPairComponents {
                    public_key: RsaPublicKeyComponents {
                        n: bytes("n")?,
                        e: bytes("e")?,
                    },
                    d: bytes("d")?,
                    p: bytes("p")?,
                    q: bytes("q")?,
                    dP: bytes("dp")?,
                    dQ: bytes("dq")?,
                    qInv: bytes("qi")?,
                };
                RsaKeyPair::from_components(&components)
                    .map(Self::Rsa)
                    .map_err(rejection)
            }
            _ => Err(Unusable::Unreadable),
        }
    }

    fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Ecdsa(pair) if pair.algorithm() == Self::CURVES[0] => &[Algorithm::ES256],
            Self::Ecdsa(pair) if pair.algorithm() == Self::CURVES[1] => &[Algorithm::ES384],
            Self::Ecdsa(_) => &[Algorithm::ES512],
            Self::Ed25519(_) => &[Algorithm::EdDSA],
            Self::Rsa(_) => OF_RSA,
        }
    }

    fn public(&self) -> &[u8] {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
            Self::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    /// RFC 7518 §3.3 to §3.5, RFC 8037 §3.1.
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        if !self.algorithms().contains(&algorithm) {
            return Err(Unspecified);
        }
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match algorithm {
                    Algorithm::PS256 => &RSA_PSS_SHA256,
                    Algorithm::PS384 => &RSA_PSS_SHA384,
                    Algorithm::PS512 => &RSA_PSS_SHA512,
                    Algorithm::RS384 => &RSA_PKCS1_SHA384,
                    Algorithm::RS512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

fn rejection(why: KeyRejected) -> Unusable {
    match why.description_() {
        "TooLarge" | "TooSmall" => Unusable::WrongSize,
        _ => Unusable::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeySize;

    use super::*;
    use crate::provider::keys::KeySet;

    fn base64url(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// The public half as a key set.
    fn key_set(key: &PrivateKey) -> KeySet {
        let members = match &*key.pair {
            Pair::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = ["P-256", "P-384", "P-521"];
                let curves = Pair::CURVES.iter().zip(crv);
                let (_, crv) = curves
                    .into_iter()
                    .find(|(it, _)| **it == pair.algorithm())
                    .unwrap();
                json!({ "kty": "EC", "crv": crv, "x": base64url(x), "y": base64url(y) })
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
        KeySet::read(json!({ "keys": [members] }).to_string().as_bytes()).unwrap()
    }

    /// A key of each kind.
    fn keys() -> Vec<PrivateKey> {
        let ecdsa = |curve| Pair::Ecdsa(EcdsaKeyPair::generate(curve).unwrap());
        let others = [
            Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        ];
        let pairs = Pair::CURVES.into_iter().map(ecdsa).chain(others);
        pairs
            .map(|pair| PrivateKey::of(Some("mine"), pair))
            .collect()
    }

    #[test]
    fn a_key_signs_by_each_of_its_algorithms_and_by_no_other() {
        let mut signed = Vec::new();
        for key in keys() {
            for algorithm in Algorithm::ALL {
                let jwt = key.sign(algorithm, &json!({ "sub": "me" }));
                assert_eq!(jwt.is_ok(), key.algorithms().contains(&algorithm));
                let Ok(jwt) = jwt else { continue };
                let (message, signature) = jwt.rsplit_once('.').unwrap();
                let keys = key_set(&key);
                let mut fitting = keys.fitting(None, algorithm);
                assert!(fitting.any(|it| it.verifies(algorithm, message.as_bytes(), signature)));
                let bytes = URL_SAFE_NO_PAD.decode_to_vec(message.split('.').next().unwrap());
                let header: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
                let expected = json!({ "alg": algorithm.name(), "kid": "mine", "typ": "JWT" });
                assert_eq!(header, expected);
                signed.push(algorithm);
            }
        }
        // All but HS256, which takes no key of this kind.
        assert_eq!(signed.len(), Algorithm::ALL.len() - 1);
    }

    #[test]
    fn keys_are_told_apart_and_never_shown() {
        let keys = keys();
        for (at, key) in keys.iter().enumerate() {
            for (other_at, other) in keys.iter().enumerate() {
                assert_eq!(key == other, at == other_at);
            }
            assert_ne!(*key, key.clone().with_id("other"));
            assert_eq!(format!("{key:?}"), "[redacted]");
        }
        let rsa = &keys[4];
        let narrow = rsa.clone().with_algorithm(Algorithm::PS256).unwrap();
        assert_ne!(*rsa, narrow);
        assert_eq!(narrow.algorithms(), [Algorithm::PS256]);
        assert_eq!(narrow.with_algorithm(Algorithm::RS256), None);
    }
}
