//! `client_kwargs`, told apart by what becomes of each key.

use std::time::Duration;

use super::diagnostic::{Mistake, Report};
use super::provider::{ClientAuthentication, Prompt};
use super::tree::Table;

/// `client_kwargs`, told apart by what becomes of each key.
pub(super) struct Kwargs {
    pub(super) scopes: Vec<String>,
    pub(super) prompt: Prompt,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) authentication: Option<ClientAuthentication>,
    pub(super) timeout: Option<Duration>,
}

impl Kwargs {
    pub(super) fn read(section: &Table, report: &mut Report) -> Self {
        let mut kwargs = Self {
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            prompt: Prompt::SelectAccount,
            parameters: Vec::new(),
            authentication: None,
            timeout: None,
        };
        if !section.contains("client_kwargs") {
            return kwargs;
        }
        let Some(table) = section.table("client_kwargs", report) else {
            return kwargs;
        };
        for key in table.keys() {
            kwargs.read_key(key, table, report);
        }
        kwargs
    }

    fn read_key(&mut self, key: &str, table: &Table, report: &mut Report) {
        match key {
            "scope" => self.read_scope(table, report),
            "prompt" => {
                self.prompt = match table.string(key, report) {
                    Some("") => Prompt::Unsent,
                    Some(prompt) => Prompt::Value(prompt.to_owned()),
                    None => Prompt::SelectAccount,
                }
            }
            "token_endpoint_auth_method" => self.read_authentication(table, report),
            "code_challenge_method" => {
                if table.string(key, report) != Some("S256") {
                    report.warn(ours_wins(table, key));
                }
            }
            "timeout" => self.timeout = table.seconds(key, 1.0..=60.0, report),
            "verify" if table.boolean(key, &mut Report::default()) == Some(false) => report.error(
                table
                    .mistake(key)
                    .found("certificates are always verified")
                    .cure("take the line out; a company's own CA can be added as ca_file"),
            ),
            "cert" | "follow_redirects" | "headers" | "proxy" | "trust_env" | "verify" => report
                .warn(
                    Mistake::new(format!("`{}` is not acted on", table.named(key)))
                        .at(table.place_of(key))
                        .cure("this release of keycard does nothing with it yet"),
                ),
            "max_age" => self.read_max_age(table, report),
            "response_type" if table.parameter(key, report).as_deref() == Some("code") => {}
            _ if is_protected(key) => report.warn(ours_wins(table, key)),
            _ => {
                if let Some(value) = table.parameter(key, report) {
                    self.parameters.push((key.to_owned(), value));
                }
            }
        }
    }

    /// Sent, and checked when the person comes back: so it has to be a number of seconds. An empty
    /// one is none.
    fn read_max_age(&mut self, table: &Table, report: &mut Report) {
        let given = table.parameter("max_age", report);
        let Some(value) = given.filter(|value| !value.is_empty()) else {
            return;
        };
        if value.parse::<u32>().is_err() {
            report.error(
                table
                    .mistake("max_age")
                    .found("it is not a number of seconds")
                    .cure("write whole seconds, such as max_age = 3600"),
            );
        }
        self.parameters.push(("max_age".to_owned(), value));
    }

    fn read_scope(&mut self, table: &Table, report: &mut Report) {
        let Some(written) = table.strings("scope", report) else {
            return;
        };
        let scopes: Vec<_> = written
            .iter()
            .flat_map(|scopes| scopes.split_ascii_whitespace())
            .collect();
        if !scopes.contains(&"openid") {
            report.error(
                table
                    .mistake("scope")
                    .found("it lacks openid")
                    .cure("write scope = \"openid profile email\", and more if you need more"),
            );
        }
        self.scopes = scopes
            .into_iter()
            .filter(|scope| *scope != "openid")
            .map(str::to_owned)
            .collect();
    }

    fn read_authentication(&mut self, table: &Table, report: &mut Report) {
        let key = "token_endpoint_auth_method";
        self.authentication = match table.string(key, report) {
            Some("client_secret_basic") => Some(ClientAuthentication::Basic),
            Some("client_secret_post") => Some(ClientAuthentication::Post),
            Some("none") => Some(ClientAuthentication::None),
            Some(_) => {
                report.error(
                    table
                        .mistake(key)
                        .found("keycard does not know this method")
                        .cure("write client_secret_basic, client_secret_post or none"),
                );
                None
            }
            None => None,
        };
    }
}

/// Parameters that keep a login safe: nobody sets them but us.
fn is_protected(key: &str) -> bool {
    matches!(
        key,
        "client_id"
            | "client_secret"
            | "code_challenge"
            | "id_token_hint"
            | "nonce"
            | "redirect_uri"
            | "request"
            | "request_uri"
            | "response_mode"
            | "response_type"
            | "state"
    ) || key.starts_with("client_assertion")
}

fn ours_wins(table: &Table, key: &str) -> Mistake {
    Mistake::new(format!("`{}` is ours to set", table.named(key)))
        .at(table.place_of(key))
        .cure("take the line out: keycard sets it for each login")
}

/// What is never sent in an authorization request but by keycard itself.
pub(crate) fn is_ours(parameter: &str) -> bool {
    is_protected(parameter) || matches!(parameter, "code_challenge_method" | "scope")
}
