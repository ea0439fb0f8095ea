//! Providers whose answers another one could pass off as its own (RFC 9700 §4.4): those that come back
//! to one path and do not name themselves there (RFC 9207).

use super::diagnostic::{Mistake, Report};
use super::provider::{MixUp, Protocol, ProviderConfig};
use super::site::Site;
use super::tree::Table;

/// Says of each provider what comes of answers that do not name it, and warns of those that never do.
pub(super) fn judge(
    auth: &Table,
    site: &Site,
    strict: bool,
    providers: &mut [ProviderConfig],
    report: &mut Report,
) {
    let issuers: Vec<_> = providers.iter().map(shared_issuer).collect();
    for (provider, issuer) in providers.iter_mut().zip(&issuers) {
        let is_other = |other: &Option<String>| other.is_some() && other != issuer;
        if issuer.is_none() || !issuers.iter().any(is_other) {
            continue;
        }
        provider.mix_up = match strict {
            true => MixUp::Refused,
            false => MixUp::Possible,
        };
        // Only metadata promises answers that do.
        if !matches!(provider.protocol, Protocol::OpenId(_)) {
            report.warn(mistake(auth, site, provider));
        }
    }
}

/// Who answers at the path that is for all; two registrations at one provider are one.
fn shared_issuer(provider: &ProviderConfig) -> Option<String> {
    // Nobody knows one that the app adds, and it is no other's.
    let own = || format!("own provider {}", provider.name);
    let issuer = provider.expected_issuer().unwrap_or_else(own);
    let is_shared = provider.redirect_uri.is_none() && provider.has_callback();
    is_shared.then(|| issuer.trim_end_matches('/').to_owned())
}

fn mistake(auth: &Table, site: &Site, provider: &ProviderConfig) -> Mistake {
    let name = &provider.name;
    let own = site.redirect_uri_of(name);
    let is_own = matches!(provider.protocol, Protocol::Own(_));
    let whose = if is_own { "its" } else { "OAuth 2" };
    let cure = match auth.subtable(name) {
        Some(_) => format!("add redirect_uri = \"{own}\" to it, and to the provider's console"),
        None if is_own => format!("add [auth.{name}] with redirect_uri = \"{own}\""),
        None => format!("move it to [auth.{name}], and add redirect_uri = \"{own}\" there"),
    };
    Mistake::new(format!(
        "another provider could pass off as its own what `auth.{name}` answers"
    ))
    .at(auth.place_of(name).or_else(|| auth.place()))
    .found(format!(
        "{whose} answers do not say whose they are, and others come back to the same path"
    ))
    .cure(cure)
}
