//! The end-session endpoint: says goodbye, or sends back to the app that did.

use axum::response::Response;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{authorization::loopback_url, inner::Inner, page, reply::see_other, request::Request};

pub(super) fn respond(inner: &Inner, request: &Request) -> Response {
    if request
        .filled("client_id")
        .is_some_and(|id| id != inner.client_id)
    {
        return page::refusal(inner, "client_id is not the one this provider gave out.");
    }
    if request
        .filled("id_token_hint")
        .is_some_and(|hint| !is_ours(inner, hint))
    {
        return page::refusal(inner, "id_token_hint is not an ID token of this provider.");
    }
    let Some(uri) = request.filled("post_logout_redirect_uri") else {
        return page::signed_out(inner);
    };
    // RP-Initiated Logout §3: no redirect to an app that has not said who it is.
    if request
        .filled("client_id")
        .or(request.filled("id_token_hint"))
        .is_none()
    {
        return page::refusal(
            inner,
            "post_logout_redirect_uri needs client_id or id_token_hint beside it.",
        );
    }
    let Some(mut url) = loopback_url(uri) else {
        return page::refusal(inner, "post_logout_redirect_uri is not on this machine.");
    };
    if let Some(state) = request.filled("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    see_other(url.as_str())
}

/// Whether this is, or was, an ID token for our client: the keys may have changed since.
fn is_ours(inner: &Inner, id_token: &str) -> bool {
    let claims = id_token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode_to_vec(part).ok())
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    claims.is_some_and(|claims| {
        claims["iss"] == inner.issuer.as_str() && claims["aud"] == inner.client_id.as_str()
    })
}
