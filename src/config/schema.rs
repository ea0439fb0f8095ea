//! The file as JSON Schema, for editors: every key of `keys` with its type and a sentence.
//!
//! It refuses nothing that loads: what an app only warns about, an editor may leave alone.

use serde_json::{Map, Value, json};

use super::keys::{Effect, KEYS, Key, Level};
use super::provider::{ClientAuthentication, ResponseMode};
use crate::algorithm::Algorithm;

/// The schema (draft 7, which editors of TOML know).
pub(crate) fn schema() -> Value {
    let elsewhere = json!({ "type": ["string", "number", "boolean", "array"] });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Secrets file of keycard, and of Streamlit",
        "type": "object",
        "properties": {
            "auth": {
                "description": "Login: the app's own address, its secret, and a section for each provider.",
                "type": "object",
                "properties": properties(Level::Shared),
                "additionalProperties": {
                    "anyOf": [{ "$ref": "#/definitions/provider" }, elsewhere],
                },
            },
        },
        "definitions": {
            "provider": {
                "description": "A provider; its name is what login() takes.",
                "type": "object",
                "properties": properties(Level::Provider),
            },
            "elsewhere": {
                "description": "A value that stands in a variable or in a file of its own.",
                "anyOf": [
                    { "type": "string", "pattern": "^\\$+\\{.+\\}$" },
                    {
                        "type": "object",
                        "properties": { "env": { "type": "string" }, "file": { "type": "string" } },
                        "additionalProperties": false,
                        "minProperties": 1,
                        "maxProperties": 1,
                    },
                ],
            },
            "accepted": {
                "description": "A secret that opens what it sealed, until the time if there is one.",
                "type": "object",
                "properties": { "secret": elsewhere_or(&json!({ "type": "string" })), "until": elsewhere_or(&Shape::Date.schema()), "env": { "type": "string" }, "file": { "type": "string" } },
                "additionalProperties": false,
            },
            "client_kwargs": {
                "description": "Sent to the provider with each login, but for what keycard sets itself.",
                "type": "object",
                "properties": properties(Level::Kwargs),
            },
        },
    })
}

/// The keys that may stand there; those of the unnamed provider stand in `[auth]`.
fn properties(level: Level) -> Map<String, Value> {
    let keys = KEYS.iter().filter(|key| key.belongs(level));
    keys.map(|key| (key.name.to_owned(), property(key)))
        .collect()
}

fn property(key: &Key) -> Value {
    let Some((_, shape, words)) = ROWS.iter().find(|(name, ..)| *name == key.name) else {
        return json!({});
    };
    let note = match key.effect {
        Effect::ActedOn => "",
        Effect::Authlib => " Authlib's spelling.",
        Effect::Idle(_) => " Nothing comes of it.",
    };
    let mut property = match shape {
        Shape::Anything | Shape::Kwargs => shape.schema(),
        shape => elsewhere_or(&shape.schema()),
    };
    property["description"] = format!("{words}{note}").into();
    property
}

/// What the schema has, or a reference to where it stands.
fn elsewhere_or(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "$ref": "#/definitions/elsewhere" }] })
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Algorithm,
    Anything,
    Authentication,
    Boolean,
    Date,
    Days,
    Grant,
    Kwargs,
    Leeway,
    /// Several secrets, or one; each may have an end.
    Secrets,
    /// Several texts, or one.
    Names,
    ResponseMode,
    /// An algorithm of two keys, a private and a public one.
    Signature,
    /// A number that nothing is lost of is text, too.
    Text,
    Timeout,
    Tokens,
    /// A path; true says nothing, and false is refused.
    Verify,
}

impl Shape {
    fn schema(self) -> Value {
        let text = json!({ "type": ["string", "integer"] });
        match self {
            Self::Algorithm => json!({ "enum": Algorithm::ALL.map(Algorithm::name) }),
            Self::Anything => json!({}),
            Self::Authentication => {
                json!({ "enum": ClientAuthentication::ALL.map(ClientAuthentication::name) })
            }
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Date => json!({ "type": "string" }),
            Self::Days => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 30 }),
            Self::Grant => json!({ "enum": ["authorization_code", "password"] }),
            // What stands beside `$ref` counts for nothing in this draft.
            Self::Kwargs => json!({ "allOf": [{ "$ref": "#/definitions/client_kwargs" }] }),
            Self::Leeway => json!({ "type": "number", "minimum": 0, "maximum": 600 }),
            Self::Names => {
                let one = elsewhere_or(&text);
                json!({ "anyOf": [text, { "type": "array", "items": one }] })
            }
            Self::ResponseMode => json!({ "enum": ResponseMode::ALL.map(ResponseMode::name) }),
            Self::Secrets => {
                let one = json!({ "anyOf": [text, { "$ref": "#/definitions/accepted" }] });
                json!({ "anyOf": [one, { "type": "array", "items": one }] })
            }
            Self::Signature => {
                let named = Algorithm::ALL.into_iter().filter(|it| !it.is_symmetric());
                json!({ "enum": named.map(Algorithm::name).collect::<Vec<_>>() })
            }
            Self::Text => text,
            Self::Timeout => json!({ "type": "number", "minimum": 1, "maximum": 60 }),
            Self::Tokens => {
                let token = json!({ "enum": ["id", "access", "refresh"] });
                json!({ "anyOf": [token, { "type": "array", "items": token }, { "enum": [false] }] })
            }
            Self::Verify => json!({ "anyOf": [{ "type": "string" }, { "enum": [true] }] }),
        }
    }
}

