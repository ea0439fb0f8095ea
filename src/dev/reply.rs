//! The forms an answer takes: JSON, a page, a redirect.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::Value;

/// JSON that nobody may keep.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}

/// A page that nobody may keep, frame or script.
pub(super) fn html_response(
    status: StatusCode,
    content_security_policy: String,
    html: String,
) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, content_security_policy),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (status, headers, Html(html)).into_response()
}

/// A redirect that turns a POST into a GET.
pub(super) fn see_other(url: &str) -> Response {
    let headers = [(header::LOCATION, url), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}
