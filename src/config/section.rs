//! One provider's section.

use std::time::Duration;

use url::Url;

use super::address::{endpoint, metadata_url};
use super::belonging::{self, check_copied, missing, required};
use super::client_key;
use super::client_kwargs::Kwargs;
use super::diagnostic::{Mistake, Report};
use super::keys::{self, Level};
use super::network::{CaFiles, Network};
use super::provider::{ClientAuthentication, DEFAULT, EndpointOverrides, LEEWAY, ProviderConfig};
use super::site::is_loopback;
use super::tree::Table;
use crate::algorithm::Algorithm;
use crate::secret::Secret;

/// What `[auth]` says for every provider, or one provider for itself.
pub(super) struct Shared {
    allow_http: Vec<String>,
    loopback: bool,
    claims: Option<Vec<String>>,
    leeway: Duration,
    timeout: Duration,
    network: Network,
}

impl Shared {
    pub(super) fn read(
        auth: &Table,
        allow_http: Vec<String>,
        loopback: bool,
        files: &mut CaFiles<'_>,
        report: &mut Report,
    ) -> Self {
        let none = Self {
            allow_http,
            loopback,
            claims: None,
            leeway: LEEWAY,
            timeout: Duration::from_secs(10),
            network: Network::default(),
        };
        none.overridden_by(Some(auth), files, report)
    }

    fn overridden_by(
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
        if let Some(table) = table {
            check_exposed_tokens(table, report);
        }
        let claims = table.and_then(|table| table.strings("claims", report));
        let network = match table {
            Some(table) => self.network.overridden_by(table, files, report),
            None => self.network.clone(),
        };
        Self {
            allow_http: self.allow_http.clone(),
            loopback: self.loopback,
            claims: claims.or_else(|| self.claims.clone()),
            leeway,
            timeout,
            network,
        }
    }
}

