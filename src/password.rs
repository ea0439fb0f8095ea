//! The login with a password, for one machine while developing: form → provider's token endpoint →
//! identity sealed → 303 to where they were going.
//!
//! What was typed is sent to the provider, and is nowhere else: in no log, no page and no cookie.

use axum::response::Response;
use http::header::HeaderValue;

use crate::callback::{Login, log_in};
use crate::cookies::Pending;
use crate::error::{Kind, Result};
use crate::login::{self, Verdict, judge};
use crate::login_secrets::Seed;
use crate::pages;
use crate::provider::Credentials;
use crate::random;
use crate::secret::Secret;
use crate::session::Session;

/// The longest user name or password that is passed on, in bytes.
const MAX: usize = 1024;

/// Whether it is the form that asks for a password.
pub(crate) fn is_form(form: &[u8]) -> bool {
    field(form, "password").is_some()
}

/// Answers that form. The cookies are set once somebody is logged in.
pub(crate) async fn answer(session: Session, form: &[u8]) -> (Result<Response>, Vec<HeaderValue>) {
    let mut cookies = Vec::new();
    let result = finish(session, form, &mut cookies).await;
    (result, cookies)
}

async fn finish(session: Session, form: &[u8], cookies: &mut Vec<HeaderValue>) -> Result<Response> {
    let (snapshot, visit) = (&session.snapshot().at_login().await, session.visit());
    let name = field(form, "provider").unwrap_or_default();
    let provider = snapshot.provider(&name)?;
    if !provider.takes_passwords() {
        return login::answer(session.clone(), form).await;
    }
    if let Verdict::Idle(status) = judge(snapshot, visit, Some(&name))? {
        return Ok(pages::nothing(status));
    }
    let return_to = field(form, "return_to").and_then(|path| snapshot.return_to(&path));
    let pending = Pending {
        seed: Seed(random::bytes()?),
        issued_at: snapshot.now(),
        provider: name.clone(),
        fingerprint: provider.fingerprint(),
        issuer: String::new(),
        max_age: None,
        bounces: 0,
        remembered: Secret::new(""),
        return_to: return_to.map_or_else(String::new, |path| path.as_str().to_owned()),
    };
    let at_provider =
        |error: crate::error::Error| error.at(&name).on_the_way_to(&pending.return_to);
    session.check_local().map_err(at_provider)?;
    let credentials = credentials(form).map_err(at_provider)?;
    let tried = snapshot.auth().tries().count(snapshot.now());
    tried.map_err(|seconds| at_provider(Kind::TooManyTries { seconds }.into()))?;

    let verified = provider.log_in_with(&credentials, snapshot.now()).await;
    let mut verified = verified.map_err(at_provider)?;
    // They proved who they are just now, whether the provider says so or not.
    verified.auth_time = verified.auth_time.or(Some(snapshot.now()));
    // No state was sent; this one is nobody else's.
    let secrets = pending.secrets()?;
    let login = Login::new(snapshot, provider, &verified, secrets.state.expose())?;
    log_in(snapshot, visit, &pending, login, cookies).map_err(at_provider)
}

/// What was typed. Nobody is asked about what can be nobody's.
fn credentials(form: &[u8]) -> Result<Credentials> {
    let typed = |name| {
        let typed = field(form, name).filter(|it| (1..=MAX).contains(&it.len()));
        typed.map(Secret::new).ok_or(Kind::PasswordRefused)
    };
    Ok(Credentials {
        user_name: typed("user_name")?,
        password: typed("password")?,
    })
}

/// The field of this name, if there is exactly one.
fn field(form: &[u8], wanted: &str) -> Option<String> {
    let fields = url::form_urlencoded::parse(form);
    let mut found = fields.filter(|(name, _)| name == wanted);
    let (_, value) = found.next()?;
    found.next().is_none().then(|| value.into_owned())
}
