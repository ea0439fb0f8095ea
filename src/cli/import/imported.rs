//! What comes of the variables: a secrets file, and what has to be said of it.

use url::Url;

use super::variables::Variables;
use crate::cli::draft::{Draft, metadata_url};
use crate::presets::{self, Address, Parameter};

/// A secrets file, and what has to be said of it. No value of a variable is in what is said.
#[derive(Default)]
pub(super) struct Imported {
    pub(super) draft: Draft,
    pub(super) said: Vec<String>,
}

/// The beginnings of names, and why what they say is not carried over.
pub(super) type Reasons = &'static [(&'static str, &'static str)];

pub(super) const NOWHERE: &str = "where it is is not said, and keycard does not know it by that name; \
                                  add server_metadata_url by hand, or the endpoints of OAuth 2";
pub(super) const DECIDED: &str = "keycard decides it from redirect_uri";
pub(super) const FOR_CODE: &str = "keycard lets in whoever can log in at the provider; see to it in \
                                   the app's own code";

/// A provider's name here, and what says where it is.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) server_metadata_url: Option<String>,
    pub(super) more: Vec<(&'static str, String)>,
}

impl Place {
    pub(super) fn of_issuer(name: &str, issuer: &str) -> Self {
        Self {
            name: name.to_owned(),
            server_metadata_url: Some(metadata_url(issuer)),
            more: Vec::new(),
        }
    }

    /// At a provider that keycard knows, if this is all that has to be said.
    pub(super) fn of_preset(name: &str, said: Vec<(&'static str, String)>) -> Option<Self> {
        let preset = presets::find(name)?;
        let is_said = |it: &Parameter| said.iter().any(|(name, _)| *name == it.name);
        preset.needed().all(is_said).then(|| Self {
            name: name.to_owned(),
            server_metadata_url: None,
            more: said,
        })
    }

    /// Whether there is no ID token for a scope to ask for.
    fn is_oauth2(&self) -> bool {
        let is_oauth2 = |address: &Address| matches!(address, Address::OAuth2 { .. });
        let preset = presets::find(&self.name).filter(|_| self.server_metadata_url.is_none());
        match preset {
            Some(preset) => preset.addresses.iter().all(is_oauth2),
            None => self.server_metadata_url.is_none(),
        }
    }
}

impl Imported {
    pub(super) fn say(&mut self, what: impl Into<String>) {
        self.said.push(what.into());
    }

    /// Says that a variable is not carried over.
    pub(super) fn leave_out(&mut self, name: &str, why: &str) {
        let name = name.escape_debug();
        self.say(format!("{name} is not carried over: {why}"));
    }

    /// Says the same of all that were of no use.
    pub(super) fn leave_out_rest(&mut self, variables: &Variables, prefix: &str, reasons: Reasons) {
        for name in variables.left(prefix) {
            let reason = reasons.iter().find(|(begins, _)| name.starts_with(begins));
            self.leave_out(
                &name,
                reason.map_or("keycard has nothing like it", |(_, why)| why),
            );
        }
    }

    /// Sets `redirect_uri` from the address of another callback, of which `theirs` is the end.
    pub(super) fn redirect(&mut self, name: &str, address: Option<&str>, theirs: &str) {
        let ours = address.and_then(|address| {
            let url = Url::parse(address).ok().filter(Url::has_host)?;
            let base_path = url.path().trim_end_matches('/');
            let base_path = base_path.strip_suffix(theirs).unwrap_or(base_path);
            Some(format!(
                "{}{base_path}/oauth2callback",
                url.origin().ascii_serialization()
            ))
        });
        match (&ours, address) {
            (Some(ours), _) => self.say(format!(
                "register this redirect URI with the provider: {ours}"
            )),
            (None, Some(_)) => self.leave_out(name, "it is not a URL"),
            (None, None) => self.say(format!(
                "{name} is not there: replace redirect_uri by the app's own address"
            )),
        }
        let fallback = || "http://localhost:8501/oauth2callback".to_owned();
        self.draft.redirect_uri = ours.unwrap_or_else(fallback);
    }

    /// Sets `expiry_days` where that is within what keycard allows.
    pub(super) fn expire(&mut self, name: &str, days: Option<f64>) {
        match days {
            Some(days) if days > 0.0 && days <= 30.0 => self.draft.expiry_days = Some(days),
            _ => self.leave_out(name, "expiry_days is above 0 and at most 30"),
        }
    }

    /// The scopes, if they ask for an identity, or the provider has none that does.
    pub(super) fn scope(
        &mut self,
        name: &str,
        scope: Option<String>,
        place: Option<&Place>,
    ) -> Option<(String, String)> {
        let scope = scope?.replace(',', " ");
        let is_oauth2 = place.is_some_and(Place::is_oauth2);
        if is_oauth2 || scope.split_whitespace().any(|scope| scope == "openid") {
            return Some(("scope".to_owned(), scope));
        }
        self.leave_out(
            name,
            "it lacks openid; keycard asks for openid, profile and email",
        );
        None
    }
}
