//! One provider's section.

use std::time::Duration;

use url::Url;

use super::address;
use super::belonging::{self, check_copied, missing, required};
use super::client_key;
use super::client_kwargs::{Kwargs, Scopes};
use super::diagnostic::{Mistake, Report};
use super::exposed::{self, ExposedTokens};
use super::facts;
use super::grant;
use super::keys::Level;
use super::network::{CaFiles, Network};
use super::own_callback;
use super::preset::{self, Filled};
use super::protocol;
use super::provider::{
    ClientAuthentication, DEFAULT, Grant, LEEWAY, MixUp, Prompt, Protocol, ProviderConfig,
    ProviderLogout, ResponseMode,
};
use super::signed_secret;
use super::site::{Site, is_loopback};
use super::tree::Table;
use crate::algorithm::Algorithm;
use crate::presets::{Logout, Preset, Refresh, Relaxation};
use crate::secret::Secret;

/// What `[auth]` says for every provider, or one provider for itself.
pub(super) struct Shared {
    pub(super) allow_http: Vec<String>,
    /// `None` is a mistake of its own.
    pub(super) site: Option<Site>,
    pub(super) port: u16,
    pub(super) claims: Option<Vec<String>>,
    provider_logout: bool,
    exposed: ExposedTokens,
    pub(super) leeway: Duration,
    pub(super) timeout: Duration,
    pub(super) network: Network,
}

impl Shared {
    pub(super) fn read(
        auth: &Table,
        allow_http: Vec<String>,
        (site, port): (Option<Site>, u16),
        files: &mut CaFiles<'_>,
        report: &mut Report,
    ) -> Self {
        let none = Self {
            allow_http,
            site,
            port,
            claims: None,
            provider_logout: true,
            exposed: ExposedTokens::default(),
            leeway: LEEWAY,
            timeout: Duration::from_secs(10),
            network: Network::default(),
        };
        none.overridden_by(Some(auth), files, report)
    }

    pub(super) fn overridden_by(
        &self,
        table: Option<&Table>,
        files: &mut CaFiles<'_>,
        report: &mut Report,
    ) -> Self {
        let mut seconds = |key, range, or| {
            let seconds = table.and_then(|table| table.seconds(key, range, report));
            seconds.unwrap_or(or)
        };
        let leeway = seconds("clock_leeway", 0.0..=600.0, self.leeway);
        let timeout = seconds("timeout", 1.0..=60.0, self.timeout);
        let exposed = table.and_then(|table| exposed::read(table, report));
        let claims = table.and_then(|table| table.strings("claims", report));
        let provider_logout = table.and_then(|table| table.boolean("provider_logout", report));
        let network = match table {
            Some(table) => self.network.overridden_by(table, files, report),
            None => self.network.clone(),
        };
        Self {
            allow_http: self.allow_http.clone(),
            site: self.site.clone(),
            port: self.port,
            claims: claims.or_else(|| self.claims.clone()),
            provider_logout: provider_logout.unwrap_or(self.provider_logout),
            exposed: exposed.unwrap_or(self.exposed),
            leeway,
            timeout,
            network,
        }
    }
}

