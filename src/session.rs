//! The extractors: what a handler sees of the person who made its request.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::auth::Auth;
use crate::cookies::{Detour, Wants};
use crate::error::{Error, Kind};
use crate::pages;
use crate::snapshot::Snapshot;
use crate::user::User;
#[cfg(feature = "password")]
use crate::visit::is_surely_local;
use crate::visit::{Visit, is_foreign_socket, is_local, is_navigation, is_read, page};

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
                    User::new(identity, provider)
                })
        };
        self.user.get_or_init(open).clone()
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

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.view.snapshot()
    }

    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
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
