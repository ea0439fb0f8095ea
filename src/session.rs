//! The extractors: what a handler sees of the person who made its request.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::auth::Auth;
use crate::cookies::{Detour, IdentityCookie, KeptTokens, MAINS, SKEW, Wants, values};
use crate::ended::{Ended, Waiter};
use crate::error::{Error, Kind};
use crate::pages;
use crate::provider::ConfiguredProvider;
use crate::renewal::Renewal;
use crate::snapshot::Snapshot;
use crate::user::User;
#[cfg(feature = "password")]
use crate::visit::is_surely_local;
use crate::visit::{Visit, is_foreign_socket, is_local, is_navigation, is_read, page};

/// How often who waits for a login to end looks by themselves: clocks jump, machines sleep, and a
/// replica without requests has to find a save, too.
const LOOKS: Duration = Duration::from_secs(5);

/// A request as keycard knows it, from the layer through the handler and back.
pub(crate) struct View {
    snapshot: Snapshot,
    pub(crate) is_navigation: bool,
    /// Whether failures may be shown as the log shows them.
    pub(crate) is_local: bool,
    /// Whether a page may ask for a password.
    #[cfg(feature = "password")]
    is_surely_local: bool,
    looked: AtomicBool,
    user: OnceLock<User>,
    /// The tokens that came with the request.
    tokens: OnceLock<Option<KeptTokens>>,
    pub(crate) renewal: Renewal,
}

impl View {
    pub(crate) fn new(auth: Auth, parts: &Parts) -> Self {
        Self {
            is_navigation: is_navigation(&parts.method, &parts.headers),
            is_local: is_local(parts, auth.site()),
            #[cfg(feature = "password")]
            is_surely_local: is_surely_local(parts, auth.site()),
            looked: AtomicBool::new(false),
            user: OnceLock::new(),
            tokens: OnceLock::new(),
            renewal: Renewal::default(),
            snapshot: Snapshot::of(auth),
        }
    }

    /// What this request reads of the configuration.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Whether somebody asked who the user is, so that the answer may differ from user to user.
    pub(crate) fn was_looked_at(&self) -> bool {
        self.looked.load(Ordering::Relaxed)
    }

    /// Why nobody gets further, and the way to log in and come back.
    pub(crate) fn login_required(&self, parts: &Parts) -> Error {
        let kind = |login_url| match self.is_lost(parts) {
            true => Kind::SentBeforeLogin { login_url },
            false => Kind::LoginRequired { login_url },
        };
        self.way(parts, None, Wants::Anyone)
            .map_or_else(|error| error, |login_url| kind(login_url).into())
    }

    /// The same for a page that wants a login of the last `seconds`.
    pub(crate) fn login_too_old(&self, parts: &Parts, user: &User, seconds: u32) -> Error {
        let kind = |login_url| match self.is_lost(parts) {
            true => Kind::SentBeforeLogin { login_url },
            false => Kind::LoginTooOld { seconds, login_url },
        };
        self.way(parts, user.provider(), Wants::Fresh(seconds))
            .map_or_else(|error| error, |login_url| kind(login_url).into())
    }

    /// The same for a page that is not for this account.
    pub(crate) fn denied(&self, parts: &Parts, why: String) -> Error {
        self.way(parts, None, Wants::AnotherAccount).map_or_else(
            |error| error,
            |login_url| Kind::Denied { why, login_url }.into(),
        )
    }

    /// Whether a person has sent something that a login would not bring back.
    fn is_lost(&self, parts: &Parts) -> bool {
        self.is_navigation && !is_read(&parts.method)
    }

    /// The address of a login that leads back to the page which a person goes to. What a script
    /// asked for is no page, and nobody wants to end there.
    fn way(&self, parts: &Parts, provider: Option<&str>, wants: Wants) -> Result<String, Error> {
        let site = self.snapshot.site();
        let return_to = page(parts, site)
            .filter(|_| self.is_navigation)
            .and_then(|page| self.snapshot.return_to(&page))
            .map(|page| page.as_str().to_owned())
            .unwrap_or_default();
        let detour = Detour { return_to, wants };
        let sealed = (detour != Detour::default())
            .then(|| detour.seal(self.snapshot.keyring()))
            .transpose()?;
        let provider = provider.map(|provider| ("provider", provider));
        let fields = provider
            .into_iter()
            .chain(sealed.as_deref().map(|sealed| ("detour", sealed)));
        Ok(pages::login_url(&self.snapshot, fields))
    }

