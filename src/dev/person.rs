//! The people one can be, as claims, and which claims each scope shows.

use serde_json::{Map, Value, json};

/// Somebody whom the provider's page offers to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    claims: Map<String, Value>,
}

impl Person {
    /// Somebody with this subject (`sub`) and nothing else.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self { claims: Map::new() }.claim("sub", subject.into().into())
    }

    /// Sets `name`.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.claim("name", name.into().into())
    }

    /// Sets `email`, and `email_verified` to true.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Self {
        self.claim("email", email.into().into())
            .claim("email_verified", true.into())
    }

    /// Sets `email`, and `email_verified` to false.
    #[must_use]
    pub fn unverified_email(self, email: impl Into<String>) -> Self {
        self.claim("email", email.into().into())
            .claim("email_verified", false.into())
    }

    /// Sets `picture`: a URL, or a path on the provider itself. `/picture.svg` is there.
    #[must_use]
    pub fn picture(self, url: impl Into<String>) -> Self {
        self.claim("picture", url.into().into())
    }

    /// Sets any claim.
    ///
    /// Those that OpenID Connect Core §5.4 names are shown when their scope is asked for, all
    /// others always. What the protocol itself fills in (`iss`, `aud`, `exp` …) wins over a claim
    /// of that name.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.claims.insert(name.into(), value);
        self
    }

    pub(super) fn subject(&self) -> &str {
        text(&self.claims, "sub").unwrap_or_default()
    }

    pub(super) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(super) fn resolve_picture(&mut self, issuer: &str) {
        if let Some(path) = text(&self.claims, "picture").filter(|url| url.starts_with('/')) {
            let url = format!("{issuer}{path}");
            self.claims.insert("picture".into(), url.into());
        }
    }

    /// Three people whom an app may well treat differently.
    pub(super) fn built_in() -> Vec<Self> {
        let groups: Vec<String> = (1..=40).map(|n| format!("department-{n:02}")).collect();
        vec![
            Self::new("ada")
                .name("Ada Example")
                .email("ada@example.com")
                .picture("/picture.svg")
                .claim("given_name", json!("Ada"))
                .claim("family_name", json!("Example"))
                .claim("preferred_username", json!("ada"))
                .claim("website", json!("https://example.com/ada"))
                .claim("zoneinfo", json!("Europe/London"))
                .claim("locale", json!("en-GB"))
                .claim("phone_number", json!("+44 20 7946 0000"))
                .claim("phone_number_verified", json!(true))
                .claim("address", json!({ "locality": "London", "country": "GB" }))
                .claim("groups", json!(["staff"])),
            Self::new("ben")
                .name("Ben Newcomer")
                .unverified_email("ben@example.net"),
            Self::new("zoe")
                .name("Zoë Ångström-Þórsdóttir Nguyễn-Fußgänger de la Peña y Çelik (山田 葉子)")
                .email("zoe.angstrom-thorsdottir.nguyen@a-rather-long-domain.example.org")
                .claim("locale", json!("is-IS"))
                .claim("groups", json!(groups)),
        ]
    }
}

/// These claims without those that none of the scopes shows.
pub(super) fn shown_claims(claims: &Map<String, Value>, scopes: &[String]) -> Map<String, Value> {
    let hidden = |claim: &str| {
        SCOPES.iter().any(|(scope, names)| {
            names.contains(&claim) && !scopes.iter().any(|granted| granted == scope)
        })
    };
    let shown = claims.iter().filter(|(name, _)| !hidden(name));
    shown
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// OIDC Core §5.4.
pub(super) const SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];
