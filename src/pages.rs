//! The pages and JSON that keycard answers with.
//!
//! No script is needed for any of them, and none would run. What came from outside is shown only
//! on the machine itself, escaped. Their look may be the app's own ([`own_pages`](crate::own_pages));
//! status and headers are decided here.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::cookies::LastUsed;
use crate::error::{Error, Fault, Kind};
use crate::failure_log::FailureLog;
use crate::own_pages::{
    Choice, ChooserPage, FailurePage, Form, GoingOnPage, Html, Input, Link, LoggedOutHerePage,
    LogoutPage, Pages, Panicked, QuestionPage, Usual,
};
use crate::own_paths::OwnPath;
use crate::own_provider::{Field, Page};
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
    let page = FailurePage {
        code: error.code(),
        status: error.status(),
        title: error.title(),
        what_happened: error.what_happened(),
        cure: error.cure(),
        way_on: way_on(snapshot, error),
        home: snapshot.site().home(),
        request_id: request_id.to_owned(),
        details: match is_local {
            true => details(error),
            false => Vec::new(),
        },
    };
    let shown = match error.kind() {
        Kind::Denied { .. } => of_app(snapshot, "denied", request_id, |pages| pages.denied(&page)),
        Kind::LoginCancelled => of_app(snapshot, "cancelled", request_id, |pages| {
            pages.cancelled(&page)
        }),
        _ => of_app(snapshot, "error", request_id, |pages| pages.error(&page)),
    };
    let mut response = answer(error.status(), Referrer::None, &shown, None);
    add_failure_headers(response.headers_mut(), error);
    response
}

/// The way on from a failure.
fn way_on(snapshot: &Snapshot, error: &Error) -> Option<Link> {
    let (label, url) = match error.kind() {
        Kind::ClaimsDoNotFit { .. }
        | Kind::ForeignSocket
        | Kind::LayerMissing
        | Kind::SentFromElsewhere { .. }
        | Kind::UnknownProvider { .. } => return None,
        Kind::Denied { login_url, .. } => ("Use another account", login_url.clone()),
        Kind::SentBeforeLogin { login_url } => ("Log in", login_url.clone()),
        _ => {
            // One that a reload took away is nobody to log in with.
            let provider = error
                .provider()
                .filter(|name| snapshot.provider(name).is_ok());
            let provider = provider.map(|provider| ("provider", provider));
            let goal = error.goal().map(|goal| ("return_to", goal));
            let fields = provider.into_iter().chain(goal);
            ("Log in", login_url(snapshot, fields))
        }
    };
    Some(Link { label, url })
}

/// What the log says of a failure.
fn details(error: &Error) -> Vec<String> {
    let advice = Some(error.advice()).filter(|advice| !advice.is_empty());
    let texts = [Some(error.to_string()), advice.map(str::to_owned)];
    texts.into_iter().flatten().map(sentence).collect()
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
    let choice = |provider: &Arc<ConfiguredProvider>| Choice {
        name: provider.name().to_owned(),
        label: provider.label().to_owned(),
        is_last_used: last_used == Some(LastUsed::of(provider.name())),
    };
    let mut choices: Vec<_> = snapshot.providers().iter().map(choice).collect();
    choices.sort_by_key(|choice| !choice.is_last_used);
    let page = ChooserPage {
        form: form(snapshot, "post", &OwnPath::Login, fields),
        choices,
        home: snapshot.site().home(),
    };
    let shown = of_app(snapshot, "chooser", NO_REQUEST, |pages| {
        pages.chooser(&page)
    });
    answer(StatusCode::OK, Referrer::SameOrigin, &shown, None)
}

/// The page of a provider of the app's own; with fields, a form that leads to the callback.
pub(crate) fn of_provider(
    snapshot: &Snapshot,
    shown: &Page,
    callback: &OwnPath,
    state: &Secret,
) -> Response {
    let input = |field: &Field| Input {
        name: field.name.clone(),
        label: field.label.clone(),
        kind: "text",
        autocomplete: "off",
    };
    let page = QuestionPage {
        title: shown.title.clone(),
        paragraphs: shown.paragraphs.clone(),
        form: form(snapshot, "get", callback, &[("state", state.expose())]),
        inputs: shown.fields.iter().map(input).collect(),
        button: shown.button.clone(),
        home: snapshot.site().home(),
    };
    question(snapshot, &page)
}

