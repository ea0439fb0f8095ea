//! The logout: cookies cleared → 303 to the provider's end-session endpoint, from where the callback
//! leads on, or at once home, or to where the app says. Only the app's own pages can ask for it, by
//! POST.

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::{HeaderValue, LOCATION, SET_COOKIE};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::auth::Auth;
use crate::cookies::{FAREWELL_LIFE, Farewell, KeptTokens, MAX_HEAD, pairs};
use crate::ended::Ended;
use crate::error::{Error, Result};
use crate::pages;
use crate::provider::ConfiguredProvider;
use crate::random;
use crate::return_to::ReturnTo;
use crate::secret::Secret;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::visit::Visit;

/// The most bytes of lines that clear cookies: proxies do not pass on much more.
const MAX_CLEARED: usize = 3 * 1024;
/// The most bytes of the address and the cookie of what follows: all that is ours has room besides.
const MAX_WAY: usize = 2560;
/// The longest ID token that goes along in it, in bytes.
const MAX_ID_TOKEN: usize = 1792;
/// The longest `logout_hint` that is sent, in bytes.
const MAX_HINT: usize = 256;
/// How long the provider's metadata may take: whoever wants to be logged out does not wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

impl Session {
    /// Logs out in this browser: the identity, its parts and every pending login are forgotten. Then
    /// the browser goes on to the provider's `end_session_endpoint`, if its metadata or the file has
    /// one, so that the session there ends too (OpenID Connect RP-Initiated Logout 1.0), and from there
    /// back to the callback, which leads on. `provider_logout = false` in the file stops at the app.
    ///
    /// The way back is the callback's address: the provider has to know it as an address to go to
    /// after a logout. The ID token goes along as `id_token_hint` where it is kept: `expose_tokens` names
    /// it, or the provider's preset knows that it does not do without. Else a provider may ask the person
    /// whether they want to log out.
    ///
    /// Tokens that `expose_tokens` has kept are given back to the provider's `revocation_endpoint`, if it
    /// has one (RFC 7009), without anybody waiting for it.
    ///
    /// Where the metadata is not known and cannot be fetched within two seconds, the person is logged
    /// out here, and a page says that the provider's session may still be open. A script's own request,
    /// by `fetch`, ends the session of this app alone: it could not follow to the provider.
    ///
    /// A request that is not a POST of one of the app's own pages gets a page with a button
    /// instead, and changes nothing: an image of another site can ask for any address.
    pub fn logout(&self) -> LogoutRequest {
        LogoutRequest {
            session: self.clone(),
            return_to: None,
        }
    }
}

/// A logout about to happen; awaiting it gives the [`Logout`] to return.
#[must_use = "a logout happens when it is awaited and returned"]
pub struct LogoutRequest {
    session: Session,
    return_to: Option<String>,
}

impl LogoutRequest {
    /// Where to go afterwards: a path of this app as the browser sees it, such as `/bye`, of at most
    /// 512 bytes. Anything else, another site above all, is the start page.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }
}

// The way back is about the person.
impl fmt::Debug for LogoutRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutRequest").finish_non_exhaustive()
    }
}

impl IntoFuture for LogoutRequest {
    type Output = Logout;
    type IntoFuture = Pin<Box<dyn Future<Output = Logout> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let out = log_out(&self).await;
            out.unwrap_or_else(|error| Logout::of_nobody(error.into_response()))
        })
    }
}

/// A logout that happens when this is returned from the handler. Dropped, nothing has happened.
#[must_use = "the logout happens when this is returned from the handler"]
pub struct Logout {
    response: Response,
    over: Option<Over>,
}

/// The login that is over once the answer goes out.
struct Over {
    auth: Auth,
    login_id: [u8; 16],
    provider: Arc<ConfiguredProvider>,
    tokens: Option<KeptTokens>,
    now: i64,
}

impl Over {
    fn of(session: &Session) -> Option<Self> {
        let snapshot = session.snapshot();
        Some(Self {
            auth: snapshot.auth().clone(),
            login_id: session.user().login_id()?,
            provider: session.provider()?.clone(),
            tokens: session.newest_tokens(),
            now: snapshot.now(),
        })
    }

