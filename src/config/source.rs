//! Where settings come from: files and directories, a text, a value given in code.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Mistake, Report};
use super::elsewhere;
use super::environment::{Environment, FILES};
use super::example::example;
use super::location::Location;
use super::not_toml;
use super::overlay;
use super::place::Origin;
use super::process_salt::ProcessSalt;
use super::secret_directory;
use super::secret_file;
use super::seen::Seen;
use super::tree::Table;

/// The port where nothing else says one: Streamlit's.
const PORT: u16 = 8501;
/// The file below the user's and the project's directory, as Streamlit has it.
const FILE: &str = ".streamlit/secrets.toml";

/// One source of settings. Later ones win over earlier ones, key by key.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    /// The user's file, the project's file, and those that the environment lists.
    Places,
    Set {
        key: String,
        value: serde_json::Value,
    },
    Text {
        /// What messages call it.
        name: &'static str,
        text: Arc<str>,
    },
}

/// What settings are read from, the first time and whenever a file has changed.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub(crate) sources: Vec<Source>,
    pub(crate) environment: Environment,
    /// What code says of the port.
    pub(crate) port: Option<u16>,
    pub(crate) salt: ProcessSalt,
}

impl Given {
    /// The port in `{port}` of `redirect_uri`, and what says it.
    pub(super) fn port(&self) -> (u16, &'static str) {
        match (self.port, self.environment.port) {
            (Some(port), _) => (port, "the builder"),
            (None, Some(port)) => (port, "the variable PORT"),
            (None, None) => (PORT, "the default"),
        }
    }
}

/// What the sources hold together, and which they are.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tree: Table,
    /// The files that were looked at.
    pub(super) seen: Seen,
    /// The names of those that were read.
    pub(super) names: Vec<String>,
    /// Files that were looked for in vain.
    absent: Vec<Location>,
}

impl Found {
    pub(super) fn read(given: &Given, report: &mut Report) -> Self {
        let mut found = Self::default();
        let environment = &given.environment;
        for source in &given.sources {
            match source {
                Source::File(path) => {
                    found.read_path(&environment.locate(path), "", environment, report);
                }
                Source::Places => found.read_places(environment, report),
                Source::Set { key, value } => found.set(key, value, report),
                Source::Text { name, text } => found.parse((*name).to_owned(), text, report),
            }
        }
        if given
            .sources
            .iter()
            .any(|source| matches!(source, Source::Places))
        {
            for (name, table) in overlay::read(&found.tree, environment, report) {
                found.lay(name, table);
            }
        }
        if let Some(auth) = found.tree.subtable_mut("auth") {
            elsewhere::bring(auth, environment, &mut found.seen);
        }
        if found.names.is_empty() && !found.absent.is_empty() && report.errors.is_empty() {
            report.error(found.nothing());
        }
        found
    }

    fn read_places(&mut self, environment: &Environment, report: &mut Report) {
        let project = environment.locate(FILE);
        let user = environment.home.as_ref();
        let user = user.map(|home| environment.locate(home.join(FILE)));
        let is_project = |user: &Location| {
            let real = |location: &Location| fs::canonicalize(location.path());
            match (real(user), real(&project)) {
                (Ok(user), Ok(project)) => user == project,
                _ => user.path() == project.path(),
            }
        };
        for location in user
            .into_iter()
            .filter(|user| !is_project(user))
            .chain([project.clone()])
        {
            let path = location.path();
            // A link to nowhere is a mistake and no absence.
            if path.exists() || path.is_symlink() {
                self.read_path(&location, "", environment, report);
            } else {
                self.seen.look(path);
                self.absent.push(location);
            }
        }
        for path in &environment.files {
            self.read_path(&environment.locate(path), FILES, environment, report);
        }
    }

    /// Reads a file or a secret directory that somebody named, in the variable `listed_in` if that
    /// is not empty.
    fn read_path(
        &mut self,
        location: &Location,
        listed_in: &str,
        environment: &Environment,
        report: &mut Report,
    ) {
        let name = location.to_string();
        self.seen.look(location.path());
        if !location.path().exists() {
            let listed = match listed_in {
                "" => String::new(),
                variable => format!("{variable} lists it"),
            };
            report.error(
                Mistake::new(format!("no secrets file at {name}"))
                    .found(listed)
                    .cure(format!(
                        "make it, beginning with these lines:\n{}",
                        example()
                    )),
            );
        } else if location.path().is_dir() {
            let table = secret_directory::read(location, "", &mut self.seen, report);
            self.lay(name, table);
        } else if let Some(text) = secret_file::read(location, &environment.project, report) {
            self.parse(name, &text, report);
        }
    }

