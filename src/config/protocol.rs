//! What a section's provider speaks, and where it is.

use url::Url;

use super::address::{self, endpoint, metadata_url};
use super::belonging::missing;
use super::diagnostic::Report;
use super::facts::pointers;
use super::keys::{self, Level};
use super::preset::{Filled, FilledAddress};
use super::provider::{EmailList, EndpointOverrides, OAuth2, OpenId, Protocol};
use super::tree::Table;
use crate::pointer::Pointer;
use crate::presets::{self, Emails, Facts, Preset, Userinfo};

const AUTHORIZATION: &[&str] = &["authorization_endpoint", "authorize_url"];
const TOKEN: &[&str] = &["token_endpoint", "access_token_url"];
const USERINFO: &[&str] = &["userinfo_endpoint"];
const PUSHED: &str = "require_pushed_authorization_requests";

/// What the section says of its provider, its preset where it says nothing.
pub(super) fn read(
    section: &Table,
    strays: &[&Table],
    filled: Option<&Filled>,
    allow_http: &[String],
    report: &mut Report,
) -> Option<Protocol> {
    let reading = Reading {
        section,
        strays,
        allow_http,
    };
    if section.contains("server_metadata_url") || is_misspelt(section, "server_metadata_url") {
        let metadata_url = metadata_url(section, strays, allow_http, report)?;
        return Some(reading.openid(metadata_url, filled, report));
    }
    let address = match filled {
        Some(filled) => Some(filled.address(section, strays, report)?),
        None => None,
    };
    match address {
        Some(FilledAddress::OpenId { metadata }) => {
            let metadata_url = reading.of_preset(&metadata, report)?;
            Some(reading.openid(metadata_url, filled, report))
        }
        Some(oauth2) => reading.oauth2(Some(&oauth2), filled, report),
        None if is_oauth2(section) => reading.oauth2(None, None, report),
        None => {
            metadata_url(section, strays, allow_http, report);
            None
        }
    }
}

/// The preset whose own provider it is, whatever the section is called: what it cannot do is not
/// asked of it.
pub(super) fn owner(
    section: &Table,
    filled: Option<&Filled>,
    protocol: &Protocol,
) -> Option<&'static Preset> {
    let is_filled_in = |address: &str| {
        let own = filled.and_then(|it| it.address(section, &[], &mut Report::default()));
        matches!(own, Some(FilledAddress::OpenId { metadata })
            if Url::parse(&metadata).is_ok_and(|metadata| metadata.as_str() == address))
    };
    let filled_preset = filled.map(|filled| filled.preset);
    match protocol {
        Protocol::OpenId(openid) => {
            let address = openid.metadata_url.as_str();
            let by_address = || presets::with_metadata(address);
            let own = filled_preset
                .filter(|_| is_filled_in(address))
                .or_else(by_address);
            // Whoever confirms another issuer, or goes elsewhere for keys or tokens, is not at the
            // provider's own.
            own.filter(|_| openid.is_as_its_metadata_says())
        }
        Protocol::Own(_) => None,
        // One endpoint elsewhere, and it is not at the provider's own.
        Protocol::OAuth2(oauth2) => {
            let endpoints = [
                &oauth2.authorization_endpoint,
                &oauth2.token_endpoint,
                &oauth2.userinfo_endpoint,
            ];
            let by_address = || presets::with_endpoints(endpoints.map(Url::as_str));
            filled_preset
                .filter(|_| oauth2.is_of_preset)
                .or_else(by_address)
        }
    }
}

/// Whether it has the endpoints of OAuth 2, or Authlib's words for them.
fn is_oauth2(section: &Table) -> bool {
    let mut keys = AUTHORIZATION.iter().chain(TOKEN).chain(&["api_base_url"]);
    keys.any(|key| section.contains(key))
}

fn is_misspelt(section: &Table, wanted: &str) -> bool {
    section.keys().any(|key| {
        keys::find(key, Level::Provider).is_none()
            && keys::nearest(key, Level::Provider).is_some_and(|near| near.name == wanted)
    })
}

struct Reading<'a> {
    section: &'a Table,
    strays: &'a [&'a Table],
    allow_http: &'a [String],
}

