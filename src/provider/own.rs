//! A provider of the app's own: its two steps, each in a task of its own with a deadline, and what
//! of their answers may go on.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::{Redemption, Verified, shown};
use crate::clock::{time, unix};
use crate::config::ProviderConfig;
use crate::error::{Endpoint, Error, Kind};
use crate::login_secrets::LoginSecrets;
use crate::own_provider::{Added, Beginning, Begun, Callback, Failure, Page, Vouched, Way};
use crate::secret::Secret;

/// The most that is remembered of a login, in bytes: the cookies of those under way have 1 KB.
pub(crate) const MAX_REMEMBERED: usize = 256;
/// The longest issuer and the longest subject, in bytes (OpenID Connect Core §2).
const MAX_NAME: usize = 255;
/// The parameters of a callback that are keycard's.
const TAKEN: &[&str] = &[
    "error",
    "error_description",
    "iss",
    "posted",
    "rest",
    "state",
];

/// A provider of the app's own, as the settings have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnProvider<'a> {
    pub(super) added: &'a Added,
    pub(super) config: &'a ProviderConfig,
    pub(super) redirect_uri: &'a str,
}

impl OwnProvider<'_> {
    pub(crate) async fn begin(
        self,
        secrets: &LoginSecrets,
        parameters: &[(String, String)],
        now: i64,
    ) -> Result<Begun, Error> {
        let begun = self.begun(secrets, parameters, now).await;
        begun.map_err(|error| error.at(&self.added.name))
    }

    async fn begun(
        self,
        secrets: &LoginSecrets,
        parameters: &[(String, String)],
        now: i64,
    ) -> Result<Begun, Error> {
        let provider = self.added.provider.clone();
        let parameters = parameters.iter();
        let login = Beginning {
            state: secrets.state.clone(),
            nonce: secrets.nonce.clone(),
            redirect_uri: self.redirect_uri.to_owned(),
            parameters: parameters
                .map(|(name, value)| (name.clone(), Secret::new(value)))
                .collect(),
            now: time(now),
        };
        let step = async move { provider.begin(&login).await };
        let begun = alone(self.config.timeout, step).await?;
        let length = begun.remembered.expose().len();
        if length > MAX_REMEMBERED {
            return Err(failed(&format!(
                "it remembers {length} bytes of a login, of at most {MAX_REMEMBERED}"
            )));
        }
        let way = match begun.way {
            Way::Page(page) => {
                check_page(&page)?;
                Way::Page(page)
            }
            Way::Redirect(url) => Way::Redirect(absolute(url.expose())?),
        };
        Ok(Begun { way, ..begun })
    }

    pub(super) async fn finish(self, redemption: &Redemption) -> Result<Verified, Error> {
        let provider = self.added.provider.clone();
        let callback = Callback {
            parameters: redemption.parameters.clone(),
            remembered: redemption.remembered.clone(),
            nonce: redemption.secrets.nonce.clone(),
            redirect_uri: self.redirect_uri.to_owned(),
            now: time(redemption.now),
        };
        let step = async move { provider.finish(&callback).await };
        let Vouched {
            issuer,
            subject,
            auth_time,
            claims,
        } = alone(self.config.timeout, step).await?;
        for (what, name) in [("issuer", &issuer), ("subject", &subject)] {
            let is_plain = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if !(1..=MAX_NAME).contains(&name.len()) || !is_plain {
                return Err(failed(&format!(
                    "its {what} is not 1 to 255 printable ASCII characters"
                )));
            }
        }
        Ok(Verified {
            issuer,
            subject,
            auth_time: auth_time.map(unix),
            session_id: None,
            claims,
            tokens: None,
        })
    }
}

/// What a step answers in time. It has a task of its own, which takes no more along than itself when
/// it panics, and which ends with whoever waits for it.
async fn alone<T: Send + 'static>(
    deadline: Duration,
    step: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Error> {
    let mut task = JoinSet::new();
    task.spawn(step);
    match timeout(deadline, task.join_next()).await {
        Ok(Some(Ok(Ok(answer)))) => Ok(answer),
        Ok(Some(Ok(Err(Failure { words, is_refusal })))) => {
            let what = shown(&words);
            Err(match is_refusal {
                true => Kind::OwnProviderRefused { what },
                false => Kind::OwnProviderFailed { what },
            }
            .into())
        }
        // What it panicked with may be anything.
        Ok(Some(Err(_)) | None) => Err(failed("it panicked")),
        Err(_) => {
            let endpoint = Endpoint::OwnProvider;
            Err(Kind::ProviderTimeout { endpoint }.into())
        }
    }
}

fn check_page(page: &Page) -> Result<(), Error> {
    for (at, field) in page.fields.iter().enumerate() {
        let name = field.name.as_str();
        let stands_twice = page.fields[..at].iter().any(|other| other.name == name);
        if name.is_empty() || stands_twice || TAKEN.contains(&name) {
            return Err(failed(&format!(
                "a field of its page cannot be called \"{}\"",
                shown(name)
            )));
        }
    }
    Ok(())
}

/// The URL as browsers have to read it: `https:a` is none of another site to them.
fn absolute(url: &str) -> Result<Secret, Error> {
    match Url::parse(url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Secret::new(url.as_str())),
        _ => Err(failed("where it sends the browser is no http or https URL")),
    }
}

fn failed(what: &str) -> Error {
    let what = what.to_owned();
    Kind::OwnProviderFailed { what }.into()
}
