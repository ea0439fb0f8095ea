//! The names of Panel: `PANEL_OAUTH_` and its options in capitals.

use serde_json::{Map, Value};

use super::imported::{FOR_CODE, Imported, NO_OPENID, Reasons};
use super::variables::Variables;
use crate::cli::draft::{Section, metadata_url};

const REASONS: Reasons = &[
    ("PANEL_OAUTH_ENCRYPTION", "keycard always seals its cookies"),
    ("PANEL_OAUTH_GUEST_ENDPOINTS", FOR_CODE),
    (
        "PANEL_OAUTH_JWT_USER",
        "the app reads any claim by its name",
    ),
    ("PANEL_OAUTH_OPTIONAL", FOR_CODE),
    (
        "PANEL_OAUTH_REFRESH_TOKENS",
        "keycard does not refresh a login yet",
    ),
];

pub(super) fn import(variables: &mut Variables) -> Imported {
    let mut imported = Imported::default();
    let secret = variables.take_first(&["PANEL_COOKIE_SECRET", "BOKEH_COOKIE_SECRET"]);
    imported.draft.cookie_secret = secret.unwrap_or_default();
    let mut take = |name: &str| variables.take(&format!("PANEL_OAUTH_{name}"));
    let redirect_uri = take("REDIRECT_URI");
    imported.redirect(
        "PANEL_OAUTH_REDIRECT_URI",
        redirect_uri.as_deref(),
        "/login",
    );
    if let Some(days) = take("EXPIRY") {
        imported.expire("PANEL_OAUTH_EXPIRY", days.parse().ok());
    }
    let scope = imported.scope("PANEL_OAUTH_SCOPE", take("SCOPE"));
    let mut extra = match take("EXTRA_PARAMS").map(|written| parameters(&written)) {
        Some(None) => {
            imported.leave_out("PANEL_OAUTH_EXTRA_PARAMS", "it is no dict of texts");
            Map::new()
        }
        extra => extra.flatten().unwrap_or_default(),
    };
    let kind = take("PROVIDER").unwrap_or_default();
    let (client_id, client_secret) = (take("KEY"), take("SECRET"));
    if let Some(tenant) = variables.take("AAD_TENANT_ID") {
        extra.insert("tenant".to_owned(), tenant.into());
    }
    match issuer_of(&kind, &mut extra) {
        Some((name, issuer)) => imported.draft.providers.push(Section {
            name: name.to_owned(),
            client_id: client_id.unwrap_or_default(),
            client_secret: client_secret.into(),
            server_metadata_url: metadata_url(&issuer),
            client_kwargs: scope.into_iter().chain(sent(extra)).collect(),
            ..Section::default()
        }),
        None => imported.leave_out("PANEL_OAUTH_PROVIDER", NO_OPENID),
    }
    imported.leave_out_rest(variables, "PANEL_OAUTH_", REASONS);
    imported
}

/// The provider's name here, and its issuer, from what else Panel is told of it.
fn issuer_of(kind: &str, extra: &mut Map<String, Value>) -> Option<(&'static str, String)> {
    let mut take = |name: &str| match extra.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let issuer = match kind {
        "auth0" => format!("https://{}.auth0.com", take("subdomain")?),
        "azure" | "azurev2" => {
            let tenant = take("tenant").filter(|tenant| tenant != "common")?;
            format!("https://login.microsoftonline.com/{tenant}/v2.0")
        }
        "gitlab" => format!(
            "https://{}",
            take("url").unwrap_or_else(|| "gitlab.com".to_owned())
        ),
        "google" => "https://accounts.google.com".to_owned(),
        "okta" => {
            let server = take("server").unwrap_or_else(|| "default".to_owned());
            format!("https://{}/oauth2/{server}", take("url")?)
        }
        _ => return None,
    };
    let name = match kind {
        "azure" | "azurev2" => "microsoft",
        "auth0" => "auth0",
        "gitlab" => "gitlab",
        "okta" => "okta",
        _ => "google",
    };
    Some((name, issuer))
}

/// What Panel sends along to the authorization endpoint.
fn sent(extra: Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    extra.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) if name != "scope" => Some((name, text)),
        _ => None,
    })
}

/// A dict of Python, as far as it is one of JSON but for its quotes.
fn parameters(written: &str) -> Option<Map<String, Value>> {
    let json = if written.contains('"') {
        written.to_owned()
    } else {
        written.replace('\'', "\"")
    };
    serde_json::from_str(&json).ok()
}
