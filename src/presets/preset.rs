//! What can be said of a provider, in two halves: what makes a section shorter, and what makes a
//! login less strict.

use std::fmt;

use super::template::Template;
use crate::algorithm::Algorithm;

/// A provider as keycard knows it.
#[derive(Debug)]
pub(crate) struct Preset {
    /// What a section is called, or names as its `preset`.
    pub(crate) name: &'static str,
    /// Other names of it.
    pub(crate) also: &'static [&'static str],
    /// What its button says.
    pub(crate) label: &'static str,
    /// The keys that its sections have besides every provider's.
    pub(crate) parameters: &'static [Parameter],
    /// Where it is: the first address that can be filled in counts.
    pub(crate) addresses: &'static [Address],
    /// What is asked for besides `openid`, unless the section says what.
    pub(crate) scopes: &'static [&'static str],
    /// What `prompt` is sent unless the section says which; empty sends none.
    pub(crate) prompt: &'static str,
    /// What else is sent to the authorization endpoint.
    pub(crate) sent: &'static [(&'static str, &'static str)],
    /// How the client authenticates, where the metadata says too little (OpenID Connect Core §9).
    pub(crate) authentication: Option<&'static str>,
    pub(crate) facts: Facts,
    pub(crate) userinfo: Userinfo,
    /// A second request, for an e-mail that the provider vouches for.
    pub(crate) emails: Option<Emails>,
    /// Where the picture is, for a provider that says no address of it; `{name}` is a claim.
    pub(crate) picture: Option<Template>,
    pub(crate) logout: Logout,
    /// How it is asked for refresh tokens, where the app wants its access tokens renewed.
    pub(crate) refresh: Refresh,
    /// What of a login it cannot do, or does in its own way. It counts only where the section's
    /// issuer, or for OAuth 2 its authorization endpoint, is the provider's own.
    pub(crate) relaxations: &'static [Relaxation],
    #[cfg_attr(
        not(any(test, feature = "cli")),
        expect(
            dead_code,
            reason = "the command and the docs tell it, an app does not"
        )
    )]
    pub(crate) checked: Checked,
}

impl Preset {
    /// The parameters that a section cannot do without.
    #[cfg(feature = "cli")]
    pub(crate) fn needed(&self) -> impl Iterator<Item = &'static Parameter> {
        let (Some(Address::OpenId { metadata: template })
        | Some(Address::OAuth2 {
            authorization: template,
            ..
        })) = self.addresses.last()
        else {
            return Vec::new().into_iter();
        };
        let named = |name| self.parameters.iter().find(|it| it.name == name);
        let needed = template.parameters().filter_map(named);
        let signers = self.parameters.iter().filter(|it| it.used == Use::Signer);
        let needed = needed.filter(|it| it.default.is_none()).chain(signers);
        needed.collect::<Vec<_>>().into_iter()
    }

    /// How its client secret is signed, if the app signs it.
    pub(crate) fn signed_secret(&self) -> Option<&'static SignedSecret> {
        self.relaxations.iter().find_map(|it| match it {
            Relaxation::SignedSecret(signed) => Some(signed),
            _ => None,
        })
    }

    /// Whether it is meant by a section of this name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.also.contains(&name)
    }
}

/// Where a provider is.
#[derive(Debug)]
pub(crate) enum Address {
    /// At a metadata document (OpenID Connect Discovery §4).
    OpenId { metadata: Template },
    /// At three endpoints of OAuth 2, without an ID token.
    OAuth2 {
        issuer: Template,
        authorization: Template,
        token: Template,
        userinfo: Template,
    },
}

/// A key of a provider's sections.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) used: Use,
    /// What counts where the section does not say.
    pub(crate) default: Option<&'static str>,
    /// Such as a message shows it.
    pub(crate) example: &'static str,
}

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It stands in the addresses.
    Address,
    /// It stands in the pointers to facts.
    Fact,
    /// It is sent under this name, and the ID token must say the same in this claim.
    SentAndDemanded {
        name: &'static str,
        claim: &'static str,
    },
    /// It is sent to the authorization endpoint under this name.
    Sent { name: &'static str },
    /// It says who signs the client secret.
    Signer,
    /// The values that this claim of the ID token may have, or `["*"]` for any. They have to be said
    /// where the parameter `unless_one` has one of the values in `several`, behind which there are
    /// many.
    Allowed {
        claim: &'static str,
        unless_one: &'static str,
        several: &'static [&'static str],
    },
}

