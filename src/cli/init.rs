//! `keycard init`: a secrets file to begin with.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use clap::Args;

use super::draft::{ClientSecret, Draft, Section, metadata_url, write_new};
use super::outcome::{Failure, Outcome};
use super::secret;
use crate::presets;

const FILE: &str = ".streamlit/secrets.toml";

/// What `keycard init` takes. What is not said is asked for. The client secret is never taken from
/// the command line, where others on the machine would see it.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// A preset such as google or github, or any name with its issuer
    #[arg(long)]
    provider: Option<String>,

    /// The provider's issuer, for those that keycard does not know
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// As the provider's console shows it; the secret is asked for
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// The client has no secret
    #[arg(long)]
    public: bool,

    /// The app's address with /oauth2callback behind it
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://localhost:8501/oauth2callback"
    )]
    redirect_uri: String,
}

impl Init {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let path = Path::new(FILE);
        for linked in [".gitignore", ".streamlit"] {
            if Path::new(linked).is_symlink() {
                return Err(Failure::said(format!(
                    "{linked} is a link: nothing was written, since it may lead anywhere"
                )));
            }
        }
        if path.exists() || path.is_symlink() {
            return Err(Failure::said(format!(
                "{FILE} is there already, and stays as it is; `keycard check` looks at it"
            )));
        }
        let draft = self.ask()?;
        let objection = match draft.load(FILE) {
            Ok(config) => config.warnings.first().map(ToString::to_string),
            Err(error) => Some(error.to_string()),
        };
        if let Some(objection) = objection {
            return Err(Failure::said(format!("nothing was written: {objection}")));
        }
        write(path, &draft.text())?;
        let mut out = io::stdout();
        writeln!(out, "wrote {FILE}, which you alone can read")?;
        if ignore()? {
            writeln!(out, "added it to .gitignore")?;
        }
        writeln!(
            out,
            "\nregister this redirect URI with the provider, letter by letter:"
        )?;
        writeln!(out, "  {}", draft.redirect_uri)?;
        writeln!(out, "then see whether logins will work:\n  keycard check")?;
        Ok(Outcome::Fine)
    }

    fn ask(self) -> Result<Draft, Failure> {
        let given = |value: Option<String>, question: &str| value.map_or_else(|| ask(question), Ok);
        let name = given(
            self.provider,
            "Provider (google, github, entra, another preset, or a name of your own)",
        )?;
        let mut more = Vec::new();
        let signs = self.issuer.is_none()
            && presets::find(&name).is_some_and(|preset| preset.signed_secret().is_some());
        let server_metadata_url = match (self.issuer, presets::find(&name)) {
            (Some(issuer), _) => Some(metadata_url(&issuer)),
            (None, Some(preset)) => {
                for parameter in preset.needed() {
                    let question = format!("{}, such as {}", parameter.name, parameter.example);
                    more.push((parameter.name, ask(&question)?));
                }
                None
            }
            (None, None) => Some(metadata_url(&ask(
                "Issuer, such as https://id.example.com",
            )?)),
        };
        let client_id = given(self.client_id, "Client id")?;
        let client_secret = if self.public {
            ClientSecret::None
        } else if signs {
            more.push(("key_id", ask("Key id")?));
            ClientSecret::SignedByKeyIn(ask("File with the private key")?)
        } else {
            ClientSecret::Here(ask_secret()?)
        };
        Ok(Draft {
            redirect_uri: self.redirect_uri,
            cookie_secret: secret::fresh()?,
            expiry_days: None,
            providers: vec![Section {
                name,
                client_id,
                client_secret,
                server_metadata_url,
                more,
                ..Section::default()
            }],
        })
    }
}

fn ask(question: &str) -> Result<String, Failure> {
    write!(io::stderr(), "{question}: ")?;
    let mut answer = String::new();
    // A byte that is not UTF-8 is no answer either.
    let _ = io::stdin().read_line(&mut answer);
    let answer = answer.trim();
    if answer.is_empty() {
        let _ = writeln!(io::stderr());
        return Err(Failure::said(format!(
            "nothing was written: no answer to \"{question}\""
        )));
    }
    Ok(answer.to_owned())
}

/// Shows nothing of what is typed.
fn ask_secret() -> Result<String, Failure> {
    let question = "Client secret";
    if !io::stdin().is_terminal() {
        return ask(question);
    }
    let typed = rpassword::prompt_password(format!("{question}: ")).map_err(|error| {
        let kind = error.kind();
        Failure::said(format!(
            "nothing was written: the terminal does not give the client secret: {kind}"
        ))
    })?;
    match typed.trim() {
        "" => Err(Failure::said(
            "nothing was written: no client secret; --public is for clients without",
        )),
        secret => Ok(secret.to_owned()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| {
            Failure::said(format!(
                "{} cannot be made: {}",
                directory.display(),
                error.kind()
            ))
        })?;
    }
    write_new(path, text)
}

/// Names the file in `.gitignore` if Git would keep it otherwise.
fn ignore() -> Result<bool, Failure> {
    let unable = |error: io::Error| {
        Failure::said(format!(
            "{FILE} is written, but .gitignore cannot be: {}; add {FILE} to it",
            error.kind()
        ))
    };
    let here = std::env::current_dir().map_err(unable)?;
    let is_repository = here
        .ancestors()
        .any(|directory| directory.join(".git").exists());
    let ignored = match fs::read(".gitignore") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(unable)?,
    };
    let is_there = ignored
        .split(|byte| *byte == b'\n')
        .any(|line| line.trim_ascii() == FILE.as_bytes());
    if !is_repository || is_there || git_ignores() {
        return Ok(false);
    }
    let line_end = match ignored.last() {
        None | Some(b'\n') => "",
        Some(_) => "\n",
    };
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(".gitignore")
        .map_err(unable)?;
    writeln!(file, "{line_end}{FILE}").map_err(unable)?;
    Ok(true)
}

/// Where there is no git to ask, `.gitignore` alone tells.
fn git_ignores() -> bool {
    let asked = Command::new("git")
        .args(["check-ignore", "--quiet", FILE])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}
