//! Settings as variables: `KEYCARD_AUTH__GOOGLE__CLIENT_ID` is `client_id` of `[auth.google]`.

use super::diagnostic::{Mistake, Report};
use super::environment::Environment;
use super::keys::{self, Level};
use super::place::Origin;
use super::tree::{Table, Value};

const PREFIX: &str = "KEYCARD_AUTH__";
/// Between the parts of a name.
const MARK: &str = "__";

/// Every setting that the environment has, as a table to lay over the others, and the names of the
/// variables. Sections are those of `tree`; where it has none, the variables make them.
pub(super) fn read(
    tree: &Table,
    environment: &Environment,
    report: &mut Report,
) -> Vec<(String, Table)> {
    let sections: Vec<&str> = tree.subtable("auth").map(sections).unwrap_or_default();
    let mut read = Vec::<(String, Table, Vec<String>)>::new();
    for (name, value) in &environment.variables {
        let upper = name.to_ascii_uppercase();
        let Some(rest) = upper.strip_prefix(PREFIX) else {
            continue;
        };
        let shown = name.escape_debug().to_string();
        let path = match path(rest, &sections) {
            Ok(path) => path,
            Err(mistake) => {
                report.error(mistake(&shown));
                continue;
            }
        };
        let Some(text) = value.to_str() else {
            report.error(
                Mistake::new(format!("the variable {shown} is not UTF-8")).cure("set it to text"),
            );
            continue;
        };
        if let Some((other, ..)) = read.iter().find(|(_, _, known)| *known == path) {
            report.error(
                Mistake::new(format!("{other} and {shown} are one key")).cure("unset one of them"),
            );
            continue;
        }
        // That is how some tools leave a variable out.
        if text.is_empty() && is_known(tree, &path) {
            continue;
        }
        let spot = Origin::outside(format!("the variable {shown}"));
        let value = Value::untyped(text.to_owned(), spot.clone());
        read.push((shown, Table::around(&path, value, &spot), path));
    }
    read.into_iter()
        .map(|(name, table, _)| (name, table))
        .collect()
}

/// Whether there is a value at the end of this way already.
fn is_known(tree: &Table, path: &[String]) -> bool {
    let Some((key, tables)) = path.split_last() else {
        return false;
    };
    let table = tables
        .iter()
        .try_fold(tree, |table, name| table.subtable(name));
    table.is_some_and(|table| table.contains(key))
}

/// The names of the tables in `[auth]` that can be a provider's.
fn sections(auth: &Table) -> Vec<&str> {
    auth.keys()
        .filter(|key| keys::find(key, Level::Shared).is_none_or(|key| !key.belongs(Level::Shared)))
        .filter(|key| auth.subtable(key).is_some())
        .collect()
}

/// The way to the key that the rest of a variable's name means.
fn path(rest: &str, sections: &[&str]) -> Result<Vec<String>, impl Fn(&str) -> Mistake> {
    let fits: Vec<_> = sections
        .iter()
        .filter_map(|section| Some((*section, below(rest, section)?)))
        .collect();
    let (section, key) = match (fits.as_slice(), rest.split_once(MARK)) {
        ([(section, key)], _) => (Some((*section).to_owned()), *key),
        ([], None) => (None, rest),
        ([], Some((table, _))) if keys::PARAMETER_TABLES.contains(&lower(table).as_str()) => {
            (None, rest)
        }
        ([], Some((section, key))) if sections.is_empty() => (Some(lower(section)), key),
        _ => return Err(objection(&fits, sections)),
    };
    let keys = match key.split_once(MARK) {
        Some((table, key)) => vec![lower(table), lower(key)],
        None => vec![lower(key)],
    };
    Ok(["auth".to_owned()]
        .into_iter()
        .chain(section)
        .chain(keys)
        .collect())
}

/// What follows the name of a section, written as variables are.
fn below<'a>(rest: &'a str, section: &str) -> Option<&'a str> {
    let key = rest.strip_prefix(&written(section))?.strip_prefix(MARK)?;
    (!key.is_empty()).then_some(key)
}

