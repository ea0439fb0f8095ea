//! The way of a request: recorded, led past the fault in force, and on to its endpoint.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    authorization::{self, loopback_url},
    end_session,
    inner::Inner,
    metadata, obstruction, pushed,
    reply::json_response,
    request::{Endpoint, Request},
    revocation,
    style::PICTURE,
    token, userinfo,
};

pub(super) async fn answer(
    extract::State(inner): extract::State<Arc<Inner>>,
    request: extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(endpoint) = Endpoint::at(parts.uri.path()) else {
        return elsewhere(parts.uri.path());
    };
    let is_a_persons = matches!(endpoint, Endpoint::Authorization | Endpoint::EndSession);
    if is_a_persons && !is_called_by_its_name(&parts.headers) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = Request::new(&parts.headers, parts.uri.query(), &body);
    inner.record(endpoint, &request);
    let fault = inner.fault();
    if let Some(answer) = obstruction::instead(fault.as_ref(), endpoint).await {
        return answer;
    }
    let real = real_answer(&inner, endpoint, &parts.method, &request);
    obstruction::through(fault.as_ref(), endpoint, real).await
}

/// A page of another site that lets its own name lead to 127.0.0.1 (DNS rebinding) would share an
/// origin with this provider, and press its buttons; but its requests name that site as their host.
/// The other endpoints want a secret or have none to tell.
fn is_called_by_its_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        // Browsers always send it.
        return true;
    };
    let url = host.to_str().ok().map(|host| format!("http://{host}/"));
    url.is_some_and(|url| loopback_url(&url).is_some())
}

fn real_answer(inner: &Inner, endpoint: Endpoint, method: &Method, request: &Request) -> Response {
    let allowed: &[Method] = match endpoint {
        Endpoint::Metadata | Endpoint::Keys => &[Method::GET, Method::HEAD],
        Endpoint::Authorization | Endpoint::Userinfo | Endpoint::EndSession => {
            &[Method::GET, Method::HEAD, Method::POST]
        }
        Endpoint::PushedRequest | Endpoint::Token | Endpoint::Revocation => &[Method::POST],
    };
    if !allowed.contains(method) {
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        let headers = [(header::ALLOW, names.join(", "))];
        return (StatusCode::METHOD_NOT_ALLOWED, headers).into_response();
    }
    match endpoint {
        Endpoint::Metadata => json_response(StatusCode::OK, &metadata::discovery_document(inner)),
        Endpoint::Keys => json_response(StatusCode::OK, &metadata::key_set(inner)),
        Endpoint::Authorization => authorization::respond(inner, request, method),
        Endpoint::PushedRequest => pushed::respond(inner, request),
        Endpoint::Token => token::respond(inner, request),
        Endpoint::Userinfo => userinfo::respond(inner, request),
        Endpoint::Revocation => revocation::respond(inner, request),
        Endpoint::EndSession => end_session::respond(inner, request),
    }
}

fn elsewhere(path: &str) -> Response {
    if path != "/picture.svg" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, PICTURE).into_response()
}

const BODY_LIMIT: usize = 1 << 20;
