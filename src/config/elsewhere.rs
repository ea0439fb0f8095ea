//! Values that stand elsewhere: in a variable of the environment, or in a file of their own.

use std::path::Path;

use super::diagnostic::Mistake;
use super::environment::Environment;
use super::keys;
use super::location::Location;
use super::secret_file;
use super::seen::Seen;
use super::tree::{Kind, Table, Value, named};

/// The keys of which no default may stand in a file that everybody has.
const SECRETS: &[&str] = &[
    "client_secret",
    "cookie_secret",
    "cookie_secret_previous",
    "cookie_secrets_accepted",
    "private_key",
    "secret",
];

/// What a value says of where it stands.
#[derive(Debug, PartialEq, Eq)]
enum Reference {
    File(String),
    /// `$${NAME}` is no reference but the text without its first character.
    Escaped(String),
    Variable {
        name: String,
        default: Option<String>,
    },
}

/// Puts what stands elsewhere in the place of what refers to it, in the table and all below it. A
/// reference to nothing becomes a mistake for whoever reads the value.
pub(super) fn bring(table: &mut Table, environment: &Environment, seen: &mut Seen) {
    let path = table.path().to_owned();
    for (key, value) in table.values_mut() {
        bring_value(&path, key, value, environment, seen);
    }
}

fn bring_value(
    path: &str,
    key: &str,
    value: &mut Value,
    environment: &Environment,
    seen: &mut Seen,
) {
    let Some(reference) = Reference::read(key, &value.kind) else {
        match &mut value.kind {
            Kind::Array(values) => {
                for value in values {
                    bring_value(path, key, value, environment, seen);
                }
            }
            Kind::Table(table) => bring(table, environment, seen),
            _ => {}
        }
        return;
    };
    let source = reference.to_string();
    match reference.follow(key, environment, seen) {
        Ok(text) => value.replace(text, &source),
        Err(mistake) => value.spoil(
            Mistake::invalid(&named(path, key))
                .at(Some(value.place()))
                .quoting(*mistake),
        ),
    }
}

impl Reference {
    fn read(key: &str, kind: &Kind) -> Option<Self> {
        match kind {
            Kind::String(text) => Self::in_text(text),
            Kind::Table(table) if !keys::PARAMETER_TABLES.contains(&key) => {
                let (name, value) = table.only()?;
                let Kind::String(text) = &value.kind else {
                    return None;
                };
                match name {
                    "env" => Some(Self::Variable {
                        name: text.clone(),
                        default: None,
                    }),
                    "file" => Some(Self::File(text.clone())),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `${NAME}` and `${NAME:-default}` as a whole; with more dollars in front, one fewer of them.
    fn in_text(text: &str) -> Option<Self> {
        let dollars = text.len() - text.trim_start_matches('$').len();
        let inner = text[dollars..].strip_prefix('{')?.strip_suffix('}')?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (inner, None),
        };
        match dollars {
            1 if is_name(name) => Some(Self::Variable {
                name: name.to_owned(),
                default,
            }),
            2.. if is_name(name) => Some(Self::Escaped(text[1..].to_owned())),
            _ => None,
        }
    }

    fn follow(
        self,
        key: &str,
        environment: &Environment,
        seen: &mut Seen,
    ) -> Result<String, Box<Mistake>> {
        match self {
            Self::Escaped(text) => Ok(text),
            Self::File(path) => read_file(&environment.locate(path), seen),
            Self::Variable {
                default: Some(_), ..
            } if SECRETS.contains(&key) => Err(Box::new(
                Mistake::new("it has a default, and a secret has none")
                    .cure("take out what stands behind :- and set the variable everywhere"),
            )),
            Self::Variable { name, default } => match environment.text(&name)? {
                Some(text) => Ok(text),
                None => default.ok_or_else(|| Box::new(unset(&name))),
            },
        }
    }
}

/// As a message and the posture line have it.
impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Escaped(_) => Ok(()),
            Self::File(path) => write!(f, "the file {}", path.escape_debug()),
            Self::Variable { name, .. } => f.write_str(&shown(name)),
        }
    }
}

impl Environment {
    /// The variable's value; `None` where it is not set or empty, which is how some tools leave out
    /// a variable.
    fn text(&self, name: &str) -> Result<Option<String>, Box<Mistake>> {
        match self.variables.get(name).map(|value| value.to_str()) {
            None | Some(Some("")) => Ok(None),
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => Err(Box::new(
                Mistake::new(format!("{} is not UTF-8", shown(name))).cure("set it to text"),
            )),
        }
    }
}

