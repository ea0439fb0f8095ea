//! A client secret that the app signs itself, where the provider's row says that it takes such.

use super::belonging::missing;
use super::client_key::warn_of_idle;
use super::diagnostic::Report;
use super::keys::Level;
use super::preset::Filled;
use super::provider::SignedSecret;
use super::tree::Table;
use crate::presets;
use crate::private_key::PrivateKey;

/// What it is signed with and as whom, or what the section lacks for that.
pub(super) fn read(
    section: &Table,
    strays: &[&Table],
    rule: &presets::SignedSecret,
    filled: &Filled,
    private_key: Option<&PrivateKey>,
    report: &mut Report,
) -> Option<SignedSecret> {
    for (key, cure) in [
        (
            "private_key",
            "add private_key = { file = \"/run/secrets/key.p8\" }, as the provider gave it to you: it \
             signs the client secret",
        ),
        (
            "key_id",
            "add key_id = \"…\", the name that the provider has for the private_key",
        ),
    ] {
        if !section.contains(key) {
            report.error(missing(section, key, Level::Provider, strays, cure));
        }
    }
    let signer = filled.value(rule.signer);
    if signer.is_none() && !section.contains(rule.signer) {
        let parameters = filled.preset.parameters.iter();
        let mut example = parameters.filter(|it| it.name == rule.signer);
        let example = example.next().map_or("…", |it| it.example);
        let cure = format!("add {} = \"{example}\"", rule.signer);
        report.error(missing(section, rule.signer, Level::Provider, strays, cure));
    }
    let key = private_key?.clone().with_algorithm(rule.algorithm);
    if key.is_none() {
        let found = format!("it does not sign with {}", rule.algorithm.name());
        let cure = "write the key that the provider gave to you";
        report.error(section.mistake("private_key").found(found).cure(cure));
    }
    Some(SignedSecret {
        key: key?,
        signer: signer?.to_owned(),
        audience: rule.audience,
    })
}

/// Warns about a key that signs no secret, since there is one already.
pub(super) fn check_idle(section: &Table, report: &mut Report) {
    let (why, cure) = ("there is a client_secret", "take one of the two out");
    warn_of_idle(section, "private_key", why, cure, report);
}
