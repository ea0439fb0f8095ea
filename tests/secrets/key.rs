//! Private keys as people have them.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// A new private key of P-256 as a PEM.
pub fn fresh_pem() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let pkcs8 = pair.to_pkcs8v1().unwrap();
    let encoded = base64_simd::STANDARD.encode_to_string(pkcs8.as_ref());
    let (label, (first, more)) = ("PRIVATE KEY", encoded.split_at(64));
    let (second, third) = more.split_at(64);
    format!("-----BEGIN {label}-----\n{first}\n{second}\n{third}\n-----END {label}-----\n")
}

/// The lines of a PEM that nobody may see.
pub fn secret_lines(pem: &str) -> Vec<String> {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    lines.map(str::to_owned).collect()
}
