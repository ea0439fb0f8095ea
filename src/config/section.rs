//! One provider's section.

use std::time::Duration;

use url::Url;

use super::client_kwargs::Kwargs;
use super::diagnostic::{Mistake, Report};
use super::keys::{self, Level, MARKS, missing, required};
use super::metadata_url::metadata_url;
use super::provider::{DEFAULT, EndpointOverrides, ProviderConfig};
use super::site::is_loopback;
use super::tree::Table;
use crate::algorithm::Algorithm;
use crate::secret::Secret;

/// What `[auth]` says for every provider.
pub(super) struct Shared {
    allow_http: Vec<String>,
    loopback: bool,
    claims: Option<Vec<String>>,
    leeway: Duration,
    timeout: Duration,
}

impl Shared {
    pub(super) fn read(
        auth: &Table,
        allow_http: Vec<String>,
        loopback: bool,
        report: &mut Report,
    ) -> Self {
        Self {
            allow_http,
            loopback,
            claims: auth.strings("claims", report),
            leeway: auth
                .seconds("clock_leeway", 0.0..=600.0, report)
                .unwrap_or(Duration::from_secs(120)),
            timeout: auth
                .seconds("timeout", 1.0..=60.0, report)
                .unwrap_or(Duration::from_secs(10)),
        }
    }
}

/// The names of the providers in `[auth]`.
pub(super) fn names(auth: &Table) -> Vec<String> {
    let is_provider = |table: &Table| {
        table.keys().any(|key| {
            MARKS.contains(&key) || keys::nearest(key).is_some_and(|near| MARKS.contains(&near))
        })
    };
    let named = auth
        .keys()
        .filter(|key| *key != "client_kwargs" && auth.subtable(key).is_some_and(is_provider))
        .map(str::to_owned);
    let unnamed = MARKS.iter().any(|mark| auth.contains(mark)) && auth.subtable(DEFAULT).is_none();
    named.chain(unnamed.then(|| DEFAULT.to_owned())).collect()
}

/// Reads the section of the provider `name`; `None` when a mistake in it was reported.
pub(super) fn read(
    auth: &Table,
    name: &str,
    shared: &Shared,
    report: &mut Report,
) -> Option<ProviderConfig> {
    let own = auth.subtable(name);
    let section = own.unwrap_or(auth);
    check_name(name, section, report);
    if own.is_some() {
        keys::check(section, Level::Provider, &[], report);
    }

    let client_id = required(section, "client_id", report);
    let client_secret = client_secret(section, report);
    let metadata_url = metadata_url(section, &shared.allow_http, report);
    check_development(section, shared, metadata_url.as_ref(), report);
    let kwargs = Kwargs::read(section, report);

    let (client_id, client_secret, metadata_url) = (client_id?, client_secret?, metadata_url?);
    let algorithm = algorithm(section, client_secret.as_ref(), report);
    Some(ProviderConfig {
        label: section
            .string("label", report)
            .map_or_else(|| label(name, &metadata_url), str::to_owned),
        name: name.to_owned(),
        client_id,
        client_secret,
        issuer: section.string("issuer", report).map(str::to_owned),
        endpoints: EndpointOverrides {
            authorization: section.parameter("authorization_endpoint", report),
            token: section.parameter("token_endpoint", report),
            userinfo: section.parameter("userinfo_endpoint", report),
            keys: section.parameter("jwks_uri", report),
        },
        scopes: kwargs.scopes,
        prompt: kwargs.prompt,
        parameters: kwargs.parameters,
        authentication: kwargs.authentication,
        algorithm,
        claims: match own {
            Some(own) => own
                .strings("claims", report)
                .or_else(|| shared.claims.clone()),
            None => shared.claims.clone(),
        },
        leeway: section
            .seconds("clock_leeway", 0.0..=600.0, report)
            .unwrap_or(shared.leeway),
        timeout: kwargs
            .timeout
            .or_else(|| section.seconds("timeout", 1.0..=60.0, report))
            .unwrap_or(shared.timeout),
        allow_http: shared.allow_http.clone(),
        metadata_url,
    })
}

/// One issuer under two metadata addresses would let one provider speak for the other.
pub(super) fn check_issuers(auth: &Table, providers: &[ProviderConfig], report: &mut Report) {
    let issuer =
        |provider: &ProviderConfig| provider.expected_issuer().trim_end_matches('/').to_owned();
    for (at, provider) in providers.iter().enumerate() {
        for other in &providers[..at] {
            let apart = provider.metadata_url != other.metadata_url;
            if apart && issuer(provider) == issuer(other) {
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

/// The inner `None` is a public client.
#[expect(
    clippy::option_option,
    reason = "the outer one is a mistake that was reported"
)]
fn client_secret(section: &Table, report: &mut Report) -> Option<Option<Secret>> {
    let key = "client_secret";
    if !section.contains(key) {
        let cure = "add client_secret = \"…\", as the provider's console shows it; \
                    client_secret = \"\" is a public client, which has none";
        report.error(missing(section, key, cure));
        return None;
    }
    let value = section.string(key, report)?;
    if !value.is_empty() && value.trim().is_empty() {
        let cure = "copy it from the provider's console";
        report.error(section.mistake(key).found("it is blank").cure(cure));
        return None;
    }
    Some((!value.is_empty()).then(|| Secret::new(value)))
}

/// A development provider lets anybody be anybody: it is for the machine itself alone.
fn check_development(
    section: &Table,
    shared: &Shared,
    metadata_url: Option<&Url>,
    report: &mut Report,
) {
    if section.boolean("development", report) != Some(true) {
        return;
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

fn label(name: &str, metadata_url: &Url) -> String {
    match metadata_url.host_str() {
        Some(host) if name == DEFAULT => host.to_owned(),
        _ => name.to_owned(),
    }
}
