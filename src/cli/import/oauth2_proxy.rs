//! The names of oauth2-proxy: `OAUTH2_PROXY_` and its options in capitals.

use super::imported::{DECIDED, FOR_CODE, Imported, NO_OPENID, Reasons};
use super::variables::Variables;
use crate::cli::draft::{ClientSecret, Section, metadata_url};

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
    let tenant = take("AZURE_TENANT").filter(|tenant| tenant != "common");
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
    let scope = imported.scope("OAUTH2_PROXY_SCOPE", take("SCOPE"));
    let prompt = take("PROMPT").map(|prompt| ("prompt".to_owned(), prompt));
    let mut more: Vec<_> = ENDPOINTS
        .iter()
        .filter_map(|(theirs, ours)| Some((*ours, take(theirs)?)))
        .collect();
    more.extend(take("PROVIDER_DISPLAY_NAME").map(|label| ("label", label)));
    match issuer_of(&kind, issuer, tenant.as_deref()) {
        Some((name, issuer)) => imported.draft.providers.push(Section {
            name: name.to_owned(),
            client_id,
            client_secret,
            server_metadata_url: metadata_url(&issuer),
            more,
            client_kwargs: scope.into_iter().chain(prompt).collect(),
        }),
        None => imported.leave_out("OAUTH2_PROXY_PROVIDER", NO_OPENID),
    }
    imported.leave_out_rest(variables, PREFIX, REASONS);
    imported
}

/// The provider's name here, and its issuer.
fn issuer_of<'a>(
    kind: &'a str,
    given: Option<String>,
    tenant: Option<&str>,
) -> Option<(&'a str, String)> {
    let microsoft =
        || tenant.map(|tenant| format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    let (name, known) = match kind {
        "azure" | "entra-id" => ("microsoft", microsoft()),
        "gitlab" => ("gitlab", Some("https://gitlab.com".to_owned())),
        "google" => ("google", Some("https://accounts.google.com".to_owned())),
        "keycloak-oidc" => ("keycloak", None),
        "adfs" | "oidc" => (kind, None),
        _ => return None,
    };
    Some((name, given.or(known)?))
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