    /// What tells the provider whose session it is, where it is kept and not too long.
    fn id_token(&self) -> Option<&Secret> {
        let id_token = self.tokens.as_ref()?.id.as_ref();
        id_token.filter(|it| it.expose().len() <= MAX_ID_TOKEN)
    }

    /// Ends whatever is left of it. Nobody waits until its tokens are given back.
    fn end(self) {
        self.auth.end(self.login_id, Ended::LoggedOut);
        let ending = self
            .provider
            .end_tokens(self.login_id, self.tokens, self.now);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(ending);
        }
    }
}

impl Logout {
    fn of_nobody(response: Response) -> Self {
        let over = None;
        Self { response, over }
    }
}

impl IntoResponse for Logout {
    fn into_response(self) -> Response {
        if let Some(over) = self.over {
            over.end();
        }
        self.response
    }
}

impl fmt::Debug for Logout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logout")
            .field(&self.response.status())
            .finish()
    }
}

async fn log_out(request: &LogoutRequest) -> Result<Logout> {
    let (snapshot, visit) = (request.session.snapshot(), request.session.visit());
    let site = snapshot.site();
    let goal = request
        .return_to
        .as_deref()
        .and_then(|path| snapshot.return_to(path));
    let goal = goal.as_ref().map(ReturnTo::as_str);
    if let Some(status) = visit.idle() {
        return Ok(Logout::of_nobody(pages::nothing(status)));
    }
    if visit.method != Method::POST || !visit.is_from_app(site) {
        return Ok(Logout::of_nobody(pages::logout(snapshot, goal)));
    }
    let over = Over::of(&request.session);
    let id_token = over.as_ref().and_then(Over::id_token);
    let mut parting = part(snapshot, visit, id_token, goal).await;
    let is_long = |parting: &Parting| parting.length() > MAX_WAY;
    let is_without = id_token.is_some() && parting.as_ref().is_ok_and(is_long);
    if is_without {
        parting = part(snapshot, visit, None, goal).await;
    }
    let parting = match parting {
        Ok(parting) if !is_long(&parting) && (parting.goes_on || !is_without) => parting,
        Ok(_) | Err(_) => {
            tracing::warn!(
                "somebody has logged out here alone: the way to the provider is too long, or could \
                 not be made"
            );
            Parting {
                response: pages::see_other(goal.unwrap_or(&site.home()))?,
                kept: None,
                goes_on: false,
            }
        }
    };
    let taken = parting.length();
    let Parting {
        mut response, kept, ..
    } = parting;
    let room = MAX_HEAD.saturating_sub(taken);
    let keeps = kept.is_some().then(|| snapshot.names().farewell());
    let lines = kept
        .into_iter()
        .chain(cleared(snapshot, visit, keeps, room)?);
    for line in lines {
        response.headers_mut().append(SET_COOKIE, line);
    }
    Ok(Logout { response, over })
}

/// Where the browser goes from here, and the cookie that brings it back from there.
struct Parting {
    response: Response,
    kept: Option<HeaderValue>,
    /// Whether it goes to the provider.
    goes_on: bool,
}

impl Parting {
    fn length(&self) -> usize {
        let location = self.response.headers().get(LOCATION);
        let lines = location.into_iter().chain(&self.kept);
        lines.map(HeaderValue::len).sum()
    }
}

