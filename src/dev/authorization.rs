//! The authorization endpoint: checks the request, asks who to be, and sends back to the app.

use std::{net::IpAddr, sync::Arc};

use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use thiserror::Error;
use url::{Host, Url};

use super::{
    fault::Fault,
    grants::{Code, Grant, PUSHED},
    inner::{Inner, Requests},
    page::{self, Somebody},
    person::text,
    reply::see_other,
    request::{Endpoint, Request},
    socket::lock,
};

/// Why a person could not press their button.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorizeError {
    /// The claims have no `sub`, or one that is not a text.
    #[error("the claims have no `sub` that is a non-empty string")]
    NoSubject,
    /// The URL is not at this provider's authorization endpoint.
    #[error("not a URL of this provider's authorization endpoint, {endpoint}")]
    NotOurs {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint would show a page instead of sending back to the app.
    #[error("the request is refused with a page: {reason}")]
    Refused {
        /// What the page says.
        reason: String,
    },
    /// Nobody here has this subject.
    #[error("nobody here has the subject `{subject}`")]
    UnknownPerson {
        /// The subject.
        subject: String,
    },
}

/// What was decided on the page.
pub(super) enum Decision {
    Be(Map<String, Value>),
    Cancel,
}

/// A request that may be answered by redirect.
pub(super) struct Asked {
    redirect_uri: Url,
    redirect_uri_text: String,
    state: Option<String>,
    nonce: Option<String>,
    scopes: Vec<String>,
    code_challenge: String,
    login_hint: Option<String>,
    mode: Mode,
    /// What it was pushed as.
    request_uri: Option<String>,
}

/// `error` and `error_description`, RFC 6749 §4.1.2.1.
type Objection = (&'static str, &'static str);

enum Refusal {
    /// Nobody can be sent back: there is no address to trust.
    Page(String),
    /// A way back with `error` in it.
    Callback(Callback),
}

/// The way back to the app.
struct Callback {
    redirect_uri: Url,
    parameters: Vec<(String, String)>,
    mode: Mode,
}

/// Where the parameters of an answer are (OAuth 2.0 Form Post Response Mode, and Multiple Response
/// Types §2.1).
#[derive(Clone, Copy)]
enum Mode {
    FormPost,
    Query,
}

pub(super) fn respond(inner: &Inner, request: &Request, method: &Method) -> Response {
    let asked = match Asked::read(inner, request) {
        Ok(asked) => asked,
        Err(Refusal::Page(reason)) => return page::refusal(inner, &reason),
        Err(Refusal::Callback(callback)) => return callback.response(inner),
    };
    let page = |mistake| {
        let hint = asked.login_hint.as_deref();
        page::people(inner, request, asked.app(), hint, mistake)
    };
    if method != Method::POST {
        return page(None);
    }
    let claims = if request.parameter("dev_cancel").is_some() {
        return asked.finish(inner, Decision::Cancel).response(inner);
    } else if let Some(subject) = request.parameter("dev_person") {
        person(inner, subject)
    } else if request.parameter("dev_other").is_some() {
        match Somebody::read(request).claims() {
            Ok(claims) => Some(claims),
            Err(mistake) => {
                return (StatusCode::UNPROCESSABLE_ENTITY, page(Some(&mistake))).into_response();
            }
        }
    } else {
        None
    };
    // OIDC Core §3.1.2.1: the request itself may come by POST as well.
    let Some(claims) = claims else {
        return page(None);
    };
    asked.finish(inner, Decision::Be(claims)).response(inner)
}

/// What [`respond`] does once the person has decided, for a request that is only a URL.
pub(super) fn decide(
    inner: &Inner,
    authorization_url: &str,
    decision: Decision,
) -> Result<String, AuthorizeError> {
    let endpoint = inner.url(Endpoint::Authorization);
    let url = Url::parse(authorization_url).ok();
    let ours = |url: &Url| authorization_url.starts_with(&endpoint) && url.path() == "/authorize";
    let Some(url) = url.filter(ours) else {
        return Err(AuthorizeError::NotOurs { endpoint });
    };
    if let Decision::Be(claims) = &decision
        && text(claims, "sub").is_none_or(str::is_empty)
    {
        return Err(AuthorizeError::NoSubject);
    }
    let request = Request::from_query(url.query());
    inner.record(Endpoint::Authorization, &request);
    match Asked::read(inner, &request) {
        Ok(asked) => Ok(asked.finish(inner, decision).url()),
        Err(Refusal::Callback(callback)) => Ok(callback.url()),
        Err(Refusal::Page(reason)) => Err(AuthorizeError::Refused { reason }),
    }
}