/// Every key of `keys`, in alphabetical order.
const ROWS: &[(&str, Shape, &str)] = &[
    (
        "access_token_params",
        Shape::Anything,
        "Sent to the token endpoint.",
    ),
    (
        "access_token_url",
        Shape::Text,
        "The token endpoint, over the metadata's.",
    ),
    (
        "acr_values",
        Shape::Text,
        "How people are to prove who they are.",
    ),
    (
        "allow_http",
        Shape::Names,
        "Hosts that may be reached without TLS, as host:port.",
    ),
    (
        "allowed_tenants",
        Shape::Names,
        "Entra: the tenants whose people may log in, by id; [\"*\"] lets in anybody's.",
    ),
    (
        "api_base_url",
        Shape::Text,
        "The address of the provider's API.",
    ),
    (
        "audience",
        Shape::Text,
        "Auth0: the API that access tokens are for.",
    ),
    (
        "authorization_endpoint",
        Shape::Text,
        "The authorization endpoint, over the metadata's.",
    ),
    (
        "authorization_server",
        Shape::Text,
        "Okta: the custom authorization server.",
    ),
    (
        "authorize_params",
        Shape::Kwargs,
        "Sent to the authorization endpoint.",
    ),
    (
        "authorize_url",
        Shape::Text,
        "The authorization endpoint, over the metadata's.",
    ),
    (
        "ca_file",
        Shape::Text,
        "A PEM file with the certificates of a company's own CA, trusted besides the system's.",
    ),
    (
        "claims",
        Shape::Names,
        "The claims that are kept; all of them if it is not said.",
    ),
    (
        "client_id",
        Shape::Text,
        "As the provider's console shows it.",
    ),
    (
        "client_kwargs",
        Shape::Kwargs,
        "What each login sends along.",
    ),
    (
        "client_secret",
        Shape::Text,
        "As the provider's console shows it; empty for a public client.",
    ),
    (
        "client_secret_expires",
        Shape::Date,
        "When the provider's console says that it expires.",
    ),
    (
        "clock_leeway",
        Shape::Leeway,
        "Seconds that two clocks may differ, 120 if it is not said.",
    ),
    ("code_challenge_method", Shape::Text, "S256, always."),
    (
        "connection",
        Shape::Text,
        "Auth0: the connection to log in with.",
    ),
    (
        "cookie_secret",
        Shape::Text,
        "Seals every cookie: 32 random bytes or more; `keycard secret` prints one.",
    ),
    (
        "cookie_secret_previous",
        Shape::Secrets,
        "Older cookie secrets, which still open what they sealed.",
    ),
    (
        "cookie_secrets_accepted",
        Shape::Secrets,
        "Older cookie secrets, which still open what they sealed.",
    ),
    (
        "development",
        Shape::Boolean,
        "The provider is a development provider on this machine.",
    ),
    (
        "domain",
        Shape::Text,
        "Auth0 and Okta: the domain of the tenant.",
    ),
    (
        "end_session_endpoint",
        Shape::Text,
        "Where the provider's own session ends, over the metadata's.",
    ),
    (
        "expiry_days",
        Shape::Days,
        "How long a login lasts, 30 days if it is not said.",
    ),
    (
        "expose_tokens",
        Shape::Tokens,
        "The tokens that the app may see.",
    ),
    ("flow", Shape::Text, "Descope: the flow to log in with."),
    (
        "grant",
        Shape::Grant,
        "How a login is granted: password is for one machine while developing.",
    ),
    (
        "host",
        Shape::Text,
        "The host of a server of one's own, or its address.",
    ),
    (
        "hosted_domain",
        Shape::Text,
        "Google: the Workspace domain that alone may log in.",
    ),
    (
        "id_token_signed_response_alg",
        Shape::Algorithm,
        "The one algorithm that ID tokens may have.",
    ),
    (
        "issuer",
        Shape::Text,
        "The issuer, where it is not the address of the metadata.",
    ),
    ("jwks_uri", Shape::Text, "The key set, over the metadata's."),
    (
        "key_id",
        Shape::Text,
        "The name that the provider has for the private_key's public half.",
    ),
    (
        "label",
        Shape::Text,
        "What the provider's button says, instead of its name.",
    ),
    ("login_hint", Shape::Text, "Who is likely to log in."),
    (
        "max_age",
        Shape::Text,
        "Seconds since people proved who they are, at most.",
    ),
    (
        "organization",
        Shape::Text,
        "Auth0: the organization to log in to.",
    ),
    (
        "preset",
        Shape::Text,
        "A provider whose addresses keycard knows.",
    ),
    (
        "private_key",
        Shape::Text,
        "The key that stands for a client secret, PEM or JWK; its public half is the provider's.",
    ),
    ("project_id", Shape::Text, "Descope: the project."),
    (
        "prompt",
        Shape::Text,
        "What people are asked, select_account if it is not said; empty sends none.",
    ),
    (
        "provider_logout",
        Shape::Boolean,
        "Whether a logout ends the provider's own session.",
    ),
    (
        "proxy",
        Shape::Text,
        "The proxy to the provider, such as http://proxy.example:3128; empty for none.",
    ),
    ("realm", Shape::Text, "Keycloak: the realm."),
    (
        "redirect_uri",
        Shape::Text,
        "The app's own address with /oauth2callback behind it, in a section with /<name> behind that; {port} is filled in.",
    ),
    (
        "refresh_token_params",
        Shape::Anything,
        "Sent with a refresh.",
    ),
    (
        "refresh_token_url",
        Shape::Text,
        "Where a login is refreshed.",
    ),
    (
        "region",
        Shape::Text,
        "Cognito: the region of the user pool.",
    ),
    ("request_token_params", Shape::Anything, "For OAuth 1."),
    ("request_token_url", Shape::Anything, "For OAuth 1."),
    (
        "require_pushed_authorization_requests",
        Shape::Boolean,
        "Whether a login's parameters go ahead of the browser, though the provider does not require it.",
    ),
    (
        "response_mode",
        Shape::ResponseMode,
        "How the provider answers: query, or form_post, which is a POST and needs https.",
    ),
    ("response_type", Shape::Text, "code, always."),
    (
        "scope",
        Shape::Names,
        "What is asked for, \"openid profile email\" if it is not said.",
    ),
    (
        "server_metadata_url",
        Shape::Text,
        "The issuer with /.well-known/openid-configuration behind it.",
    ),
    (
        "sessions_valid_from",
        Shape::Date,
        "Whoever logged in before this is logged out.",
    ),
    (
        "slug",
        Shape::Text,
        "authentik: the slug of the application.",
    ),
    (
        "strict",
        Shape::Boolean,
        "What is only warned about keeps the app from starting.",
    ),
    ("subject_key", Shape::Text, "The claim that is the subject."),
    ("team", Shape::Text, "Slack: the workspace to log in with."),
    (
        "team_id",
        Shape::Text,
        "Apple: the team that the private_key belongs to.",
    ),
    (
        "tenant",
        Shape::Text,
        "Entra: the tenant, or common, organizations or consumers; Descope: the tenant whose roles count.",
    ),
    (
        "timeout",
        Shape::Timeout,
        "Seconds to wait for the provider, 10 if it is not said.",
    ),
    (
        "token_endpoint",
        Shape::Text,
        "The token endpoint, over the metadata's.",
    ),
    (
        "token_endpoint_auth_method",
        Shape::Authentication,
        "How the client proves who it is.",
    ),
    (
        "token_endpoint_auth_signing_alg",
        Shape::Signature,
        "What the private_key signs with.",
    ),
    (
        "ui_locales",
        Shape::Text,
        "The languages of the provider's pages.",
    ),
    ("user_key", Shape::Text, "The claim that names the user."),
    ("user_pool_id", Shape::Text, "Cognito: the user pool."),
    (
        "userinfo_endpoint",
        Shape::Text,
        "The userinfo endpoint, over the metadata's.",
    ),
    (
        "verify",
        Shape::Verify,
        "A PEM file, as in ca_file; certificates are verified in any case.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_has_its_row_and_every_row_its_key() {
        let keys: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        let rows: Vec<_> = ROWS.iter().map(|(name, ..)| *name).collect();
        assert!(rows.is_sorted());
        assert_eq!(rows, keys.into_iter().collect::<Vec<_>>());
    }
}
