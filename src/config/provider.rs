//! A provider as its section describes it, once that is checked.

use std::time::{Duration, SystemTime};

use url::Url;

use super::exposed::ExposedTokens;
use super::network::Network;
use crate::algorithm::Algorithm;
use crate::own_provider::Added;
use crate::pointer::Pointer;
use crate::presets::{Emails, IssuerOfTenant, Logout, Refresh, Relaxation, Template, Userinfo};
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
    /// What is signed anew in the place of a client secret.
    pub(crate) signed_secret: Option<SignedSecret>,
    /// Where its logins alone come back to, if the section says so.
    pub(crate) redirect_uri: Option<String>,
    pub(crate) mix_up: MixUp,
    pub(crate) grant: Grant,
    pub(crate) protocol: Protocol,
    /// What fills in what the section leaves out.
    #[cfg(any(test, feature = "cli"))]
    pub(crate) preset: Option<&'static str>,
    /// Scopes besides `openid`.
    pub(crate) scopes: Vec<String>,
    pub(crate) prompt: Prompt,
    pub(crate) response_mode: ResponseMode,
    /// What else is sent to the authorization endpoint.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) authentication: Option<ClientAuthentication>,
    pub(crate) facts: Facts,
    /// Where its own session ends with a logout; `None` where a logout stops at the app.
    pub(crate) logout: Option<ProviderLogout>,
    /// The tokens that the app may see.
    pub(crate) exposed: ExposedTokens,
    pub(crate) refresh: Refresh,
    pub(crate) relaxations: &'static [Relaxation],
    /// The claims that are kept; `None` keeps all.
    pub(crate) claims: Option<Vec<String>>,
    pub(crate) leeway: Duration,
    pub(crate) timeout: Duration,
    pub(crate) network: Network,
    /// Whether it lets anybody be anybody.
    pub(crate) development: bool,
    /// When the client secret ends, by the section.
    pub(crate) client_secret_expires: Option<SystemTime>,
}

impl ProviderConfig {
    /// The issuer that logins are to come from, as far as the section tells: the one that it confirms
    /// or names, or the one that the metadata's address belongs to. What the app's own code says
    /// nobody knows before.
    pub(crate) fn expected_issuer(&self) -> Option<String> {
        match &self.protocol {
            Protocol::OAuth2(oauth2) => Some(oauth2.issuer()),
            Protocol::OpenId(openid) => Some(openid.expected_issuer()),
            Protocol::Own(_) => None,
        }
    }

    /// Its metadata document and ID tokens, if it has such.
    #[cfg(any(fuzzing, test, feature = "cli"))]
    pub(crate) fn openid(&self) -> Option<&OpenId> {
        match &self.protocol {
            Protocol::OAuth2(_) | Protocol::Own(_) => None,
            Protocol::OpenId(openid) => Some(openid),
        }
    }

    /// Whether people of every tenant may log in: `allowed_tenants` says so.
    pub(crate) fn is_for_any_tenant(&self) -> bool {
        match &self.protocol {
            Protocol::OAuth2(_) | Protocol::Own(_) => false,
            Protocol::OpenId(openid) => openid.demands.iter().any(|it| it.values == Demand::ANY),
        }
    }

    /// Whether a browser brings its answers back.
    pub(crate) fn has_callback(&self) -> bool {
        self.grant == Grant::Code
    }

    pub(crate) fn is_relaxed(&self, relaxation: Relaxation) -> bool {
        self.relaxations.contains(&relaxation)
    }
}

/// How a login is granted (RFC 6749 §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Code,
    #[cfg(feature = "password")]
    Password,
}

/// What comes of answers that do not say whose they are: another provider could pass them off as its
/// own (RFC 9700 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MixUp {
    /// They are used, and the log says so.
    Possible,
    /// No login is begun that could bring one.
    Refused,
    /// They come to a path where no other provider's do.
    RuledOut,
}

/// What a provider speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    OAuth2(Box<OAuth2>),
    OpenId(Box<OpenId>),
    /// What the app's own code makes of it.
    Own(Added),
}

impl Protocol {
    /// Whether both speak of the same people: an issuer that two sections have in common has its
    /// subjects from one place.
    pub(super) fn is_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OpenId(one), Self::OpenId(other)) => one.metadata_url == other.metadata_url,
            (Self::OAuth2(one), Self::OAuth2(other)) => {
                let place = |it: &OAuth2| {
                    let endpoints = [&it.authorization_endpoint, &it.token_endpoint];
                    (
                        endpoints.map(Url::to_string),
                        it.userinfo_endpoint.clone(),
                        it.subject.clone(),
                    )
                };
                place(one) == place(other)
            }
            _ => false,
        }
    }

    pub(super) fn address(&self) -> Option<&Url> {
        match self {
            Self::OAuth2(oauth2) => Some(&oauth2.authorization_endpoint),
            Self::OpenId(openid) => Some(&openid.metadata_url),
            Self::Own(_) => None,
        }
    }
}