fn unset(name: &str) -> Mistake {
    Mistake::new(format!("{} is not set, or empty", shown(name)))
        .cure("set it for the process that runs the app")
}

/// What can hardly be the name of a variable may be the secret itself.
fn shown(name: &str) -> String {
    let has = |of: fn(&char) -> bool| name.chars().any(|c| of(&c));
    let is_mixed = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let is_code = name.len() > 16 && has(char::is_ascii_digit) && !name.contains('_');
    if is_name(name) && name.len() <= 64 && !is_mixed && !is_code {
        format!("the variable {name}")
    } else {
        "the variable that it names".to_owned()
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What leads to no directory may be the secret itself: base64 has slashes, too, but hardly ever
/// small letters alone.
pub(super) fn is_path(location: &Location) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
    let written = location.written();
    let has_directory = written
        .parent()
        .is_some_and(|directory| directory.file_name().is_some());
    let leads_somewhere = has_directory && location.path().parent().is_some_and(Path::is_dir);
    let is_plain = written.to_str().is_some_and(|path| path.chars().all(plain));
    leads_somewhere || (written.is_absolute() && is_plain)
}

/// The text of a file, without the end of its last line.
fn read_file(location: &Location, seen: &mut Seen) -> Result<String, Box<Mistake>> {
    seen.look(location.path());
    let (text, _) = secret_file::read_text(location).map_err(|mistake| {
        if is_path(location) {
            return mistake;
        }
        let unnamed = Mistake::new("the file that it names cannot be read");
        Box::new(unnamed.cure("write the path of a file there, and the value into that file"))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        let what = format!("{location} is empty");
        return Err(Box::new(Mistake::new(what).cure("write the value into it")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::found::tests::{GOOGLE, SHARED, load, said, user, with_variables, write};

    fn variable(name: &str, default: Option<&str>) -> Option<Reference> {
        Some(Reference::Variable {
            name: name.to_owned(),
            default: default.map(str::to_owned),
        })
    }

    #[test]
    fn only_a_whole_value_is_a_reference_and_a_second_dollar_takes_that_away() {
        let escaped = |text: &str| Some(Reference::Escaped(text.to_owned()));
        for (text, reference) in [
            ("${NAME}", variable("NAME", None)),
            ("${_n4me}", variable("_n4me", None)),
            ("${NAME:-}", variable("NAME", Some(""))),
            ("${NAME:-a:-b}", variable("NAME", Some("a:-b"))),
            ("$${NAME}", escaped("${NAME}")),
            ("$$${NAME}", escaped("$${NAME}")),
            ("$${NAME:-x}", escaped("${NAME:-x}")),
            ("$NAME", None),
            ("{NAME}", None),
            ("${}", None),
            ("${4}", None),
            ("${NA ME}", None),
            ("${NAME", None),
            (" ${NAME}", None),
            ("${NAME} ", None),
            ("a$${NAME}", None),
            ("$${not a name}", None),
            ("${NAME}${NAME}", None),
        ] {
            assert_eq!(Reference::in_text(text), reference, "{text}");
        }
    }

    #[test]
    fn what_can_be_no_name_is_not_shown() {
        assert_eq!(shown("GOOGLE_SECRET"), "the variable GOOGLE_SECRET");
        assert_eq!(shown("secret"), "the variable secret");
        for secret in [
            "GOCSPX-1a2b",
            "a b",
            "",
            "1a2b",
            "aB3xK9mQ2wE7rT5yU",
            &"A".repeat(65),
        ] {
            assert_eq!(shown(secret), "the variable that it names");
        }
        for (path, is_one) in [
            ("/run/secrets/a", true),
            ("src/Absent", true),
            ("a.txt", false),
            ("GOCSPX-1a2b", false),
            ("abC8Q~x.y", false),
            ("q83vAb/9xK+4=", false),
            ("/q83vAb/9xK+4=", false),
        ] {
            assert_eq!(
                is_path(&Location::new(path, Path::new(""))),
                is_one,
                "{path}"
            );
        }
    }

    /// A file in which the client secret, or another key, is a reference.
    fn referring(environment: &Environment, key: &str, reference: &str) {
        let kept = |line: &&str| !line.starts_with(&format!("{key} ="));
        let lines = |text: &str| {
            text.lines()
                .filter(kept)
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let (shared, google) = (lines(SHARED), lines(GOOGLE));
        let line = format!("{key} = {reference}\n");
        let text = match key {
            "cookie_secret" => format!("{shared}{line}{google}"),
            _ => format!("{shared}{google}{line}"),
        };
        write(&user(environment), &text);
    }

    #[test]
    fn cfg_35_a_value_may_stand_in_a_variable_or_a_file_of_its_own() {
        let environment = with_variables("refers", &[("SECRET", "ca11ary-1"), ("EMPTY", "")]);
        let file = environment.project.join("secret");
        let path = file.to_str().unwrap().to_owned();
        for (written, reference, value) in [
            ("", "{ env = \"SECRET\" }".to_owned(), "ca11ary-1"),
            ("", "\"${SECRET}\"".to_owned(), "ca11ary-1"),
            ("", "\"$${SECRET}\"".to_owned(), "${SECRET}"),
            ("", "\"a${SECRET}\"".to_owned(), "a${SECRET}"),
            ("ca11ary-2\n", format!("{{ file = '{path}' }}"), "ca11ary-2"),
            (
                "ca11ary-2\r\n",
                format!("{{ file = '{path}' }}"),
                "ca11ary-2",
            ),
            ("${SECRET}", format!("{{ file = '{path}' }}"), "${SECRET}"),
        ] {
            fs::write(&file, written).unwrap();
            referring(&environment, "client_secret", &reference);
            let config = load(&environment).unwrap();
            let secret = config.providers[0].client_secret.as_ref().unwrap();
            assert_eq!(secret.expose(), value, "{reference}");
            assert!(
                !config.values_from.contains("ca11ary"),
                "{}",
                config.values_from
            );
        }
        // In a table of parameters they are parameters.
        referring(&environment, "client_kwargs", "{ env = \"SECRET\" }");
        let config = load(&environment).unwrap();
        let sent = ("env".to_owned(), "SECRET".to_owned());
        assert_eq!(config.providers[0].parameters, [sent]);
        // Where it is no secret it may have a default, which counts for an empty variable, too.
        for name in ["ABSENT", "EMPTY"] {
            referring(&environment, "label", &format!("\"${{{name}:-Ours}}\""));
            assert_eq!(load(&environment).unwrap().providers[0].label, "Ours");
        }
    }

    #[test]
    fn cfg_35_what_refers_to_nothing_names_the_variable_or_file_and_the_key() {
        let environment = with_variables("nowhere", &[("EMPTY", ""), ("SHORT", "ca11ary")]);
        let file = environment.project.join("secret");
        let path = file.to_str().unwrap();
        let place = user(&environment).display().to_string();
        let table = [
            (
                "client_secret",
                "{ env = \"ABSENT\" }",
                "the variable ABSENT is not set, or empty\n    set it",
            ),
            (
                "client_secret",
                "\"${EMPTY}\"",
                "the variable EMPTY is not set, or empty",
            ),
            (
                "client_secret",
                "{ env = \"ca11ary-not-a-name\" }",
                "the variable that it names is not set",
            ),
            (
                "client_secret",
                "\"${SHORT:-ca11ary}\"",
                "it has a default, and a secret has none",
            ),
            (
                "cookie_secret",
                "\"${ABSENT:-ca11ary}\"",
                "it has a default, and a secret has none",
            ),
            (
                "client_secret",
                &format!("{{ file = '{path}' }}"),
                &format!("{path} cannot be read: entity not found"),
            ),
            ("label", "{ env = 5 }", "expected a string, found a table"),
        ];
        for (key, reference, mistake) in table {
            referring(&environment, key, reference);
            let key = match key {
                "cookie_secret" => "auth.cookie_secret".to_owned(),
                key => format!("auth.google.{key}"),
            };
            let said = said(&environment);
            assert!(
                said.contains(&format!("invalid `{key}` in {place}:")),
                "{said}"
            );
            assert!(said.contains(mistake), "{said}");
            assert!(said.starts_with("one mistake"), "{said}");
        }
        // What was found and is wrong: the place is the file's, and the source is named.
        referring(&environment, "cookie_secret", "{ env = \"SHORT\" }");
        let said = said(&environment);
        assert!(
            said.contains(", from the variable SHORT: 7 bytes, of at least 32"),
            "{said}"
        );

        fs::write(&file, "\n").unwrap();
        referring(
            &environment,
            "client_secret",
            &format!("{{ file = '{path}' }}"),
        );
        let said = super::tests::said(&environment);
        assert!(said.contains("secret is empty"), "{said}");
        referring(&environment, "client_secret", "{ file = \"ca11ary\" }");
        let said = super::tests::said(&environment);
        assert!(
            said.contains("the file that it names cannot be read"),
            "{said}"
        );
    }
}