/// Reads the section of the provider `name`; `None` when a mistake in it was reported.
pub(super) fn read(
    auth: &Table,
    name: &str,
    shared: &Shared,
    files: &mut CaFiles<'_>,
    report: &mut Report,
) -> Option<ProviderConfig> {
    let own = auth.subtable(name);
    let section = own.unwrap_or(auth);
    check_name(name, auth, report);
    let mut strays: Vec<&Table> = section.subtable("client_kwargs").into_iter().collect();
    if let Some(own) = own {
        belonging::check(own, Level::Provider, &[], report);
        strays.push(auth);
    }
    let shared = shared.overridden_by(own, files, report);

    let filled = Filled::read(section, name, report);
    let client_id = client_id(section, &strays, report);
    let signs = || {
        let ignored = &mut Report::default();
        let protocol = protocol::read(section, &[], filled.as_ref(), &shared.allow_http, ignored);
        let owner = protocol.and_then(|it| protocol::owner(section, filled.as_ref(), &it));
        owner.and_then(Preset::signed_secret).is_some()
    };
    let client_secret = client_secret(section, &strays, signs, report);
    let protocol = protocol::read(
        section,
        &strays,
        filled.as_ref(),
        &shared.allow_http,
        report,
    );
    let address = protocol.as_ref().and_then(Protocol::address);
    let development = check_development(section, &shared, address, report);
    let client_secret_expires = section.instant("client_secret_expires", report);
    let scopes = match protocol {
        Some(Protocol::OAuth2(_) | Protocol::Own(_)) => Scopes::Any,
        Some(Protocol::OpenId(_)) | None => Scopes::OpenId,
    };
    let kwargs = Kwargs::read(section, scopes, files, report);
    let private_key = client_key::read(section, &strays, &kwargs, report);
    let given_label = section.string("label", report);
    let logout = logout(section, filled.as_ref(), &shared, report);
    let facts = facts::read(section, filled.as_ref(), report);
    let redirect_uri = match (own, &shared.site) {
        (Some(own), Some(site)) => own_callback::read(own, name, site, shared.port, report),
        _ => None,
    };
    let grant = grant::read(section, shared.site.as_ref(), report);
    let (client_id, client_secret, mut protocol) = (client_id?, client_secret?, protocol?);

    let owner = protocol::owner(section, filled.as_ref(), &protocol);
    let mut presets: Vec<_> = filled.iter().map(|it| it.preset).chain(owner).collect();
    presets.dedup_by_key(|preset| preset.name);
    preset::check_parameters(section, &presets, report);
    let (mut parameters, mut demands) = (Vec::new(), Vec::new());
    for preset in &presets {
        let asked = Filled::of(section, preset, &mut Report::default());
        parameters.extend(asked.sent());
        demands.extend(asked.demands(section, report));
    }
    let relaxations = owner.map_or(&[][..], |preset| preset.relaxations);
    if matches!(protocol, Protocol::OAuth2(_)) && !demands.is_empty() {
        report.error(
            Mistake::new(format!(
                "`{}` does not say whose people may log in",
                section.path()
            ))
            .at(section.place())
            .found("it is OAuth 2, and only an ID token tells that")
            .cure("leave out its endpoints, or the keys that let in some people alone"),
        );
    }
    if let Protocol::OpenId(openid) = &mut protocol {
        openid.algorithm = algorithm(section, client_secret.as_ref(), report);
        openid.demands = demands;
        openid.issuer_of_tenant = relaxations.iter().find_map(|it| match it {
            Relaxation::IssuerOfTenant(rule) => Some(rule),
            _ => None,
        });
    }
    let rule = owner.and_then(Preset::signed_secret);
    if rule.is_some() && client_secret.is_some() {
        signed_secret::check_idle(section, report);
    }
    let may_sign = client_secret.is_none()
        && matches!(
            kwargs.authentication,
            None | Some(ClientAuthentication::Post)
        );
    let signed_secret = match (rule.filter(|_| may_sign), owner) {
        (Some(rule), Some(owner)) => {
            let filled = Filled::of(section, owner, &mut Report::default());
            let key = private_key.as_ref();
            signed_secret::read(section, &strays, rule, &filled, key, report)
        }
        _ => {
            check_authentication(section, &kwargs, client_secret.as_ref(), report);
            None
        }
    };
    let response_mode = response_mode(section, relaxations, &shared, report);
    let preset = filled.as_ref().map(|it| it.preset);
    let of_preset = || authentication(preset).filter(|_| client_secret.is_some());
    let authentication = kwargs.authentication.or_else(of_preset);
    let always = preset.map_or(&[][..], |preset| preset.sent);
    parameters.extend(
        always
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    parameters.retain(|(name, _)| !kwargs.parameters.iter().any(|(given, _)| given == name));
    parameters.extend(kwargs.parameters);
    Some(ProviderConfig {
        label: given_label.map_or_else(|| label(name, preset, protocol.address()), str::to_owned),
        name: name.to_owned(),
        client_id,
        client_secret,
        private_key,
        signed_secret,
        redirect_uri,
        mix_up: MixUp::RuledOut,
        grant,
        scopes: scopes_of(kwargs.scopes, preset, &protocol),
        prompt: kwargs.prompt.unwrap_or_else(|| prompt(preset, &protocol)),
        response_mode,
        parameters,
        authentication,
        #[cfg(any(test, feature = "cli"))]
        preset: preset.map(|preset| preset.name),
        facts: facts.with(relaxations),
        // With a password the browser never was there, and has no session to end.
        logout: logout.filter(|_| grant == Grant::Code),
        exposed: shared.exposed,
        refresh: preset.map_or(Refresh::Standard, |preset| preset.refresh),
        relaxations,
        protocol,
        claims: shared.claims,
        leeway: shared.leeway,
        timeout: kwargs.timeout.unwrap_or(shared.timeout),
        network: kwargs.network.or(&shared.network),
        development,
        client_secret_expires,
    })
}

/// How a logout ends the provider's own session, unless the file says that it does not.
fn logout(
    section: &Table,
    filled: Option<&Filled>,
    shared: &Shared,
    report: &mut Report,
) -> Option<ProviderLogout> {
    let keys = &["end_session_endpoint"];
    let endpoint = address::endpoint(section, keys, &shared.allow_http, report);
    let endpoint = endpoint.and_then(|written| Url::parse(&written).ok());
    let style = match filled.map_or(Logout::Standard, |filled| filled.preset.logout) {
        // The section knows a better page.
        Logout::OwnPage { .. } if endpoint.is_some() => Logout::Standard,
        style => style,
    };
    shared
        .provider_logout
        .then_some(ProviderLogout { endpoint, style })
}

/// What is asked for besides `openid`: what the section says, else its preset, else what Streamlit
/// asks every OpenID provider for.
fn scopes_of(
    given: Option<Vec<String>>,
    preset: Option<&Preset>,
    protocol: &Protocol,
) -> Vec<String> {
    let owned = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let mut scopes = given.unwrap_or_else(|| match (preset, protocol) {
        (Some(preset), _) => owned(preset.scopes),
        (None, Protocol::OAuth2(_) | Protocol::Own(_)) => Vec::new(),
        (None, Protocol::OpenId(_)) => owned(&["email", "profile"]),
    });
    if matches!(protocol, Protocol::OpenId(_)) {
        scopes.retain(|scope| scope != "openid");
    }
    scopes
}

/// As Streamlit sends it to every provider; one of OAuth 2 that nobody knows may refuse it.
fn prompt(preset: Option<&Preset>, protocol: &Protocol) -> Prompt {
    match (preset.map(|preset| preset.prompt), protocol) {
        (Some(""), _) | (None, Protocol::OAuth2(_) | Protocol::Own(_)) => Prompt::Unsent,
        (Some("select_account"), _) | (None, Protocol::OpenId(_)) => Prompt::SelectAccount,
        (Some(prompt), _) => Prompt::Value(prompt.to_owned()),
    }
}

/// What the section says, else what its provider's own row does.
fn response_mode(
    section: &Table,
    relaxations: &[Relaxation],
    shared: &Shared,
    report: &mut Report,
) -> ResponseMode {
    const KEY: &str = "response_mode";
    let of_row = match relaxations.contains(&Relaxation::FormPost) {
        true => ResponseMode::FormPost,
        false => ResponseMode::Query,
    };
    let mode = match section.string(KEY, report) {
        None => of_row,
        Some(written) => {
            let mode = ResponseMode::ALL
                .into_iter()
                .find(|it| it.name() == written);
            mode.unwrap_or_else(|| {
                let found = "it is neither form_post nor query";
                let cure = "write the one that the provider answers by, or take the line out";
                report.error(section.mistake(KEY).found(found).cure(cure));
                of_row
            })
        }
    };
    let is_http = shared.site.as_ref().is_some_and(|site| !site.is_https());
    // A cookie that comes along with a POST from another site is SameSite=None, and browsers take
    // that with Secure alone; on http://localhost some do, and some do not.
    if mode == ResponseMode::FormPost && is_http {
        let mistake = Mistake::new(format!("`{}` needs an https redirect_uri", section.path()));
        let place = section.place_of(KEY).or_else(|| section.place());
        report.error(
            mistake
                .at(place)
                .found("it answers by form_post, and the cookie for that is kept with https alone")
                .cure(
                    "write an https redirect_uri: http does not do even on localhost, where a proxy or \
                     a tunnel with a certificate helps",
                ),
        );
    }
    mode
}

fn authentication(preset: Option<&Preset>) -> Option<ClientAuthentication> {
    ClientAuthentication::named(preset?.authentication?)
}

/// One issuer under two metadata addresses would let one provider speak for the other.
pub(super) fn check_issuers(auth: &Table, providers: &[ProviderConfig], report: &mut Report) {
    let issuers: Vec<_> = providers
        .iter()
        .filter_map(|provider| Some((provider, provider.expected_issuer()?)))
        .collect();
    for (at, (provider, issuer)) in issuers.iter().enumerate() {
        for (other, its_issuer) in &issuers[..at] {
            let is_same = issuer.trim_end_matches('/') == its_issuer.trim_end_matches('/');
            if is_same && !provider.protocol.is_with(&other.protocol) {
                report.error(
                    Mistake::new(format!(
                        "`auth.{}` and `auth.{}` have one issuer",
                        other.name, provider.name
                    ))
                    .at(auth.place_of(&provider.name).or_else(|| auth.place()))
                    .cure("give both the same server_metadata_url, or take `issuer` out"),
                );
            }
        }
    }
}

pub(super) fn check_name(name: &str, auth: &Table, report: &mut Report) {
    let outlawed = |c: char| c.is_control() || matches!(c, '/' | '?' | '#' | '%');
    let length = name.chars().count();
    let taken = matches!(name, "client_kwargs" | "login" | "logout");
    if length == 0 || length > 64 || name.contains(outlawed) || taken {
        report.error(
            Mistake::new(format!("`{}` cannot be a provider", auth.named(name)))
                .at(auth.subtable(name).and_then(Table::place))
                .cure(
                    "give it another name: 1 to 64 characters without / ? # %, and neither login \
                     nor logout",
                ),
        );
    }
}

fn client_id(section: &Table, strays: &[&Table], report: &mut Report) -> Option<String> {
    let client_id = required(section, "client_id", strays, report)?;
    check_copied(section, "client_id", client_id, report);
    Some(client_id.to_owned())
}

/// The inner `None` is a public client.
#[expect(
    clippy::option_option,
    reason = "the outer one is a mistake that was reported"
)]
fn client_secret(
    section: &Table,
    strays: &[&Table],
    signs: impl FnOnce() -> bool,
    report: &mut Report,
) -> Option<Option<Secret>> {
    let key = "client_secret";
    if !section.contains(key) && (client_key::stands_for_a_secret(section) || signs()) {
        return Some(None);
    }
    if !section.contains(key) {
        let cure = "add client_secret = \"…\", as the provider's console shows it; \
                    client_secret = \"\" is a public client, which has none";
        report.error(missing(section, key, Level::Provider, strays, cure));
        return None;
    }
    let value = section.string(key, report)?;
    if !value.is_empty() && value.trim().is_empty() {
        let cure = "copy it from the provider's console";
        report.error(section.mistake(key).found("it is blank").cure(cure));
        return None;
    }
    check_copied(section, key, value, report);
    Some((!value.is_empty()).then(|| Secret::new(value)))
}

