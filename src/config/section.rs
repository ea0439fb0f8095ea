//! One provider's section.

use std::time::Duration;

use url::Url;

use super::diagnostic::{Mistake, Report};
use super::keys::{self, Level, MARKS};
use super::site::{is_loopback, may_be_http, missing};
use super::tree::{Path, Table};
use crate::algorithm::Algorithm;
use crate::secret::Secret;

/// What the metadata's address ends in (OpenID Connect Discovery §4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The unnamed provider's name.
pub(crate) const DEFAULT: &str = "default";

/// A provider as its section describes it.
#[derive(Clone, Debug)]
pub(crate) struct ProviderConfig {
    pub(crate) name: String,
    /// What a button says.
    pub(crate) label: String,
    pub(crate) client_id: String,
    /// `None` for a public client, which has PKCE alone.
    pub(crate) client_secret: Option<Secret>,
    pub(crate) metadata_url: Url,
    /// The issuer that the section confirms, where it differs from the metadata's address.
    pub(crate) issuer: Option<String>,
    pub(crate) endpoints: EndpointOverrides,
    /// Scopes besides `openid`.
    pub(crate) scopes: Vec<String>,
    pub(crate) prompt: Prompt,
    /// What else is sent to the authorization endpoint.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) authentication: Option<ClientAuthentication>,
    /// The one algorithm that ID tokens may have, where the section names it.
    pub(crate) algorithm: Option<Algorithm>,
    /// The claims that are kept; `None` keeps all.
    pub(crate) claims: Option<Vec<String>>,
    pub(crate) leeway: Duration,
    pub(crate) timeout: Duration,
    pub(crate) allow_http: Vec<String>,
}

impl ProviderConfig {
    /// The issuer that the section confirms, else the one that the metadata's address belongs to
    /// (OpenID Connect Discovery §4.1), without a slash at its end. A query of the address tells
    /// the provider which settings to show, and is no part of the issuer.
    pub(crate) fn expected_issuer(&self) -> String {
        if let Some(confirmed) = &self.issuer {
            return confirmed.clone();
        }
        let mut address = self.metadata_url.clone();
        address.set_query(None);
        let address = address.as_str();
        address
            .strip_suffix(WELL_KNOWN)
            .unwrap_or(address)
            .to_owned()
    }
}

/// Endpoints that the section gives over the metadata's.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointOverrides {
    pub(crate) authorization: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) userinfo: Option<String>,
    pub(crate) keys: Option<String>,
}

/// How the client authenticates at the token endpoint (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    Basic,
    None,
    Post,
}

