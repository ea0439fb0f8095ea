//! The providers that keycard knows, as data: what a section of theirs leaves out, and what of a
//! login they cannot do.
//!
//! Lowest first: `template` is an address with parts to fill in, `preset` what can be said of a
//! provider, and `rows` says it of each. Nothing else in keycard knows a provider by its name or its
//! host.

#[cfg(test)]
mod made_up;
mod preset;
mod rows;
mod template;

#[cfg(any(test, feature = "cli"))]
pub(crate) use preset::Checked;
pub(crate) use preset::{
    Address, Emails, Facts, IssuerOfTenant, Logout, Parameter, Preset, Refresh, Relaxation,
    SignedSecret, Use, Userinfo,
};
pub(crate) use template::Template;

use self::rows::ROWS;

/// The preset of that name.
pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.is_called(name))
}

/// Every preset, in alphabetical order.
pub(crate) fn all() -> impl Iterator<Item = &'static Preset> {
    let rows = ROWS.iter();
    #[cfg(test)]
    let rows = rows.chain([&made_up::ROW]);
    rows
}

/// Whether sections of some preset have this key.
pub(crate) fn have_parameter(name: &str) -> bool {
    all().any(|preset| preset.parameters.iter().any(|it| it.name == name))
}

/// The preset whose own metadata document stands at `url`, whatever a section is called.
pub(crate) fn with_metadata(url: &str) -> Option<&'static Preset> {
    let url = url.split('?').next().unwrap_or_default();
    all().find(|preset| {
        let mut addresses = preset.addresses.iter();
        addresses.any(|address| match address {
            Address::OpenId { metadata } => metadata.has_host() && metadata.matches(url),
            Address::OAuth2 { .. } => false,
        })
    })
}

/// The preset whose own endpoints of OAuth 2 these are: authorization, token, userinfo.
pub(crate) fn with_endpoints(urls: [&str; 3]) -> Option<&'static Preset> {
    all().find(|preset| {
        let mut addresses = preset.addresses.iter();
        addresses.any(|address| match address {
            Address::OAuth2 {
                authorization,
                token,
                userinfo,
                ..
            } => {
                let templates = [authorization, token, userinfo];
                let mut pairs = templates.into_iter().zip(urls);
                pairs.all(|(template, url)| template.has_host() && template.matches(url))
            }
            Address::OpenId { .. } => false,
        })
    })
}

/// Whether this key of some preset says whose people may log in, and is nothing else. Auth0's
/// `organization` is a parameter as well, which whoever sends it by hand may go on sending.
pub(crate) fn restricts(name: &str) -> bool {
    let is_it = |parameter: &Parameter| {
        parameter.name == name
            && match parameter.used {
                Use::Allowed { .. } => true,
                Use::SentAndDemanded { name: sent, .. } => sent != name,
                Use::Address | Use::Fact | Use::Sent { .. } | Use::Signer => false,
            }
    };
    all().any(|preset| preset.parameters.iter().any(is_it))
}