    pub(crate) fn of(parts: &Parts) -> Result<&Arc<Self>, Error> {
        parts
            .extensions
            .get::<Arc<Self>>()
            .ok_or_else(|| Kind::LayerMissing.into())
    }

    pub(crate) fn user(&self, parts: &Parts) -> User {
        self.looked.store(true, Ordering::Relaxed);
        let open = || {
            if is_foreign_socket(parts, self.snapshot.site()) {
                return User::default();
            }
            self.snapshot
                .identity_and_provider(&parts.headers)
                .map_or_else(User::default, |(identity, provider)| {
                    let tokens = self.open_tokens(parts, &identity);
                    let updates = tokens.map(|tokens| tokens.updates.clone());
                    User::new(identity, provider, updates.unwrap_or_default())
                })
        };
        self.user.get_or_init(open).clone()
    }

    /// The tokens beside this identity, though the file may say since that none are kept: what a refresh
    /// has told with them still counts.
    fn open_tokens(&self, parts: &Parts, identity: &IdentityCookie) -> Option<&KeptTokens> {
        let open = || self.snapshot.kept_tokens(&parts.headers, identity);
        self.tokens.get_or_init(open).as_ref()
    }
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Ok(View::of(parts)?.user(parts))
    }
}

/// Somebody who is logged in. As an extractor it refuses everybody else: a person who goes to the
/// page is sent to log in, and comes back to it; who sends a form is told that it was not kept; and a
/// script gets 401 with the login page's address as JSON.
///
/// `Option<Identity>` refuses nobody.
#[derive(Clone, Debug)]
pub struct Identity(User);

impl Identity {
    /// The provider's own name for the person (`sub`); see [`User::subject`].
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.subject().unwrap_or_default()
    }

    /// Who vouches for the person (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.0.issuer().unwrap_or_default()
    }

    /// The name of the provider they logged in with: that of its section.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.0.provider().unwrap_or_default()
    }
}

impl Deref for Identity {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let view = View::of(parts)?;
        let user = view.user(parts);
        if user.is_logged_in() {
            return Ok(Self(user));
        }
        if is_foreign_socket(parts, view.snapshot.site()) {
            return Err(Kind::ForeignSocket.into());
        }
        Err(view.login_required(parts))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Error> {
        let user = View::of(parts)?.user(parts);
        Ok(user.is_logged_in().then_some(Self(user)))
    }
}

/// This request's way to log in and out. It judges the request that it came with: a login that
/// another site asked for is refused, and a logout only happens when one of the app's own pages
/// asked for it by POST.
#[derive(Clone)]
pub struct Session {
    view: Arc<View>,
    visit: Arc<Visit>,
    user: User,
}

impl Session {
    /// Who made the request.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Waits for the login of this request to be over: for a WebSocket, a stream of server-sent events
    /// or a long answer, which were opened by somebody who may have left since. Who they are is read
    /// once, when it is opened; what this resolves to says why to close it.
    ///
    /// ```no_run
    /// use axum::extract::WebSocketUpgrade;
    /// use axum::extract::ws::{CloseFrame, Message};
    /// use axum::response::Response;
    /// use keycard::{Identity, Session};
    ///
    /// async fn live(upgrade: WebSocketUpgrade, who: Identity, session: Session) -> Response {
    ///     let mut ended = session.ended();
    ///     upgrade.on_upgrade(async move |mut socket| {
    ///         loop {
    ///             tokio::select! {
    ///                 why = &mut ended => {
    ///                     let reason = why.to_string().into();
    ///                     let frame = CloseFrame { code: 1008, reason }; // RFC 6455 §7.4.1
    ///                     let _ = socket.send(Message::Close(Some(frame))).await;
    ///                     return;
    ///                 }
    ///                 message = socket.recv() => match message {
    ///                     Some(Ok(message)) => println!("{message:?}"),
    ///                     _ => return, // The page is gone.
    ///                 },
    ///             }
    ///         }
    ///     })
    /// }
    /// ```
    ///
    /// | what happens | when it resolves |
    /// |---|---|
    /// | somebody logs out in the same browser, through this process | when the answer goes out |
    /// | somebody logs in anew in the same browser, through this process | when the answer goes out |
    /// | the login expires | within a second, by the clock of [`AuthBuilder::clock`] |
    /// | the settings are saved and let it count no more | a second or two, or ten where nobody asks for anything |
    /// | the clock jumps, the machine was asleep, a test turns the clock | within five seconds of tokio's time |
    /// | the logout or the new login was there first, and the request has the cookie from before | at once |
    /// | nobody is logged in | at once |
    ///
    /// A process remembers the last 1024 logins that were logged out or replaced in it. What happens in
    /// another process of the same app is not told here; and a login whose answer came by `form_post`
    /// does not show which one it replaces. There these end when their time is over. A new login whose
    /// answer never came to the browser ends what was opened with the old one all the same.
    ///
    /// Call it before the upgrade, in the handler: what happens until the socket stands is told then.
    /// Until it is dropped it costs this process an entry with the cookie that the login is read from, and
    /// nothing else of the request.
    ///
    /// [`AuthBuilder::clock`]: crate::AuthBuilder::clock
    pub fn ended(&self) -> Ending {
        let Some(login_id) = self.user.login_id() else {
            return Ending::at_once(Ended::Anonymous);
        };
        let snapshot = self.snapshot();
        let mut waiter = snapshot.auth().waiters().add(login_id);
        match LastingLogin::of(snapshot, &self.visit.headers) {
            Some(login) => Ending(Box::pin(wait(snapshot.auth().clone(), login, waiter))),
            None => Ending::at_once(waiter.told().unwrap_or_else(|| {
                match self.user.is_current(snapshot.now()) {
                    true => Ended::SettingsChanged,
                    false => Ended::Expired,
                }
            })),
        }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.view.snapshot()
    }

    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The provider of whoever made the request.
    pub(crate) fn provider(&self) -> Option<&Arc<ConfiguredProvider>> {
        self.user.configured_provider()
    }

