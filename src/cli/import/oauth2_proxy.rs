//! The names of oauth2-proxy: `OAUTH2_PROXY_` and its options in capitals.

use super::imported::{DECIDED, FOR_CODE, Imported, NOWHERE, Place, Reasons};
use super::variables::Variables;
use crate::cli::draft::{ClientSecret, Section};

const PREFIX: &str = "OAUTH2_PROXY_";

const REASONS: Reasons = &[
    ("OAUTH2_PROXY_ALLOWED_", FOR_CODE),
    ("OAUTH2_PROXY_AUTHENTICATED_EMAILS_FILE", FOR_CODE),
    (
        "OAUTH2_PROXY_CODE_CHALLENGE_METHOD",
        "keycard always sends S256",
    ),
    ("OAUTH2_PROXY_COOKIE_REFRESH", "keycard refreshes no login"),
    (
        "OAUTH2_PROXY_COOKIE_SECRET_FILE",
        "a fresh cookie_secret is written instead",
    ),
    ("OAUTH2_PROXY_COOKIE_", DECIDED),
    ("OAUTH2_PROXY_EMAIL_DOMAINS", FOR_CODE),
    ("OAUTH2_PROXY_INSECURE_", "keycard verifies it always"),
    (
        "OAUTH2_PROXY_REDIS_",
        "keycard keeps logins in the browser, sealed",
    ),
    (
        "OAUTH2_PROXY_SESSION_",
        "keycard keeps logins in the browser, sealed",
    ),
    ("OAUTH2_PROXY_SKIP_AUTH_", FOR_CODE),
    ("OAUTH2_PROXY_SSL_", "keycard verifies certificates always"),
    (
        "OAUTH2_PROXY_",
        "it is about the proxy, which keycard is not",
    ),
];

/// The endpoints that both let one give by hand.
const ENDPOINTS: &[(&str, &str)] = &[
    ("LOGIN_URL", "authorization_endpoint"),
    ("OIDC_JWKS_URL", "jwks_uri"),
    ("PROFILE_URL", "userinfo_endpoint"),
    ("REDEEM_URL", "token_endpoint"),
];

pub(super) fn import(variables: &mut Variables) -> Imported {
    let mut imported = Imported::default();
    let mut take = |name: &str| variables.take(&format!("{PREFIX}{name}"));
    let kind = take("PROVIDER").unwrap_or_else(|| "google".to_owned());
    let issuer = take("OIDC_ISSUER_URL");
    let tenant = take("AZURE_TENANT");
    let client_id = take("CLIENT_ID").unwrap_or_default();
    let client_secret = match (take("CLIENT_SECRET"), take("CLIENT_SECRET_FILE")) {
        (None, Some(path)) => ClientSecret::InFile(path),
        (secret, _) => secret.into(),
    };
    imported.draft.cookie_secret = take("COOKIE_SECRET").unwrap_or_default();
    let redirect_url = take("REDIRECT_URL");
    imported.redirect(
        "OAUTH2_PROXY_REDIRECT_URL",
        redirect_url.as_deref(),
        "/oauth2/callback",
    );
    if let Some(life) = take("COOKIE_EXPIRE") {
        imported.expire("OAUTH2_PROXY_COOKIE_EXPIRE", days(&life));
    }
    let place = place(&kind, issuer, tenant);
    let scope = take("SCOPE");
    let scope = imported.scope("OAUTH2_PROXY_SCOPE", scope, place.as_ref());
    let prompt = take("PROMPT").map(|prompt| ("prompt".to_owned(), prompt));
    let mut more: Vec<_> = ENDPOINTS
        .iter()
        .filter_map(|(theirs, ours)| Some((*ours, take(theirs)?)))
        .collect();
    more.extend(take("PROVIDER_DISPLAY_NAME").map(|label| ("label", label)));
    match place {
        Some(place) => imported.draft.providers.push(Section {
            name: place.name,
            client_id,
            client_secret,
            server_metadata_url: place.server_metadata_url,
            more: place.more.into_iter().chain(more).collect(),
            client_kwargs: scope.into_iter().chain(prompt).collect(),
        }),
        None => imported.leave_out("OAUTH2_PROXY_PROVIDER", NOWHERE),
    }
    imported.leave_out_rest(variables, PREFIX, REASONS);
    imported
}

/// The provider's name here, and where it is.
fn place(kind: &str, issuer: Option<String>, tenant: Option<String>) -> Option<Place> {
    let name = match kind {
        "azure" | "entra-id" => "microsoft",
        "keycloak-oidc" => "keycloak",
        kind => kind,
    };
    if let Some(issuer) = issuer {
        return Some(Place::of_issuer(name, &issuer));
    }
    let tenant = tenant.map(|tenant| ("tenant", tenant));
    Place::of_preset(name, tenant.into_iter().collect())
}

/// A Go duration in hours, minutes and seconds, such as `168h0m0s`.
fn days(duration: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut number = String::new();
    for c in duration.chars() {
        let unit = match c {
            'h' => 3600.0,
            'm' => 60.0,
            's' => 1.0,
            c => {
                number.push(c);
                continue;
            }
        };
        seconds += std::mem::take(&mut number).parse::<f64>().ok()? * unit;
    }
    number.is_empty().then_some(seconds / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_of_go_is_so_many_days() {
        for (duration, is) in [
            ("168h0m0s", Some(7.0)),
            ("12h", Some(0.5)),
            ("36m", Some(0.025)),
            ("0", None),
            ("168", None),
            ("100ms", None),
            ("", Some(0.0)),
        ] {
            assert_eq!(days(duration), is, "{duration}");
        }
    }
}
