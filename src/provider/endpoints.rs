//! Where a provider is: what every login needs of it, whatever tells.

use url::Url;

/// What a login needs to know of its provider.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    /// Where authorization requests are pushed, if they have to be (RFC 9126).
    pub(crate) pushed_requests: Option<Url>,
    /// `token_endpoint_auth_methods_supported`; basic where it is silent.
    pub(super) authentication: Vec<String>,
    /// `token_endpoint_auth_signing_alg_values_supported`, where it says so.
    pub(super) assertion_algorithms: Option<Vec<String>>,
    /// Whether every answer names its issuer (RFC 9207).
    pub(crate) answers_with_issuer: bool,
    /// Where tokens are given back (RFC 7009).
    pub(super) revocation: Option<Url>,
    /// Whether `scopes_supported` has `offline_access` (OpenID Connect Core §11).
    pub(super) offers_offline_access: bool,
    /// Where its own session ends (OpenID Connect RP-Initiated Logout 1.0 §2.1).
    pub(super) end_session: Option<Url>,
    pub(super) prompts: Option<Vec<String>>,
}