    /// The tokens that came with the request, or what has become of them since.
    pub(crate) fn newest_tokens(&self) -> Option<KeptTokens> {
        match self.view.renewal.brought() {
            Some(brought) => brought.renewed.map(|renewed| renewed.tokens.clone()),
            None => self.view.tokens.get()?.clone(),
        }
    }

    /// What becomes of them until the answer is written.
    pub(crate) fn renewal(&self) -> &Renewal {
        &self.view.renewal
    }

    /// Refuses a request that is not known to be of this very machine.
    #[cfg(feature = "password")]
    pub(crate) fn check_local(&self) -> Result<(), Error> {
        match self.view.is_surely_local {
            true => Ok(()),
            false => Err(Kind::PasswordNotLocal.into()),
        }
    }

    pub(crate) fn new(view: &Arc<View>, parts: &Parts) -> Self {
        Self {
            view: view.clone(),
            visit: Arc::new(Visit::new(parts)),
            user: view.user(parts),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Ok(Self::new(View::of(parts)?, parts))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What [`Session::ended`] returns: a future of why the login is over. It can be awaited by `&mut`, in
/// `tokio::select!` as often as need be; dropped, nobody waits any more.
#[must_use = "it tells nothing unless it is awaited"]
pub struct Ending(Pin<Box<dyn Future<Output = Ended> + Send>>);

impl Ending {
    fn at_once(why: Ended) -> Self {
        Self(Box::pin(std::future::ready(why)))
    }
}

impl Future for Ending {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ending")
    }
}

/// Waits until the same request would be nobody's.
async fn wait(auth: Auth, login: LastingLogin, mut waiter: Waiter) -> Ended {
    loop {
        if let Some(why) = waiter.told() {
            return why;
        }
        match login.left(&Snapshot::of(auth.clone())) {
            Ok(left) => waiter.news(left.min(LOOKS)).await,
            Err(why) => return why,
        }
    }
}

/// What it takes to see whether a login still counts. A client makes its request as large as it
/// likes, and its sockets are many: of the request whoever waits holds no more than this.
struct LastingLogin {
    /// Those that its identity is read from, and no others.
    cookies: HeaderMap,
    issued_at: i64,
    expires_at: i64,
}

impl LastingLogin {
    fn of(snapshot: &Snapshot, headers: &HeaderMap) -> Option<Self> {
        let identity = snapshot.identity(headers)?;
        let names = snapshot.names().identity().iter().map(String::as_str);
        let values = |name| values(headers, name).take(MAINS).map(move |it| (name, it));
        let mut pairs: Vec<_> = names.flat_map(values).collect();
        let is_enough = |pairs: &[(&str, &[u8])]| {
            let same = |found: IdentityCookie| found.login_id() == identity.login_id();
            snapshot.identity(&cookies(pairs)).is_some_and(same)
        };
        // Anything can stand under our names, too: one after the other is left out, unless that
        // leaves nobody.
        for at in (0..pairs.len()).rev() {
            let pair = pairs.remove(at);
            if !is_enough(&pairs) {
                pairs.insert(at, pair);
            }
        }
        Some(Self {
            cookies: cookies(&pairs),
            issued_at: identity.issued_at(),
            expires_at: identity.expires_at(),
        })
    }

    /// How long it still lasts, or why it does not count any more.
    fn left(&self, snapshot: &Snapshot) -> Result<Duration, Ended> {
        let now = snapshot.now();
        if now.saturating_add(SKEW) < self.issued_at || self.expires_at <= now {
            return Err(Ended::Expired);
        }
        if snapshot.identity(&self.cookies).is_none() {
            return Err(Ended::SettingsChanged);
        }
        let seconds = self.expires_at.saturating_sub(now);
        Ok(Duration::from_secs(seconds.unsigned_abs()))
    }
}

/// The headers of a request with these cookies alone.
fn cookies(pairs: &[(&str, &[u8])]) -> HeaderMap {
    let line = |(name, value): &(&str, &[u8])| {
        let line = [name.as_bytes(), b"=", value].concat();
        let line = HeaderValue::from_bytes(&line).ok()?;
        Some((COOKIE, line))
    };
    pairs.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::testing::{LogIn, Somebody};

    /// The session of a request as this somebody.
    fn session(auth: &Auth, somebody: &Somebody) -> Session {
        let request = Request::new(()).logged_in_as(auth, somebody).unwrap();
        let (parts, ()) = request.into_parts();
        Session::new(&Arc::new(View::new(auth.clone(), &parts)), &parts)
    }

    fn auth() -> Auth {
        Auth::builder()
            .set("auth.redirect_uri", "http://localhost:8501/oauth2callback")
            .set("auth.cookie_secret", crate::random::secret().unwrap())
            .set("auth.client_id", "an-app")
            .set("auth.client_secret", "s")
            .set(
                "auth.server_metadata_url",
                "http://127.0.0.1:9/.well-known/openid-configuration",
            )
            .build()
            .unwrap()
    }

    #[test]
    fn of_many_cookies_of_our_names_only_those_are_held_that_the_login_is_in() {
        let auth = auth();
        let groups: Vec<_> = (0..400)
            .map(|at| format!("{:x}", at * 7_919_u64.pow(3)))
            .collect();
        let (small, large) = (Somebody::new("alice"), Somebody::new("bob").groups(groups));
        for (somebody, count) in [(small, 1), (large, 2)] {
            let request = Request::new(()).logged_in_as(&auth, &somebody).unwrap();
            let own: Vec<_> = request.headers().get_all(COOKIE).iter().cloned().collect();
            assert_eq!(own.len(), count);
            let padding = auth.names().identity().iter().map(|name| {
                let padding = format!("{name}=AQ{}", "A".repeat(4000));
                HeaderValue::try_from(padding).unwrap()
            });
            let foreign = HeaderValue::from_static("theme=dark");
            let lines = padding
                .chain([foreign])
                .chain(own.clone())
                .chain(own.clone());
            let headers = lines.map(|line| (COOKIE, line)).collect();
            let snapshot = Snapshot::of(auth.clone());

            let login = LastingLogin::of(&snapshot, &headers).unwrap();

            let held: Vec<_> = login.cookies.into_iter().map(|(_, line)| line).collect();
            assert_eq!(held, own);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_whoever_waits_no_more() {
        let auth = auth();
        let (alice, bob) = (Somebody::new("alice"), Somebody::new("bob"));
        let sessions = [&alice, &alice, &bob].map(|somebody| session(&auth, somebody));
        assert_eq!(auth.waiters().count(), 0, "nobody has asked");

        let endings = sessions.each_ref().map(Session::ended);
        assert_eq!(auth.waiters().count(), 2);
        drop(endings);
        assert_eq!(auth.waiters().count(), 0, "dropped before they were polled");

        for session in &sessions {
            // A turn of a select that something else has won.
            let _ = tokio::time::timeout(2 * LOOKS, session.ended()).await;
        }
        assert_eq!(auth.waiters().count(), 0, "dropped while they waited");

        let mut endings = sessions.each_ref().map(Session::ended);
        for session in &sessions {
            auth.end(session.user.login_id().unwrap(), Ended::LoggedOut);
        }
        for ending in &mut endings {
            assert_eq!(ending.await, Ended::LoggedOut);
        }
        assert_eq!(auth.waiters().count(), 0, "told");
    }
}
