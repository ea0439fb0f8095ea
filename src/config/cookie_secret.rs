//! The secret that every cookie is sealed with.

use std::collections::HashSet;
use std::fmt;
use std::time::SystemTime;

use super::belonging::{check_copied, missing};
use super::diagnostic::{Mistake, Report};
use super::keys::Level;
use super::process_salt::ProcessSalt;
use super::tree::{Kind, Table, Value};
use crate::random;
use crate::secret::Secret;

/// The fewest bytes that a cookie secret has.
const MIN: usize = 32;

/// The secret in force and the older ones that still open what they sealed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CookieSecrets {
    pub(crate) current: Secret,
    pub(crate) accepted: Vec<Accepted>,
    /// Random bytes of this process that the current one's keys are also made from where it is weak.
    pub(crate) process_salt: Vec<u8>,
}

/// An older secret, or the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) secret: Secret,
    /// From then on it opens nothing.
    pub(crate) until: Option<SystemTime>,
}

impl fmt::Debug for CookieSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieSecrets")
            .field("accepted", &self.accepted.len())
            .finish_non_exhaustive()
    }
}

impl CookieSecrets {
    /// Whether the process had to add to it.
    pub(crate) fn is_weak(&self) -> bool {
        !self.process_salt.is_empty()
    }

    /// What `[auth]` has of it; `strays` are the other tables, where the key may have gone.
    pub(super) fn read(
        auth: &Table,
        strays: &[&Table],
        loopback: bool,
        salt: &ProcessSalt,
        report: &mut Report,
    ) -> Option<Self> {
        let key = "cookie_secret";
        if !auth.contains(key) {
            report.error(missing(
                auth,
                key,
                Level::Shared,
                strays,
                paste_a_fresh_one(),
            ));
            return None;
        }
        let accepted = accepted(auth, report);
        let written = auth.text(key, report)?;
        let mut process_salt = Vec::new();
        let weakness = weakness(written);
        if weakness.is_none() {
            check_copied(auth, key, written, report);
        }
        if let Some(weakness) = weakness {
            let mistake = auth.mistake(key).found(weakness);
            if !loopback {
                report.error(mistake.cure(paste_a_fresh_one()));
                return None;
            }
            report.warn(mistake.cure(format!(
                "on this machine it will do, but logins end when the app does; {}",
                paste_a_fresh_one()
            )));
            let Some(salt) = salt.get() else {
                report.error(Mistake::new("the operating system gives no randomness"));
                return None;
            };
            process_salt = salt.to_vec();
        }
        Some(Self {
            current: Secret::new(written),
            accepted,
            process_salt,
        })
    }
}

fn accepted(auth: &Table, report: &mut Report) -> Vec<Accepted> {
    let keys = ["cookie_secrets_accepted", "cookie_secret_previous"];
    keys.into_iter()
        .flat_map(|key| accepted_under(auth, key, report))
        .collect()
}

/// A secret, or a list of them, each alone or with its end: `{ secret = "…", until = 2026-12-31 }`.
fn accepted_under(auth: &Table, key: &str, report: &mut Report) -> Vec<Accepted> {
    let Some(value) = auth.brought(key, report) else {
        return Vec::new();
    };
    let (values, within) = match &value.kind {
        Kind::Array(values) => (values.as_slice(), " in the list"),
        _ => (std::slice::from_ref(value), ""),
    };
    if let Some(mistake) = values.iter().find_map(Value::spoilt) {
        report.error(mistake.clone());
        return Vec::new();
    }
    if let Some(other) = values.iter().find(|value| !may_be_accepted(value)) {
        let found = match &other.kind {
            Kind::Table(_) => "a table of other keys than secret and until",
            kind => kind.name(),
        };
        report.error(
            auth.mistake(key)
                .found(format!("expected a list of strings, found {found}{within}"))
                .cure(format!(
                    "write {key} = [\"…\", {{ secret = \"…\", until = 2026-12-31 }}]"
                )),
        );
        return Vec::new();
    }
    let read = |value| accepted_one(value, report);
    let accepted: Vec<_> = values.iter().filter_map(read).collect();
    let is_weak = |it: &Accepted| weakness(it.secret.expose()).is_some();
    if accepted.iter().any(is_weak) {
        report.error(
            auth.mistake(key)
                .found("one of them is weak")
                .cure("whoever guesses an accepted secret logs in as anybody: take it out"),
        );
    }
    accepted
}

fn may_be_accepted(value: &Value) -> bool {
    let known = |key: &str| matches!(key, "secret" | "until");
    match &value.kind {
        Kind::String(_) | Kind::Untyped(_) => true,
        Kind::Table(table) => table.contains("secret") && table.keys().all(known),
        _ => false,
    }
}

/// `None` where a mistake in it was reported.
fn accepted_one(value: &Value, report: &mut Report) -> Option<Accepted> {
    let (secret, until) = match &value.kind {
        Kind::String(secret) | Kind::Untyped(secret) => (secret.as_str(), None),
        Kind::Table(table) => {
            let until = table.instant("until", report);
            (table.text("secret", report)?, until)
        }
        _ => return None,
    };
    let secret = Secret::new(secret);
    Some(Accepted { secret, until })
}

fn paste_a_fresh_one() -> String {
    match random::secret() {
        Some(secret) => format!("paste this line: cookie_secret = \"{secret}\""),
        None => "write 32 random characters or more".to_owned(),
    }
}

/// Why this is no secret, if it is none.
fn weakness(secret: &str) -> Option<String> {
    if secret.len() < MIN {
        return Some(format!("{} bytes, of at least {MIN}", secret.len()));
    }
    let distinct = secret.bytes().collect::<HashSet<_>>().len();
    if distinct < 10 || repeats(secret.as_bytes()) || counts(secret.as_bytes()) {
        return Some("a pattern, not a random secret".to_owned());
    }
    let lower = secret.to_ascii_lowercase();
    if PLACEHOLDERS
        .iter()
        .any(|placeholder| lower.contains(placeholder))
    {
        return Some("a placeholder, not a secret".to_owned());
    }
    None
}

/// Whether the whole is some beginning of it, over and over.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| {
        bytes
            .iter()
            .zip(&bytes[period..])
            .all(|(left, right)| left == right)
    })
}

/// Whether most bytes are the one after the byte before, as in an alphabet.
fn counts(bytes: &[u8]) -> bool {
    let steps = bytes
        .windows(2)
        .filter(|pair| pair[1] == pair[0].wrapping_add(1))
        .count();
    steps * 4 >= bytes.len() * 3
}

/// What stands in documents and templates where a secret belongs.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "cookie-secret",
    "cookie_secret",
    "cookiesecret",
    "example",
    "placeholder",
    "random-string",
    "random_string",
    "randomly",
    "replace",
    "strong-random",
    "xxxxxx",
];
