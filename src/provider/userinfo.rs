//! Claims that are only told at the userinfo endpoint (OpenID Connect Core §5.3).

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};
use url::Url;

use super::http::Http;
use super::json;
use crate::error::{Endpoint, Error, Kind};
use crate::secret::Secret;

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

/// Asks for the claims of the person that `token` is of, who must be `subject`.
pub(super) async fn fetch(
    http: &Http,
    url: &Url,
    token: &Secret,
    subject: &str,
    deadline: Duration,
) -> Result<Map<String, Value>, Error> {
    let endpoint = Endpoint::Userinfo;
    let answer = http.get(endpoint, url, Some(token), deadline).await?;
    if answer.status != StatusCode::OK {
        return Err(Kind::ProviderStatus {
            endpoint,
            status: answer.status.as_u16(),
        }
        .into());
    }
    let invalid = |what: &str| {
        Error::from(Kind::UserinfoInvalid {
            what: what.to_owned(),
        })
    };
    let members = json::object(&answer.body).map_err(invalid)?;
    // §5.3.2: without this, the token of one person could bring the claims of another.
    match members.get("sub") {
        Some(Value::String(found)) if found == subject => Ok(members),
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
