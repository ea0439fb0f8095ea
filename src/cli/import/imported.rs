//! What comes of the variables: a secrets file, and what has to be said of it.

use url::Url;

use super::variables::Variables;
use crate::cli::draft::Draft;

/// A secrets file, and what has to be said of it. No value of a variable is in what is said.
#[derive(Default)]
pub(super) struct Imported {
    pub(super) draft: Draft,
    pub(super) said: Vec<String>,
}

/// The beginnings of names, and why what they say is not carried over.
pub(super) type Reasons = &'static [(&'static str, &'static str)];

pub(super) const NO_OPENID: &str = "it is OAuth 2 without OpenID Connect, or its issuer is not said; \
                                    add server_metadata_url by hand if it has one";
pub(super) const DECIDED: &str = "keycard decides it from redirect_uri";
pub(super) const FOR_CODE: &str = "keycard lets in whoever can log in at the provider; see to it in \
                                   the app's own code";

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

    /// The scopes, if they ask for an identity.
    pub(super) fn scope(&mut self, name: &str, scope: Option<String>) -> Option<(String, String)> {
        let scope = scope?.replace(',', " ");
        if scope.split_whitespace().any(|scope| scope == "openid") {
            return Some(("scope".to_owned(), scope));
        }
        self.leave_out(
            name,
            "it lacks openid; keycard asks for openid, profile and email",
        );
        None
    }
}