/// `expose_tokens` is one of three names, a list of them, or false.
fn check_exposed_tokens(table: &Table, report: &mut Report) {
    let key = "expose_tokens";
    if table.brought(key, report).is_none() {
        return;
    }
    let mut ignored = Report::default();
    let known = |name: &String| matches!(name.as_str(), "access" | "id" | "refresh");
    let is_right = match table.boolean(key, &mut ignored) {
        Some(exposed) => !exposed,
        None => table
            .strings(key, &mut ignored)
            .is_some_and(|names| names.iter().all(known)),
    };
    if !is_right {
        report.error(
            table
                .mistake(key)
                .found("it says something else than which tokens")
                .cure("write \"id\", \"access\" or \"refresh\", a list of them, or false"),
        );
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
    check_name(name, section, report);
    let mut strays: Vec<&Table> = section.subtable("client_kwargs").into_iter().collect();
    if let Some(own) = own {
        belonging::check(own, Level::Provider, &[], report);
        strays.push(auth);
    }
    let shared = shared.overridden_by(own, files, report);

    let client_id = client_id(section, &strays, report);
    let client_secret = client_secret(section, &strays, report);
    let metadata_url = if let Some(mistake) = plain_oauth(section) {
        report.error(mistake);
        None
    } else {
        metadata_url(section, &strays, &shared.allow_http, report)
    };
    let development = check_development(section, &shared, metadata_url.as_ref(), report);
    let client_secret_expires = section.instant("client_secret_expires", report);
    let kwargs = Kwargs::read(section, files, report);
    let private_key = client_key::read(section, &strays, &kwargs, report);
    let endpoints = endpoints(section, &shared, report);
    let given_label = section.string("label", report);
    let issuer = section.string("issuer", report);

    let (client_id, client_secret, metadata_url) = (client_id?, client_secret?, metadata_url?);
    check_authentication(section, &kwargs, client_secret.as_ref(), report);
    Some(ProviderConfig {
        label: given_label.map_or_else(|| label(name, &metadata_url), str::to_owned),
        name: name.to_owned(),
        client_id,
        algorithm: algorithm(section, client_secret.as_ref(), report),
        client_secret,
        private_key,
        issuer: issuer.map(str::to_owned),
        endpoints,
        scopes: kwargs.scopes,
        prompt: kwargs.prompt,
        parameters: kwargs.parameters,
        authentication: kwargs.authentication,
        claims: shared.claims,
        leeway: shared.leeway,
        timeout: kwargs.timeout.unwrap_or(shared.timeout),
        network: kwargs.network.or(&shared.network),
        allow_http: shared.allow_http,
        development,
        client_secret_expires,
        metadata_url,
    })
}

/// A section that Authlib takes for OAuth 2 without OpenID Connect.
fn plain_oauth(section: &Table) -> Option<Mistake> {
    let is_misspelt = |key: &str| {
        keys::find(key, Level::Provider).is_none()
            && keys::nearest(key, Level::Provider)
                .is_some_and(|near| near.name == "server_metadata_url")
    };
    if section.contains("server_metadata_url") || section.keys().any(is_misspelt) {
        return None;
    }
    let key = ["authorize_url", "access_token_url", "api_base_url"]
        .into_iter()
        .find(|key| section.contains(key))?;
    Some(
        Mistake::new(format!(
            "`{}` is OAuth 2 without OpenID Connect",
            section.path()
        ))
        .at(section.place_of(key))
        .found(format!("it has {key} and no server_metadata_url"))
        .cure(
            "give its server_metadata_url if it has one; this release of keycard logs nobody \
                 in without (GitHub has none)",
        ),
    )
}

fn endpoints(section: &Table, shared: &Shared, report: &mut Report) -> EndpointOverrides {
    let mut read = |keys: &[&str]| endpoint(section, keys, &shared.allow_http, report);
    EndpointOverrides {
        authorization: read(&["authorization_endpoint", "authorize_url"]),
        token: read(&["token_endpoint", "access_token_url"]),
        userinfo: read(&["userinfo_endpoint"]),
        keys: read(&["jwks_uri"]),
    }
}

/// One issuer under two metadata addresses would let one provider speak for the other.
pub(super) fn check_issuers(auth: &Table, providers: &[ProviderConfig], report: &mut Report) {
    let issuers: Vec<_> = providers
        .iter()
        .map(|provider| (provider, provider.expected_issuer()))
        .collect();
    for (at, (provider, issuer)) in issuers.iter().enumerate() {
        for (other, its_issuer) in &issuers[..at] {
            let apart = provider.metadata_url != other.metadata_url;
            if apart && issuer.trim_end_matches('/') == its_issuer.trim_end_matches('/') {
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

fn check_name(name: &str, section: &Table, report: &mut Report) {
    let outlawed = |c: char| c.is_control() || matches!(c, '/' | '?' | '#' | '%');
    let length = name.chars().count();
    let taken = matches!(name, "login" | "logout");
    if length == 0 || length > 64 || name.contains(outlawed) || taken {
        report.error(
            Mistake::new(format!("`{}` cannot be a provider", section.path()))
                .at(section.place())
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
    report: &mut Report,
) -> Option<Option<Secret>> {
    let key = "client_secret";
    if !section.contains(key) && client_key::stands_for_a_secret(section) {
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
    metadata_url: Option<&Url>,
    report: &mut Report,
) -> bool {
    if section.boolean("development", report) != Some(true) {
        return false;
    }
    let mistake = |found: &str, cure: &str| section.mistake("development").found(found).cure(cure);
    if !shared.loopback {
        report.error(mistake(
            "a development provider behind an address that others can reach",
            "it lets anybody be anybody: take the section out, or use a redirect_uri on localhost",
        ));
    } else if !metadata_url.is_none_or(is_loopback) {
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

fn label(name: &str, metadata_url: &Url) -> String {
    match metadata_url.host_str() {
        Some(host) if name == DEFAULT => host.to_owned(),
        _ => name.to_owned(),
    }
}
