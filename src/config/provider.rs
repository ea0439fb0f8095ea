//! A provider as its section describes it, once that is checked.

use std::time::{Duration, SystemTime};

use url::Url;

use super::network::Network;
use crate::algorithm::Algorithm;
use crate::private_key::PrivateKey;
use crate::secret::Secret;

/// What the metadata's address ends in (OpenID Connect Discovery §4).
pub(super) const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// How far two clocks may differ, unless `clock_leeway` says otherwise.
pub(crate) const LEEWAY: Duration = Duration::from_secs(120);

/// The unnamed provider's name.
pub(crate) const DEFAULT: &str = "default";

/// A provider as its section describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderConfig {
    pub(crate) name: String,
    /// What a button says.
    pub(crate) label: String,
    pub(crate) client_id: String,
    /// With neither this nor a key it is a public client, which has PKCE alone.
    pub(crate) client_secret: Option<Secret>,
    /// What it signs its assertions with (RFC 7523).
    pub(crate) private_key: Option<PrivateKey>,
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
    pub(crate) network: Network,
    pub(crate) allow_http: Vec<String>,
    /// Whether it lets anybody be anybody.
    pub(crate) development: bool,
    /// When the client secret ends, by the section.
    pub(crate) client_secret_expires: Option<SystemTime>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    PrivateKeyJwt,
}

impl ClientAuthentication {
    pub(crate) const ALL: [Self; 4] = [Self::Basic, Self::None, Self::Post, Self::PrivateKeyJwt];

    /// What metadata and registrations call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::None => "none",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
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