/// What `prompt` is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// `select_account`, unless the provider's metadata rules it out.
    SelectAccount,
    /// None at all.
    Unsent,
    /// This one.
    Value(String),
}

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
        path: &Path,
        allow_http: Vec<String>,
        loopback: bool,
        report: &mut Report,
    ) -> Self {
        Self {
            allow_http,
            loopback,
            claims: auth.strings("claims", path, report),
            leeway: seconds(auth, "clock_leeway", path, 0.0..=600.0, report)
                .unwrap_or(Duration::from_secs(120)),
            timeout: seconds(auth, "timeout", path, 1.0..=60.0, report)
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
    path: &Path,
    shared: &Shared,
    report: &mut Report,
) -> Option<ProviderConfig> {
    let own = auth.subtable(name);
    let own_path = path.key(name);
    let (section, path) = match own {
        Some(section) => (section, &own_path),
        None => (auth, path),
    };
    check_name(name, section, path, report);
    if own.is_some() {
        keys::check(section, path, Level::Provider, &[], report);
    }

    let client_id = required(section, path, "client_id", report);
    let client_secret = client_secret(section, path, report);
    let metadata_url = metadata_url(section, path, shared, report);
    check_development(section, path, shared, metadata_url.as_ref(), report);
    let kwargs = Kwargs::read(section, path, report);

    let (client_id, client_secret, metadata_url) = (client_id?, client_secret?, metadata_url?);
    let algorithm = algorithm(section, path, client_secret.as_ref(), report);
    Some(ProviderConfig {
        label: section
            .string("label", path, report)
            .map_or_else(|| label(name, &metadata_url), str::to_owned),
        name: name.to_owned(),
        client_id,
        client_secret,
        issuer: section.string("issuer", path, report).map(str::to_owned),
        endpoints: EndpointOverrides {
            authorization: section.parameter("authorization_endpoint", path, report),
            token: section.parameter("token_endpoint", path, report),
            userinfo: section.parameter("userinfo_endpoint", path, report),
            keys: section.parameter("jwks_uri", path, report),
        },
        scopes: kwargs.scopes,
        prompt: kwargs.prompt,
        parameters: kwargs.parameters,
        authentication: kwargs.authentication,
        algorithm,
        claims: match own {
            Some(own) => own
                .strings("claims", path, report)
                .or_else(|| shared.claims.clone()),
            None => shared.claims.clone(),
        },
        leeway: seconds(section, "clock_leeway", path, 0.0..=600.0, report)
            .unwrap_or(shared.leeway),
        timeout: kwargs
            .timeout
            .or_else(|| seconds(section, "timeout", path, 1.0..=60.0, report))
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

fn check_name(name: &str, section: &Table, path: &Path, report: &mut Report) {
    let outlawed = |c: char| c.is_control() || matches!(c, '/' | '?' | '#' | '%');
    let length = name.chars().count();
    let taken = matches!(name, "login" | "logout");
    if length == 0 || length > 64 || name.contains(outlawed) || taken {
        report.error(
            Mistake::new(format!("`{path}` cannot be a provider"))
                .at(section.place())
                .cure(
                    "give it another name: 1 to 64 characters without / ? # %, and neither login \
                     nor logout",
                ),
        );
    }
}

fn required(section: &Table, path: &Path, key: &str, report: &mut Report) -> Option<String> {
    if !section.contains(key) {
        let cure = format!("add {key} = \"…\", as the provider's console shows it");
        report.error(missing(section, path, key, cure));
        return None;
    }
    let value = section.string(key, path, report)?;
    if value.trim().is_empty() {
        let cure = "copy it from the provider's console";
        report.error(section.mistake(key, path).found("it is empty").cure(cure));
        return None;
    }
    Some(value.to_owned())
}

/// The inner `None` is a public client.
#[expect(
    clippy::option_option,
    reason = "the outer one is a mistake that was reported"
)]
fn client_secret(section: &Table, path: &Path, report: &mut Report) -> Option<Option<Secret>> {
    let key = "client_secret";
    if !section.contains(key) {
        let cure = "add client_secret = \"…\", as the provider's console shows it; \
                    client_secret = \"\" is a public client, which has none";
        report.error(missing(section, path, key, cure));
        return None;
    }
    let value = section.string(key, path, report)?;
    if !value.is_empty() && value.trim().is_empty() {
        let cure = "copy it from the provider's console";
        report.error(section.mistake(key, path).found("it is blank").cure(cure));
        return None;
    }
    Some((!value.is_empty()).then(|| Secret::new(value)))
}

fn metadata_url(section: &Table, path: &Path, shared: &Shared, report: &mut Report) -> Option<Url> {
    let key = "server_metadata_url";
    let written = required(section, path, key, report)?;
    let mut refuse = |found: &str, cure: String| {
        report.error(section.mistake(key, path).found(found).cure(cure));
        None
    };
    if written.contains(['{', '}', '<', '>']) {
        return refuse(
            "a part of it is not filled in",
            "replace what stands in { } or < > with your own".to_owned(),
        );
    }
    let Ok(url) = Url::parse(&written) else {
        return refuse(
            "it is not a URL",
            format!("write \"https://…{WELL_KNOWN}\""),
        );
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(
            "it is neither http nor https",
            format!("write \"https://…{WELL_KNOWN}\""),
        );
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse(
            "it has a user or a fragment",
            "leave out what stands before @ and after #".to_owned(),
        );
    }
    if url.scheme() == "http" && !may_be_http(&url, &shared.allow_http) {
        return refuse(
            "http is only for the machine itself",
            "write https; an intranet host can be named in allow_http".to_owned(),
        );
    }
    if !url.path().contains("/.well-known/") {
        let whole = format!("{}{WELL_KNOWN}", written.trim_end_matches('/'));
        return refuse(
            "it is not the address of a metadata document",
            format!("write \"{whole}\""),
        );
    }
    Some(url)
}

/// A development provider lets anybody be anybody: it is for the machine itself alone.
fn check_development(
    section: &Table,
    path: &Path,
    shared: &Shared,
    metadata_url: Option<&Url>,
    report: &mut Report,
) {
    if section.boolean("development", path, report) != Some(true) {
        return;
    }
    let mistake =
        |found: &str, cure: &str| section.mistake("development", path).found(found).cure(cure);
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
    path: &Path,
    client_secret: Option<&Secret>,
    report: &mut Report,
) -> Option<Algorithm> {
    let key = "id_token_signed_response_alg";
    let written = section.string(key, path, report)?;
    let refuse = |found: &str, cure: &str| section.mistake(key, path).found(found).cure(cure);
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

fn seconds(
    table: &Table,
    key: &str,
    path: &Path,
    range: std::ops::RangeInclusive<f64>,
    report: &mut Report,
) -> Option<Duration> {
    let seconds = table.number(key, path, report)?;
    if !range.contains(&seconds) {
        report.error(table.mistake(key, path).found("out of range").cure(format!(
            "write {} to {} seconds",
            range.start(),
            range.end()
        )));
        return None;
    }
    Some(Duration::from_secs_f64(seconds))
}

/// `client_kwargs`, told apart by what becomes of each key.
struct Kwargs {
    scopes: Vec<String>,
    prompt: Prompt,
    parameters: Vec<(String, String)>,
    authentication: Option<ClientAuthentication>,
    timeout: Option<Duration>,
}

impl Kwargs {
    fn read(section: &Table, path: &Path, report: &mut Report) -> Self {
        let mut kwargs = Self {
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            prompt: Prompt::SelectAccount,
            parameters: Vec::new(),
            authentication: None,
            timeout: None,
        };
        if !section.contains("client_kwargs") {
            return kwargs;
        }
        let Some(table) = section.table("client_kwargs", path, report) else {
            return kwargs;
        };
        let path = path.key("client_kwargs");
        for key in table.keys() {
            kwargs.read_key(key, table, &path, report);
        }
        kwargs
    }

    fn read_key(&mut self, key: &str, table: &Table, path: &Path, report: &mut Report) {
        match key {
            "scope" => self.read_scope(table, path, report),
            "prompt" => {
                self.prompt = match table.string(key, path, report) {
                    Some("") => Prompt::Unsent,
                    Some(prompt) => Prompt::Value(prompt.to_owned()),
                    None => Prompt::SelectAccount,
                }
            }
            "token_endpoint_auth_method" => self.read_authentication(table, path, report),
            "code_challenge_method" => {
                if table.string(key, path, report) != Some("S256") {
                    report.warn(ours_wins(table, key, path));
                }
            }
            "timeout" => self.timeout = seconds(table, key, path, 1.0..=60.0, report),
            "verify" if table.boolean(key, path, &mut Report::default()) == Some(false) => report
                .error(
                    table
                        .mistake(key, path)
                        .found("certificates are always verified")
                        .cure("take the line out; a company's own CA can be added as ca_file"),
                ),
            "cert" | "follow_redirects" | "headers" | "proxy" | "trust_env" | "verify" => report
                .warn(
                    Mistake::new(format!("`{}` is not acted on", path.named(key)))
                        .at(table.place_of(key))
                        .cure("this release of keycard does nothing with it yet"),
                ),
            "max_age" => self.read_max_age(table, path, report),
            "response_type" if table.parameter(key, path, report).as_deref() == Some("code") => {}
            _ if is_protected(key) => report.warn(ours_wins(table, key, path)),
            _ => {
                if let Some(value) = table.parameter(key, path, report) {
                    self.parameters.push((key.to_owned(), value));
                }
            }
        }
    }

    /// Sent, and checked when the person comes back: so it has to be a number of seconds. An empty
    /// one is none.
    fn read_max_age(&mut self, table: &Table, path: &Path, report: &mut Report) {
        let given = table.parameter("max_age", path, report);
        let Some(value) = given.filter(|value| !value.is_empty()) else {
            return;
        };
        if value.parse::<u32>().is_err() {
            report.error(
                table
                    .mistake("max_age", path)
                    .found("it is not a number of seconds")
                    .cure("write whole seconds, such as max_age = 3600"),
            );
        }
        self.parameters.push(("max_age".to_owned(), value));
    }

    fn read_scope(&mut self, table: &Table, path: &Path, report: &mut Report) {
        let Some(written) = table.strings("scope", path, report) else {
            return;
        };
        let scopes: Vec<_> = written
            .iter()
            .flat_map(|scopes| scopes.split_ascii_whitespace())
            .collect();
        if !scopes.contains(&"openid") {
            report.error(
                table
                    .mistake("scope", path)
                    .found("it lacks openid")
                    .cure("write scope = \"openid profile email\", and more if you need more"),
            );
        }
        self.scopes = scopes
            .into_iter()
            .filter(|scope| *scope != "openid")
            .map(str::to_owned)
            .collect();
    }

    fn read_authentication(&mut self, table: &Table, path: &Path, report: &mut Report) {
        let key = "token_endpoint_auth_method";
        self.authentication = match table.string(key, path, report) {
            Some("client_secret_basic") => Some(ClientAuthentication::Basic),
            Some("client_secret_post") => Some(ClientAuthentication::Post),
            Some("none") => Some(ClientAuthentication::None),
            Some(_) => {
                report.error(
                    table
                        .mistake(key, path)
                        .found("keycard does not know this method")
                        .cure("write client_secret_basic, client_secret_post or none"),
                );
                None
            }
            None => None,
        };
    }
}

/// Parameters that keep a login safe: nobody sets them but us.
fn is_protected(key: &str) -> bool {
    matches!(
        key,
        "client_id"
            | "client_secret"
            | "code_challenge"
            | "id_token_hint"
            | "nonce"
            | "redirect_uri"
            | "request"
            | "request_uri"
            | "response_mode"
            | "response_type"
            | "state"
    ) || key.starts_with("client_assertion")
}

fn ours_wins(table: &Table, key: &str, path: &Path) -> Mistake {
    Mistake::new(format!("`{}` is ours to set", path.named(key)))
        .at(table.place_of(key))
        .cure("take the line out: keycard sets it for each login")
}

/// What is never sent in an authorization request but by keycard itself.
pub(crate) fn is_ours(parameter: &str) -> bool {
    is_protected(parameter) || matches!(parameter, "code_challenge_method" | "scope")
}
