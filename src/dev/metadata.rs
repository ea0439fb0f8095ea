//! The discovery document and the key set.

use serde_json::{Value, json};

use super::{
    fault::Fault,
    inner::{Inner, Requests, Userinfo},
    person::SCOPES,
    request::Endpoint,
    socket::lock,
};

pub(super) fn discovery_document(inner: &Inner) -> Value {
    let mut scopes = vec!["openid", "offline_access"];
    scopes.extend(SCOPES.map(|(scope, _)| scope));
    let mut claims = vec![
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "at_hash",
    ];
    claims.extend(SCOPES.iter().flat_map(|(_, names)| *names));
    let mut document = json!({
        "issuer": inner.issuer,
        "authorization_endpoint": inner.url(Endpoint::Authorization),
        "pushed_authorization_request_endpoint": inner.url(Endpoint::PushedRequest),
        "require_pushed_authorization_requests": inner.requests == Requests::Pushed,
        "token_endpoint": inner.url(Endpoint::Token),
        "userinfo_endpoint": inner.url(Endpoint::Userinfo),
        "jwks_uri": inner.url(Endpoint::Keys),
        "revocation_endpoint": inner.url(Endpoint::Revocation),
        "end_session_endpoint": inner.url(Endpoint::EndSession),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [inner.alg.name()],
        "scopes_supported": scopes,
        "claims_supported": claims,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": ["none", "login", "select_account", "consent"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        // OIDC Discovery §3: left out, this one means true.
        "request_uri_parameter_supported": false,
    });
    if inner.userinfo == Userinfo::Signed {
        document["userinfo_signing_alg_values_supported"] = json!([inner.alg.name()]);
    }
    if !inner.passwords.is_empty() {
        document["grant_types_supported"] =
            json!(["authorization_code", "password", "refresh_token"]);
    }
    if let Some(key) = &inner.client_key {
        document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
        document["token_endpoint_auth_signing_alg_values_supported"] = json!(key.algorithms());
    }
    inner.patch(&mut document, |fault| match fault {
        Fault::Metadata(patch) => Some(patch),
        _ => None,
    });
    document
}

pub(super) fn key_set(inner: &Inner) -> Value {
    match inner.fault() {
        Some(Fault::Keys(document)) => document,
        _ => lock(&inner.keys).current.key_set(),
    }
}