/// A section's name as a variable has it: what no variable can have is an underscore.
fn written(section: &str) -> String {
    let letter = |c: char| match c.to_ascii_uppercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    section.chars().map(letter).collect()
}

fn objection(fits: &[(&str, &str)], sections: &[&str]) -> impl Fn(&str) -> Mistake + use<> {
    let named = |sections: &mut dyn Iterator<Item = &str>| {
        let named: Vec<_> = sections
            .map(|it| format!("[{}]", super::tree::named("auth", it)))
            .collect();
        named.join(" and ")
    };
    let (what, found, cure) = if fits.is_empty() {
        let all = named(&mut sections.iter().copied());
        (
            "fits no section",
            String::new(),
            format!("the sections are {all}"),
        )
    } else {
        let both = named(&mut fits.iter().map(|(section, _)| *section));
        ("fits two sections", both, "rename one of them".to_owned())
    };
    move |name| {
        Mistake::new(format!("the variable {name} {what}"))
            .found(&*found)
            .cure(&*cure)
    }
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use crate::config::found::tests::{GOOGLE, SHARED, load, said, user, with_variables, write};
    use crate::config::{Config, Given, Seen};

    const WHOLE: &[(&str, &str)] = &[
        (
            "KEYCARD_AUTH__REDIRECT_URI",
            "http://localhost:8501/oauth2callback",
        ),
        ("KEYCARD_AUTH__COOKIE_SECRET", "@"),
        ("KEYCARD_AUTH__STRICT", "true"),
        ("KEYCARD_AUTH__GOOGLE__CLIENT_ID", "an-id"),
        ("KEYCARD_AUTH__GOOGLE__CLIENT_SECRET", ""),
        (
            "KEYCARD_AUTH__GOOGLE__SERVER_METADATA_URL",
            "https://id.example/.well-known/openid-configuration",
        ),
        ("KEYCARD_AUTH__GOOGLE__CLIENT_KWARGS__MAX_AGE", "60"),
        ("KEYCARD_SECRETS_FILES", "not ours to read here"),
        ("PATH", "/bin"),
    ];

    #[test]
    fn cfg_35_a_whole_configuration_is_read_from_variables_alone() {
        let config = load(&with_variables("variables", WHOLE)).unwrap();

        let [google] = &config.providers[..] else {
            panic!("{config:?}");
        };
        assert_eq!(
            (google.name.as_str(), google.client_id.as_str()),
            ("google", "an-id")
        );
        assert!(
            google.client_secret.is_none(),
            "an empty one is a public client"
        );
        assert_eq!(google.parameters, [("max_age".to_owned(), "60".to_owned())]);
        assert!(
            config
                .values_from
                .contains("the variable KEYCARD_AUTH__COOKIE_SECRET (auth.cookie_secret)"),
            "{}",
            config.values_from
        );

        // Without the variables of the process, a builder that names no places reads none.
        let given = Given {
            environment: with_variables("variables", WHOLE),
            ..Given::default()
        };
        Config::load(&given, &mut Seen::default()).unwrap_err();
    }

    #[test]
    fn cfg_35_a_variable_counts_over_every_file_and_finds_its_section_in_any_spelling() {
        for (section, key) in [
            ("google", "KEYCARD_AUTH__GOOGLE__CLIENT_ID"),
            ("Google", "KEYCARD_AUTH__google__client_id"),
            ("GOOGLE", "keycard_auth__Google__Client_Id"),
            ("my-company", "KEYCARD_AUTH__MY_COMPANY__CLIENT_ID"),
            ("\"my company\"", "KEYCARD_AUTH__MY_COMPANY__CLIENT_ID"),
            ("my__company", "KEYCARD_AUTH__MY__COMPANY__CLIENT_ID"),
            ("\"é\"", "KEYCARD_AUTH_____CLIENT_ID"),
        ] {
            let mut environment = with_variables("over", &[(key, "from-the-variable")]);
            let google = GOOGLE.replace("[auth.google]", &format!("[auth.{section}]"));
            write(&user(&environment), &format!("{SHARED}{google}"));
            let listed = environment.project.join("listed.toml");
            write(
                &listed,
                &format!("[auth.{section}]\nclient_id = \"listed\"\n"),
            );
            environment.files.push(listed);

            let config = load(&environment).unwrap();

            assert_eq!(config.providers[0].client_id, "from-the-variable", "{key}");
            assert_eq!(config.providers.len(), 1, "{key}");
        }
    }

    #[test]
    fn cfg_35_an_empty_variable_takes_nothing_away() {
        let key = "KEYCARD_AUTH__GOOGLE__LABEL";
        let environment = with_variables("empty", &[(key, "")]);
        let google = format!("{GOOGLE}label = \"Ours\"\n");
        write(&user(&environment), &format!("{SHARED}{google}"));

        assert_eq!(load(&environment).unwrap().providers[0].label, "Ours");
    }

    #[test]
    fn cfg_35_a_variable_that_fits_no_section_or_two_is_a_mistake() {
        let two = format!(
            "{SHARED}{}{}",
            GOOGLE.replace("google", "my-co"),
            GOOGLE.replace("google", "my_co")
        );
        for (name, text, mistake) in [
            (
                "KEYCARD_AUTH__GOOGEL__CLIENT_ID",
                format!("{SHARED}{GOOGLE}"),
                "the variable KEYCARD_AUTH__GOOGEL__CLIENT_ID fits no section\n    \
                 the sections are [auth.google]",
            ),
            (
                "KEYCARD_AUTH__MY_CO__CLIENT_ID",
                two,
                "the variable KEYCARD_AUTH__MY_CO__CLIENT_ID fits two sections: \
                 [auth.my-co] and [auth.my_co]\n    rename one of them",
            ),
        ] {
            let environment = with_variables("fits", &[(name, "ca11ary")]);
            write(&user(&environment), &text);
            assert!(
                said(&environment).contains(mistake),
                "{}",
                said(&environment)
            );
        }

        let both = [
            ("KEYCARD_AUTH__STRICT", "true"),
            ("KEYCARD_AUTH__strict", "true"),
        ];
        let environment = with_variables("both", &both);
        write(&user(&environment), &format!("{SHARED}{GOOGLE}"));
        let mistake = "KEYCARD_AUTH__STRICT and KEYCARD_AUTH__strict are one key";
        assert!(
            said(&environment).contains(mistake),
            "{}",
            said(&environment)
        );
    }

    #[test]
    fn cfg_35_a_mistake_in_a_variable_names_it_and_not_its_value() {
        for (name, value, mistake) in [
            (
                "KEYCARD_AUTH__EXPIRY_DAYS",
                "ca11ary",
                "invalid `auth.expiry_days` in the variable KEYCARD_AUTH__EXPIRY_DAYS: expected a",
            ),
            (
                "KEYCARD_AUTH__EXPIRY_DAY",
                "ca11ary",
                "unknown key `auth.expiry_day` in the variable KEYCARD_AUTH__EXPIRY_DAY",
            ),
            (
                "KEYCARD_AUTH__REDIRECT_URI",
                "https://ca11ary.example/somewhere",
                "invalid `auth.redirect_uri` in the variable KEYCARD_AUTH__REDIRECT_URI: its path",
            ),
            (
                "KEYCARD_AUTH__GOOGLE__SERVER_METADATA_URL",
                "https://hooks.example/?token=ca11ary",
                "invalid `auth.google.server_metadata_url` in the variable",
            ),
        ] {
            let environment = with_variables("value", &[(name, value)]);
            write(&user(&environment), &format!("{SHARED}{GOOGLE}"));
            assert!(
                said(&environment).contains(mistake),
                "{}",
                said(&environment)
            );
        }
    }
}
