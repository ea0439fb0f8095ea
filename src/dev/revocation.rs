//! The endpoint at which an app gives tokens back (RFC 7009).

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use super::{
    inner::Inner,
    reply::json_response,
    request::Request,
    socket::lock,
    token::{authenticate, refuse},
};

pub(super) fn respond(inner: &Inner, request: &Request) -> Response {
    if let Err((error, description)) = authenticate(inner, request) {
        return refuse(error, description);
    }
    let Some(token) = request.filled("token") else {
        return refuse("invalid_request", "token is missing");
    };
    // RFC 7009 §2.2: nobody is told whether there was such a token.
    lock(&inner.grants).revoke(token);
    json_response(StatusCode::OK, &json!({}))
}
