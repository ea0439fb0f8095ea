//! The names of Auth.js: `AUTH_SECRET`, `AUTH_URL`, and for each provider `AUTH_<PROVIDER>_ID`,
//! `_SECRET` and `_ISSUER`.

use super::imported::{DECIDED, Imported, NOWHERE, Place, Reasons};
use super::variables::Variables;
use crate::cli::draft::Section;

const REASONS: Reasons = &[
    ("AUTH_REDIRECT_PROXY_URL", DECIDED),
    ("AUTH_SECRET_", "what older secrets sealed is Auth.js's own"),
    ("AUTH_TRUST_HOST", DECIDED),
    ("NEXTAUTH_URL_INTERNAL", DECIDED),
];

pub(super) fn import(variables: &mut Variables) -> Imported {
    let mut imported = Imported::default();
    let secret = variables.take_first(&["AUTH_SECRET", "NEXTAUTH_SECRET"]);
    imported.draft.cookie_secret = secret.unwrap_or_default();
    let url = variables.take_first(&["AUTH_URL", "NEXTAUTH_URL"]);
    imported.redirect("AUTH_URL", url.as_deref(), "/api/auth");
    for id in variables.left("AUTH_") {
        let Some(provider) = id
            .strip_prefix("AUTH_")
            .and_then(|id| id.strip_suffix("_ID"))
        else {
            continue;
        };
        let (secret, issuer) = (
            format!("AUTH_{provider}_SECRET"),
            format!("AUTH_{provider}_ISSUER"),
        );
        let name = name(provider);
        let place = match variables.take(&issuer) {
            Some(issuer) => Some(Place::of_issuer(&name, &issuer)),
            None => Place::of_preset(&name, Vec::new()),
        };
        let Some(place) = place else {
            imported.leave_out(&id, NOWHERE);
            variables.take(&id);
            variables.take(&secret);
            continue;
        };
        imported.draft.providers.push(Section {
            client_id: variables.take(&id).unwrap_or_default(),
            client_secret: variables.take(&secret).into(),
            server_metadata_url: place.server_metadata_url,
            name: place.name,
            ..Section::default()
        });
    }
    for prefix in ["AUTH_", "NEXTAUTH_"] {
        imported.leave_out_rest(variables, prefix, REASONS);
    }
    imported
}

fn name(provider: &str) -> String {
    match provider {
        "AZURE_AD" | "MICROSOFT_ENTRA_ID" => "microsoft".to_owned(),
        provider => provider.to_ascii_lowercase().replace('_', "-"),
    }
}
