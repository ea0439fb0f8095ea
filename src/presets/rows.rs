//! What is known of each provider, in alphabetical order. `docs/providers.md` tells it to people.

use super::preset::{
    Address, Checked, Emails, Facts, IssuerOfTenant, Logout, Parameter, Preset, Refresh,
    Relaxation, SignedSecret, Use, Userinfo,
};
use super::template::Template;
use crate::algorithm::Algorithm;

/// What most providers have in common: they do all that OpenID Connect asks, and no more.
const OPENID: Preset = Preset {
    name: "",
    also: &[],
    label: "",
    parameters: &[],
    addresses: &[],
    scopes: &["email", "profile"],
    prompt: "select_account",
    sent: &[],
    authentication: None,
    facts: Facts::STANDARD,
    userinfo: Userinfo::IfMissing,
    emails: None,
    picture: None,
    logout: Logout::Standard,
    refresh: Refresh::Standard,
    relaxations: &[],
    checked: Checked::Unverified,
};

const fn parameter(name: &'static str, example: &'static str) -> Parameter {
    Parameter {
        name,
        used: Use::Address,
        default: None,
        example,
    }
}

const fn sent(name: &'static str, as_name: &'static str, example: &'static str) -> Parameter {
    Parameter {
        name,
        used: Use::Sent { name: as_name },
        default: None,
        example,
    }
}

