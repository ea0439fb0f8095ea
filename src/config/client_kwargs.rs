//! `client_kwargs`, told apart by what becomes of each key.

use std::time::Duration;

use url::Url;

use super::belonging::misplaced;
use super::diagnostic::{Mistake, Report};
use super::keys::{self, Level};
use super::network::{self, CaFiles, Network};
use super::provider::{ClientAuthentication, Prompt};
use super::tree::Table;
use crate::presets;

/// `client_kwargs`, told apart by what becomes of each key.
#[derive(Default)]
pub(super) struct Kwargs {
    /// As the section has them, `openid` among them.
    pub(super) scopes: Option<Vec<String>>,
    pub(super) prompt: Option<Prompt>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) authentication: Option<ClientAuthentication>,
    pub(super) timeout: Option<Duration>,
    pub(super) network: Network,
}

/// Which scopes there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scopes {
    Any,
    /// `openid` among them (OpenID Connect Core §3.1.2.1).
    OpenId,
}

impl Kwargs {
    /// Reads `client_kwargs`, and what Authlib lets stand beside it.
    pub(super) fn read(
        section: &Table,
        scopes: Scopes,
        files: &mut CaFiles<'_>,
        report: &mut Report,
    ) -> Self {
        let mut kwargs = Self::default();
        for key in ["code_challenge_method", "token_endpoint_auth_method"] {
            if section.contains(key) {
                kwargs.read_key(key, section, scopes, files, report);
            }
        }
        // The later one wins where both have a key.
        for name in ["authorize_params", "client_kwargs"] {
            if let Some(table) = section.table(name, report) {
                for key in table.keys() {
                    kwargs.read_key(key, table, scopes, files, report);
                }
            }
        }
        kwargs
    }

    fn read_key(
        &mut self,
        key: &str,
        table: &Table,
        scopes: Scopes,
        files: &mut CaFiles<'_>,
        report: &mut Report,
    ) {
        match key {
            "scope" => self.read_scope(table, scopes, report),
            "prompt" => self.read_prompt(table, report),
            "token_endpoint_auth_method" => self.read_authentication(table, report),
            "code_challenge_method" => {
                if table.text(key, report) != Some("S256") {
                    report.warn(ours_wins(table, key));
                }
            }
            "timeout" => self.timeout = table.seconds(key, 1.0..=60.0, report),
            "proxy" => self.network.proxy = network::proxy(table, report),
            "verify" => self.read_verify(table, files, report),
            "cert" | "follow_redirects" | "headers" | "trust_env" => report.warn(
                Mistake::new(format!("`{}` is not acted on", table.named(key)))
                    .at(table.place_of(key))
                    .cure("this release of keycard does nothing with it yet"),
            ),
            "max_age" => self.read_max_age(table, report),
            "response_type" if table.parameter(key, report).as_deref() == Some("code") => {}
            _ if is_protected(key) => report.warn(ours_wins(table, key)),
            _ => self.read_parameter(key, table, report),
        }
    }

    /// The path of a CA file; true is nothing new, and false is never.
    fn read_verify(&mut self, table: &Table, files: &mut CaFiles<'_>, report: &mut Report) {
        let key = "verify";
        match table.boolean(key, &mut Report::default()) {
            Some(true) => {}
            Some(false) => report.error(
                table
                    .mistake(key)
                    .found("certificates are always verified")
                    .cure("take the line out; a company's own CA can be added as ca_file"),
            ),
            None => self.network.ca_file = files.named_in(table, key, report),
        }
    }

    fn read_prompt(&mut self, table: &Table, report: &mut Report) {
        self.prompt = table.string("prompt", report).map(|prompt| match prompt {
            "" => Prompt::Unsent,
            prompt => Prompt::Value(prompt.to_owned()),
        });
    }

    /// Whatever it is called, the provider may know it. But what is a key of ours is none of its
    /// business.
    fn read_parameter(&mut self, key: &str, table: &Table, report: &mut Report) {
        // OpenID Connect Core §5.5 has a parameter of that name, and a preset's keys are named after
        // parameters of its provider.
        let is_parameter =
            |known: &&keys::Key| known.name == "claims" || presets::have_parameter(known.name);
        let known = keys::find(key, Level::Kwargs).filter(|known| !is_parameter(known));
        match known {
            Some(known) if !known.belongs(Level::Kwargs) => {
                report.warn(misplaced(table, known).at(table.place_of(key)));
                return;
            }
            Some(_) => {}
            None => {
                let near = keys::nearest(key, Level::Kwargs).filter(|near| !is_parameter(near));
                if let Some(near) = near {
                    report.warn(
                        Mistake::new(format!("`{}` may be misspelt", table.named(key)))
                            .at(table.place_of(key))
                            .cure(format!("did you mean {}?", near.name)),
                    );
                    if near.name.contains("secret") || matches!(near.name, "private_key" | "proxy")
                    {
                        return;
                    }
                }
            }
        }
        if let Some(value) = table.parameter(key, report) {
            if is_for_nobody(&value) {
                report.error(
                    table
                        .mistake(key)
                        .found("it holds a key or a password, and the browser would show it")
                        .cure("take the line out: parameters are for everybody to see"),
                );
                return;
            }
            self.parameters.retain(|(given, _)| given != key);
            self.parameters.push((key.to_owned(), value));
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
        self.parameters.retain(|(given, _)| given != "max_age");
        self.parameters.push(("max_age".to_owned(), value));
    }

    fn read_scope(&mut self, table: &Table, allowed: Scopes, report: &mut Report) {
        let Some(written) = table.strings("scope", report) else {
            return;
        };
        let scopes: Vec<_> = written
            .iter()
            .flat_map(|scopes| scopes.split_ascii_whitespace())
            .collect();
        let objection = if scopes.iter().any(|scope| scope.contains(',')) {
            Some("it has a comma, and spaces divide scopes")
        } else if allowed == Scopes::OpenId && !scopes.contains(&"openid") {
            Some("it lacks openid")
        } else {
            None
        };
        if let Some(found) = objection {
            report.error(table.mistake("scope").found(found).cure(match allowed {
                Scopes::Any => "put spaces between them",
                Scopes::OpenId => {
                    "write scope = \"openid profile email\", and more if you need more"
                }
            }));
        }
        self.scopes = Some(scopes.into_iter().map(str::to_owned).collect());
    }

    fn read_authentication(&mut self, table: &Table, report: &mut Report) {
        let key = "token_endpoint_auth_method";
        let Some(written) = table.text(key, report) else {
            return;
        };
        let methods = ClientAuthentication::ALL.into_iter();
        self.authentication = methods.into_iter().find(|method| method.name() == written);
        if self.authentication.is_none() {
            report.error(
                table
                    .mistake(key)
                    .found("keycard does not know this method")
                    .cure("write client_secret_basic, client_secret_post, private_key_jwt or none"),
            );
        }
    }
}

/// Whether a value holds what nobody may see, whatever it was meant for.
fn is_for_nobody(value: &str) -> bool {
    let has_password = || Url::parse(value).is_ok_and(|url| url.password().is_some());
    value.contains("PRIVATE KEY") || has_password()
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
        .cure(match key {
            "response_mode" => {
                "take the line out; where the provider answers by POST, write response_mode = \
                 \"form_post\" in its section itself"
            }
            _ => "take the line out: keycard sets it for each login",
        })
}

/// What is never sent in an authorization request but by keycard itself.
pub(crate) fn is_ours(parameter: &str) -> bool {
    is_protected(parameter) || matches!(parameter, "code_challenge_method" | "scope")
}
