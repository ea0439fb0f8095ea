//! The pages and JSON that keycard answers with.
//!
//! No script is needed for any of them, and none would run. What came from outside is shown only
//! on the machine itself, escaped.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

use crate::cookies::LastUsed;
use crate::error::{Error, Fault, Kind};
use crate::failure_log::FailureLog;
use crate::own_paths::OwnPath;
use crate::own_provider::Page;
#[cfg(feature = "password")]
use crate::provider::ConfiguredProvider;
use crate::secret::Secret;
use crate::snapshot::Snapshot;

/// What a page tells the next one about where it was called from.
#[derive(Clone, Copy, Debug)]
enum Referrer {
    /// Pages with a form, whose POST must carry its Origin.
    SameOrigin,
    /// Pages whose address may hold a code.
    None,
}

/// A page for a failure, for a person.
pub(crate) fn failure(
    snapshot: &Snapshot,
    error: &Error,
    request_id: &str,
    is_local: bool,
) -> Response {
    let again = again(snapshot, error);
    let body = html! {
        h1 { (error.title()) }
        p { (error.what_happened()) }
        p { (error.cure()) }
        p.actions {
            @if let Some((button, url)) = again { a.button href=(url) { (button) } }
            a.quiet href=(snapshot.site().home()) { "Go to the start page" }
        }
        @if is_local {
            section aria-labelledby="details" {
                h2 #details { "For the developer, on this machine only" }
                p { (sentence(error.to_string())) }
                @if !error.advice().is_empty() { p { (sentence(error.advice().to_owned())) } }
            }
        }
        dl {
            dt { "Code" } dd { code { (error.code()) } }
            dt { "Request id" } dd { code { (request_id) } }
        }
    };
    let mut response = page(error.status(), error.title(), Referrer::None, &body);
    add_failure_headers(response.headers_mut(), error);
    response
}

/// The button that leads on from a failure, and where to.
fn again(snapshot: &Snapshot, error: &Error) -> Option<(&'static str, String)> {
    match error.kind() {
        Kind::ClaimsDoNotFit { .. }
        | Kind::ForeignSocket
        | Kind::LayerMissing
        | Kind::SentFromElsewhere { .. }
        | Kind::UnknownProvider { .. } => None,
        Kind::Denied { login_url, .. } => Some(("Use another account", login_url.clone())),
        Kind::SentBeforeLogin { login_url } => Some(("Log in", login_url.clone())),
        _ => {
            // One that a reload took away is nobody to log in with.
            let provider = error
                .provider()
                .filter(|name| snapshot.provider(name).is_ok());
            let provider = provider.map(|provider| ("provider", provider));
            let goal = error.goal().map(|goal| ("return_to", goal));
            let fields = provider.into_iter().chain(goal);
            Some(("Log in", login_url(snapshot, fields)))
        }
    }
}

/// What a log line says as a page says it: with an end, and with a capital where it begins with a
/// word and not with a name.
fn sentence(mut text: String) -> String {
    if !text.ends_with('?') {
        text.push('.');
    }
    let first = text.split([' ', ',']).next().unwrap_or_default();
    if first.bytes().all(|byte| byte.is_ascii_lowercase())
        && let Some(letter) = text.get_mut(..1)
    {
        letter.make_ascii_uppercase();
    }
    text
}

/// The same for a script: problem details (RFC 9457).
pub(crate) fn problem(error: &Error, request_id: &str) -> Response {
    let mut members = json!({
        "type": format!("urn:keycard:{}", error.code()),
        "title": error.title(),
        "status": error.status().as_u16(),
        "detail": format!("{} {}", error.what_happened(), error.cure()),
        "code": error.code(),
        "request_id": request_id,
    });
    if let (
        Kind::LoginByScript { login_url }
        | Kind::LoginRequired { login_url }
        | Kind::LoginTooOld { login_url, .. },
        Value::Object(members),
    ) = (error.kind(), &mut members)
    {
        members.insert("login_url".to_owned(), login_url.as_str().into());
    }
    let mut response = Response::new(Body::from(members.to_string()));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    add_failure_headers(headers, error);
    response
}

fn add_failure_headers(headers: &mut HeaderMap, error: &Error) {
    if error.fault() == Fault::Provider {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    #[cfg(feature = "password")]
    if let Kind::TooManyTries { seconds } = error.kind() {
        headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
    }
    if let Kind::MethodNotAllowed { allow, .. } = error.kind() {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if error.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Cookie realm=\"keycard\"");
        headers.insert(http::header::WWW_AUTHENTICATE, challenge);
    }
}

/// Where a failure leaves a handler: the layer, which knows the request, makes a page or JSON of
/// it, and a line of the log. Where there is no layer, this is what is seen.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        /// Without a layer nobody else writes the line.
        static LOG: LazyLock<FailureLog> = LazyLock::new(FailureLog::default);

        let (cause, code) = (self.what_happened(), self.code());
        let text = if matches!(self.kind(), Kind::LayerMissing) {
            LOG.write(&self, "none");
            format!("{cause} What to do: {}. ({code})\n", self.advice())
        } else {
            format!("{cause} {} ({code})\n", self.cure())
        };
        let mut response = (self.status(), text).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Which provider to log in with, the one that was used last first. The fields come back with the
