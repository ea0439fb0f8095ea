//! `keycard import`: a secrets file from the environment that another login was configured by.
//!
//! Lowest first: `variables` are what is read, `imported` is what comes of them, and `auth_js`,
//! `oauth2_proxy` and `panel` each know one program's names.

mod auth_js;
mod imported;
mod oauth2_proxy;
mod panel;
mod variables;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::imported::Imported;
use self::variables::Variables;
use super::draft::{ClientSecret, Draft, Section, metadata_url, write_new};
use super::outcome::{Failure, Outcome};
use super::secret;

/// What `keycard import` takes.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Whose names they are
    #[arg(value_enum)]
    from: Whose,

    /// A file of NAME=value lines [default: the environment]
    #[arg(value_name = "ENV_FILE")]
    file: Option<PathBuf>,

    /// Write this file, which must not be there yet, in place of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Whose {
    /// AUTH_SECRET, AUTH_GOOGLE_ID …
    AuthJs,
    /// OAUTH2_PROXY_CLIENT_ID …
    Oauth2Proxy,
    /// PANEL_OAUTH_KEY …
    Panel,
}

impl Import {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let mut variables = match &self.file {
            Some(path) => Variables::of_file(path)?,
            None => Variables::of_process(),
        };
        let mut imported = match self.from {
            Whose::AuthJs => auth_js::import(&mut variables),
            Whose::Oauth2Proxy => oauth2_proxy::import(&mut variables),
            Whose::Panel => panel::import(&mut variables),
        };
        replace_weak_secret(&mut imported)?;
        for section in &imported.draft.providers {
            if matches!(section.client_secret, ClientSecret::None) {
                let name = section.name.escape_debug();
                let said =
                    format!("client_secret of {name}: there was none; \"\" is a public client");
                imported.said.push(said);
            }
        }
        let mut err = io::stderr();
        for line in &imported.said {
            writeln!(err, "{line}")?;
        }
        let text = imported.draft.text();
        match &self.output {
            Some(path) => write_new(path, &text)?,
            None => write!(io::stdout(), "{text}")?,
        }
        // It may not be a file yet.
        let Err(error) = imported.draft.load("this file") else {
            return Ok(Outcome::Fine);
        };
        writeln!(err, "\nthe file does not load yet: {error}")?;
        Ok(Outcome::Failed)
    }
}

/// A cookie secret that an app would refuse or warn about gives way to a fresh one.
fn replace_weak_secret(imported: &mut Imported) -> Result<(), Failure> {
    let draft = &mut imported.draft;
    let fresh = secret::fresh()?;
    let carried = std::mem::replace(&mut draft.cookie_secret, fresh);
    if carried.is_empty() {
        imported
            .said
            .push("cookie_secret: there was none; this one is fresh".to_owned());
        return Ok(());
    }
    if is_weak(&carried) {
        imported.said.push(
            "cookie_secret: the one that was there is too weak for keycard; this one is fresh"
                .to_owned(),
        );
        return Ok(());
    }
    draft.cookie_secret = carried;
    Ok(())
}

/// Whether an app on this machine would warn about it.
fn is_weak(secret: &str) -> bool {
    let any = || Section {
        name: "any".to_owned(),
        client_id: "any".to_owned(),
        server_metadata_url: Some(metadata_url("https://id.example")),
        ..Section::default()
    };
    let draft = Draft {
        redirect_uri: "http://localhost:8501/oauth2callback".to_owned(),
        cookie_secret: secret.to_owned(),
        expiry_days: None,
        providers: vec![any()],
    };
    draft
        .load("this file")
        .map_or(true, |config| !config.warnings.is_empty())
}
