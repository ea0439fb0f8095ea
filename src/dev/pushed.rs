//! The endpoint to which an app pushes its authorization request (RFC 9126): the browser then carries
//! no more than a reference to it.

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use super::{
    authorization,
    fault::Fault,
    grants::PUSHED_LIFETIME,
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
    // RFC 9126 §2.1.
    if request.parameter("request_uri").is_some() {
        return refuse("invalid_request", "a pushed request has no request_uri");
    }
    if let Some((error, description)) = authorization::object_to(inner, request) {
        return refuse(error, &description);
    }
    let uri = lock(&inner.grants).keep_pushed(request.clone(), inner.now());
    let mut answer = json!({ "request_uri": uri, "expires_in": PUSHED_LIFETIME });
    inner.patch(&mut answer, |fault| match fault {
        Fault::PushedRequest(patch) => Some(patch),
        _ => None,
    });
    json_response(StatusCode::CREATED, &answer)
}