    fn parse(&mut self, name: String, text: &str, report: &mut Report) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match DeTable::parse(text) {
            Ok(table) => {
                let origin = Origin::new(name.clone(), text, true);
                self.lay(name, Table::from_toml(table, "", &origin));
            }
            Err(error) => {
                let origin = Origin::new(name, text, false);
                for mistake in not_toml::mistakes(text, &origin, error.span()) {
                    report.error(mistake);
                }
            }
        }
    }

    /// `.set("auth.google.client_id", value)`: the key is read as TOML reads keys.
    fn set(&mut self, key: &str, value: &serde_json::Value, report: &mut Report) {
        let name = format!(".set(\"{key}\", …)");
        // An `Option` that is empty becomes null, and an empty client_secret is a public client.
        if value.is_null() {
            report.error(
                Mistake::new(format!("{name} gives no value"))
                    .cure("leave the call out where there is nothing to set"),
            );
            return;
        }
        let text = format!("{key} = 0");
        let Ok(parsed) = DeTable::parse(&text) else {
            report.error(
                Mistake::new(format!("`{}` is not a key", key.escape_debug()))
                    .cure("write it as in the file, such as auth.google.client_id"),
            );
            return;
        };
        let spot = Origin::whole(name.clone());
        let table = Table::with_leaf(parsed.into_inner(), "", value, &spot);
        self.lay(name, table);
    }

    fn lay(&mut self, name: String, table: Table) {
        self.names.push(name);
        self.tree.merge(table);
    }

    fn nothing(&self) -> Mistake {
        let places: Vec<_> = self.absent.iter().rev().map(Location::to_string).collect();
        Mistake::new(format!("no secrets file at {}", places.join(", nor at "))).cure(format!(
            "make one, beginning with these lines:\n{}",
            example()
        ))
    }
}

