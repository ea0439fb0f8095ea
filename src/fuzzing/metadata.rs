//! The document in which a provider says who and where it is.

use serde_json::{Map, Value};
use url::Url;

use super::app::App;
use super::members::members;
use crate::config::ProviderConfig;
use crate::login_secrets::{LoginSecrets, Seed};
use crate::provider::Metadata;
use crate::provider::token::authorization_url;

/// What stands in the way to every provider exactly once (OpenID Connect Core §3.1.2.1, RFC 7636).
const SENT: [&str; 8] = [
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

/// Reads the input as the metadata of each provider.
pub fn metadata(input: &[u8]) -> bool {
    let mut accepted = false;
    for provider in App::of_this_process().providers() {
        let openid = provider.openid().expect("they all have metadata");
        if let Ok(metadata) = Metadata::read(input, openid) {
            check(&metadata, input, provider);
            check_way_there(&metadata, input, provider);
            accepted = true;
        }
    }
    accepted
}

fn check(metadata: &Metadata, written: &[u8], provider: &ProviderConfig) {
    let names = members(written).expect("a document that is an object");
    let document: Map<String, Value> = serde_json::from_slice(written).expect("a document");
    assert_eq!(names.len(), document.len(), "a member twice");
    assert_eq!(document["issuer"], *metadata.endpoints.issuer);
    assert_eq!(
        document.get("require_pushed_authorization_requests") == Some(&Value::Bool(true)),
        metadata.endpoints.pushed_requests.is_some()
    );
    let issuers: &[&str] = match &*provider.name {
        "https" => &["https://provider.example", "https://provider.example/"],
        "loopback" => &["http://localhost:9000", "http://localhost:9000/"],
        _ => &["https://issuer.example/{tenant}"],
    };
    assert!(
        issuers.contains(&&*metadata.endpoints.issuer),
        "{}",
        metadata.endpoints.issuer
    );
    for (name, url) in [
        (
            "authorization_endpoint",
            Some(&metadata.endpoints.authorization_endpoint),
        ),
        ("token_endpoint", Some(&metadata.endpoints.token_endpoint)),
        (
            "pushed_authorization_request_endpoint",
            metadata.endpoints.pushed_requests.as_ref(),
        ),
        ("userinfo_endpoint", metadata.userinfo_endpoint.as_ref()),
        ("jwks_uri", Some(&metadata.jwks_uri)),
    ] {
        let Some(url) = url else { continue };
        assert!(is_trusted(url), "{url} is taken for an endpoint");
        let written = document[name].as_str().expect("an address");
        assert_eq!(Url::parse(written).as_ref(), Ok(url));
    }
    assert!(!metadata.algorithms.is_empty());
    assert!(!metadata.algorithms.iter().any(|it| it.is_symmetric()));
}

fn is_trusted(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let at_home = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let allowed = host == "intranet.example" && url.port() == Some(8080);
    let safe = url.scheme() == "https" || (url.scheme() == "http" && (at_home || allowed));
    let has_user = !url.username().is_empty() || url.password().is_some();
    safe && !host.is_empty() && !has_user && url.fragment().is_none()
}

/// A browser is sent to the endpoint of the document with our parameters once each, unless there
/// is no way to authenticate afterwards.
fn check_way_there(metadata: &Metadata, written: &[u8], provider: &ProviderConfig) {
    let secrets = LoginSecrets::derive(&Seed([5; 32])).expect("secrets");
    let redirect_uri = App::of_this_process().config.site.redirect_uri();
    let address = authorization_url(provider, redirect_uri, &metadata.endpoints, &secrets, &[]);
    assert_eq!(address.is_ok(), knows_client_secrets(written));
    let Ok(address) = address else { return };
    let address = Url::parse(&address).expect("an address");
    let endpoint = &metadata.endpoints.authorization_endpoint;
    assert_eq!(
        (address.origin(), address.path()),
        (endpoint.origin(), endpoint.path())
    );
    for wanted in SENT {
        let times = address.query_pairs().filter(|(name, _)| name == wanted);
        assert_eq!(times.count(), 1, "{wanted} in {address}");
    }
    for theirs in endpoint.query_pairs() {
        assert!(address.query_pairs().any(|pair| pair == theirs));
    }
}

/// Where the document says nothing, it is basic (OpenID Connect Discovery §3).
fn knows_client_secrets(written: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(written).expect("a document");
    let methods = document["token_endpoint_auth_methods_supported"].as_array();
    let sends_a_secret =
        |method: &Value| method == "client_secret_basic" || method == "client_secret_post";
    methods.is_none_or(|methods| methods.iter().any(sends_a_secret))
}
