//! The names of Panel: `PANEL_OAUTH_` and its options in capitals.

use serde_json::{Map, Value};

use super::imported::{FOR_CODE, Imported, NOWHERE, Place, Reasons};
use super::variables::Variables;
use crate::cli::draft::Section;

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
    let scope = take("SCOPE");
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
    for name in ["AUTHORIZE_URL", "TOKEN_URL", "USER_URL", "USER_KEY"] {
        if let Some(value) = variables.take(&format!("PANEL_OAUTH_{name}")) {
            extra.insert(name.to_owned(), value.into());
        }
    }
    let place = place(&kind, &mut extra);
    let scope = imported.scope("PANEL_OAUTH_SCOPE", scope, place.as_ref());
    match place {
        Some(place) => imported.draft.providers.push(Section {
            name: place.name,
            client_id: client_id.unwrap_or_default(),
            client_secret: client_secret.into(),
            server_metadata_url: place.server_metadata_url,
            more: place.more,
            client_kwargs: scope.into_iter().chain(sent(extra)).collect(),
        }),
        None => imported.leave_out("PANEL_OAUTH_PROVIDER", NOWHERE),
    }
    imported.leave_out_rest(variables, "PANEL_OAUTH_", REASONS);
    imported
}

/// The provider's name here, and where it is, from what else Panel is told of it.
fn place(kind: &str, extra: &mut Map<String, Value>) -> Option<Place> {
    let mut take = |name: &str| match extra.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let mut said = |key, name| take(name).map(|value| (key, value));
    let (name, said) = match kind {
        "auth0" => {
            let domain = take("subdomain").map(|name| ("domain", format!("{name}.auth0.com")));
            ("auth0", vec![domain])
        }
        "azure" | "azurev2" => ("microsoft", vec![said("tenant", "tenant")]),
        "gitlab" => ("gitlab", vec![said("host", "url")]),
        "okta" => {
            let domain = said("domain", "url");
            let server = take("server").unwrap_or_else(|| "default".to_owned());
            let server = (!server.is_empty()).then_some(("authorization_server", server));
            ("okta", vec![domain, server])
        }
        "auth_code" | "code" | "generic" => {
            let endpoints = [
                said("authorization_endpoint", "AUTHORIZE_URL"),
                said("token_endpoint", "TOKEN_URL"),
                said("userinfo_endpoint", "USER_URL"),
            ];
            let more: Vec<_> = endpoints.into_iter().collect::<Option<_>>()?;
            let user = said("user_key", "USER_KEY");
            return Some(Place {
                name: "generic".to_owned(),
                server_metadata_url: None,
                more: more.into_iter().chain(user).collect(),
            });
        }
        kind => (kind, Vec::new()),
    };
    Place::of_preset(name, said.into_iter().flatten().collect())
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
