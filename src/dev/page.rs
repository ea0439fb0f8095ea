//! The pages: whom to be, goodbye, and what is wrong with a request.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{http::StatusCode, response::Response};
use base64_simd::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};
use url::Url;

use super::{
    inner::Inner,
    person::{Person, text},
    reply::html_response,
    request::{Endpoint, Request},
    style::STYLE,
};

/// Presses the button that takes an answer to the app.
const SUBMIT: &str = "document.getElementById('answer').submit()";

/// Who was filled in under "Somebody else", as it was typed.
pub(super) struct Somebody<'a> {
    subject: &'a str,
    name: &'a str,
    email: &'a str,
    email_verified: Option<&'a str>,
    claims: &'a str,
}

impl<'a> Somebody<'a> {
    pub(super) fn read(request: &'a Request) -> Self {
        let typed = |name| request.parameter(name).unwrap_or_default();
        Self {
            subject: typed("dev_subject").trim(),
            name: typed("dev_name").trim(),
            email: typed("dev_email").trim(),
            email_verified: request.parameter("dev_email_verified"),
            claims: typed("dev_claims").trim(),
        }
    }

    /// The claims that were meant, or a sentence about what does not fit.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, String> {
        if self.subject.is_empty() {
            return Err("A subject is needed: it is what an app knows somebody by.".into());
        }
        let mut person = Person::new(self.subject);
        if !self.name.is_empty() {
            person = person.name(self.name);
        }
        if !self.email.is_empty() {
            person = match self.email_verified {
                Some(_) => person.email(self.email),
                None => person.unverified_email(self.email),
            };
        }
        for (name, value) in self.further_claims()? {
            person = person.claim(name, value);
        }
        Ok(person.claims().clone())
    }

    fn further_claims(&self) -> Result<Map<String, Value>, String> {
        if self.claims.is_empty() {
            return Ok(Map::new());
        }
        let read = serde_json::from_str(self.claims).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("The further claims are not JSON from line {line}, column {column} on.")
        })?;
        match read {
            Value::Object(claims) if claims.contains_key("sub") => {
                Err("The further claims hold `sub`, which has a field of its own.".into())
            }
            Value::Object(claims) => Ok(claims),
            _ => Err("The further claims must be one JSON object, in braces.".into()),
        }
    }
}

/// The page that asks whom to be.
pub(super) fn people(
    inner: &Inner,
    request: &Request,
    app: &str,
    hint: Option<&str>,
    mistake: Option<&str>,
) -> Response {
    let mut people: Vec<&Person> = inner.people.iter().collect();
    people.sort_by_key(|person| !is_hinted(person, hint));
    let original = html! {
        @for (name, value) in request.parameters().iter().filter(|(name, _)| !name.starts_with("dev_")) {
            input type="hidden" name=(name) value=(value);
        }
    };
    let body = html! {
        h1 { "Who do you want to be?" }
        p.quiet { "You will be sent back to " b { (app) } "." }
        form method="post" action=(Endpoint::Authorization.path()) {
            (original)
            ul.people { @for person in people { li { (button(inner, person)) } } }
        }
        details open[mistake.is_some()] {
            summary { "Be somebody else" }
            form method="post" action=(Endpoint::Authorization.path()) {
                (original)
                (fields(&Somebody::read(request), mistake))
            }
        }
        form method="post" action=(Endpoint::Authorization.path()) {
            (original)
            button.cancel type="submit" name="dev_cancel" value="cancel" { "Cancel" }
        }
    };
    respond(inner, StatusCode::OK, "Who do you want to be?", &body)
}

/// The page that takes the answer to the app by POST.
pub(super) fn form_post(inner: &Inner, to: &Url, parameters: &[(String, String)]) -> Response {
    let title = "You are sent back";
    let body = html! {
        h1 { (title) }
        form #answer method="post" action=(to) {
            @for (name, value) in parameters {
                input type="hidden" name=(name) value=(value);
            }
            button.go type="submit" { "Go on" }
        }
        script { (PreEscaped(SUBMIT)) }
    };
    let policy = format!("{}; script-src 'sha256-{}'", policy(), hash(SUBMIT));
    html_response(StatusCode::OK, policy, page(inner, title, &body))
}

