//! The token endpoint: redeems codes and refresh tokens.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64_simd::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    authorization::{person, split},
    fault::Fault,
    grants::{ACCESS_TOKEN_LIFETIME, Grant, Tokens},
    id_token::id_token,
    inner::Inner,
    keys::{base64url, random_text},
    reply::json_response,
    request::Request,
    socket::lock,
};

/// `error` and `error_description`, RFC 6749 §5.2.
pub(super) type Refusal = (&'static str, &'static str);

pub(super) fn respond(inner: &Inner, request: &Request) -> Response {
    let answered = authenticate(inner, request).and_then(|()| match request.filled("grant_type") {
        Some("authorization_code") => redeem_code(inner, request),
        Some("password") if !inner.passwords.is_empty() => take_password(inner, request),
        Some("refresh_token") => redeem_refresh_token(inner, request),
        Some(_) => Err((
            "unsupported_grant_type",
            "authorization_code or refresh_token",
        )),
        None => Err(("invalid_request", "grant_type is missing")),
    });
    match answered {
        Ok(answer) => json_response(StatusCode::OK, &answer),
        Err((error, description)) => refuse(error, description),
    }
}

pub(super) fn refuse(error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    if error != "invalid_client" {
        return json_response(StatusCode::BAD_REQUEST, &body);
    }
    let challenge = [(
        header::WWW_AUTHENTICATE,
        "Basic realm=\"development provider\"",
    )];
    (challenge, json_response(StatusCode::UNAUTHORIZED, &body)).into_response()
}

pub(super) fn authenticate(inner: &Inner, request: &Request) -> Result<(), Refusal> {
    if request.repeated().is_some() {
        return Err(("invalid_request", "a parameter is there more than once"));
    }
    let header = request.authorization();
    let posted = request.filled("client_secret");
    let assertion = request.filled("client_assertion");
    let named = request.filled("client_id");
    let (id, secret) = match (header, posted, assertion) {
        (None, None, Some(assertion)) => return authenticate_by_key(inner, request, assertion),
        (Some(value), None, None) => {
            let Some((id, secret)) = basic_credentials(value) else {
                return Err(("invalid_client", "the Authorization header is not Basic"));
            };
            // RFC 6749 §2.3: it may be repeated in the body, but not be another.
            if named.is_some_and(|named| named != id) {
                return Err(("invalid_request", "two different client_ids"));
            }
            (id, secret)
        }
        (None, Some(secret), None) => (named.unwrap_or_default().to_owned(), secret.to_owned()),
        (None, None, None) => return Err(("invalid_client", "the client does not authenticate")),
        _ => return Err(("invalid_request", "the client authenticates in two ways")),
    };
    if inner.client_key.is_some() {
        return Err(("invalid_client", "the client has a key, and no secret"));
    }
    if id != inner.client_id || secret != inner.client_secret {
        return Err(("invalid_client", "no such client, or another secret"));
    }
    Ok(())
}

/// RFC 7523 §3, RFC 7521 §4.2.
fn authenticate_by_key(inner: &Inner, request: &Request, assertion: &str) -> Result<(), Refusal> {
    let Some(key) = &inner.client_key else {
        return Err(("invalid_client", "the client has a secret, and no key"));
    };
    if request.filled("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(("invalid_request", "client_assertion_type is not jwt-bearer"));
    }
    let named = request.filled("client_id");
    if named.is_some_and(|named| named != inner.client_id) {
        return Err(("invalid_client", "client_id is another than the key's"));
    }
    key.check(assertion, &inner.client_id, &inner.issuer, inner.now())
        .map_err(|what| ("invalid_client", what))
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode_to_vec(encoded.trim()).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// RFC 6749 §2.3.1: each half is form-encoded before the whole is base64.
fn form_decoded(text: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(text.as_bytes());
    // A bare `=` or `&` cannot be in what was encoded.
    if text.contains(['=', '&']) {
        return None;
    }
    pairs.map(|(name, _)| name.into_owned()).next()
}

fn redeem_code(inner: &Inner, request: &Request) -> Result<Value, Refusal> {
    let Some(code_text) = request.filled("code") else {
        return Err(("invalid_request", "code is missing"));
    };
    let now = inner.now();
    let mut grants = lock(&inner.grants);
    let Some(code) = grants.take_code(code_text, now) else {
        return Err(("invalid_grant", "the code is unknown, used or expired"));
    };
    if request.filled("redirect_uri") != Some(&code.redirect_uri) {
        return Err((
            "invalid_grant",
            "redirect_uri is not the one the code was sent to",
        ));
    }
    let verifier = request.filled("code_verifier").unwrap_or_default();
    if base64url(digest(&SHA256, verifier.as_bytes()).as_ref()) != code.code_challenge {
        return Err((
            "invalid_grant",
            "code_verifier does not fit the code_challenge",
        ));
    }
    let tokens = grants.issue_tokens(&code.grant, code_text, now);
    drop(grants);
    let nonce = code.grant.nonce.as_deref();
    Ok(answer(inner, &code.grant, nonce, &tokens))
}

/// RFC 6749 §4.3.2.
fn take_password(inner: &Inner, request: &Request) -> Result<Value, Refusal> {
    let [Some(subject), Some(password)] = ["username", "password"].map(|name| request.filled(name))
    else {
        return Err(("invalid_request", "username or password is missing"));
    };
    let known = inner.passwords.get(subject);
    let claims = person(inner, subject).filter(|_| known.is_some_and(|it| it == password));
    let Some(claims) = claims else {
        return Err(("invalid_grant", "nobody has this password"));
    };
    let now = inner.now();
    let grant = Grant {
        claims: Arc::new(claims),
        scopes: split(request.filled("scope")),
        auth_time: now,
        nonce: None,
    };
    // No code was spent; what it would have been tells these tokens from others.
    let tokens = lock(&inner.grants).issue_tokens(&grant, &random_text(32), now);
    Ok(answer(inner, &grant, None, &tokens))
}

fn redeem_refresh_token(inner: &Inner, request: &Request) -> Result<Value, Refusal> {
    let Some(token) = request.filled("refresh_token") else {
        return Err(("invalid_request", "refresh_token is missing"));
    };
    let mut grants = lock(&inner.grants);
    let Some(grant) = grants.refresh(token).cloned() else {
        return Err(("invalid_grant", "the refresh token is unknown or used"));
    };
    let scopes = split(request.filled("scope"));
    if scopes.iter().any(|scope| !grant.scopes.contains(scope)) {
        return Err(("invalid_scope", "scope asks for more than was granted"));
    }
    let narrowed = if scopes.is_empty() {
        grant
    } else {
        Grant { scopes, ..grant }
    };
    let Some(tokens) = grants.rotate(token, &narrowed, inner.now()) else {
        return Err(("invalid_grant", "the refresh token is unknown or used"));
    };
    drop(grants);
    // OIDC Core §12.2: an ID token from a refresh has no nonce.
    Ok(answer(inner, &narrowed, None, &tokens))
}

fn answer(inner: &Inner, grant: &Grant, nonce: Option<&str>, tokens: &Tokens) -> Value {
    let mut answer = json!({
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": ACCESS_TOKEN_LIFETIME,
        "scope": grant.scopes.join(" "),
    });
    if let Some(token) = id_token(inner, grant, nonce, &tokens.access) {
        answer["id_token"] = token.into();
    }
    if let Some(token) = &tokens.refresh {
        answer["refresh_token"] = json!(token);
    }
    inner.patch(&mut answer, |fault| match fault {
        Fault::Token(patch) => Some(patch),
        _ => None,
    });
    answer
}