/// A development provider lets anybody be anybody: it is for the machine itself alone.
fn check_development(
    section: &Table,
    shared: &Shared,
    address: Option<&Url>,
    report: &mut Report,
) -> bool {
    if section.boolean("development", report) != Some(true) {
        return false;
    }
    let mistake = |found: &str, cure: &str| section.mistake("development").found(found).cure(cure);
    if !shared.site.as_ref().is_some_and(Site::is_loopback) {
        report.error(mistake(
            "a development provider behind an address that others can reach",
            "it lets anybody be anybody: take the section out, or use a redirect_uri on localhost",
        ));
    } else if !address.is_none_or(is_loopback) {
        report.error(mistake(
            "the provider is not on this machine",
            "take the line out: it is for keycard's own development provider",
        ));
    }
    true
}

fn algorithm(
    section: &Table,
    client_secret: Option<&Secret>,
    report: &mut Report,
) -> Option<Algorithm> {
    let key = "id_token_signed_response_alg";
    let written = section.string(key, report)?;
    let refuse = |found: &str, cure: &str| section.mistake(key).found(found).cure(cure);
    match written.parse() {
        Err(_) => {
            let cure = "write the one that the provider signs with, such as RS256 or ES256";
            report.error(refuse("it is no algorithm that keycard verifies", cure));
            None
        }
        // RFC 7518 §3.2: the key of HS256 has at least the size of the hash.
        Ok(Algorithm::HS256) if client_secret.is_none_or(|secret| secret.expose().len() < 32) => {
            let cure = "let the provider sign with RS256, or give it a longer client_secret";
            report.error(refuse(
                "HS256 needs a client_secret of 32 bytes or more",
                cure,
            ));
            None
        }
        Ok(algorithm) => Some(algorithm),
    }
}

