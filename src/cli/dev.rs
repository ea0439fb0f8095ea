//! `keycard dev`: the development provider by itself, for an app in any language.

use std::fs;
use std::future;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value};

use super::outcome::{Failure, Outcome};
use super::runtime::runtime;
use crate::dev::{Person, Provider};

/// What `keycard dev` takes.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Its port on 127.0.0.1
    #[arg(long, default_value_t = 9000)]
    port: u16,

    /// Its name in the secrets file
    #[arg(long, default_value = "dev")]
    name: String,

    /// Its client's secret [default: a fresh one at each start]
    #[arg(long, value_name = "SECRET", value_parser = NonEmptyStringValueParser::new())]
    client_secret: Option<String>,

    /// Somebody to be, as SUBJECT,NAME,EMAIL or the beginning of it; may be repeated
    #[arg(long = "person", value_name = "PERSON", conflicts_with = "people", value_parser = NonEmptyStringValueParser::new())]
    persons: Vec<String>,

    /// A JSON file with an array of objects: the claims of each person to be
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
}

impl Dev {
    /// Runs until the process is ended.
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let mut builder = Provider::builder(self.name).port(self.port);
        if let Some(secret) = self.client_secret {
            builder = builder.client_secret(secret);
        }
        let people = match &self.people {
            Some(path) => read(path)?,
            None => self.persons.iter().map(|told| person(told)).collect(),
        };
        for person in people {
            builder = builder.person(person);
        }
        runtime()?.block_on(async {
            let provider = builder
                .start()
                .await
                .map_err(|error| Failure::said(error.to_string()))?;
            let mut out = io::stdout();
            writeln!(out, "{}", provider.secrets())?;
            let issuer = provider.issuer();
            writeln!(
                out,
                "# {issuer} runs until Ctrl-C; the lines above go below [auth]"
            )?;
            out.flush()?;
            future::pending().await
        })
    }
}

/// `ada,Ada Example,ada@example.com`, of which the subject alone must be there.
fn person(told: &str) -> Person {
    let mut parts = told.splitn(3, ',').map(str::trim);
    let person = Person::new(parts.next().unwrap_or_default());
    let person = match parts.next() {
        Some(name) => person.name(name),
        None => person,
    };
    match parts.next() {
        Some(email) => person.email(email),
        None => person,
    }
}

fn read(path: &Path) -> Result<Vec<Person>, Failure> {
    let shown = path.display();
    let text = fs::read(path)
        .map_err(|error| Failure::said(format!("{shown} cannot be read: {}", error.kind())))?;
    let people: Vec<Map<String, Value>> = serde_json::from_slice(&text)
        .map_err(|_| Failure::said(format!("{shown} is not a JSON array of objects")))?;
    people
        .iter()
        .map(|claims| {
            let subject = claims.get("sub").and_then(Value::as_str);
            let Some(subject) = subject.filter(|subject| !subject.is_empty()) else {
                return Err(Failure::said(format!(
                    "{shown} has somebody without a `sub`"
                )));
            };
            let claim = |person: Person, (name, value): (&String, &Value)| {
                person.claim(name.as_str(), value.clone())
            };
            Ok(claims.iter().fold(Person::new(subject), claim))
        })
        .collect()
}