pub(super) fn person(inner: &Inner, subject: &str) -> Option<Map<String, Value>> {
    let mut people = inner.people.iter();
    let person = people.find(|person| person.subject() == subject)?;
    Some(person.claims().clone())
}

/// What is wrong with a request that was pushed, as `error` and what describes it.
pub(super) fn object_to(inner: &Inner, request: &Request) -> Option<(&'static str, String)> {
    let asked = match Asked::addressed(inner, request) {
        Ok(asked) => asked,
        Err(reason) => return Some(("invalid_request", reason)),
    };
    let (error, description) = asked.objection(request)?;
    // Who is logged in is the browser's affair, and no browser is here yet.
    (error != "login_required").then(|| (error, description.to_owned()))
}

impl Asked {
    fn read(inner: &Inner, request: &Request) -> Result<Self, Refusal> {
        let pushed = request
            .filled("request_uri")
            .filter(|uri| uri.starts_with(PUSHED));
        let Some(uri) = pushed else {
            let asked = Self::addressed(inner, request).map_err(Refusal::Page)?;
            let objection = match inner.requests {
                Requests::Any => asked.objection(request),
                Requests::Pushed => Some(("invalid_request", "the request has to be pushed")),
            };
            return asked.or_objection(inner, objection);
        };
        // RFC 9126 §4: what else stands beside it counts for nothing, but for the client.
        if request.filled("client_id") != Some(&inner.client_id) {
            return Err(Refusal::Page("client_id is missing, or another.".into()));
        }
        let Some(pushed) = lock(&inner.grants).pushed(uri, inner.now()) else {
            let reason = "request_uri is unknown, used or expired.";
            return Err(Refusal::Page(reason.into()));
        };
        let mut asked = Self::addressed(inner, &pushed).map_err(Refusal::Page)?;
        asked.request_uri = Some(uri.to_owned());
        let objection = asked.objection(&pushed);
        asked.or_objection(inner, objection)
    }

    fn or_objection(self, inner: &Inner, objection: Option<Objection>) -> Result<Self, Refusal> {
        match objection {
            Some((error, description)) => {
                Err(Refusal::Callback(self.error(inner, error, description)))
            }
            None => Ok(self),
        }
    }

    /// Reads a request of which it is known where its answer goes; or a sentence about why not.
    fn addressed(inner: &Inner, request: &Request) -> Result<Self, String> {
        let refuse = |reason: String| Err(reason);
        if let Some(name) = request.repeated() {
            return refuse(format!("{name} is there more than once."));
        }
        match request.filled("client_id") {
            Some(id) if id == inner.client_id => {}
            Some(_) => return refuse("client_id is not the one this provider gave out.".into()),
            None => return refuse("client_id is missing.".into()),
        }
        let Some(redirect_uri_text) = request.filled("redirect_uri") else {
            return refuse("redirect_uri is missing.".into());
        };
        let Some(redirect_uri) = loopback_url(redirect_uri_text) else {
            return refuse(
                "redirect_uri is not on this machine. A development provider sends people to \
                 localhost, 127.0.0.1 or [::1] only."
                    .into(),
            );
        };
        Ok(Self {
            redirect_uri,
            redirect_uri_text: redirect_uri_text.to_owned(),
            state: request.filled("state").map(str::to_owned),
            nonce: request.filled("nonce").map(str::to_owned),
            scopes: split(request.filled("scope")),
            code_challenge: request
                .filled("code_challenge")
                .unwrap_or_default()
                .to_owned(),
            login_hint: request.filled("login_hint").map(str::to_owned),
            mode: match request.filled("response_mode") {
                Some("form_post") => Mode::FormPost,
                _ => Mode::Query,
            },
            request_uri: None,
        })
    }

