//! What each provider does, in alphabetical order: its addresses, what it refuses, and where it tells
//! what of a person.

use std::sync::Arc;

use serde_json::{Value, json};

use super::stand_in::{Pkce, Secret, StandIn};
use crate::support::TestKey;

pub const TENANT: &str = "7f3c1d0a-58b2-4c0e-9d55-0a6a1d7c2e11";
pub const ENTRA: &str = "https://login.microsoftonline.com";

pub const TEAM: &str = "A1B2C3D4E5";

/// Whose client secrets this key signs.
pub fn apple(key: &Arc<TestKey>) -> StandIn {
    let issuer = "https://appleid.apple.com";
    let at = |path: &str| format!("{issuer}/auth/{path}");
    StandIn::openid(
        issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    .at([&at("authorize"), &at("token"), &at("keys")])
    .says(json!({
        "response_modes_supported": ["query", "fragment", "form_post"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }))
    // It says booleans as text, and no name.
    .claims(json!({
        "sub": "001234.0a1b2c3d4e5f.0607",
        "email": "x7k2@privaterelay.appleid.com",
        "email_verified": "true",
        "is_private_email": "true",
        "nonce_supported": true,
    }))
    .token_says(json!({ "refresh_token": "a-refresh-token" }))
    .but(|it| {
        it.secret = Secret::Signed;
        it.signer = Some((key.clone(), TEAM));
        it.form_post = true;
        it.pkce = Pkce::Refused;
        it.scopes = &["openid", "email", "name"];
    })
}

pub fn auth0() -> StandIn {
    let host = "https://example.eu.auth0.com";
    let at = |path: &str| format!("{host}{path}");
    // The issuer ends with a slash.
    let issuer = at("/");
    StandIn::openid(&issuer, &at("/.well-known/openid-configuration"))
        .at([
            &at("/authorize"),
            &at("/oauth/token"),
            &at("/.well-known/jwks.json"),
        ])
        .says(json!({
            "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        }))
        .claims(json!({
            "sub": "google-oauth2|1234",
            "name": "Ada Lovelace",
            "nickname": "ada",
            "org_id": "org_1",
            "email": "ada@example.com",
            "email_verified": true,
            "picture": "https://s.gravatar.com/ada.png",
        }))
        .userinfo(&at("/userinfo"), json!({ "sub": "google-oauth2|1234" }))
        .but(|it| it.prompts = &["none", "login", "consent"])
}

pub fn authelia() -> StandIn {
    let host = "https://auth.example.com";
    let at = |path: &str| format!("{host}{path}");
    let subject = "3f9a0b9e-0d3c-4b0b-9d1b-5f6d6a7e8f90";
    StandIn::openid(host, &at("/.well-known/openid-configuration"))
        .at([
            &at("/api/oidc/authorization"),
            &at("/api/oidc/token"),
            &at("/jwks.json"),
        ])
        .says(json!({
            "authorization_response_iss_parameter_supported": true,
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
        }))
        // The ID token says next to nothing, and its audience is a list.
        .claims(json!({
            "sub": subject,
            "aud": ["a-client"],
            "azp": "a-client",
            "amr": ["pwd", "otp"],
            "jti": "0d9c6a47-0000-4000-8000-000000000001",
        }))
        .userinfo(
            &at("/api/oidc/userinfo"),
            json!({
                "sub": subject,
                "name": "Ada Lovelace",
                "preferred_username": "ada",
                "email": "ada@example.com",
                "email_verified": true,
                "alt_emails": ["a@example.com"],
                "groups": ["admins", "dev"],
                "rat": 1,
                "client_id": "a-client",
                "scope": ["openid"],
            }),
        )
        .but(|it| {
            it.secret = Secret::Basic;
            it.says_issuer = true;
            it.prompts = &["none", "login", "consent", "select_account"];
            it.scopes = &["openid", "profile", "email", "groups"];
        })
}

pub fn authentik() -> StandIn {
    let host = "https://id.example.com";
    let at = |path: &str| format!("{host}/application/o/{path}");
    // An issuer for each application, with a slash at its end.
    StandIn::openid(&at("shop/"), &at("shop/.well-known/openid-configuration"))
        .at([&at("authorize/"), &at("token/"), &at("shop/jwks/")])
        .says(json!({ "end_session_endpoint": at("shop/end-session/") }))
        .claims(json!({
            "sub": "b1946ac92492d2347c6235b4d2611184",
            "name": "Ada Lovelace",
            "preferred_username": "ada",
            "email": "ada@example.com",
            "email_verified": false,
            "groups": ["dev"],
            "entitlements": ["buyer"],
            "roles": ["buyer"],
        }))
        .userinfo(
            &at("userinfo/"),
            json!({ "sub": "b1946ac92492d2347c6235b4d2611184" }),
        )
}

pub fn bitbucket() -> StandIn {
    let mut stand_in = StandIn::oauth2(
        "https://bitbucket.org/site/oauth2/authorize",
        "https://bitbucket.org/site/oauth2/access_token",
    );
    stand_in.secret = Secret::Basic;
    stand_in.pkce = Pkce::Ignored;
    stand_in
        // The scopes stand under another name.
        .token_says(json!({ "scopes": "account email", "refresh_token": "a-refresh-token" }))
        .tells(
            "https://api.bitbucket.org/2.0/user",
            json!({
                "uuid": "{e8a3b2c1-0000-4000-8000-000000000001}",
                "account_id": "557058:ada",
                "display_name": "Ada Lovelace",
                "username": "ada",
                "links": { "avatar": { "href": "https://bitbucket.org/ada.png" } },
            }),
        )
        .tells(
            "https://api.bitbucket.org/2.0/user/emails",
            json!({ "values": [
                { "email": "old@example.com", "is_primary": false, "is_confirmed": true },
                { "email": "ada@example.com", "is_primary": true, "is_confirmed": true },
            ] }),
        )
}

pub fn cognito() -> StandIn {
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example";
    let pages = "https://shop.auth.eu-west-1.amazoncognito.com";
    let at = |path: &str| format!("{pages}/oauth2/{path}");
    let subject = "c2b1a0f9-0000-4000-8000-000000000001";
    StandIn::openid(
        issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    // The login pages are at another host than the issuer.
    .at([
        &at("authorize"),
        &at("token"),
        &format!("{issuer}/.well-known/jwks.json"),
    ])
    .says(json!({ "end_session_endpoint": format!("{pages}/logout") }))
    .claims(json!({
        "sub": subject,
        "token_use": "id",
        "cognito:username": "ada",
        "cognito:groups": ["buyers"],
        "cognito:roles": ["arn:aws:iam::1:role/buyer"],
        "email": "ada@example.com",
        "email_verified": true,
    }))
    // It tells booleans as text there, and the user name without its prefix.
    .userinfo(
        &at("userInfo"),
        json!({
            "sub": subject,
            "username": "ada",
            "email": "ada@example.com",
            "email_verified": "true",
        }),
    )
    .but(|it| it.prompts = &["none", "login", "select_account", "consent"])
}

pub fn descope() -> StandIn {
    let host = "https://api.descope.com";
    let issuer = format!("{host}/P2example");
    let at = |path: &str| format!("{host}/oauth2/v1/{path}");
    StandIn::openid(
        &issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    .at([
        &at("authorize"),
        &at("token"),
        &format!("{issuer}/.well-known/jwks.json"),
    ])
    .says(json!({ "end_session_endpoint": at("logout") }))
    .claims(json!({
        "sub": "U2ada",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "email_verified": true,
        "picture": "https://descope.com/ada.png",
        "roles": ["Buyer"],
        "permissions": ["Buy"],
        "tenants": { "T2a": { "roles": ["Owner"], "permissions": ["Sell"] } },
    }))
    .userinfo(&at("userinfo"), json!({ "sub": "U2ada" }))
    .but(|it| {
        it.scopes = &[
            "openid",
            "profile",
            "email",
            "descope.claims",
            "descope.custom_claims",
        ];
    })
}

pub fn discord() -> StandIn {
    let mut stand_in = StandIn::oauth2(
        "https://discord.com/oauth2/authorize",
        "https://discord.com/api/oauth2/token",
    );
    stand_in.prompts = &["consent", "none"];
    stand_in.scopes = &["identify", "email"];
    stand_in
        .token_says(json!({
            "expires_in": 604_800,
            "refresh_token": "a-refresh-token",
            "scope": "identify email",
        }))
        .tells(
            "https://discord.com/api/users/@me",
            json!({
                "id": "80351110224678912",
                "username": "ada",
                "global_name": "Ada Lovelace",
                "avatar": "8342729096ea3675442027381ff50dfe",
                "email": "ada@example.com",
                "verified": true,
            }),
        )
}

/// One tenant, or `common` and such; the issuer is the tenant's either way, and the metadata of
/// several names none.
pub fn entra(tenant: &str) -> StandIn {
    let template = format!("{ENTRA}/{{tenantid}}/v2.0");
    let own = format!("{ENTRA}/{TENANT}/v2.0");
    let at = |path: &str| format!("{ENTRA}/{tenant}/{path}");
    let issuer = if tenant == TENANT { &own } else { &template };
    let metadata = at("v2.0/.well-known/openid-configuration");
    StandIn::openid(issuer, &metadata)
        .at([
            &at("oauth2/v2.0/authorize"),
            &at("oauth2/v2.0/token"),
            &at("discovery/v2.0/keys"),
        ])
        .says(json!({
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "end_session_endpoint": at("oauth2/v2.0/logout"),
        }))
        .claims(json!({
            "iss": own,
            "tid": TENANT,
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "oid": "00000000-0000-0000-66f3-3332eca7ea81",
            "name": "Ada Lovelace",
            "preferred_username": "ada@example.com",
            "email": "ada@example.com",
            "roles": ["Buyer"],
            "ver": "2.0",
        }))
        .but(|it| {
            it.key_says = json!({ "issuer": issuer });
            it.secret = Secret::Post;
            it.prompts = &["login", "none", "consent", "select_account"];
        })
}

pub fn facebook() -> StandIn {
    let mut stand_in = StandIn::oauth2(
        "https://www.facebook.com/v24.0/dialog/oauth",
        "https://graph.facebook.com/v24.0/oauth/access_token",
    );
    stand_in.secret = Secret::Post;
    stand_in.pkce = Pkce::Ignored;
    stand_in
        .token_says(json!({ "token_type": "bearer" }))
        .tells(
            "https://graph.facebook.com/v24.0/me?fields=id,name,email,picture",
            json!({
                "id": "10223456789012345",
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "picture": { "data": { "url": "https://platform-lookaside.fbsbx.com/ada.jpg" } },
            }),
        )
}

/// At github.com, or at a host of its own, where the API is below `/api/v3`.
pub fn github(host: Option<&str>) -> StandIn {
    let pages = format!("https://{}", host.unwrap_or("github.com"));
    let api = match host {
        Some(_) => format!("{pages}/api/v3"),
        None => "https://api.github.com".to_owned(),
    };
    let mut stand_in = StandIn::oauth2(
        &format!("{pages}/login/oauth/authorize"),
        &format!("{pages}/login/oauth/access_token"),
    );
    stand_in.prompts = &["select_account"];
    stand_in.json_if_asked = true;
    stand_in.refuses_with = 200;
    stand_in
        .token_says(json!({
            "token_type": "bearer",
            "scope": "read:user,user:email",
            "expires_in": null,
        }))
        .tells(
            &format!("{api}/user"),
            json!({
                "id": 583_231,
                "login": "ada",
                "name": null,
                "email": null,
                "avatar_url": "https://avatars.githubusercontent.com/u/583231",
            }),
        )
        .tells(
            &format!("{api}/user/emails"),
            json!([
                { "email": "old@example.com", "primary": false, "verified": true, "visibility": null },
                { "email": "ada@example.com", "primary": true, "verified": true, "visibility": "private" },
            ]),
        )
}

pub fn gitlab(host: &str) -> StandIn {
    let issuer = format!("https://{host}");
    let at = |path: &str| format!("{issuer}{path}");
    let person = json!({
        "sub": "1234",
        "sub_legacy": "aa",
        "name": "Ada Lovelace",
        "nickname": "ada",
        "preferred_username": "ada",
        "email": "ada@example.com",
        "email_verified": true,
        "picture": "https://gitlab.com/ada.png",
        "profile": "https://gitlab.com/ada",
    });
    StandIn::openid(&issuer, &at("/.well-known/openid-configuration"))
        .at([
            &at("/oauth/authorize"),
            &at("/oauth/token"),
            &at("/oauth/discovery/keys"),
        ])
        .claims(person.clone())
        .claims(json!({ "groups_direct": ["shop"] }))
        // All groups are told at userinfo alone.
        .userinfo(&at("/oauth/userinfo"), person)
        .but(|it| {
            let (_, told) = it.told.get_mut(&at("/oauth/userinfo")).unwrap();
            told["groups"] = json!(["shop", "shop/till"]);
            told["https://gitlab.org/claims/groups/owner"] = json!(["shop"]);
            it.prompts = &["none", "login", "consent"];
            it.scopes = &["openid", "profile", "email"];
        })
}

pub fn google() -> StandIn {
    let issuer = "https://accounts.google.com";
    StandIn::openid(
        issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    .at([
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v3/certs",
    ])
    .says(json!({ "code_challenge_methods_supported": ["plain", "S256"] }))
    .claims(json!({
        "azp": "a-client",
        "sub": "110169484474386276334",
        "hd": "example.com",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "email_verified": "true",
        "picture": "https://lh3.googleusercontent.com/ada",
    }))
    .userinfo(
        "https://openidconnect.googleapis.com/v1/userinfo",
        json!({ "sub": "110169484474386276334" }),
    )
    .token_says(json!({
        "scope": "openid https://www.googleapis.com/auth/userinfo.email \
                  https://www.googleapis.com/auth/userinfo.profile",
    }))
    .but(|it| {
        it.prompts = &["none", "consent", "select_account"];
        it.scopes = &["openid", "profile", "email"];
    })
}

pub fn kanidm() -> StandIn {
    let host = "https://idm.example.com";
    // An issuer for each client.
    let issuer = format!("{host}/oauth2/openid/a-client");
    let mut stand_in = StandIn::openid(
        &issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    );
    stand_in.key = Arc::new(TestKey::new("ES256"));
    stand_in.secret = Secret::Basic;
    stand_in.pkce = Pkce::Required;
    stand_in.prompts = &["none", "login", "consent", "select_account"];
    // Each scope must be granted to the person; these are.
    stand_in.scopes = &["openid", "profile", "email"];
    let subject = "d0a1b2c3-0000-4000-8000-000000000001";
    stand_in
        .at([
            &format!("{host}/ui/oauth2"),
            &format!("{host}/oauth2/token"),
            &format!("{issuer}/public_key.jwk"),
        ])
        .says(json!({
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }))
        .claims(json!({
            "azp": "a-client",
            "sub": subject,
            "name": "Ada Lovelace",
            "preferred_username": "ada@idm.example.com",
            "email": "ada@example.com",
            "email_verified": true,
        }))
        .userinfo(&format!("{issuer}/userinfo"), json!({ "sub": subject }))
}

pub fn keycloak() -> StandIn {
    let issuer = "https://sso.example.com/realms/staff";
    let at = |path: &str| format!("{issuer}/protocol/openid-connect/{path}");
    StandIn::openid(
        issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    .at([&at("auth"), &at("token"), &at("certs")])
    .says(json!({
        "authorization_response_iss_parameter_supported": true,
        "end_session_endpoint": at("logout"),
    }))
    // With roles and groups mapped to the ID token.
    .claims(json!({
        "azp": "a-client",
        "sub": "f1e2d3c4-0000-4000-8000-000000000001",
        "name": "Ada Lovelace",
        "preferred_username": "ada",
        "email": "ada@example.com",
        "email_verified": true,
        "realm_access": { "roles": ["staff"] },
        "resource_access": { "a-client": { "roles": ["buyer"] }, "other": { "roles": ["x"] } },
        "groups": ["/shop"],
    }))
    .userinfo(
        &at("userinfo"),
        json!({ "sub": "f1e2d3c4-0000-4000-8000-000000000001" }),
    )
    .but(|it| it.says_issuer = true)
}

pub fn linkedin() -> StandIn {
    let issuer = "https://www.linkedin.com/oauth";
    let mut stand_in = StandIn::openid(
        issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    .at([
        "https://www.linkedin.com/oauth/v2/authorization",
        "https://www.linkedin.com/oauth/v2/accessToken",
        "https://www.linkedin.com/oauth/openid/jwks",
    ]);
    // Its metadata lists no way for a client to show its secret, and only one works.
    let metadata = stand_in.metadata.as_object_mut().unwrap();
    metadata.remove("token_endpoint_auth_methods_supported");
    stand_in.secret = Secret::Post;
    stand_in.pkce = Pkce::Refused;
    stand_in.echoes_nonce = false;
    stand_in.scopes = &["openid", "profile", "email"];
    stand_in
        .claims(json!({
            "sub": "782bbtaQ",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "email_verified": "true",
            "picture": "https://media.licdn.com/ada.jpg",
            "locale": "en_US",
        }))
        .token_says(json!({ "scope": "email,openid,profile" }))
        .userinfo(
            "https://api.linkedin.com/v2/userinfo",
            json!({ "sub": "782bbtaQ", "locale": { "country": "US", "language": "en" } }),
        )
}

/// At its own server, or at a custom one.
pub fn okta(server: Option<&str>) -> StandIn {
    let host = "https://example.okta.com";
    let issuer = match server {
        Some(server) => format!("{host}/oauth2/{server}"),
        None => host.to_owned(),
    };
    let base = match server {
        Some(_) => format!("{issuer}/v1"),
        None => format!("{host}/oauth2/v1"),
    };
    let at = |path: &str| format!("{base}/{path}");
    StandIn::openid(
        &issuer,
        &format!("{issuer}/.well-known/openid-configuration"),
    )
    .at([&at("authorize"), &at("token"), &at("keys")])
    .says(json!({ "end_session_endpoint": at("logout") }))
    // Thin, since an access token comes with it.
    .claims(json!({
        "sub": "00uid4BxXw6I6TV4m0g3",
        "ver": 1,
        "jti": "ID.1",
        "amr": ["pwd"],
        "idp": "00ok1u7AsAkrwdZL3z0g3",
    }))
    .userinfo(
        &at("userinfo"),
        json!({
            "sub": "00uid4BxXw6I6TV4m0g3",
            "name": "Ada Lovelace",
            "preferred_username": "ada@example.com",
            "email": "ada@example.com",
            "email_verified": true,
            "groups": ["Everyone"],
        }),
    )
    .but(|it| {
        it.secret = Secret::Basic;
        it.prompts = &["none", "login", "consent"];
    })
}

pub fn slack() -> StandIn {
    let mut stand_in = StandIn::openid(
        "https://slack.com",
        "https://slack.com/.well-known/openid-configuration",
    )
    .at([
        "https://slack.com/openid/connect/authorize",
        "https://slack.com/api/openid.connect.token",
        "https://slack.com/openid/connect/keys",
    ]);
    stand_in.pkce = Pkce::Ignored;
    stand_in.refuses_with = 200;
    stand_in.scopes = &["openid", "profile", "email"];
    stand_in
        .claims(json!({
            "sub": "U0R7JM",
            "https://slack.com/user_id": "U0R7JM",
            "https://slack.com/team_id": "T0R7GR",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "email_verified": true,
            "date_email_verified": 1_622_128_723,
            "locale": "en-US",
        }))
        .token_says(json!({ "ok": true, "expires_in": null }))
        .userinfo(
            "https://slack.com/api/openid.connect.userInfo",
            json!({
                "ok": true,
                "sub": "U0R7JM",
                "picture": "https://secure.gravatar.com/ada.png",
                "https://slack.com/team_name": "Shop",
            }),
        )
}

pub fn twitch() -> StandIn {
    let issuer = "https://id.twitch.tv/oauth2";
    let at = |path: &str| format!("{issuer}{path}");
    StandIn::openid(issuer, &at("/.well-known/openid-configuration"))
        .says(json!({
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "claims_parameter_supported": true,
            "scopes_supported": ["openid"],
        }))
        .claims(json!({
            "azp": "a-client",
            "sub": "141981764",
            "preferred_username": "AdaLovelace",
            "email": "ada@example.com",
            "email_verified": true,
            "picture": "https://static-cdn.jtvnw.net/ada.png",
        }))
        // The scope is a list.
        .token_says(json!({ "scope": ["openid", "user:read:email"], "token_type": "bearer" }))
        .userinfo(&at("/userinfo"), json!({ "sub": "141981764" }))
        .but(|it| {
            it.secret = Secret::Post;
            it.pkce = Pkce::Ignored;
            it.only_asked = true;
        })
}

pub fn zitadel() -> StandIn {
    let host = "https://example.zitadel.cloud";
    let at = |path: &str| format!("{host}{path}");
    let roles: Value = json!({ "buyer": { "org-1": "shop.zitadel.cloud" } });
    StandIn::openid(host, &at("/.well-known/openid-configuration"))
        .at([
            &at("/oauth/v2/authorize"),
            &at("/oauth/v2/token"),
            &at("/oauth/v2/keys"),
        ])
        .says(json!({
            "token_endpoint_auth_methods_supported":
                ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
            "end_session_endpoint": at("/oidc/v1/end_session"),
        }))
        // All clients of the project are its audience, and the project.
        .claims(json!({
            "aud": ["a-client", "another-client", "69234237810729019"],
            "azp": "a-client",
            "sub": "77776025198584418",
            "preferred_username": "ada",
            "urn:zitadel:iam:org:project:roles": roles,
        }))
        .userinfo(
            &at("/oidc/v1/userinfo"),
            json!({
                "sub": "77776025198584418",
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "email_verified": true,
            }),
        )
        .but(|it| it.prompts = &["none", "login", "select_account", "create"])
}
