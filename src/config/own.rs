//! What the settings say of a provider that the app itself adds.

use super::diagnostic::{Mistake, Report};
use super::exposed::ExposedTokens;
use super::facts;
use super::keys::{MARKS, OF_OWN_PROVIDER};
use super::network::CaFiles;
use super::own_callback;
use super::provider::{DEFAULT, Grant, MixUp, Prompt, Protocol, ProviderConfig, ResponseMode};
use super::section::{Shared, check_name};
use super::tree::Table;
use crate::own_provider::Added;
use crate::presets::Refresh;

/// Reads the section of the provider that the app adds, if there is one; `None` when a mistake in
/// it was reported.
pub(super) fn read(
    auth: &Table,
    added: &Added,
    shared: &Shared,
    files: &mut CaFiles<'_>,
    report: &mut Report,
) -> Option<ProviderConfig> {
    let name = added.name.as_str();
    check_name(name, auth, report);
    let section = auth.subtable(name);
    let described = match section {
        Some(section) => section.keys().find(|key| !OF_OWN_PROVIDER.contains(key)),
        // What stands in [auth] itself is of the unnamed provider.
        None if name == DEFAULT => MARKS.iter().copied().find(|key| auth.contains(key)),
        None => None,
    };
    if let Some(key) = described {
        let table = section.unwrap_or(auth);
        let shown = name.escape_debug();
        report.error(
            Mistake::new(format!("`{}` does not belong here", table.named(key)))
                .at(table.place_of(key))
                .found(format!(
                    "the app adds a provider of this name itself, by .provider(\"{shown}\", …)"
                ))
                .cure(format!(
                    "take the line out, or give one of the two another name: the section of such a \
                     provider has {} alone",
                    OF_OWN_PROVIDER.join(", ")
                )),
        );
        return None;
    }
    let shared = shared.overridden_by(section, files, report);
    let nothing = Table::default();
    let own = section.unwrap_or(&nothing);
    let label = own.string("label", report).unwrap_or(name);
    let redirect_uri = match (section, &shared.site) {
        (Some(section), Some(site)) => own_callback::read(section, name, site, shared.port, report),
        _ => None,
    };
    Some(ProviderConfig {
        name: name.to_owned(),
        label: label.to_owned(),
        client_id: String::new(),
        client_secret: None,
        private_key: None,
        signed_secret: None,
        redirect_uri,
        mix_up: MixUp::RuledOut,
        response_mode: ResponseMode::Query,
        grant: Grant::Code,
        protocol: Protocol::Own(added.clone()),
        #[cfg(any(test, feature = "cli"))]
        preset: None,
        scopes: Vec::new(),
        prompt: Prompt::Unsent,
        parameters: Vec::new(),
        authentication: None,
        facts: facts::read(own, None, report),
        logout: None,
        exposed: ExposedTokens::default(),
        refresh: Refresh::Unasked,
        relaxations: &[],
        claims: shared.claims,
        leeway: shared.leeway,
        timeout: shared.timeout,
        network: shared.network,
        development: false,
        client_secret_expires: None,
    })
}