// What is in a source is secret until something says otherwise.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Places => f.write_str(FILE),
            Self::Set { key, .. } => write!(f, ".set(\"{key}\", …)"),
            Self::Text { name, .. } => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigError};

    const SHARED: &str = "[auth]\nredirect_uri = \"http://localhost:{port}/oauth2callback\"\n\
                          cookie_secret = \"@\"\nstrict = true\n";
    const GOOGLE: &str = "[auth.google]\nclient_id = \"an-id\"\nclient_secret = \"\"\n\
        server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n";

    /// A user's directory and a project's, both empty.
    fn somewhere(name: &str) -> Environment {
        let root = std::env::temp_dir().join(format!("keycard-{}-{name}", std::process::id()));
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        let environment = Environment {
            home: Some(root.join("home")),
            project: root.join("project"),
            ..Environment::default()
        };
        for directory in [root.join("home"), root.join("project")] {
            fs::create_dir_all(directory.join(".streamlit")).unwrap();
        }
        environment
    }

    fn write(path: &Path, text: &str) {
        let secret = crate::random::secret().unwrap();
        fs::write(path, text.replace('@', &secret)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    fn load(environment: &Environment) -> Result<Config, ConfigError> {
        load_with(environment, None)
    }

    fn load_with(environment: &Environment, port: Option<u16>) -> Result<Config, ConfigError> {
        let given = Given {
            sources: vec![Source::Places],
            environment: environment.clone(),
            port,
            ..Given::default()
        };
        Config::load(&given, &mut Seen::default())
    }

    fn user(environment: &Environment) -> PathBuf {
        environment.home.as_ref().unwrap().join(FILE)
    }

    #[test]
    fn cfg_01_where_no_file_is_found_the_places_are_told_and_an_example() {
        let environment = somewhere("nothing");
        let said = load(&environment).unwrap_err().to_string();

        let places = format!(
            "no secrets file at {FILE}, nor at {}\n    make one, beginning with these lines:\n    [auth]",
            user(&environment).display()
        );
        assert!(said.contains(&places), "{said}");

        // The example loads where it is pasted and filled in.
        let (_, example) = said.split_once("these lines:\n").unwrap();
        let example: String = example
            .lines()
            .map(|line| format!("{}\n", line.trim_start()))
            .collect();
        write(
            &user(&environment),
            &example.replace("<from the provider>", "x"),
        );
        assert!(load(&environment).unwrap().warnings.is_empty());
    }

    #[test]
    fn the_users_file_counts_least_then_the_projects_then_those_that_are_listed() {
        let mut environment = somewhere("order");
        let label = |environment: &Environment| {
            let config = load(environment).unwrap();
            let [provider] = &config.providers[..] else {
                panic!("{config:?}");
            };
            provider.label.clone()
        };
        write(
            &user(&environment),
            &format!("{SHARED}{GOOGLE}label = \"user\"\n"),
        );
        assert_eq!(label(&environment), "user");

        let project = environment.project.join(FILE);
        write(&project, "[auth.google]\nlabel = \"project\"\n");
        assert_eq!(label(&environment), "project");

        for name in ["first", "second"] {
            let path = environment.project.join(name);
            write(&path, &format!("[auth.google]\nlabel = \"{name}\"\n"));
            environment.files.push(path);
        }
        assert_eq!(label(&environment), "second");
    }

    #[test]
    fn cfg_35_relative_paths_begin_in_the_project_wherever_the_process_has_gone() {
        let mut environment = somewhere("relative");
        let project = environment.project.clone();
        assert_ne!(std::env::current_dir().unwrap(), project);
        environment.files = vec!["listed.toml".into(), "mounted".into()];
        write(&project.join(FILE), SHARED);
        let label = "label = { file = \"words/label\" }\nca_file = \"words/ca.pem\"\n";
        write(&project.join("listed.toml"), &format!("{GOOGLE}{label}"));
        for directory in ["mounted/auth/google", "words"] {
            fs::create_dir_all(project.join(directory)).unwrap();
        }
        write(&project.join("mounted/auth/google/client_id"), "mounted");
        write(&project.join("words/label"), "Ours\n");
        let certificates = include_str!("../../tests/secrets/ca.pem");
        write(&project.join("words/ca.pem"), certificates);
        let config = load(&environment).unwrap();
        assert_eq!(config.providers[0].label, "Ours");
        assert_eq!(config.providers[0].client_id, "mounted");
        let ca_file = config.providers[0].network.ca_file.as_ref().unwrap();
        assert_eq!(ca_file.path, "words/ca.pem");
        assert_eq!(ca_file.certificates.len(), 2);

        // They are shown as they were written.
        write(&project.join("mounted/auth/google/client_id"), "");
        fs::remove_file(project.join("words/label")).unwrap();
        environment.files.push("absent.toml".into());
        let said = load(&environment).unwrap_err().to_string();
        assert!(said.contains("no secrets file at absent.toml: "), "{said}");
        environment.files.pop();
        let said = load(&environment).unwrap_err().to_string();
        for shown in [
            "in mounted/auth/google/client_id",
            "words/label cannot be read",
            "in listed.toml:",
        ] {
            assert!(said.contains(shown), "{shown:?} in {said}");
        }
        assert!(!said.contains(project.to_str().unwrap()), "{said}");
    }

    #[test]
    fn cfg_35_a_listed_file_that_is_absent_names_the_variable() {
        let mut environment = somewhere("listed");
        write(&user(&environment), &format!("{SHARED}{GOOGLE}"));
        let absent = environment.project.join("absent.toml");
        environment.files.push(absent.clone());

        let said = load(&environment).unwrap_err().to_string();

        let expected = format!(
            "no secrets file at {}: KEYCARD_SECRETS_FILES lists it",
            absent.display()
        );
        assert!(said.contains(&expected), "{said}");
    }

    #[cfg(unix)]
    #[test]
    fn one_file_that_is_the_users_and_the_projects_is_read_once() {
        let mut environment = somewhere("one");
        environment.project = environment.home.clone().unwrap();
        let text = format!("{SHARED}{GOOGLE}").replace("strict = true\n", "");
        write(&user(&environment), &text);
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(user(&environment), open).unwrap();
        let config = load(&environment).unwrap();
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    }

    #[test]
    fn the_port_is_that_of_code_then_of_the_environment_then_streamlits() {
        let mut environment = somewhere("port");
        write(&user(&environment), &format!("{SHARED}{GOOGLE}"));
        let port = |environment: &Environment, given| {
            let config = load_with(environment, given).unwrap();
            config.site.origin().port()
        };
        assert_eq!(port(&environment, None), Some(8501));
        environment.port = Some(3000);
        assert_eq!(port(&environment, None), Some(3000));
        assert_eq!(port(&environment, Some(4000)), Some(4000));
    }

    fn with_variables(name: &str, variables: &[(&str, &str)]) -> Environment {
        let secret = crate::random::secret().unwrap();
        Environment {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.replace('@', &secret).into()))
                .collect(),
            ..somewhere(name)
        }
    }

    /// What is said, and that no value that a variable or a file has is in it.
    fn said(environment: &Environment) -> String {
        let error = load(environment).unwrap_err();
        let said = error.to_string();
        for shown in [&said, &format!("{error:#}"), &format!("{environment:?}")] {
            assert!(!shown.contains("ca11ary"), "{shown}");
        }
        said
    }

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
