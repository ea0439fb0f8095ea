//! Cookies by name and attributes, written the same way each time: a browser only forgets a cookie
//! when name, path and prefix are those that it was set with.

use aws_lc_rs::digest::{SHA256, digest};
use cookie::{Cookie, SameSite};
use http::HeaderValue;
use time::Duration;

use crate::config::Site;
use crate::error::{Error, Kind};

/// The names of our cookies on one site.
#[derive(Debug)]
pub(crate) struct Names {
    identity: [String; 3],
    mark: String,
    pending: String,
    path: String,
    secure: bool,
}

impl Names {
    pub(crate) fn new(site: &Site) -> Self {
        // Two apps on one host, by port or by path, never meet in one cookie.
        let tag = tag(format!("{}{}", site.origin_text(), site.base_path()).as_bytes());
        let base_path = site.base_path();
        let (prefix, path) = match (site.is_https(), base_path) {
            // The browser itself sees to it that no other host and no http page sets it.
            (true, "") => ("__Host-", "/"),
            (true, base_path) => ("__Secure-", base_path),
            (false, "") => ("", "/"),
            (false, base_path) => ("", base_path),
        };
        let identity = format!("{prefix}keycard-{tag}");
        Self {
            mark: format!("{identity}-m"),
            pending: format!("{identity}-p-"),
            identity: [
                identity.clone(),
                format!("{identity}-2"),
                format!("{identity}-3"),
            ],
            path: path.to_owned(),
            secure: site.is_https(),
        }
    }

    /// The identity's cookies, part by part; the first is the one that everything is sealed for.
    pub(crate) fn identity(&self) -> &[String; 3] {
        &self.identity
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// The cookie of the pending login with this state.
    pub(crate) fn pending(&self, state: &str) -> String {
        format!("{}{}", self.pending, tag(state.as_bytes()))
    }

    /// Whether a cookie of this name is a pending login of ours.
    pub(crate) fn is_pending(&self, name: &[u8]) -> bool {
        name.strip_prefix(self.pending.as_bytes())
            .is_some_and(|tag| tag.len() == 8 && tag.iter().all(|byte| BASE32.contains(byte)))
    }

    /// Whether a cookie of this name is ours, of any kind and of any release.
    pub(crate) fn is_ours(&self, name: &[u8]) -> bool {
        name.strip_prefix(self.identity[0].as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'-')
    }

    /// A Set-Cookie line.
    pub(crate) fn set(&self, name: &str, value: &str, life: i64) -> Result<HeaderValue, Error> {
        let cookie = Cookie::build((name, value))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .path(&self.path)
            .max_age(Duration::seconds(life));
        let mut line = HeaderValue::try_from(cookie.to_string())
            .map_err(|_| Error::from(Kind::AnswerUnwritable { what: "a cookie" }))?;
        // Keeps it out of layers that log headers, and out of HPACK's tables.
        line.set_sensitive(true);
        Ok(line)
    }

    /// A Set-Cookie line that makes the browser forget.
    pub(crate) fn clear(&self, name: &str) -> Result<HeaderValue, Error> {
        self.set(name, "", 0)
    }
}

/// What a cookie costs in the browser's Cookie header, separators counted.
pub(crate) fn size(name: &[u8], value: &[u8]) -> usize {
    name.len() + value.len() + "=; ".len()
}

/// 40 bits of a hash in 8 characters that any cookie name may hold.
fn tag(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    let mut bits = 0_u64;
    for byte in &hash.as_ref()[..5] {
        bits = bits << 8 | u64::from(*byte);
    }
    (0..8)
        .map(|at| char::from(BASE32[(bits >> (35 - 5 * at) & 31) as usize]))
        .collect()
}

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