impl Reading<'_> {
    fn openid(&self, metadata_url: Url, filled: Option<&Filled>, report: &mut Report) -> Protocol {
        let mut endpoint = |keys: &[&str]| endpoint(self.section, keys, self.allow_http, report);
        let endpoints = EndpointOverrides {
            authorization: endpoint(AUTHORIZATION),
            token: endpoint(TOKEN),
            userinfo: endpoint(USERINFO),
            keys: endpoint(&["jwks_uri"]),
        };
        Protocol::OpenId(Box::new(OpenId {
            metadata_url,
            issuer: address::issuer(self.section, report),
            endpoints,
            pushes_requests: self.section.boolean(PUSHED, report) == Some(true),
            algorithm: None,
            userinfo: filled.map_or(Userinfo::IfMissing, |filled| filled.preset.userinfo),
            demands: Vec::new(),
            issuer_of_tenant: None,
            allow_http: self.allow_http.to_vec(),
        }))
    }

    fn oauth2(
        &self,
        address: Option<&FilledAddress>,
        filled: Option<&Filled>,
        report: &mut Report,
    ) -> Option<Protocol> {
        let [named, authorization, token, userinfo] = match address {
            Some(FilledAddress::OAuth2 {
                issuer,
                authorization,
                token,
                userinfo,
            }) if !self.is_elsewhere(authorization, token, userinfo) => {
                [issuer, authorization, token, userinfo].map(|it| Some(it.as_str()))
            }
            // One endpoint elsewhere and the others at the preset's own would carry the secret, or
            // the token, from one to the other.
            Some(_) | None => [None; 4],
        };
        let authorization_endpoint = self.endpoint(AUTHORIZATION, authorization, report);
        let token_endpoint = self.endpoint(TOKEN, token, report);
        let userinfo_endpoint = self.endpoint(USERINFO, userinfo, report);
        let subject = self.subject(filled, report);
        let given = address::issuer(self.section, report);
        if self.section.boolean(PUSHED, report) == Some(true) {
            let found = "nothing says where to push them, without server_metadata_url";
            let cure = "add server_metadata_url, or take the line out";
            report.error(self.section.mistake(PUSHED).found(found).cure(cure));
        }

        let (authorization_endpoint, userinfo_endpoint) =
            (authorization_endpoint?, userinfo_endpoint?);
        // Where another claim is the subject, its people are others than the issuer's.
        let named = named.filter(|_| !self.section.contains("subject_key"));
        let emails = filled
            .filter(|_| authorization.is_some())
            .and_then(|filled| {
                let emails = filled.preset.emails?;
                self.emails(emails, filled, &userinfo_endpoint, report)
            });
        Some(Protocol::OAuth2(Box::new(OAuth2 {
            named_issuer: given.or_else(|| named.map(str::to_owned)),
            authorization_endpoint,
            token_endpoint: token_endpoint?,
            userinfo_endpoint,
            subject,
            is_of_preset: authorization.is_some(),
            emails,
            picture: filled.and_then(|filled| filled.preset.picture),
        })))
    }

    /// Whether the section gives an endpoint that is not the preset's.
    fn is_elsewhere(&self, authorization: &str, token: &str, userinfo: &str) -> bool {
        let own = [
            (AUTHORIZATION, authorization),
            (TOKEN, token),
            (USERINFO, userinfo),
        ];
        own.iter().any(|(keys, own)| {
            let mut given = keys
                .iter()
                .filter_map(|key| self.section.text(key, &mut Report::default()));
            given.any(|given| Url::parse(given).ok() != Url::parse(own).ok())
        })
    }

    /// The section's endpoint, else the preset's.
    fn endpoint(&self, keys: &[&str], preset: Option<&str>, report: &mut Report) -> Option<Url> {
        if keys.iter().any(|key| self.section.contains(key)) {
            let written = endpoint(self.section, keys, self.allow_http, report)?;
            return Url::parse(&written).ok();
        }
        if let Some(filled) = preset {
            return self.of_preset(filled, report);
        }
        let cure = format!(
            "add {} = \"https://…\": without a server_metadata_url it is OAuth 2, which needs \
             authorization_endpoint, token_endpoint and userinfo_endpoint",
            keys[0]
        );
        let level = Level::Provider;
        report.error(missing(self.section, keys[0], level, self.strays, cure));
        None
    }

    fn of_preset(&self, filled: &str, report: &mut Report) -> Option<Url> {
        address::of_preset(self.section, filled, self.allow_http, report)
    }

    /// Where the stable name of a person is.
    fn subject(&self, filled: Option<&Filled>, report: &mut Report) -> Vec<Pointer> {
        let rows = filled.map_or(Facts::STANDARD, |filled| filled.preset.facts);
        pointers(self.section, "subject_key", rows.subject, filled, report)
    }

    fn emails(
        &self,
        emails: Emails,
        filled: &Filled,
        userinfo: &Url,
        report: &mut Report,
    ) -> Option<EmailList> {
        let value = |name: &str| match name {
            "userinfo" => Some(userinfo.as_str()),
            name => filled.value(name),
        };
        let endpoint = emails.endpoint.filled(value)?;
        Some(EmailList {
            endpoint: self.of_preset(&endpoint, report)?,
            emails,
        })
    }
}