/// Asks for the password that this provider knows.
#[cfg(feature = "password")]
pub(crate) fn password_form(
    snapshot: &Snapshot,
    provider: &ConfiguredProvider,
    return_to: Option<&str>,
) -> Response {
    let label = provider.label();
    let input = |name: &str, label: &str, kind, autocomplete| Input {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        autocomplete,
    };
    let return_to = return_to.map(|return_to| ("return_to", return_to));
    let fields: Vec<_> = [("provider", provider.name())]
        .into_iter()
        .chain(return_to)
        .collect();
    let page = QuestionPage {
        title: format!("Log in with {label}"),
        paragraphs: vec![format!(
            "This app passes your password on to {label} and does not keep it."
        )],
        form: form(snapshot, "post", &OwnPath::Login, &fields),
        inputs: vec![
            input("user_name", "User name", "text", "username"),
            input("password", "Password", "password", "current-password"),
        ],
        button: "Log in".to_owned(),
        home: snapshot.site().home(),
    };
    question(snapshot, &page)
}

fn question(snapshot: &Snapshot, page: &QuestionPage) -> Response {
    let shown = of_app(snapshot, "question", NO_REQUEST, |pages| {
        pages.question(page)
    });
    answer(StatusCode::OK, Referrer::SameOrigin, &shown, None)
}

/// The page with the button that logs out, and leads on from there.
pub(crate) fn logout(snapshot: &Snapshot, return_to: Option<&str>) -> Response {
    let fields: Vec<_> = return_to
        .map(|path| ("return_to", path))
        .into_iter()
        .collect();
    let page = LogoutPage {
        form: form(snapshot, "post", &OwnPath::Logout, &fields),
        home: snapshot.site().home(),
    };
    let shown = of_app(snapshot, "logout", NO_REQUEST, |pages| pages.logout(&page));
    answer(StatusCode::OK, Referrer::SameOrigin, &shown, None)
}

/// The end of a logout that the provider could not be told of.
pub(crate) fn logged_out_here(snapshot: &Snapshot, provider: &str, goal: &str) -> Response {
    let page = LoggedOutHerePage {
        provider: provider.to_owned(),
        goal: goal.to_owned(),
    };
    let shown = |pages: &dyn Pages| pages.logged_out_here(&page);
    let shown = of_app(snapshot, "logged_out_here", NO_REQUEST, shown);
    answer(StatusCode::OK, Referrer::None, &shown, None)
}

/// Goes on to `url` by itself; where it does not, there is a link.
pub(crate) fn going_on(snapshot: &Snapshot, url: &str) -> Response {
    let page = GoingOnPage {
        url: url.to_owned(),
    };
    let shown = of_app(snapshot, "going_on", NO_REQUEST, |pages| {
        pages.going_on(&page)
    });
    answer(StatusCode::OK, Referrer::None, &shown, Some(url))
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

/// A form that leads to a path of keycard's own.
fn form(
    snapshot: &Snapshot,
    method: &'static str,
    action: &OwnPath,
    fields: &[(&str, &str)],
) -> Form {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Form {
        method,
        action: snapshot.own_paths().seen(action).to_owned(),
        fields: fields.iter().map(field).collect(),
    }
}

/// A page as the app has it; as keycard does where the app's own panics.
fn of_app(
    snapshot: &Snapshot,
    name: &'static str,
    request_id: &str,
    page: impl Fn(&dyn Pages) -> Html,
) -> Html {
    let auth = snapshot.auth();
    auth.pages().show(&page).unwrap_or_else(|Panicked| {
        let error = Kind::PagePanicked { page: name }.into();
        auth.log().write(&error, request_id);
        page(&Usual)
    })
}

/// Where no failure has an id.
const NO_REQUEST: &str = "none";

fn answer(status: StatusCode, referrer: Referrer, shown: &Html, onwards: Option<&str>) -> Response {
    let mut response = Response::new(Body::from(shown.document(onwards)));
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
    headers.insert(CONTENT_SECURITY_POLICY, shown.policy());
    response
}
