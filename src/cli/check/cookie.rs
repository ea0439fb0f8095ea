//! How much the identity cookie takes.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::finding::{Finding, Point};
use crate::cli::outcome::Failure;
use crate::config::ProviderConfig;
use crate::cookies::{Head, IdentityCookie, Keyring, Names, size};
use crate::error::{Error, Kind};

/// The claims that the cookie is sized for.
pub(super) struct Claims {
    members: Map<String, Value>,
    /// Whose they are, in words.
    whose: &'static str,
}

/// What a browser sends with each request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) bytes: usize,
    pub(super) cookies: usize,
}

impl Claims {
    /// Those of a file, or a typical person's.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else {
            return Ok(Self {
                members: typical(),
                whose: "a typical person",
            });
        };
        let shown = path.display();
        let text = fs::read(path)
            .map_err(|error| Failure::said(format!("{shown} cannot be read: {}", error.kind())))?;
        // The parser's own words would quote the claims.
        let members = serde_json::from_slice(&text)
            .map_err(|_| Failure::said(format!("{shown} is not a JSON object of claims")))?;
        Ok(Self {
            members,
            whose: "these claims",
        })
    }
}

/// Seals an identity with these claims as a login at this provider would.
pub(super) fn size_cookie(
    provider: &ProviderConfig,
    claims: &Claims,
    names: &Names,
    keyring: &Keyring,
) -> (Finding, Option<Size>) {
    let mut kept = claims.members.clone();
    if let Some(wanted) = &provider.claims {
        kept.retain(|name, _| wanted.contains(name));
    }
    let sealed = match IdentityCookie::seal(&head(provider), &kept, names, keyring) {
        Ok(sealed) => sealed,
        Err(error) => return (too_large(&error), None),
    };
    let texts = [Some(sealed.first), sealed.second];
    let parts = || names.identity().iter().zip(texts.iter().flatten());
    let size = Size {
        bytes: parts()
            .map(|(name, text)| size(name.as_bytes(), text.as_bytes()))
            .sum(),
        cookies: parts().count(),
    };
    let split = if size.cookies > 1 {
        " in two cookies"
    } else {
        ""
    };
    // What the budget lets pass is below the 8 KB that nginx takes of a request's head, and what an
    // answer sets below the 4 KB that it takes of an answer's.
    let text = format!(
        "{} bytes{split} for {}: a proxy's default buffers suffice",
        size.bytes, claims.whose
    );
    (Finding::ok(Point::Cookie, text), Some(size))
}

fn too_large(error: &Error) -> Finding {
    match error.kind() {
        Kind::IdentityTooLarge { report } => {
            Finding::failure(Point::Cookie, format!("too large: {report}"))
        }
        _ => Finding::of(Point::Cookie, error),
    }
}

fn head(provider: &ProviderConfig) -> Head {
    Head {
        login_id: [0; 16],
        issued_at: 0,
        expires_at: 0,
        auth_time: Some(0),
        provider: provider.name.clone(),
        fingerprint: [0; 16],
        issuer: provider.expected_issuer().unwrap_or_default(),
        subject: "00000000-0000-0000-0000-000000000000".to_owned(),
        session_id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
        state_hash: [0; 16],
    }
}

/// What Google and Entra say of somebody who is asked for `openid profile email`, about.
fn typical() -> Map<String, Value> {
    let claims = json!({
        "iss": "https://login.example.com/00000000-0000-0000-0000-000000000000/v2.0",
        "sub": "00000000-0000-0000-0000-000000000000",
        "aud": "00000000-0000-0000-0000-000000000000",
        "azp": "00000000-0000-0000-0000-000000000000",
        "sid": "00000000-0000-0000-0000-000000000000",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
        "auth_time": 1_700_000_000,
        "name": "Alexandra Examplesson",
        "given_name": "Alexandra",
        "family_name": "Examplesson",
        "preferred_username": "alexandra.examplesson@example.com",
        "email": "alexandra.examplesson@example.com",
        "email_verified": true,
        "locale": "en-GB",
        "picture": "https://images.example.com/a/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ=s96-c",
    });
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}