/// A client without a secret has none to show.
fn check_authentication(
    section: &Table,
    kwargs: &Kwargs,
    client_secret: Option<&Secret>,
    report: &mut Report,
) {
    let shows_secret = matches!(
        kwargs.authentication,
        Some(ClientAuthentication::Basic | ClientAuthentication::Post)
    );
    if shows_secret && client_secret.is_none() && !section.contains("client_secret") {
        let cure = "add client_secret = \"…\", or take token_endpoint_auth_method out: private_key needs \
                    none";
        report.error(missing(
            section,
            "client_secret",
            Level::Provider,
            &[],
            cure,
        ));
    } else if shows_secret && client_secret.is_none() {
        report.error(
            section
                .mistake("client_secret")
                .found("it is empty, and token_endpoint_auth_method needs one")
                .cure("copy it from the provider's console, or take that line out"),
        );
    }
}

/// A preset's own, for the section that has its name: there may be others of the same provider.
fn label(name: &str, preset: Option<&Preset>, address: Option<&Url>) -> String {
    match preset {
        Some(preset) if preset.is_called(name) => preset.label.to_owned(),
        _ => match address.and_then(Url::host_str) {
            Some(host) if name == DEFAULT => host.to_owned(),
            _ => name.to_owned(),
        },
    }
}