/// To the provider where it has a session to end, else to the goal. Nothing that fails there keeps
/// anybody logged in here.
async fn part(
    snapshot: &Snapshot,
    visit: &Visit,
    id_token: Option<&Secret>,
    goal: Option<&str>,
) -> Result<Parting> {
    let home = snapshot.site().home();
    let local = |response| Parting {
        response,
        kept: None,
        goes_on: false,
    };
    let here = || pages::see_other(goal.unwrap_or(&home)).map(local);
    // The provider is at another origin, to which a script cannot be sent with the person's cookies.
    if visit.headers.contains_key("sec-fetch-mode") && !visit.is_navigation() {
        return here();
    }
    let Some((identity, provider)) = snapshot.identity_and_provider(&visit.headers) else {
        return here();
    };
    let end_session = match timeout(PATIENCE, provider.end_session(id_token)).await {
        Ok(Ok(Some(end_session))) => end_session,
        Ok(Ok(None)) => return here(),
        Ok(Err(_)) | Err(_) => {
            let name = provider.name().escape_debug().to_string();
            tracing::warn!(
                provider = name,
                "somebody has logged out here alone: the provider's metadata, which names its \
                 end_session_endpoint, could not be fetched"
            );
            let page = pages::logged_out_here(snapshot, provider.label(), goal.unwrap_or(&home));
            return Ok(local(page));
        }
    };
    let farewell = goal.filter(|_| end_session.echoes_state()).map(|goal| {
        Ok::<_, Error>(Farewell {
            state: random::bytes()?,
            issued_at: snapshot.now(),
            return_to: goal.to_owned(),
        })
    });
    let farewell = farewell.transpose()?;
    let state = farewell.as_ref().map(Farewell::state);
    let hint = identity.text_claim("login_hint");
    let hint = hint.filter(|hint| end_session.echoes_state() && hint.len() <= MAX_HINT);
    let parameters: Vec<_> = hint
        .map(|hint| ("logout_hint", hint))
        .into_iter()
        .chain(state.as_deref().map(|state| ("state", state)))
        .collect();
    let mut response = pages::see_other(&end_session.with(&parameters))?;
    if let Some(location) = response.headers_mut().get_mut(LOCATION) {
        location.set_sensitive(true);
    }
    let names = snapshot.names();
    let kept = farewell.map(|farewell| {
        let value = farewell.seal(snapshot.keyring(), names)?;
        names.set(names.farewell(), &value, FAREWELL_LIFE)
    });
    Ok(Parting {
        response,
        kept: kept.transpose()?,
        goes_on: true,
    })
}

/// The lines that clear our cookies, of at most so many bytes, but for the one that is kept and the
/// one that says which provider was used last: whoever logs in again finds it first.
fn cleared(
    snapshot: &Snapshot,
    visit: &Visit,
    kept: Option<&str>,
    room: usize,
) -> Result<Vec<HeaderValue>> {
    let names = snapshot.names();
    let [first, others @ ..] = names.identity();
    let known = others.iter().chain(names.tokens()).map(String::as_str);
    let known = known.chain([names.mark()]);
    let came: BTreeSet<&str> = pairs(&visit.headers)
        .map(|(name, _)| name)
        .filter(|name| names.is_ours(name))
        .filter_map(|name| std::str::from_utf8(name).ok())
        .filter(|name| Some(*name) != kept && *name != names.last_used())
        .collect();
    // The identity's first cookie is cleared always, the others where they came: first those that
    // we know, for a neighbour can plant any number of names like ours.
    let ours = known.filter(|name| came.contains(name));
    let rest = came.iter().copied().filter(|name| *name != first);
    let (mut seen, mut lines, mut length) = (BTreeSet::new(), Vec::new(), 0);
    for name in std::iter::once(first.as_str()).chain(ours).chain(rest) {
        let line = names.clear(name)?;
        let on_the_wire = "set-cookie: \r\n".len() + line.len();
        let fits = lines.is_empty() || length + on_the_wire <= room.min(MAX_CLEARED);
        if !fits || !seen.insert(name) {
            continue;
        }
        length += on_the_wire;
        lines.push(line);
    }
    Ok(lines)
}

/// Answers `/auth/logout`: with the query of a link, or the fields of the form on its page.
pub(crate) async fn answer(session: &Session, form: &[u8]) -> Result<Response> {
    let visit = session.visit();
    let fields = match visit.method {
        Method::POST => form,
        _ => visit.query().as_bytes(),
    };
    let mut fields = url::form_urlencoded::parse(fields);
    let mut request = session.logout();
    // A page of another site may ask whether people want to log out, but not decide where they end up.
    if visit.is_from_app(session.snapshot().site()) {
        let return_to = fields.find(|(name, _)| name == "return_to");
        request.return_to = return_to.map(|(_, path)| path.into_owned());
    }
    log_out(&request).await.map(Logout::into_response)
}
