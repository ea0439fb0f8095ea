//! What one request reads of the configuration, from its beginning to its end.

use std::sync::Arc;

use http::HeaderMap;

use crate::auth::Auth;
use crate::config::Site;
use crate::cookies::{IdentityCookie, KeptTokens, Keyring, Names, values};
use crate::error::Error;
use crate::in_force::InForce;
use crate::own_paths::OwnPaths;
use crate::provider::ConfiguredProvider;
use crate::return_to::ReturnTo;

/// The handle, and the configuration that was in force when somebody first asked.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    auth: Auth,
    in_force: Arc<InForce>,
}

impl Snapshot {
    /// What is in force. Any request may be the one that finds a save: a replica on which nobody
    /// logs in has to learn, too, that everybody is logged out.
    pub(crate) fn of(auth: Auth) -> Self {
        auth.glance();
        let in_force = auth.in_force();
        Self { auth, in_force }
    }

    /// A login is a journey of its own: it reads what is in force once the files were looked at.
    pub(crate) async fn at_login(&self) -> Self {
        self.auth.glance_first().await;
        Self::of(self.auth.clone())
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.auth
    }

    pub(crate) fn site(&self) -> &Site {
        self.auth.site()
    }

    pub(crate) fn own_paths(&self) -> &OwnPaths {
        self.auth.own_paths()
    }

    pub(crate) fn names(&self) -> &Names {
        self.auth.names()
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.auth.now()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        self.in_force.keyring()
    }

    /// Seconds that an identity lasts.
    pub(crate) fn life(&self) -> i64 {
        self.in_force.life()
    }

    pub(crate) fn providers(&self) -> &[Arc<ConfiguredProvider>] {
        self.in_force.providers()
    }

    pub(crate) fn provider(&self, name: &str) -> Result<&Arc<ConfiguredProvider>, Error> {
        self.in_force.provider(name)
    }

    pub(crate) fn default_provider(&self) -> Result<Option<&Arc<ConfiguredProvider>>, Error> {
        self.in_force.default_provider()
    }

    /// The path, if it is one of this app's and none of keycard's own.
    pub(crate) fn return_to(&self, path: &str) -> Option<ReturnTo> {
        ReturnTo::parse(path, self.site().origin(), self.own_paths().all_seen())
    }

    /// Whether some provider's answer comes by POST: no other POST is read at the callback.
    pub(crate) fn takes_posts(&self) -> bool {
        self.providers().iter().any(|it| it.answers_by_post())
    }

    /// Who is logged in, by a request's cookies.
    pub(crate) fn identity(&self, headers: &HeaderMap) -> Option<IdentityCookie> {
        self.in_force.identity(headers, self.names(), self.now())
    }

    /// The same, with the provider that vouched for them.
    pub(crate) fn identity_and_provider(
        &self,
        headers: &HeaderMap,
    ) -> Option<(IdentityCookie, Arc<ConfiguredProvider>)> {
        let (names, now) = (self.names(), self.now());
        self.in_force.identity_and_provider(headers, names, now)
    }

    /// The tokens beside an identity.
    pub(crate) fn kept_tokens(
        &self,
        headers: &HeaderMap,
        identity: &IdentityCookie,
    ) -> Option<KeptTokens> {
        let names = self.names();
        // Most requests have none, and do not ask what time it is.
        values(headers, &names.tokens()[0]).next()?;
        KeptTokens::open(
            headers,
            names,
            self.keyring(),
            identity.login_id(),
            self.now(),
        )
    }
}
