//! Claims that are only told at the userinfo endpoint (OpenID Connect Core §5.3).

use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use url::Url;

use super::http::{Answer, Http};
use super::json;
use crate::error::{Endpoint, Error, Kind};
use crate::secret::Secret;

/// The longest signed answer that is read, in bytes.
const MAX_JWT: usize = 64 * 1024;

/// What the ID token alone may say: who it is about, for whom, and how they logged in.
pub(super) const NEVER: &[&str] = &[
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "exp",
    "hd",
    "iat",
    "iss",
    "nbf",
    "nonce",
    "oid",
    "sid",
    "sub",
    "tid",
];

/// Claims that only mean something together, and so come from one source.
const PAIRS: &[[&str; 2]] = &[
    ["email", "email_verified"],
    ["email", "xms_edov"],
    ["phone_number", "phone_number_verified"],
];

/// Whether the ID token lacks a claim that the scopes promise (§5.4).
pub(super) fn is_needed(claims: &Map<String, Value>, scopes: &[String]) -> bool {
    let promised = |scope: &str, claim: &str| {
        scopes.iter().any(|asked| asked == scope) && !claims.contains_key(claim)
    };
    promised("profile", "name") || promised("email", "email")
}

/// Asks for the claims of the person that `token` is of.
pub(super) async fn ask(
    http: &Http,
    url: &Url,
    token: &Secret,
    deadline: Duration,
) -> Result<Answer, Error> {
    let endpoint = Endpoint::Userinfo;
    let answer = http.get(endpoint, url, Some(token), deadline).await?;
    if answer.status != StatusCode::OK {
        return Err(Kind::ProviderStatus {
            endpoint,
            status: answer.status.as_u16(),
        }
        .into());
    }
    Ok(answer)
}

/// The answer as it came, unless it says that it is signed (§5.3.2).
pub(super) enum Told<'a> {
    Plain(Map<String, Value>),
    Signed(&'a str),
}

impl<'a> Told<'a> {
    pub(super) fn read(answer: &'a Answer) -> Result<Self, Error> {
        let kind = answer.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/jwt") {
            return json::object(&answer.body).map(Self::Plain).map_err(invalid);
        }
        let jwt = std::str::from_utf8(&answer.body).map_err(|_| invalid("it is no JWT"))?;
        if jwt.len() > MAX_JWT {
            return Err(invalid("it is over 64 KB"));
        }
        Ok(Self::Signed(jwt.trim()))
    }
}

/// Why a signed answer does not count, in its own name.
pub(super) fn unsigned(error: Error) -> Error {
    match error.kind() {
        Kind::IdTokenRefused {
            check,
            expected,
            found,
        } => invalid(&format!("its {check} is {found}, and not {expected}")),
        _ => error,
    }
}

/// Checks what a signed answer says of itself: whose it is, for whom, and when. `vouched` are the
/// claims of the ID token.
pub(super) fn check_signed(
    told: &Map<String, Value>,
    vouched: &Map<String, Value>,
    client_id: &str,
    [earliest, latest]: [i64; 2],
) -> Result<(), Error> {
    if told.get("iss").is_none() || told.get("iss") != vouched.get("iss") {
        return Err(invalid("its iss is another than the ID token's"));
    }
    if told.contains_key("events") {
        return Err(invalid("it is a security event"));
    }
    let is_for_us = |aud: &Value| match aud {
        Value::Array(all) => all.iter().any(|one| one == client_id),
        one => one == client_id,
    };
    if !told.get("aud").is_some_and(is_for_us) {
        return Err(invalid("its aud is somebody else"));
    }
    let time = |name: &str| told.get(name).map(Value::as_f64);
    if time("exp").is_some_and(|at| at.is_none_or(|at| at <= earliest as f64)) {
        return Err(invalid("it has expired"));
    }
    if time("nbf").is_some_and(|at| at.is_none_or(|at| at > latest as f64)) {
        return Err(invalid("it does not count yet"));
    }
    Ok(())
}

/// §5.3.2: without this, the token of one person could bring the claims of another.
pub(super) fn check_subject(told: &Map<String, Value>, subject: &str) -> Result<(), Error> {
    match told.get("sub") {
        Some(Value::String(found)) if found == subject => Ok(()),
        Some(_) => Err(Kind::UserinfoSubjectDiffers.into()),
        None => Err(invalid("it lacks sub")),
    }
}

/// Adds what userinfo says to what the ID token says; the ID token wins.
pub(super) fn merge(claims: &mut Map<String, Value>, userinfo: Map<String, Value>) {
    for [claim, verified] in PAIRS {
        // A `true` from one source never vouches for an address from the other.
        if !claims.contains_key(*claim) && userinfo.contains_key(*claim) {
            claims.remove(*verified);
        }
    }
    let from_token: Vec<_> = PAIRS
        .iter()
        .filter(|[claim, _]| claims.contains_key(*claim))
        .flatten()
        .collect();
    for (name, value) in userinfo {
        let taken = NEVER.contains(&name.as_str()) || from_token.iter().any(|own| **own == name);
        if !taken && !claims.contains_key(&name) {
            claims.insert(name, value);
        }
    }
}

fn invalid(what: &str) -> Error {
    let what = what.to_owned();
    Kind::UserinfoInvalid { what }.into()
}