/// Where facts about a person stand: pointers (RFC 6901), in which `{name}` is a parameter. Of the
/// first four the first that is there counts; of the last three all that are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The stable name, for OAuth 2 alone: an ID token has `sub`.
    pub(crate) subject: &'static [&'static str],
    pub(crate) name: &'static [&'static str],
    pub(crate) email: &'static [&'static str],
    pub(crate) picture: &'static [&'static str],
    pub(crate) roles: &'static [&'static str],
    pub(crate) groups: &'static [&'static str],
    pub(crate) permissions: &'static [&'static str],
}

impl Facts {
    /// As OpenID Connect Core §5.1 has them, and what most providers call the others.
    pub(crate) const STANDARD: Self = Self {
        subject: &["/sub", "/id"],
        name: &["/name", "/preferred_username"],
        email: &["/email"],
        picture: &["/picture"],
        roles: &["/roles"],
        groups: &["/groups"],
        permissions: &["/permissions"],
    };
}

/// When userinfo is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Userinfo {
    /// Always: it tells what no ID token does.
    Always,
    /// When the ID token lacks what the scopes promise.
    IfMissing,
}

/// How a browser is sent to end the provider's own session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logout {
    /// To the page of this path, beside the authorization endpoint, whatever the metadata says; the
    /// way back stands in this parameter, and `state` does not come back.
    OwnPage {
        path: &'static str,
        way_back: &'static str,
    },
    /// As OpenID Connect RP-Initiated Logout 1.0 has it.
    Standard,
    /// To the end-session endpoint, with the way back in this parameter; `state` does not come back.
    WayBackIn(&'static str),
    /// As the standard has it, but never without an ID token as `id_token_hint`. It is kept for that;
    /// where it has no room, a logout stops at the app.
    WithHint,
}

/// How a provider is asked for refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// By this parameter, and for consent, without which only the first login brings one.
    Parameter(&'static str, &'static str),
    /// By the scope `offline_access` alone.
    Scope,
    /// By the scope `offline_access` where its metadata has it, and for consent, without which that
    /// may be ignored (OpenID Connect Core §11).
    Standard,
    /// It gives them by itself, or not at all.
    Unasked,
}

/// A list of somebody's e-mails, of which the primary one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Emails {
    pub(crate) endpoint: Template,
    /// Where in the answer the list is; empty for the answer itself.
    pub(crate) list: &'static str,
    pub(crate) email: &'static str,
    pub(crate) primary: &'static str,
    pub(crate) verified: &'static str,
}

/// What is not as strict as it would be, or is done in the provider's own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relaxation {
    /// Its e-mails count as verified where this claim says so, and nowhere else.
    EmailVerifiedBy(&'static str),
    /// It answers by a form that the browser posts from its page (OAuth 2.0 Form Post Response Mode),
    /// and so the cookie of a pending login goes along with requests from other sites.
    FormPost,
    /// Each tenant has an issuer of its own.
    IssuerOfTenant(IssuerOfTenant),
    /// The client secret is a JWT that the app signs with its private key.
    SignedSecret(SignedSecret),
    /// The ID token need not have the nonce; one that it has is compared.
    NonceNotEchoed,
    /// No PKCE is sent.
    WithoutPkce,
}

/// One metadata document for many issuers: `{name}` in `template` stands for the claim of that
/// token, which is a GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IssuerOfTenant {
    pub(crate) template: Template,
    /// The claim that names the tenant.
    pub(crate) claim: &'static str,
}

/// A client secret that the app signs anew for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedSecret {
    /// The parameter that says who signs it: its `iss`.
    pub(crate) signer: &'static str,
    /// Whom it is for: its `aud`.
    pub(crate) audience: &'static str,
    pub(crate) algorithm: Algorithm,
}

// What the posture line says.
impl fmt::Display for Relaxation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmailVerifiedBy(claim) => write!(f, "e-mail verified by {claim} alone"),
            Self::FormPost => f.write_str("answers by POST, to a cookie that is SameSite=None"),
            Self::IssuerOfTenant(_) => f.write_str("an issuer for each tenant"),
            Self::SignedSecret(_) => f.write_str("client secrets that it signs itself"),
            Self::NonceNotEchoed => f.write_str("ID tokens without nonce"),
            Self::WithoutPkce => f.write_str("no PKCE"),
        }
    }
}

/// Whether the row agrees with what the provider itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// With what stood there on that day.
    At {
        address: &'static str,
        date: &'static str,
    },
    Unverified,
}