/// A provider with a metadata document and ID tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenId {
    pub(crate) metadata_url: Url,
    /// The issuer that the section confirms, where it differs from the metadata's address.
    pub(crate) issuer: Option<String>,
    pub(crate) endpoints: EndpointOverrides,
    /// Whether authorization requests are pushed even where the metadata does not require it.
    pub(crate) pushes_requests: bool,
    /// The one algorithm that ID tokens may have, where the section names it.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) userinfo: Userinfo,
    /// What the ID token must say besides.
    pub(crate) demands: Vec<Demand>,
    /// What its issuers have in common, where each tenant has one.
    pub(crate) issuer_of_tenant: Option<&'static IssuerOfTenant>,
    /// Hosts that its metadata may send to without TLS.
    pub(crate) allow_http: Vec<String>,
}

impl OpenId {
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

    /// Whether the section leaves the issuer to the metadata's address, or confirms that very one,
    /// and takes every endpoint from there.
    pub(super) fn is_as_its_metadata_says(&self) -> bool {
        if self.endpoints != EndpointOverrides::default() {
            return false;
        }
        let Some(confirmed) = &self.issuer else {
            return true;
        };
        let address = Self {
            issuer: None,
            ..self.clone()
        };
        confirmed.trim_end_matches('/') == address.expected_issuer()
    }
}

/// A claim that the ID token must have, with one of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) claim: &'static str,
    pub(crate) values: Vec<String>,
}

impl Demand {
    /// The values that let in any.
    const ANY: [&'static str; 1] = ["*"];

    pub(crate) fn is_met_by(&self, found: &str) -> bool {
        self.values == Self::ANY || self.values.iter().any(|value| value == found)
    }
}

/// A provider without ID tokens: who it is says the userinfo endpoint, to the token that our own
/// code exchange brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OAuth2 {
    /// The issuer, where the section or its preset names one.
    pub(crate) named_issuer: Option<String>,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) userinfo_endpoint: Url,
    /// Whether all of these are the preset's own.
    pub(crate) is_of_preset: bool,
    /// Where the stable name of a person is; the first that is there counts.
    pub(crate) subject: Vec<Pointer>,
    pub(crate) emails: Option<EmailList>,
    /// Where the picture is; `{name}` is a claim.
    pub(crate) picture: Option<Template>,
}

impl OAuth2 {
    /// Who vouches for people: the issuer that is named, else the authorization endpoint without its
    /// query.
    pub(crate) fn issuer(&self) -> String {
        self.named_issuer.clone().unwrap_or_else(|| {
            let mut bare = self.authorization_endpoint.clone();
            bare.set_query(None);
            bare.into()
        })
    }
}

/// Somebody's e-mails, at an endpoint of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmailList {
    pub(crate) endpoint: Url,
    /// How to read it.
    pub(crate) emails: Emails,
}

/// How a browser is sent to end a provider's own session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderLogout {
    /// The section's `end_session_endpoint`.
    pub(crate) endpoint: Option<Url>,
    pub(crate) style: Logout,
}

/// Where facts about a person stand among their claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) name: Vec<Pointer>,
    pub(crate) email: Vec<Pointer>,
    pub(crate) email_verified: Pointer,
    pub(crate) picture: Vec<Pointer>,
    pub(crate) roles: Vec<Pointer>,
    pub(crate) groups: Vec<Pointer>,
    pub(crate) permissions: Vec<Pointer>,
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

    /// The method of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

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

/// A client secret that the app signs anew for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedSecret {
    /// It has one algorithm alone.
    pub(crate) key: PrivateKey,
    /// Who signs it.
    pub(crate) signer: String,
    /// Whom it is for.
    pub(crate) audience: &'static str,
}

/// How the answer comes back by way of the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    /// In the body of a POST from the provider's page (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// In the query of the callback's address, as all do that are not asked for anything else.
    Query,
}

impl ResponseMode {
    pub(crate) const ALL: [Self; 2] = [Self::FormPost, Self::Query];

    /// What requests and metadata call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FormPost => "form_post",
            Self::Query => "query",
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