/// The page for a request that cannot be answered by redirect.
pub(super) fn refusal(inner: &Inner, reason: &str) -> Response {
    let title = "This request cannot be answered";
    let body = html! {
        h1 { (title) }
        p { (reason) }
        p.quiet { "The app that sent you here has to change its request. Nobody was logged in." }
    };
    respond(inner, StatusCode::BAD_REQUEST, title, &body)
}

/// The page after a logout that leads nowhere.
pub(super) fn signed_out(inner: &Inner) -> Response {
    let title = "You are signed out";
    let body = html! {
        h1 { (title) }
        p.quiet { "A development provider remembers nobody, so there was little to do." }
    };
    respond(inner, StatusCode::OK, title, &body)
}

fn button(inner: &Inner, person: &Person) -> Markup {
    let claims = person.claims();
    let name = text(claims, "name").unwrap_or(person.subject());
    let email = text(claims, "email");
    // The page loads nothing from elsewhere, pictures included.
    let picture = text(claims, "picture")
        .filter(|url| url.starts_with("data:image/") || url.starts_with(&inner.issuer));
    html! {
        button.person type="submit" name="dev_person" value=(person.subject()) {
            @match picture {
                Some(url) => img.face src=(url) alt="" width="44" height="44";,
                None => span.face aria-hidden="true" { (initials(name)) },
            }
            span.about {
                b { (name) }
                small {
                    @if let Some(email) = email {
                        (email) " "
                        @if claims.get("email_verified") != Some(&Value::Bool(true)) {
                            span.unverified { "not verified" }
                        }
                    } @else {
                        "no e-mail"
                    }
                }
            }
        }
    }
}

fn fields(typed: &Somebody<'_>, mistake: Option<&str>) -> Markup {
    html! {
        div.fields {
            @if let Some(mistake) = mistake { p.mistake role="alert" { (mistake) } }
            div.field {
                label for="subject" { "Subject" }
                input #subject type="text" name="dev_subject" value=(typed.subject) required
                    autocomplete="off" autocapitalize="none" spellcheck="false";
            }
            div.field {
                label for="name" { "Name" }
                input #name type="text" name="dev_name" value=(typed.name) autocomplete="off";
            }
            div.field {
                label for="email" { "E-mail" }
                input #email type="email" name="dev_email" value=(typed.email) autocomplete="off";
            }
            div.check {
                input #verified type="checkbox" name="dev_email_verified" value="true"
                    checked[typed.email_verified.is_some()];
                label for="verified" { "The e-mail is verified" }
            }
            div.field {
                label for="claims" { "Further claims, as a JSON object" }
                textarea #claims name="dev_claims" rows="4" spellcheck="false"
                    placeholder="{\"groups\": [\"staff\"]}" { (typed.claims) }
            }
            button.go type="submit" name="dev_other" value="other" { "Be this person" }
        }
    }
}

fn respond(inner: &Inner, status: StatusCode, title: &str, body: &Markup) -> Response {
    html_response(status, policy(), page(inner, title, body))
}

fn page(inner: &Inner, title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (inner.name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.ribbon { "Development provider " b { (inner.name) } ": nothing here is real" }
                main { (body) }
            }
        }
    };
    page.into_string()
}

/// No form-action: browsers apply it to the redirect after the form as well.
fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data: 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
    )
}

fn hash(text: &str) -> String {
    STANDARD.encode_to_string(digest(&SHA256, text.as_bytes()))
}

fn is_hinted(person: &Person, hint: Option<&str>) -> bool {
    hint.is_some_and(|hint| {
        let email = text(person.claims(), "email");
        person.subject() == hint || email.is_some_and(|email| email.eq_ignore_ascii_case(hint))
    })
}

fn initials(name: &str) -> String {
    let initials = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    initials
        .filter(|letter| letter.is_alphanumeric())
        .take(2)
        .collect()
}
