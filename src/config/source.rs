//! Where settings come from: files and directories, a text, a value given in code.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Mistake, Report};
use super::environment::{Environment, FILES};
use super::example::example;
use super::not_toml;
use super::place::Origin;
use super::secret_directory;
use super::secret_file;
use super::tree::Table;

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
    Text(Arc<str>),
}

/// What the sources hold together, and which they are.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tree: Table,
    /// The names of those that were read.
    pub(super) names: Vec<String>,
    /// Files that were looked for in vain.
    absent: Vec<PathBuf>,
}

impl Found {
    pub(super) fn read(sources: &[Source], environment: &Environment, report: &mut Report) -> Self {
        let mut found = Self::default();
        for source in sources {
            match source {
                Source::File(path) => found.read_path(path, "", report),
                Source::Places => found.read_places(environment, report),
                Source::Set { key, value } => found.set(key, value, report),
                Source::Text(text) => found.parse(".toml(…)".to_owned(), text, report),
            }
        }
        if found.names.is_empty() && !found.absent.is_empty() && report.errors.is_empty() {
            report.error(found.nothing());
        }
        found
    }

    fn read_places(&mut self, environment: &Environment, report: &mut Report) {
        let project = environment.project.join(FILE);
        let user = environment.home.as_ref().map(|home| home.join(FILE));
        let is_project = |user: &PathBuf| match (fs::canonicalize(user), fs::canonicalize(&project))
        {
            (Ok(user), Ok(project)) => user == project,
            _ => *user == project,
        };
        for path in user
            .into_iter()
            .filter(|user| !is_project(user))
            .chain([project.clone()])
        {
            // A link to nowhere is a mistake and no absence.
            if path.exists() || path.is_symlink() {
                self.read_path(&path, "", report);
            } else {
                self.absent.push(path);
            }
        }
        for path in &environment.files {
            self.read_path(path, FILES, report);
        }
    }

    /// Reads a file or a secret directory that somebody named, in the variable `listed_in` if that
    /// is not empty.
    fn read_path(&mut self, path: &Path, listed_in: &str, report: &mut Report) {
        let name = path.display().to_string();
        if !path.exists() {
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
        } else if path.is_dir() {
            let table = secret_directory::read(path, "", report);
            self.lay(name, table);
        } else if let Some(text) = secret_file::read(path, report) {
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
        let places: Vec<_> = self
            .absent
            .iter()
            .rev()
            .map(|path| path.display().to_string())
            .collect();
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
            Self::Text(_) => f.write_str(".toml(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
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
        Config::load(&[Source::Places], environment, None)
    }

    fn user(environment: &Environment) -> PathBuf {
        environment.home.as_ref().unwrap().join(FILE)
    }

    #[test]
    fn cfg_01_where_no_file_is_found_the_places_are_told_and_an_example() {
        let environment = somewhere("nothing");
        let said = load(&environment).unwrap_err().to_string();

        let places = format!(
            "no secrets file at {}, nor at {}\n    make one, beginning with these lines:\n    [auth]",
            environment.project.join(FILE).display(),
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
            let config = Config::load(&[Source::Places], environment, given).unwrap();
            config.site.origin().port()
        };
        assert_eq!(port(&environment, None), Some(8501));
        environment.port = Some(3000);
        assert_eq!(port(&environment, None), Some(3000));
        assert_eq!(port(&environment, Some(4000)), Some(4000));
    }
}
