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
        if matches!(provider.protocol, Protocol::OAuth2(_)) {
            report.warn(mistake(auth, site, &provider.name));
        }
    }
}

/// Who answers at the path that is for all; two registrations at one provider are one.
fn shared_issuer(provider: &ProviderConfig) -> Option<String> {
    let issuer = provider.expected_issuer();
    let is_shared = provider.redirect_uri.is_none();
    is_shared.then(|| issuer.trim_end_matches('/').to_owned())
}

fn mistake(auth: &Table, site: &Site, name: &str) -> Mistake {
    let own = site.redirect_uri_of(name);
    let cure = match auth.subtable(name) {
        Some(_) => format!("add redirect_uri = \"{own}\" to it, and to the provider's console"),
        None => format!("move it to [auth.{name}], and add redirect_uri = \"{own}\" there"),
    };
    Mistake::new(format!(
        "another provider could pass off as its own what `auth.{name}` answers"
    ))
    .at(auth.place_of(name).or_else(|| auth.place()))
    .found("OAuth 2 answers do not say whose they are, and others come back to the same path")
    .cure(cure)
}
