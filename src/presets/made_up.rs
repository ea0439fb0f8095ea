//! A provider that nobody has, with one quirk of each kind: one row is all that it takes. The tests
//! of `login` log in at it.

use super::preset::{
    Address, Checked, Emails, Facts, IssuerOfTenant, Logout, Parameter, Preset, Refresh,
    Relaxation, SignedSecret, Use, Userinfo,
};
use super::template::Template;
use crate::algorithm::Algorithm;

const fn parameter(name: &'static str, used: Use) -> Parameter {
    Parameter {
        name,
        used,
        default: None,
        example: "example",
    }
}

pub(super) static ROW: Preset = Preset {
    name: "made-up",
    also: &["made-up-as-well"],
    label: "Made Up",
    parameters: &[
        parameter("host", Use::Address),
        parameter("domain", Use::Address),
        parameter("realm", Use::Address),
        parameter("tenant", Use::Fact),
        parameter("flow", Use::Sent { name: "hint" }),
        parameter("team_id", Use::Signer),
        parameter(
            "hosted_domain",
            Use::SentAndDemanded {
                name: "hd",
                claim: "hd",
            },
        ),
        parameter(
            "allowed_tenants",
            Use::Allowed {
                claim: "tenant",
                unless_one: "realm",
                several: &["all"],
            },
        ),
    ],
    addresses: &[
        Address::OpenId {
            metadata: Template("https://{host}/{realm}/metadata"),
        },
        Address::OAuth2 {
            issuer: Template("https://made-up.example"),
            authorization: Template("https://{domain}/forge/authorize"),
            token: Template("https://{domain}/forge/token"),
            userinfo: Template("https://{domain}/forge/user"),
        },
    ],
    scopes: &["people"],
    prompt: "consent",
    sent: &[("flavour", "odd")],
    authentication: Some("client_secret_post"),
    facts: Facts {
        subject: &["/number"],
        name: &["/called"],
        email: &["/email"],
        picture: &["/picture"],
        roles: &["/teams/{tenant}/roles"],
        groups: &["/circles"],
        permissions: &["/may"],
    },
    userinfo: Userinfo::Always,
    emails: Some(Emails {
        endpoint: Template("{userinfo}/emails"),
        list: "/all",
        email: "address",
        primary: "first",
        verified: "seen",
    }),
    picture: Some(Template("https://made-up.example/{face}.png")),
    logout: Logout::OwnPage {
        path: "/farewell",
        way_back: "back",
    },
    refresh: Refresh::Parameter("keep", "yes"),
    relaxations: &[
        Relaxation::EmailVerifiedBy("sure"),
        Relaxation::FormPost,
        Relaxation::IssuerOfTenant(IssuerOfTenant {
            template: Template("https://made-up.example/{tenant}"),
            claim: "tenant",
        }),
        Relaxation::NonceNotEchoed,
        Relaxation::SignedSecret(SignedSecret {
            signer: "team_id",
            audience: "https://made-up.example",
            algorithm: Algorithm::ES256,
        }),
        Relaxation::WithoutPkce,
    ],
    checked: Checked::Unverified,
};
