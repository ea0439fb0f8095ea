//! All that settings are read from, as it was given.

use super::environment::Environment;
use super::process_salt::ProcessSalt;
use super::source::Source;
use crate::own_provider::Added;

/// The port where nothing else says one: Streamlit's.
const PORT: u16 = 8501;

/// What settings are read from, the first time and whenever a file has changed.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub(crate) sources: Vec<Source>,
    pub(crate) environment: Environment,
    /// What code says of the port.
    pub(crate) port: Option<u16>,
    pub(crate) salt: ProcessSalt,
    /// The providers that the app adds, each name once.
    pub(crate) added: Vec<Added>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_code_then_of_the_environment_then_streamlits() {
        let port = |of_code, of_environment| {
            let given = Given {
                port: of_code,
                environment: Environment {
                    port: of_environment,
                    ..Environment::default()
                },
                ..Given::default()
            };
            given.port().0
        };
        assert_eq!(port(None, None), 8501);
        assert_eq!(port(None, Some(3000)), 3000);
        assert_eq!(port(Some(4000), Some(3000)), 4000);
    }
}
