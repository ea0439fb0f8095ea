//! A secrets file that is about to be written.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::outcome::Failure;
use crate::config::{Config, ConfigError, Given, Seen, Source};

/// What the metadata's address ends in (OpenID Connect Discovery §4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A secrets file that is about to be written.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) redirect_uri: String,
    pub(super) cookie_secret: String,
    pub(super) expiry_days: Option<f64>,
    pub(super) providers: Vec<Section>,
}

/// The section of a provider.
#[derive(Default)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) client_secret: ClientSecret,
    /// Not where a preset knows it, or `more` says it otherwise.
    pub(super) server_metadata_url: Option<String>,
    /// Further keys whose values are strings.
    pub(super) more: Vec<(&'static str, String)>,
    pub(super) client_kwargs: Vec<(String, String)>,
}

/// A client secret, and where it stands. There is no `Debug`.
#[derive(Default)]
pub(super) enum ClientSecret {
    /// In the secrets file.
    Here(String),
    /// In a file of its own, at this path.
    InFile(String),
    /// Nowhere: it is signed with the private key in this file.
    SignedByKeyIn(String),
    /// Nowhere: the client is public.
    #[default]
    None,
}

impl From<Option<String>> for ClientSecret {
    fn from(secret: Option<String>) -> Self {
        match secret {
            Some(secret) if !secret.is_empty() => Self::Here(secret),
            _ => Self::None,
        }
    }
}

impl Draft {
    pub(super) fn text(&self) -> String {
        let mut text = String::from("[auth]\n");
        put(&mut text, "redirect_uri", &self.redirect_uri);
        put(&mut text, "cookie_secret", &self.cookie_secret);
        if let Some(days) = self.expiry_days {
            let _ = writeln!(text, "expiry_days = {days}");
        }
        for section in &self.providers {
            section.write(&mut text);
        }
        text
    }

    /// What an app says of it, under this name.
    pub(super) fn load(&self, name: &'static str) -> Result<Config, ConfigError> {
        let text = self.text().into();
        let given = Given {
            sources: vec![Source::Text { name, text }],
            ..Given::default()
        };
        Config::load(&given, &mut Seen::default())
    }
}

impl Section {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "\n[auth.{}]", key(&self.name));
        put(text, "client_id", &self.client_id);
        match &self.client_secret {
            ClientSecret::Here(secret) => put(text, "client_secret", secret),
            ClientSecret::InFile(path) => {
                let _ = writeln!(text, "client_secret = {{ file = {} }}", quoted(path));
            }
            ClientSecret::SignedByKeyIn(path) => {
                let _ = writeln!(text, "private_key = {{ file = {} }}", quoted(path));
            }
            ClientSecret::None => put(text, "client_secret", ""),
        }
        if let Some(url) = &self.server_metadata_url {
            put(text, "server_metadata_url", url);
        }
        for (name, value) in &self.more {
            put(text, name, value);
        }
        if !self.client_kwargs.is_empty() {
            let pair =
                |(name, value): &(String, String)| format!("{} = {}", key(name), literal(value));
            let pairs: Vec<_> = self.client_kwargs.iter().map(pair).collect();
            let _ = writeln!(text, "client_kwargs = {{ {} }}", pairs.join(", "));
        }
    }
}

/// Where the issuer's metadata is (OpenID Connect Discovery §4.1).
pub(super) fn metadata_url(issuer: &str) -> String {
    let issuer = issuer.trim().trim_end_matches('/');
    format!(
        "{}{WELL_KNOWN}",
        issuer.strip_suffix(WELL_KNOWN).unwrap_or(issuer)
    )
}

/// Writes a file that its owner alone may read, and never over one that is there.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let shown = path.display();
        Failure::said(match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{shown} is there already, and stays as it is"),
            kind => format!("{shown} cannot be written: {kind}"),
        })
    })
}

fn put(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name} = {}", literal(value));
}

/// A value that stands for itself: with one more dollar it is no reference to a variable.
fn literal(value: &str) -> String {
    let inner = value.trim_start_matches('$');
    if inner.len() < value.len() && inner.starts_with('{') && inner.ends_with('}') {
        return quoted(&format!("${value}"));
    }
    quoted(value)
}

/// A key, in quotes where TOML wants them.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) {
        return name.to_owned();
    }
    quoted(name)
}

/// A string as TOML has it.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            c if c.is_control() => write!(quoted, "\\u{:04X}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        for value in [
            "plain",
            "",
            "with \"quotes\" and \\",
            "tab\tline\nbell\u{7}\u{7f}\u{85}",
            "ünï ${X}",
        ] {
            let text = format!("{} = {}", key(value), quoted(value));
            let table = toml::de::DeTable::parse(&text).unwrap();
            let (name, written) = table.get_ref().iter().next().unwrap();
            assert_eq!(name.get_ref(), value);
            assert_eq!(written.get_ref().as_str(), Some(value));
        }
    }

    #[test]
    fn what_looks_like_a_variable_stands_for_itself() {
        for (value, written) in [
            ("${X}", "\"$${X}\""),
            ("$${X}", "\"$$${X}\""),
            ("{X}", "\"{X}\""),
            ("$X", "\"$X\""),
            ("a${X}", "\"a${X}\""),
        ] {
            assert_eq!(literal(value), written);
        }
    }

    #[test]
    fn an_issuer_has_one_address_for_its_metadata() {
        for issuer in [
            "https://id.example/a",
            "https://id.example/a/",
            " https://id.example/a ",
            "https://id.example/a/.well-known/openid-configuration",
        ] {
            let url = metadata_url(issuer);
            assert_eq!(url, "https://id.example/a/.well-known/openid-configuration");
        }
    }
}
