//! The keys that a provider publishes.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;
use crate::provider::keys::KeySet;

/// The most keys of a set that are looked at.
const MAX: usize = 64;

const ASYMMETRIC: [Algorithm; 10] = [
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

/// Reads the input as a key set, and each key of it as a set of its own.
pub fn key_set(input: &[u8]) -> bool {
    let Ok(set) = KeySet::read(input) else {
        return false;
    };
    let document: Map<String, Value> = serde_json::from_slice(input).expect("a key set");
    let written = document["keys"].as_array().expect("keys");
    let mut fitting_alone = [0; ASYMMETRIC.len()];
    for key in written.iter().take(MAX) {
        let alone = json!({ "keys": [key] }).to_string();
        let Ok(alone) = KeySet::read(alone.as_bytes()) else {
            continue;
        };
        for (algorithm, count) in ASYMMETRIC.iter().zip(&mut fitting_alone) {
            *count += alone.fitting(None, *algorithm).count();
        }
        let key = key.as_object().expect("a key");
        check(key);
        check_fitting(&alone, key);
    }
    // One that nobody can use spoils no other, and none is looked at beyond the most.
    for (algorithm, alone) in ASYMMETRIC.iter().zip(fitting_alone) {
        assert_eq!(set.fitting(None, *algorithm).count(), alone, "{algorithm}");
    }
    true
}

/// What a key that was taken says of itself.
fn check(key: &Map<String, Value>) {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let length = |name: &str| bytes(key, name).len();
    assert!(!key.contains_key("d") && !key.contains_key("k"), "a secret");
    assert!(key.get("use").is_none_or(|purpose| purpose == "sig"));
    let verifies = |operations: &Value| {
        let operations = operations.as_array().expect("operations");
        operations.iter().any(|operation| operation == "verify")
    };
    assert!(key.get("key_ops").is_none_or(verifies));
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let bits = bits(&bytes(key, "n"));
            assert!((2048..=8192).contains(&bits), "{bits} bits");
            let exponent = bytes(key, "e");
            assert!((2..=33).contains(&self::bits(&exponent)));
            assert!(exponent.last().is_some_and(|last| last % 2 == 1));
        }
        (Some("EC"), Some("P-256")) => assert_eq!((length("x"), length("y")), (32, 32)),
        (Some("EC"), Some("P-384")) => assert_eq!((length("x"), length("y")), (48, 48)),
        (Some("EC"), Some("P-521")) => assert_eq!((length("x"), length("y")), (66, 66)),
        (Some("OKP"), Some("Ed25519")) => assert_eq!(length("x"), 32),
        other => panic!("a key of {other:?} is taken"),
    }
}

/// What a key that was taken is used for, and that no signature of zeros passes it.
fn check_fitting(set: &KeySet, key: &Map<String, Value>) {
    let id = key.get("kid").map(|id| id.as_str().expect("a kid"));
    assert!(id.is_none_or(|id| set.knows(id)));
    assert_eq!(set.fitting(None, Algorithm::HS256).count(), 0, "a secret");
    for algorithm in ASYMMETRIC {
        let Some(fitting) = set.fitting(id, algorithm).next() else {
            continue;
        };
        let kty = match algorithm.name().split_at(2).0 {
            "RS" | "PS" => "RSA",
            "ES" => "EC",
            _ => "OKP",
        };
        assert_eq!(key["kty"], kty, "{algorithm}");
        assert!(key.get("alg").is_none_or(|own| own == algorithm.name()));
        let length = match kty {
            "RSA" => bits(&bytes(key, "n")).div_ceil(8),
            "EC" => bytes(key, "x").len() * 2,
            _ => 64,
        };
        let signature = URL_SAFE_NO_PAD.encode_to_string(vec![0; length]);
        assert!(!fitting.verifies(algorithm, b"message", &signature));
    }
}

fn bytes(key: &Map<String, Value>, name: &str) -> Vec<u8> {
    let text = key[name].as_str().expect("a number");
    URL_SAFE_NO_PAD.decode_to_vec(text).expect("base64url")
}

/// How many bits a number has, zeros in front not counted.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).copied().unwrap_or_default();
    (number.len() - zeros) * 8 - first.leading_zeros() as usize % 8
}