/// choice.
pub(crate) fn chooser(
    snapshot: &Snapshot,
    fields: &[(&str, &str)],
    last_used: Option<LastUsed>,
) -> Response {
    let is_last = |name: &str| last_used == Some(LastUsed::of(name));
    let mut providers: Vec<_> = snapshot.providers().iter().collect();
    providers.sort_by_key(|provider| !is_last(provider.name()));
    let body = html! {
        h1 { "Log in" }
        form method="post" action=(snapshot.own_paths().seen(&OwnPath::Login)) {
            @for (name, value) in fields {
                input type="hidden" name=(name) value=(value);
            }
            @for provider in providers {
                button.button type="submit" name="provider" value=(provider.name()) {
                    "Log in with " (provider.label())
                    @if is_last(provider.name()) { " " small { "last used" } }
                }
            }
        }
        p.actions { a.quiet href=(snapshot.site().home()) { "Go to the start page" } }
    };
    page(StatusCode::OK, "Log in", Referrer::SameOrigin, &body)
}

/// The page of a provider of the app's own; with fields, a form that leads to the callback.
pub(crate) fn of_provider(
    snapshot: &Snapshot,
    shown: &Page,
    callback: &OwnPath,
    state: &Secret,
) -> Response {
    let body = html! {
        h1 { (shown.title) }
        @for paragraph in &shown.paragraphs { p { (paragraph) } }
        @if !shown.fields.is_empty() {
            form method="get" action=(snapshot.own_paths().seen(callback)) {
                input type="hidden" name="state" value=(state.expose());
                @for field in &shown.fields {
                    label { (field.label)
                        input name=(field.name) autocomplete="off" autocapitalize="off"
                            spellcheck="false" required; }
                }
                button.button type="submit" { (shown.button) }
            }
        }
        p.actions { a.quiet href=(snapshot.site().home()) { "Go to the start page" } }
    };
    page(StatusCode::OK, &shown.title, Referrer::SameOrigin, &body)
}

/// Asks for the password that this provider knows.
#[cfg(feature = "password")]
pub(crate) fn password_form(
    snapshot: &Snapshot,
    provider: &ConfiguredProvider,
    return_to: Option<&str>,
) -> Response {
    let label = provider.label();
    let body = html! {
        h1 { "Log in with " (label) }
        p { "This app passes your password on to " (label) " and does not keep it." }
        form method="post" action=(snapshot.own_paths().seen(&OwnPath::Login)) {
            input type="hidden" name="provider" value=(provider.name());
            @if let Some(return_to) = return_to {
                input type="hidden" name="return_to" value=(return_to);
            }
            label { "User name"
                input name="user_name" autocomplete="username" autocapitalize="none"
                    spellcheck="false" required; }
            label { "Password"
                input name="password" type="password" autocomplete="current-password" required; }
            button.button type="submit" { "Log in" }
        }
        p.actions { a.quiet href=(snapshot.site().home()) { "Go to the start page" } }
    };
    page(StatusCode::OK, "Log in", Referrer::SameOrigin, &body)
}

/// The page with the button that logs out, and leads on from there.
pub(crate) fn logout(snapshot: &Snapshot, return_to: Option<&str>) -> Response {
    let body = html! {
        h1 { "Log out" }
        p { "Do you want to log out of this app?" }
        form method="post" action=(snapshot.own_paths().seen(&OwnPath::Logout)) {
            @if let Some(return_to) = return_to {
                input type="hidden" name="return_to" value=(return_to);
            }
            button.button type="submit" { "Log out" }
        }
        p.actions { a.quiet href=(snapshot.site().home()) { "Stay logged in" } }
    };
    page(StatusCode::OK, "Log out", Referrer::SameOrigin, &body)
}

/// The end of a logout that the provider could not be told of.
pub(crate) fn logged_out_here(provider: &str, goal: &str) -> Response {
    let body = html! {
        h1 { "Logged out of this app" }
        p {
            (provider) " could not be reached, so your session there may still be open. On a computer \
             that others use, log out there too, or close the browser."
        }
        p.actions { a.button href=(goal) { "Go on" } }
    };
    let title = "Logged out of this app";
    page(StatusCode::OK, title, Referrer::None, &body)
}

/// Goes on to `url` by itself; where it does not, there is a link.
pub(crate) fn going_on(url: &str) -> Response {
    let body = html! {
        h1 { "Logging you in" }
        p { "If this page stays, please go on by yourself." }
        p.actions { a.button href=(url) { "Go on" } }
    };
    let refresh = html! { meta http-equiv="refresh" content=(format!("0; url={url}")); };
    page_with(
        StatusCode::OK,
        "Logging you in",
        Referrer::None,
        &refresh,
        &body,
    )
}

/// Goes to another page by GET.
pub(crate) fn see_other(url: &str) -> Result<Response, Error> {
    let location = HeaderValue::try_from(url)
        .map_err(|_| Error::from(Kind::AnswerUnwritable { what: "an address" }))?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    no_store(response.headers_mut());
    response
        .headers_mut()
        .insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// Nothing is there, and nothing happened.
pub(crate) fn nothing(status: StatusCode) -> Response {
    let mut response = status.into_response();
    no_store(response.headers_mut());
    response
}

pub(crate) fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The address of the login page, with what is known already: `provider`, `return_to`, `detour`.
pub(crate) fn login_url<'a>(
    snapshot: &Snapshot,
    fields: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> String {
    let path = snapshot.own_paths().seen(&OwnPath::Login);
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

fn page(status: StatusCode, title: &str, referrer: Referrer, body: &Markup) -> Response {
    page_with(status, title, referrer, &PreEscaped(String::new()), body)
}

fn page_with(
    status: StatusCode,
    title: &str,
    referrer: Referrer,
    head: &Markup,
    body: &Markup,
) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                (head)
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    let mut response = Response::new(Body::from(markup.into_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let referrer = match referrer {
        Referrer::SameOrigin => "same-origin",
        Referrer::None => "no-referrer",
    };
    let fixed: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, referrer),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// Nothing but our own style; no `form-action`, which browsers apply to the redirect after a POST.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = base64_simd::STANDARD.encode_to_string(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    // Base64 and fixed text are always a header.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

const STYLE: &str = include_str!("pages.css");
