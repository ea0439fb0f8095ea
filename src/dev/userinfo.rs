//! The userinfo endpoint: the claims that an access token shows, as JSON or as a signed JWT.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    fault::Fault,
    inner::{Inner, Userinfo},
    person::shown_claims,
    reply::json_response,
    request::Request,
    socket::lock,
};

pub(super) fn respond(inner: &Inner, request: &Request) -> Response {
    let token = request.authorization().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else {
        // RFC 6750 §3.1: no error code where no token was sent.
        return challenge("Bearer realm=\"development provider\"");
    };
    let claims = lock(&inner.grants)
        .access(token, inner.now())
        .map(|grant| shown_claims(&grant.claims, &grant.scopes));
    let Some(claims) = claims else {
        return challenge("Bearer realm=\"development provider\", error=\"invalid_token\"");
    };
    let mut answer = Value::Object(claims);
    if inner.userinfo == Userinfo::Signed {
        answer["iss"] = inner.issuer.as_str().into();
        answer["aud"] = inner.client_id.as_str().into();
    }
    inner.patch(&mut answer, |fault| match fault {
        Fault::Userinfo(patch) => Some(patch),
        _ => None,
    });
    match inner.userinfo {
        Userinfo::Plain => json_response(StatusCode::OK, &answer),
        Userinfo::Signed => signed(inner, &answer),
    }
}

fn signed(inner: &Inner, claims: &Value) -> Response {
    let keys = lock(&inner.keys);
    let jwt = keys.current.sign(&keys.current.header(), claims);
    let headers = [
        (header::CONTENT_TYPE, "application/jwt"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, jwt).into_response()
}

fn challenge(text: &'static str) -> Response {
    let headers = [
        (header::WWW_AUTHENTICATE, text),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::UNAUTHORIZED, headers).into_response()
}