const fn checked(address: &'static str) -> Checked {
    Checked::At {
        address,
        date: "2026-11-21",
    }
}

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "apple",
        label: "Apple",
        parameters: &[Parameter {
            name: "team_id",
            used: Use::Signer,
            default: None,
            example: "A1B2C3D4E5",
        }],
        addresses: &[Address::OpenId {
            metadata: Template("https://appleid.apple.com/.well-known/openid-configuration"),
        }],
        // The name is told at the first login alone, and not signed.
        scopes: &["email"],
        prompt: "",
        authentication: Some("client_secret_post"),
        refresh: Refresh::Unasked,
        relaxations: &[
            Relaxation::FormPost,
            Relaxation::SignedSecret(SignedSecret {
                signer: "team_id",
                audience: "https://appleid.apple.com",
                algorithm: Algorithm::ES256,
            }),
            Relaxation::WithoutPkce,
        ],
        ..OPENID
    },
    Preset {
        name: "auth0",
        label: "Auth0",
        parameters: &[
            parameter("domain", "example.eu.auth0.com"),
            sent("audience", "audience", "https://api.example.com"),
            sent("connection", "connection", "google-oauth2"),
            Parameter {
                name: "organization",
                used: Use::SentAndDemanded {
                    name: "organization",
                    claim: "org_id",
                },
                default: None,
                example: "org_…",
            },
        ],
        addresses: &[Address::OpenId {
            metadata: Template("https://{domain}/.well-known/openid-configuration"),
        }],
        prompt: "",
        logout: Logout::OwnPage {
            path: "/v2/logout",
            way_back: "returnTo",
        },
        refresh: Refresh::Scope,
        checked: checked(
            "https://auth0.com/docs/api/authentication/authorization-code-flow/authorize-application",
        ),
        ..OPENID
    },
    Preset {
        name: "authelia",
        label: "Authelia",
        parameters: &[parameter("host", "auth.example.com")],
        addresses: &[Address::OpenId {
            metadata: Template("https://{host}/.well-known/openid-configuration"),
        }],
        scopes: &["email", "groups", "profile"],
        userinfo: Userinfo::Always,
        refresh: Refresh::Scope,
        checked: checked("https://www.authelia.com/integration/openid-connect/introduction/"),
        ..OPENID
    },
    Preset {
        name: "authentik",
        label: "authentik",
        parameters: &[
            parameter("host", "id.example.com"),
            parameter("slug", "my-app"),
        ],
        addresses: &[Address::OpenId {
            metadata: Template(
                "https://{host}/application/o/{slug}/.well-known/openid-configuration",
            ),
        }],
        facts: Facts {
            roles: &["/roles", "/entitlements"],
            ..Facts::STANDARD
        },
        refresh: Refresh::Scope,
        checked: checked("https://docs.goauthentik.io/add-secure-apps/providers/oauth2/"),
        ..OPENID
    },
    Preset {
        name: "bitbucket",
        label: "Bitbucket",
        addresses: &[Address::OAuth2 {
            issuer: Template("https://bitbucket.org"),
            authorization: Template("https://bitbucket.org/site/oauth2/authorize"),
            token: Template("https://bitbucket.org/site/oauth2/access_token"),
            userinfo: Template("https://api.bitbucket.org/2.0/user"),
        }],
        scopes: &["account", "email"],
        prompt: "",
        authentication: Some("client_secret_basic"),
        facts: Facts {
            subject: &["/uuid"],
            name: &["/display_name", "/username"],
            picture: &["/links/avatar/href"],
            ..Facts::STANDARD
        },
        emails: Some(Emails {
            endpoint: Template("https://api.bitbucket.org/2.0/user/emails"),
            list: "/values",
            email: "email",
            primary: "is_primary",
            verified: "is_confirmed",
        }),
        refresh: Refresh::Unasked,
        checked: checked("https://developer.atlassian.com/cloud/bitbucket/oauth-2"),
        ..OPENID
    },
    Preset {
        name: "cognito",
        label: "Amazon Cognito",
        parameters: &[
            parameter("region", "eu-west-1"),
            parameter("user_pool_id", "eu-west-1_example"),
        ],
        addresses: &[Address::OpenId {
            metadata: Template(
                "https://cognito-idp.{region}.amazonaws.com/{user_pool_id}/.well-known/openid-configuration",
            ),
        }],
        facts: Facts {
            name: &[
                "/name",
                "/preferred_username",
                "/cognito:username",
                "/username",
            ],
            roles: &["/cognito:roles"],
            groups: &["/cognito:groups"],
            ..Facts::STANDARD
        },
        logout: Logout::WayBackIn("logout_uri"),
        refresh: Refresh::Unasked,
        checked: checked(
            "https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html",
        ),
        ..OPENID
    },
    Preset {
        name: "descope",
        label: "Descope",
        parameters: &[
            parameter("project_id", "P2…"),
            sent("flow", "flow", "sign-up-or-in"),
            Parameter {
                name: "tenant",
                used: Use::Fact,
                default: None,
                example: "T2…",
            },
        ],
        addresses: &[Address::OpenId {
            metadata: Template(
                "https://api.descope.com/{project_id}/.well-known/openid-configuration",
            ),
        }],
        scopes: &[
            "email",
            "profile",
            "descope.claims",
            "descope.custom_claims",
        ],
        facts: Facts {
            roles: &["/roles", "/tenants/{tenant}/roles"],
            permissions: &["/permissions", "/tenants/{tenant}/permissions"],
            ..Facts::STANDARD
        },
        checked: checked(
            "https://docs.descope.com/identity-federation/applications/oidc-apps/oidc-endpoints",
        ),
        ..OPENID
    },
    Preset {
        name: "discord",
        label: "Discord",
        addresses: &[Address::OAuth2 {
            issuer: Template("https://discord.com"),
            authorization: Template("https://discord.com/oauth2/authorize"),
            token: Template("https://discord.com/api/oauth2/token"),
            userinfo: Template("https://discord.com/api/users/@me"),
        }],
        scopes: &["identify", "email"],
        prompt: "",
        facts: Facts {
            subject: &["/id"],
            name: &["/global_name", "/username"],
            ..Facts::STANDARD
        },
        picture: Some(Template(
            "https://cdn.discordapp.com/avatars/{id}/{avatar}.png",
        )),
        refresh: Refresh::Unasked,
        relaxations: &[Relaxation::EmailVerifiedBy("verified")],
        checked: checked("https://docs.discord.com/developers/topics/oauth2"),
        ..OPENID
    },
    Preset {
        name: "entra",
        also: &["azure", "microsoft"],
        label: "Microsoft",
        parameters: &[
            parameter("tenant", "00000000-0000-0000-0000-000000000000"),
            Parameter {
                name: "allowed_tenants",
                used: Use::Allowed {
                    claim: "tid",
                    unless_one: "tenant",
                    several: &["common", "organizations"],
                },
                default: None,
                example: "00000000-0000-0000-0000-000000000000",
            },
        ],
        addresses: &[Address::OpenId {
            metadata: Template(
                "https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration",
            ),
        }],
        authentication: Some("client_secret_post"),
        refresh: Refresh::Scope,
        relaxations: &[
            Relaxation::EmailVerifiedBy("xms_edov"),
            Relaxation::IssuerOfTenant(IssuerOfTenant {
                template: Template("https://login.microsoftonline.com/{tenantid}/v2.0"),
                claim: "tid",
            }),
        ],
        checked: checked(
            "https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc",
        ),
        ..OPENID
    },
    Preset {
        name: "facebook",
        label: "Facebook",
        addresses: &[Address::OAuth2 {
            issuer: Template("https://www.facebook.com"),
            authorization: Template("https://www.facebook.com/v24.0/dialog/oauth"),
            token: Template("https://graph.facebook.com/v24.0/oauth/access_token"),
            userinfo: Template("https://graph.facebook.com/v24.0/me?fields=id,name,email,picture"),
        }],
        scopes: &["public_profile", "email"],
        prompt: "",
        authentication: Some("client_secret_post"),
        facts: Facts {
            subject: &["/id"],
            picture: &["/picture/data/url"],
            ..Facts::STANDARD
        },
        refresh: Refresh::Unasked,
        ..OPENID
    },
    Preset {
        name: "github",
        label: "GitHub",
        parameters: &[parameter("host", "github.example.com")],
        addresses: &[
            Address::OAuth2 {
                issuer: Template("https://{host}"),
                authorization: Template("https://{host}/login/oauth/authorize"),
                token: Template("https://{host}/login/oauth/access_token"),
                userinfo: Template("https://{host}/api/v3/user"),
            },
            Address::OAuth2 {
                issuer: Template("https://github.com"),
                authorization: Template("https://github.com/login/oauth/authorize"),
                token: Template("https://github.com/login/oauth/access_token"),
                userinfo: Template("https://api.github.com/user"),
            },
        ],
        scopes: &["read:user", "user:email"],
        authentication: Some("client_secret_post"),
        facts: Facts {
            subject: &["/id"],
            name: &["/name", "/login"],
            picture: &["/avatar_url"],
            ..Facts::STANDARD
        },
        emails: Some(Emails {
            // Beside the address of /user, at github.com and at an own host alike.
            endpoint: Template("{userinfo}/emails"),
            list: "",
            email: "email",
            primary: "primary",
            verified: "verified",
        }),
        refresh: Refresh::Unasked,
        checked: checked(
            "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
        ),
        ..OPENID
    },
    Preset {
        name: "gitlab",
        label: "GitLab",
        parameters: &[Parameter {
            name: "host",
            used: Use::Address,
            default: Some("gitlab.com"),
            example: "gitlab.example.com",
        }],
        addresses: &[Address::OpenId {
            metadata: Template("https://{host}/.well-known/openid-configuration"),
        }],
        // select_account is an error there.
        prompt: "",
        facts: Facts {
            groups: &["/groups", "/groups_direct"],
            ..Facts::STANDARD
        },
        userinfo: Userinfo::Always,
        refresh: Refresh::Unasked,
        checked: checked("https://docs.gitlab.com/integration/openid_connect_provider"),
        ..OPENID
    },
    Preset {
        name: "google",
        label: "Google",
        parameters: &[Parameter {
            name: "hosted_domain",
            used: Use::SentAndDemanded {
                name: "hd",
                claim: "hd",
            },
            default: None,
            example: "example.com",
        }],
        addresses: &[Address::OpenId {
            metadata: Template("https://accounts.google.com/.well-known/openid-configuration"),
        }],
        refresh: Refresh::Parameter("access_type", "offline"),
        checked: checked("https://developers.google.com/identity/openid-connect/openid-connect"),
        ..OPENID
    },
    Preset {
        name: "kanidm",
        label: "Kanidm",
        parameters: &[parameter("host", "idm.example.com")],
        addresses: &[Address::OpenId {
            metadata: Template(
                "https://{host}/oauth2/openid/{client_id}/.well-known/openid-configuration",
            ),
        }],
        refresh: Refresh::Unasked,
        checked: checked("https://kanidm.github.io/kanidm/stable/integrations/oauth2.html"),
        ..OPENID
    },
    Preset {
        name: "keycloak",
        label: "Keycloak",
        parameters: &[
            parameter("host", "id.example.com"),
            parameter("realm", "staff"),
        ],
        addresses: &[Address::OpenId {
            metadata: Template("https://{host}/realms/{realm}/.well-known/openid-configuration"),
        }],
        prompt: "",
        facts: Facts {
            roles: &[
                "/realm_access/roles",
                "/resource_access/{client_id}/roles",
                "/roles",
            ],
            ..Facts::STANDARD
        },
        refresh: Refresh::Unasked,
        checked: checked("https://www.keycloak.org/docs/latest/server_admin/"),
        ..OPENID
    },
    Preset {
        name: "linkedin",
        label: "LinkedIn",
        addresses: &[Address::OpenId {
            metadata: Template("https://www.linkedin.com/oauth/.well-known/openid-configuration"),
        }],
        prompt: "",
        authentication: Some("client_secret_post"),
        refresh: Refresh::Unasked,
        relaxations: &[Relaxation::NonceNotEchoed, Relaxation::WithoutPkce],
        checked: checked(
            "https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2",
        ),
        ..OPENID
    },
    Preset {
        name: "okta",
        label: "Okta",
        parameters: &[
            parameter("domain", "example.okta.com"),
            parameter("authorization_server", "default"),
        ],
        addresses: &[
            Address::OpenId {
                metadata: Template(
                    "https://{domain}/oauth2/{authorization_server}/.well-known/openid-configuration",
                ),
            },
            Address::OpenId {
                metadata: Template("https://{domain}/.well-known/openid-configuration"),
            },
        ],
        prompt: "",
        userinfo: Userinfo::Always,
        logout: Logout::WithHint,
        refresh: Refresh::Scope,
        checked: checked("https://developer.okta.com/docs/concepts/auth-servers/"),
        ..OPENID
    },
    Preset {
        name: "slack",
        label: "Slack",
        parameters: &[sent("team", "team", "T0…")],
        addresses: &[Address::OpenId {
            metadata: Template("https://slack.com/.well-known/openid-configuration"),
        }],
        prompt: "",
        userinfo: Userinfo::Always,
        refresh: Refresh::Unasked,
        checked: checked("https://docs.slack.dev/authentication/sign-in-with-slack/"),
        ..OPENID
    },
    Preset {
        name: "twitch",
        label: "Twitch",
        addresses: &[Address::OpenId {
            metadata: Template("https://id.twitch.tv/oauth2/.well-known/openid-configuration"),
        }],
        scopes: &["user:read:email"],
        prompt: "",
        sent: &[(
            "claims",
            r#"{"id_token":{"email":null,"email_verified":null,"picture":null,"preferred_username":null}}"#,
        )],
        authentication: Some("client_secret_post"),
        refresh: Refresh::Unasked,
        ..OPENID
    },
    Preset {
        name: "zitadel",
        label: "ZITADEL",
        parameters: &[parameter("host", "example.zitadel.cloud")],
        addresses: &[Address::OpenId {
            metadata: Template("https://{host}/.well-known/openid-configuration"),
        }],
        facts: Facts {
            roles: &["/urn:zitadel:iam:org:project:roles"],
            ..Facts::STANDARD
        },
        refresh: Refresh::Scope,
        checked: checked("https://zitadel.com/docs/apis/openidoauth/endpoints"),
        ..OPENID
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that a template may use, besides the parameters of its row.
    const ALWAYS: &[&str] = &["client_id", "userinfo"];

    #[test]
    fn each_row_has_a_name_of_its_own_and_names_only_parameters_that_it_has() {
        let mut names = Vec::new();
        for row in ROWS {
            names.extend(row.also);
            names.push(row.name);
            assert!(
                !row.label.is_empty() && !row.addresses.is_empty(),
                "{}",
                row.name
            );
            let known = |name: &str| {
                ALWAYS.contains(&name) || row.parameters.iter().any(|it| it.name == name)
            };
            for address in row.addresses {
                let templates = match *address {
                    Address::OpenId { metadata } => vec![metadata],
                    Address::OAuth2 {
                        issuer,
                        authorization,
                        token,
                        userinfo,
                    } => vec![issuer, authorization, token, userinfo],
                };
                for template in templates {
                    assert!(template.0.starts_with("https://"), "{}", row.name);
                    assert!(template.parameters().all(known), "{}", row.name);
                }
            }
            let facts = &row.facts;
            for pointers in [
                facts.subject,
                facts.name,
                facts.email,
                facts.picture,
                facts.roles,
                facts.groups,
                facts.permissions,
            ] {
                for pointer in pointers {
                    assert!(pointer.starts_with('/'), "{} {pointer}", row.name);
                    assert!(Template(pointer).parameters().all(known), "{pointer}");
                }
            }
        }
        let count = names.len();
        assert!(ROWS.is_sorted_by_key(|row| row.name));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
