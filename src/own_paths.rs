//! The paths that are keycard's own, below the base path of `redirect_uri`, and no others.

use std::sync::Arc;

use crate::config::{CALLBACK, Site};
use crate::provider::ConfiguredProvider;

/// The paths that are keycard's, as the browser sees them and as the app does where a proxy takes
/// the base path off.
#[derive(Debug)]
pub(crate) struct OwnPaths {
    seen: Vec<(OwnPath, String)>,
    base_length: usize,
}

/// A path of keycard's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnPath {
    Callback,
    /// The callback of this provider alone.
    CallbackOf(Arc<str>),
    Login,
    Logout,
}

impl OwnPath {
    /// Where the logins of this provider come back to.
    pub(crate) fn of_callback(provider: &ConfiguredProvider) -> Self {
        match provider.has_own_callback() {
            true => Self::CallbackOf(provider.name().into()),
            false => Self::Callback,
        }
    }

    pub(crate) fn is_callback(&self) -> bool {
        matches!(self, Self::Callback | Self::CallbackOf(_))
    }
}

impl OwnPaths {
    /// `providers` are those with a callback of their own.
    pub(crate) fn new<'a>(site: &Site, providers: impl IntoIterator<Item = &'a str>) -> Self {
        let base_path = site.base_path();
        let fixed = [
            (OwnPath::Callback, CALLBACK),
            (OwnPath::Login, "/auth/login"),
            (OwnPath::Logout, "/auth/logout"),
        ];
        let fixed = fixed.map(|(own, path)| (own, format!("{base_path}{path}")));
        let of_provider = |name: &str| (OwnPath::CallbackOf(name.into()), site.callback_of(name));
        let of_providers = providers.into_iter().map(of_provider);
        Self {
            seen: fixed.into_iter().chain(of_providers).collect(),
            base_length: base_path.len(),
        }
    }

    /// Which of ours `path` is, with the base path or without it.
    pub(crate) fn find(&self, path: &str) -> Option<OwnPath> {
        let mut all = self.all();
        all.find(|(_, own)| path == *own)
            .map(|(own_path, _)| own_path.clone())
    }

    /// The path as the browser sees it; home for one that is not ours.
    pub(crate) fn seen(&self, path: &OwnPath) -> &str {
        let mut all = self.seen.iter();
        all.find(|(own, _)| own == path)
            .map_or("/", |(_, seen)| seen)
    }

    /// Whether this provider has a callback of its own.
    pub(crate) fn has_callback_of(&self, provider: &str) -> bool {
        let is_its =
            |own: &OwnPath| matches!(own, OwnPath::CallbackOf(name) if **name == *provider);
        self.seen.iter().any(|(own, _)| is_its(own))
    }

    /// Every one, as the browser sees it.
    pub(crate) fn all_seen(&self) -> impl Iterator<Item = &str> {
        self.seen.iter().map(|(_, seen)| seen.as_str())
    }

    /// Every one, with the base path and without.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&OwnPath, &str)> {
        let seen = self.seen.iter().map(|(own, seen)| (own, seen.as_str()));
        let bare = self.seen.iter().filter(|_| self.base_length > 0);
        seen.chain(bare.map(|(own, seen)| (own, &seen[self.base_length..])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::site_at;

    #[test]
    fn a_provider_has_its_callback_below_the_shared_one_with_the_base_path_and_without() {
        let site = site_at("https://example.com/app/oauth2callback");
        let paths = OwnPaths::new(&site, ["google", "Zoë & co"]);
        let of = |name: &str| Some(OwnPath::CallbackOf(name.into()));

        for (path, found) in [
            ("/app/oauth2callback", Some(OwnPath::Callback)),
            ("/oauth2callback", Some(OwnPath::Callback)),
            ("/app/oauth2callback/google", of("google")),
            ("/oauth2callback/google", of("google")),
            ("/oauth2callback/Zo%C3%AB%20%26%20co", of("Zoë & co")),
            ("/app/oauth2callback/Google", None),
            ("/app/oauth2callback/google/", None),
            ("/app/oauth2callback/goog%6Ce", None),
            ("/app/oauth2callback/github", None),
            ("/app/oauth2callback/", None),
            ("/app", None),
        ] {
            assert_eq!(paths.find(path), found, "{path}");
        }
        assert_eq!(paths.all().count(), 10);
        assert_eq!(paths.seen(&OwnPath::Login), "/app/auth/login");
    }
}
