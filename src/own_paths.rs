//! The paths that are keycard's own, below the base path of `redirect_uri`, and no others.

use crate::config::{CALLBACK, Site};

/// The three paths that are keycard's, as the browser sees them and as the app does where a proxy
/// takes the base path off.
#[derive(Debug)]
pub(crate) struct OwnPaths {
    seen: [String; 3],
    base_length: usize,
}

/// A path of keycard's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnPath {
    Callback,
    Login,
    Logout,
}

impl OwnPaths {
    const ALL: [(OwnPath, &str); 3] = [
        (OwnPath::Callback, CALLBACK),
        (OwnPath::Login, "/auth/login"),
        (OwnPath::Logout, "/auth/logout"),
    ];

    pub(crate) fn new(site: &Site) -> Self {
        let base_path = site.base_path();
        Self {
            seen: Self::ALL.map(|(_, path)| format!("{base_path}{path}")),
            base_length: base_path.len(),
        }
    }

    /// Which of ours `path` is, with the base path or without it.
    pub(crate) fn find(&self, path: &str) -> Option<OwnPath> {
        let of = |(seen, (own, _)): (&String, (OwnPath, &str))| {
            (path == seen || path == &seen[self.base_length..]).then_some(own)
        };
        self.seen.iter().zip(Self::ALL).find_map(of)
    }

    /// The path as the browser sees it.
    pub(crate) fn seen(&self, path: OwnPath) -> &str {
        &self.seen[path as usize]
    }

    /// Every one, as the browser sees it.
    pub(crate) fn all_seen(&self) -> &[String] {
        &self.seen
    }

    /// Every one, with the base path and without.
    pub(crate) fn all(&self) -> impl Iterator<Item = (OwnPath, &str)> {
        let seen = Self::ALL
            .iter()
            .zip(&self.seen)
            .map(|((own, _), seen)| (*own, seen.as_str()));
        let bare = Self::ALL.into_iter().filter(|_| self.base_length > 0);
        seen.chain(bare)
    }
}