    /// The first thing that is wrong with the request, as `error` and `error_description`.
    fn objection(&self, request: &Request) -> Option<Objection> {
        match request.filled("response_type") {
            Some("code") => {}
            Some(_) => return Some(("unsupported_response_type", "response_type must be code")),
            None => return Some(("invalid_request", "response_type is missing")),
        }
        if !matches!(
            request.filled("response_mode"),
            None | Some("form_post" | "query")
        ) {
            return Some((
                "invalid_request",
                "response_mode must be query or form_post",
            ));
        }
        if request.filled("request").is_some() {
            return Some(("request_not_supported", "request objects are not supported"));
        }
        if request.filled("request_uri").is_some() {
            return Some(("request_uri_not_supported", "request_uri is not supported"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Some(("invalid_scope", "scope must contain openid"));
        }
        if self.code_challenge.is_empty() {
            return Some(("invalid_request", "code_challenge is missing"));
        }
        if request.filled("code_challenge_method") != Some("S256") {
            return Some(("invalid_request", "code_challenge_method must be S256"));
        }
        // RFC 7636 §4.2: an S256 challenge is 32 bytes as base64url.
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if self.code_challenge.len() != 43 || !self.code_challenge.bytes().all(is_base64url) {
            return Some(("invalid_request", "code_challenge is not an S256 challenge"));
        }
        let prompts = split(request.filled("prompt"));
        if prompts.iter().any(|prompt| prompt == "none") {
            return Some(if prompts.len() > 1 {
                ("invalid_request", "prompt=none goes with no other value")
            } else {
                (
                    "login_required",
                    "nobody is logged in at a development provider",
                )
            });
        }
        None
    }

    /// The way back for what was decided.
    fn finish(&self, inner: &Inner, decision: Decision) -> Callback {
        if let Some(uri) = &self.request_uri {
            lock(&inner.grants).spend_pushed(uri);
        }
        let claims = match decision {
            Decision::Be(claims) => claims,
            Decision::Cancel => {
                return self.error(inner, "access_denied", "the person pressed Cancel");
            }
        };
        let now = inner.now();
        let code = lock(&inner.grants).issue_code(Code {
            grant: Grant {
                claims: Arc::new(claims),
                scopes: self.scopes.clone(),
                auth_time: now,
                nonce: self.nonce.clone(),
            },
            redirect_uri: self.redirect_uri_text.clone(),
            code_challenge: self.code_challenge.clone(),
            issued_at: now,
        });
        self.callback(inner, json!({ "code": code }))
    }

    fn error(&self, inner: &Inner, error: &str, description: &str) -> Callback {
        self.callback(
            inner,
            json!({ "error": error, "error_description": description }),
        )
    }

    fn callback(&self, inner: &Inner, mut parameters: Value) -> Callback {
        // RFC 9207 §2: in error responses too.
        parameters["iss"] = json!(inner.issuer);
        if let Some(state) = &self.state {
            parameters["state"] = json!(state);
        }
        inner.patch(&mut parameters, |fault| match fault {
            Fault::Callback(patch) => Some(patch),
            _ => None,
        });
        let mut pairs = Vec::new();
        for (name, value) in parameters.as_object().into_iter().flatten() {
            let values = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                pairs.push((name.clone(), text));
            }
        }
        Callback {
            redirect_uri: self.redirect_uri.clone(),
            parameters: pairs,
            mode: self.mode,
        }
    }

    /// The host and port that ask, for the page.
    fn app(&self) -> &str {
        &self.redirect_uri[url::Position::BeforeHost..url::Position::AfterPort]
    }
}

impl Callback {
    /// The address with the parameters in its query, whichever way they go.
    fn url(self) -> String {
        let mut url = self.redirect_uri;
        url.query_pairs_mut().extend_pairs(self.parameters);
        url.into()
    }

    fn response(self, inner: &Inner) -> Response {
        match self.mode {
            Mode::FormPost => page::form_post(inner, &self.redirect_uri, &self.parameters),
            Mode::Query => see_other(&self.url()),
        }
    }
}

/// The URL, if it is on this machine.
pub(super) fn loopback_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => IpAddr::V4(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(address).is_loopback(),
    };
    let is_plain =
        url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_loopback && is_plain && matches!(url.scheme(), "http" | "https")).then_some(url)
}

pub(super) fn split(words: Option<&str>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for word in words.unwrap_or_default().split_ascii_whitespace() {
        if !distinct.iter().any(|known| known == word) {
            distinct.push(word.to_owned());
        }
    }
    distinct
}
