//! What is found in the sources, laid over each other, and which they are.

use std::fs;

use toml::de::DeTable;

use super::diagnostic::{Mistake, Report};
use super::elsewhere;
use super::environment::{Environment, FILES};
use super::example::example;
use super::given::Given;
use super::location::Location;
use super::not_toml;
use super::overlay;
use super::place::Origin;
use super::secret_directory;
use super::secret_file;
use super::seen::Seen;
use super::source::{FILE, Source};
use super::tree::Table;

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

#[cfg(test)]
pub(super) mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::{Config, ConfigError};

    pub(in crate::config) const SHARED: &str = "[auth]\nredirect_uri = \"http://localhost:{port}/oauth2callback\"\n\
                          cookie_secret = \"@\"\nstrict = true\n";
    pub(in crate::config) const GOOGLE: &str = "[auth.google]\nclient_id = \"an-id\"\nclient_secret = \"\"\n\
        server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n";

    /// A user's directory and a project's, both empty.
    pub(in crate::config) fn somewhere(name: &str) -> Environment {
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

    pub(in crate::config) fn write(path: &Path, text: &str) {
        let secret = crate::random::secret().unwrap();
        fs::write(path, text.replace('@', &secret)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    pub(in crate::config) fn load(environment: &Environment) -> Result<Config, ConfigError> {
        let given = Given {
            sources: vec![Source::Places],
            environment: environment.clone(),
            ..Given::default()
        };
        Config::load(&given, &mut Seen::default())
    }

    pub(in crate::config) fn user(environment: &Environment) -> PathBuf {
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

    pub(in crate::config) fn with_variables(name: &str, variables: &[(&str, &str)]) -> Environment {
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
    pub(in crate::config) fn said(environment: &Environment) -> String {
        let error = load(environment).unwrap_err();
        let said = error.to_string();
        for shown in [&said, &format!("{error:#}"), &format!("{environment:?}")] {
            assert!(!shown.contains("ca11ary"), "{shown}");
        }
        said
    }
}
