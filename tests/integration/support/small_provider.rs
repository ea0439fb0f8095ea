//! An OpenID provider for any host of the stand-in internet, as small as one can be: whoever comes
//! is logged in, with the claims that the test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::internet::Internet;
use super::signing::{TestKey, base64url};
use super::world::now;

/// The provider: its issuer, and what it says.
#[derive(Debug)]
pub struct SmallProvider {
    issuer: Url,
    key: TestKey,
    claims: Value,
    metadata: Value,
    logins: Mutex<BTreeMap<String, Parameters>>,
}

type Parameters = BTreeMap<String, String>;

impl SmallProvider {
    /// With this issuer, such as `https://login.example.com/tenant`.
    pub fn at(issuer: &str) -> Self {
        let endpoint = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.parse().unwrap(),
            key: TestKey::new("ES256"),
            claims: json!({
                "iss": issuer,
                "sub": "alice",
                "name": "Alice Adams",
                "email": "alice@example.com",
            }),
            metadata: json!({
                "issuer": issuer,
                "authorization_endpoint": endpoint("/authorize"),
                "token_endpoint": endpoint("/token"),
                "jwks_uri": endpoint("/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }),
            logins: Mutex::default(),
        }
    }

    /// With these claims besides, or instead, in its ID tokens.
    pub fn claims(mut self, claims: Value) -> Self {
        merge(&mut self.claims, claims);
        self
    }

    /// With these members besides, or instead, in its metadata.
    pub fn metadata(mut self, metadata: Value) -> Self {
        merge(&mut self.metadata, metadata);
        self
    }

    /// Its endpoints, for the host of its issuer.
    pub fn router(self) -> Router {
        let path = self.issuer.path().trim_end_matches('/');
        let at = |name: &str| format!("{path}{name}");
        Router::new()
            .route(&at("/.well-known/openid-configuration"), get(metadata))
            .route(&at("/authorize"), get(authorize))
            .route(&at("/token"), post(token))
            .route(&at("/keys"), get(keys))
            .with_state(Arc::new(self))
    }

    /// Puts it into the internet, alone at its host.
    pub fn open(self, internet: &Internet) {
        let host = self.issuer.host_str().unwrap().to_owned();
        internet.host(&host, self.router());
    }
}

#[track_caller]
fn merge(into: &mut Value, over: Value) {
    let Value::Object(over) = over else {
        panic!("no object: {over}");
    };
    into.as_object_mut().unwrap().extend(over);
}

type Provider = State<Arc<SmallProvider>>;

async fn metadata(State(provider): Provider) -> Json<Value> {
    Json(provider.metadata.clone())
}

async fn keys(State(provider): Provider) -> Json<Value> {
    Json(json!({ "keys": [provider.key.jwk()] }))
}

async fn authorize(State(provider): Provider, Query(asked): Query<Parameters>) -> Redirect {
    let mut back: Url = asked["redirect_uri"].parse().unwrap();
    let mut logins = provider.logins.lock().unwrap();
    let code = format!("code-{}", logins.len());
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked["state"]);
    logins.insert(code, asked);
    Redirect::to(back.as_str())
}

/// A code is good once, at the callback that it was sent to, and for who began the login.
async fn token(State(provider): Provider, Form(form): Form<Parameters>) -> Response {
    let code = form.get("code").map_or("", String::as_str);
    let Some(asked) = provider.logins.lock().unwrap().remove(code) else {
        return refused("no such code");
    };
    if form.get("redirect_uri") != asked.get("redirect_uri") {
        return refused("another redirect_uri");
    }
    let verifier = form.get("code_verifier").map_or("", String::as_str);
    if base64url(digest(&SHA256, verifier.as_bytes())) != asked["code_challenge"] {
        return refused("another code_verifier");
    }
    let mut claims = json!({
        "aud": asked["client_id"],
        "nonce": asked["nonce"],
        "iat": now(),
        "exp": now() + 3600,
    });
    merge(&mut claims, provider.claims.clone());
    Json(json!({
        "access_token": "an-access-token",
        "token_type": "Bearer",
        "expires_in": 3600,
        "id_token": provider.key.sign(&provider.key.header(), &claims),
    }))
    .into_response()
}

fn refused(why: &str) -> Response {
    let body = json!({ "error": "invalid_grant", "error_description": why });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
