//! The private key that a client shows itself with, where a section has one.

use super::belonging::missing;
use super::client_kwargs::Kwargs;
use super::diagnostic::{Mistake, Report};
use super::keys::Level;
use super::provider::ClientAuthentication;
use super::tree::Table;
use crate::algorithm::Algorithm;
use crate::private_key::{PrivateKey, Unusable};

const KEY: &str = "private_key";
const ALGORITHM: &str = "token_endpoint_auth_signing_alg";
const METHOD: &str = "token_endpoint_auth_method";

/// Whether the client shows itself with a key, and so may do without a secret.
pub(super) fn stands_for_a_secret(section: &Table) -> bool {
    let tables = ["authorize_params", "client_kwargs"].map(|name| section.subtable(name));
    let named = |table: &Table| {
        let method = table.text(METHOD, &mut Report::default());
        method == Some(ClientAuthentication::PrivateKeyJwt.name())
    };
    section.contains(KEY) || named(section) || tables.into_iter().flatten().any(named)
}

/// Reads `private_key`, and the keys that say more of it.
pub(super) fn read(
    section: &Table,
    strays: &[&Table],
    kwargs: &Kwargs,
    report: &mut Report,
) -> Option<PrivateKey> {
    let algorithm = algorithm(section, report);
    let id = section.string("key_id", report);
    if !section.contains(KEY) {
        if kwargs.authentication == Some(ClientAuthentication::PrivateKeyJwt) {
            let cure = "add private_key = { file = \"/run/secrets/key.pem\" }, a PEM or a JWK whose \
                        public half the provider has";
            report.error(missing(section, KEY, Level::Provider, strays, cure));
        } else {
            let cure = "take the line out, or add private_key";
            for key in ["key_id", ALGORITHM] {
                warn_of_idle(section, key, "there is no private_key", cure, report);
            }
        }
        return None;
    }
    let key = key(section, report)?;
    let key = match id {
        Some(id) if !id.is_empty() => key.with_id(id),
        _ => key,
    };
    // Where what it does take is not there, that is told, and an error.
    let is_there =
        |method| method == ClientAuthentication::None || section.contains("client_secret");
    if let Some(method) = kwargs.authentication
        && method != ClientAuthentication::PrivateKeyJwt
        && is_there(method)
    {
        let why = format!("{METHOD} is {}", method.name());
        warn_of_idle(section, KEY, &why, "take one of the two out", report);
    }
    let Some(algorithm) = algorithm else {
        return Some(key);
    };
    let fitting: Vec<_> = key.algorithms().iter().map(|it| it.name()).collect();
    let cure = format!("write {}, or take the line out", fitting.join(", "));
    let key = key.with_algorithm(algorithm);
    if key.is_none() {
        let found = "the private_key does not sign with it";
        report.error(section.mistake(ALGORITHM).found(found).cure(cure));
    }
    key
}

fn key(section: &Table, report: &mut Report) -> Option<PrivateKey> {
    let text = section.text(KEY, report)?;
    let unusable = match PrivateKey::read(text) {
        Ok(key) => return Some(key),
        Err(unusable) => unusable,
    };
    let (found, cure) = match unusable {
        _ if is_placeholder(text) => (
            "it is not filled in",
            "write the key, or { file = \"/run/secrets/key.pem\" }",
        ),
        Unusable::Encrypted => (
            "it is encrypted",
            "decrypt it, with `openssl pkey -in key.pem -out plain.pem`, and let nobody else read \
             the file",
        ),
        Unusable::Public => (
            "it is a public key",
            "write the private one; the public one is for the provider",
        ),
        Unusable::Unreadable => (
            "it is neither a PEM nor a JWK of a private key",
            "write the text of one, RSA, P-256, P-384, P-521 or Ed25519; one in a file of its own is \
             { file = \"/run/secrets/key.pem\" }",
        ),
        Unusable::WrongSize => (
            "an RSA key has 2048 to 8192 bits",
            "make a new one, and give the provider its public half",
        ),
    };
    report.error(section.mistake(KEY).found(found).cure(cure));
    None
}

/// A key has neither a dot nor the end of a tag in it.
fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with('<') && text.ends_with('>')) || text.contains("...") || text.contains('…')
}

fn algorithm(section: &Table, report: &mut Report) -> Option<Algorithm> {
    let algorithm: Option<Algorithm> = section.string(ALGORITHM, report)?.parse().ok();
    let algorithm = algorithm.filter(|algorithm| !algorithm.is_symmetric());
    if algorithm.is_none() {
        let cure = "write one that fits the private_key, such as PS256, or take the line out";
        report.error(
            section
                .mistake(ALGORITHM)
                .found("it is no algorithm that keycard signs with")
                .cure(cure),
        );
    }
    algorithm
}

pub(super) fn warn_of_idle(section: &Table, key: &str, why: &str, cure: &str, report: &mut Report) {
    if section.contains(key) {
        report.warn(
            Mistake::new(format!("`{}` counts for nothing", section.named(key)))
                .at(section.place_of(key))
                .found(why)
                .cure(cure),
        );
    }
}
