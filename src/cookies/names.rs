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
    farewell: String,
    last_used: String,
    pending: String,
    tokens: [String; 3],
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
            farewell: format!("{identity}-o"),
            last_used: format!("{identity}-l"),
            pending: format!("{identity}-p-"),
            tokens: [
                format!("{identity}-t"),
                format!("{identity}-t-2"),
                format!("{identity}-t-3"),
            ],
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

    /// The cookies of its tokens, part by part; the first is the one that everything is sealed for.
    pub(crate) fn tokens(&self) -> &[String; 3] {
        &self.tokens
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// The cookie of a logout that is under way at the provider.
    pub(crate) fn farewell(&self) -> &str {
        &self.farewell
    }

    /// The cookie of the provider that was used last. A logout leaves it.
    pub(crate) fn last_used(&self) -> &str {
        &self.last_used
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
        self.line(name, value, life, SameSite::Lax)
    }

    /// A Set-Cookie line of a cookie that goes along with a POST from another site as well. Browsers
    /// keep it with https alone.
    pub(crate) fn set_for_posts(
        &self,
        name: &str,
        value: &str,
        life: i64,
    ) -> Result<HeaderValue, Error> {
        self.line(name, value, life, SameSite::None)
    }

    fn line(
        &self,
        name: &str,
        value: &str,
        life: i64,
        same_site: SameSite,
    ) -> Result<HeaderValue, Error> {
        let cookie = Cookie::build((name, value))
            .http_only(true)
            .same_site(same_site)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::site_at;

    #[test]
    fn cke_01_names_and_lines_are_as_exact_as_a_browser_needs_them() {
        let table = [
            (
                "http://localhost:8501/oauth2callback",
                "keycard-oa6i42mu",
                "HttpOnly; SameSite=Lax; Path=/; Max-Age=",
            ),
            (
                "http://localhost:8501/app/oauth2callback",
                "keycard-lyc4hwej",
                "HttpOnly; SameSite=Lax; Path=/app; Max-Age=",
            ),
            (
                "https://localhost/oauth2callback",
                "__Host-keycard-pe426tap",
                "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=",
            ),
            (
                "https://localhost:443/oauth2callback",
                "__Host-keycard-pe426tap",
                "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=",
            ),
            (
                "https://localhost/app/oauth2callback",
                "__Secure-keycard-rkvzpmkj",
                "HttpOnly; SameSite=Lax; Secure; Path=/app; Max-Age=",
            ),
        ];
        for (redirect_uri, name, attributes) in table {
            let names = Names::new(&site_at(redirect_uri));
            let [first, second, third] = names.identity();
            assert_eq!(first, name);
            assert_eq!(*second, format!("{name}-2"));
            assert_eq!(*third, format!("{name}-3"));
            assert_eq!(names.mark(), format!("{name}-m"));
            assert_eq!(names.last_used(), format!("{name}-l"));
            assert_eq!(names.pending("state"), format!("{name}-p-jotjonok"));
            let set = names.set(first, "value", 2_592_000).unwrap();
            assert_eq!(set, format!("{name}=value; {attributes}2592000"));
            let cleared = names.clear(second).unwrap();
            assert_eq!(cleared, format!("{name}-2=; {attributes}0"));
            assert!(set.is_sensitive() && cleared.is_sensitive());
        }
    }

    #[test]
    fn cke_17_only_names_of_ours_are_ours() {
        let names = Names::new(&site_at("http://localhost:8501/oauth2callback"));
        let table = [
            ("keycard-oa6i42mu", true, false),
            ("keycard-oa6i42mu-2", true, false),
            ("keycard-oa6i42mu-p-jotjonok", true, true),
            ("keycard-oa6i42mu-p-jotjono", true, false),
            ("keycard-oa6i42mu-p-jotjonokw", true, false),
            ("keycard-oa6i42mu-p-JOTJONOK", true, false),
            ("keycard-oa6i42mu-p-01890189", true, false),
            ("keycard-oa6i42mux", false, false),
            ("keycard-oa6i42m", false, false),
            ("keycard-aaaaaaaa", false, false),
            ("__Host-keycard-oa6i42mu", false, false),
            ("KEYCARD-OA6I42MU", false, false),
            ("", false, false),
        ];
        for (name, ours, pending) in table {
            assert_eq!(names.is_ours(name.as_bytes()), ours, "{name}");
            assert_eq!(names.is_pending(name.as_bytes()), pending, "{name}");
        }
    }
}
