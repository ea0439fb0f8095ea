//! The userinfo endpoint: the claims that an access token shows.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    fault::Fault, inner::Inner, person::shown_claims, reply::json_response, request::Request,
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
    inner.patch(&mut answer, |fault| match fault {
        Fault::Userinfo(patch) => Some(patch),
        _ => None,
    });
    json_response(StatusCode::OK, &answer)
}

fn challenge(text: &'static str) -> Response {
    let headers = [
        (header::WWW_AUTHENTICATE, text),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::UNAUTHORIZED, headers).into_response()
}
