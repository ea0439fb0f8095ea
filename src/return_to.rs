//! A path on this site, or nothing: where a browser may be sent after a login or a logout.
//!
//! The same parser that browsers are specified by (the URL standard) reads what was asked for and
//! writes what is sent, so the two cannot disagree about where it leads.

use url::Url;

/// The longest path that is remembered, in bytes.
const MAX: usize = 512;

/// A path with its query, on the app's own origin; never one of keycard's own paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnTo(String);

impl ReturnTo {
    /// Reads a path on this site as the browser sees it, such as `/app/reports?year=2026`.
    ///
    /// `None` for whatever leads off the site, for anything that parsers disagree about, for what
    /// is longer than 512 bytes, and for the paths in `own`, which would log in or out again.
    pub(crate) fn parse(path: &str, origin: &Url, own: &[String]) -> Option<Self> {
        // Browsers read `\` as `/` and drop tabs and line feeds; none of them is in an honest path.
        let honest = |byte: u8| byte > 0x20 && byte != 0x7f && byte != b'\\';
        if path.len() > MAX || !path.starts_with('/') || !path.bytes().all(honest) {
            return None;
        }
        let url = origin.join(path).ok()?;
        let path = url.path();
        // `/a/..//evil.example` stays here when resolved, yet alone in a Location it leads away.
        if url.origin() != origin.origin() || path.starts_with("//") {
            return None;
        }
        if own.iter().any(|own| own == path) {
            return None;
        }
        let mut written = path.to_owned();
        if let Some(query) = url.query() {
            written.push('?');
            written.push_str(query);
        }
        if let Some(fragment) = url.fragment() {
            written.push('#');
            written.push_str(fragment);
        }
        (written.len() <= MAX).then_some(Self(written))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
