//! The app as browsers see it: origin, base path and callback, all from `redirect_uri`.

use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::belonging::missing;
use super::diagnostic::Report;
use super::keys::Level;
use super::tree::Table;

/// The path of the callback, below the base path.
pub(crate) const CALLBACK: &str = "/oauth2callback";

/// Where the app is reached. Nothing of it ever comes from a request.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    redirect_uri: String,
    origin: Url,
    origin_text: String,
    base_path: String,
}

impl Site {
    /// What `[auth]` has of it; `strays` are the other tables, where the key may have gone.
    pub(super) fn read(
        auth: &Table,
        strays: &[&Table],
        port: u16,
        allow_http: &[String],
        report: &mut Report,
    ) -> Option<Self> {
        let key = "redirect_uri";
        if !auth.contains(key) {
            let cure = "add the app's own address with /oauth2callback behind it: \
                        redirect_uri = \"http://localhost:8501/oauth2callback\"";
            report.error(missing(auth, key, Level::Shared, strays, cure));
            return None;
        }
        let written = auth
            .string(key, report)?
            .replace("{port}", &port.to_string());
        let site = Self::parse(&written, allow_http);
        let is_quotable = auth.is_quotable(key);
        if let Err((found, cure)) = &site {
            let cure = if is_quotable { cure } else { ABSOLUTE };
            report.error(auth.mistake(key).found(*found).cure(cure));
        }
        let site = site.ok()?;
        let (authority, path) = halves(&written);
        let warning = if !authority.is_ascii() {
            let whole = format!("{}{}{CALLBACK}", site.origin_text, site.base_path);
            let cure = match is_quotable {
                true => format!("write \"{whole}\""),
                false => "write it as the browser has it, with xn--".to_owned(),
            };
            Some(("browsers write this host in another way", cure))
        } else if path.contains(['{', '}', '<', '>']) {
            Some((UNFILLED, FILL_IN.to_owned()))
        } else {
            None
        };
        if let Some((found, cure)) = warning {
            report.warn(auth.mistake(key).found(found).cure(cure));
        }
        Some(site)
    }

    fn parse(written: &str, allow_http: &[String]) -> Result<Self, Objection> {
        let url = absolute(written)?;
        if url.scheme() == "http" && !may_be_http(&url, allow_http) {
            return Err((
                "http is only for the machine itself",
                "write https, or localhost while developing; an intranet host can be named in \
                 allow_http"
                    .to_owned(),
            ));
        }
        check_parts(&url)?;
        let base_path = base_path(&url)?;
        let mut origin = url.clone();
        origin.set_path("/");
        Ok(Self {
            redirect_uri: written.to_owned(),
            origin_text: origin.origin().ascii_serialization(),
            origin,
            base_path,
        })
    }

    /// `redirect_uri` as it is written, since providers compare it byte for byte.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The origin with a path of `/`.
    pub(crate) fn origin(&self) -> &Url {
        &self.origin
    }

    /// The origin as browsers write it in `Origin`, such as `https://app.example.com`.
    pub(crate) fn origin_text(&self) -> &str {
        &self.origin_text
    }

    /// Empty, or such as `/app`.
    pub(crate) fn base_path(&self) -> &str {
        &self.base_path
    }

    /// What `redirect_uri` is for the logins of one provider alone: the same, with the provider's
    /// name behind it.
    pub(super) fn redirect_uri_of(&self, provider: &str) -> String {
        format!("{}/{}", self.redirect_uri, segment(provider))
    }

    /// The path of that, as the browser sees it.
    pub(crate) fn callback_of(&self, provider: &str) -> String {
        format!("{}{CALLBACK}/{}", self.base_path, segment(provider))
    }

    /// The app's home as the browser sees it.
    pub(crate) fn home(&self) -> String {
        format!("{}/", self.base_path)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.origin.scheme() == "https"
    }

    /// Whether the app is only reached from the machine itself.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.origin)
    }
}

/// A provider's name as a part of a path: percent-encoded but for what never has to be (RFC 3986
/// §2.3), so that browsers and routers leave it as it is.
pub(super) fn segment(provider: &str) -> String {
    let encoded: String = byte_serialize(provider.as_bytes()).collect();
    encoded
        .replace('+', "%20")
        .replace('*', "%2A")
        .replace("%7E", "~")
}

/// What is wrong with a `redirect_uri`, and the cure.
type Objection = (&'static str, String);

const UNFILLED: &str = "a part of it is not filled in";
const FILL_IN: &str = "replace what stands in { } or < > with your own; {port} alone is filled in \
                       for you";

const ABSOLUTE: &str =
    "write the app's own address, such as \"https://app.example.com/oauth2callback\"";

/// A URL as far as its path, and the rest.
fn halves(written: &str) -> (&str, &str) {
    let host = written.find("://").map_or(0, |at| at + "://".len());
    let end = written[host..]
        .find('/')
        .map_or(written.len(), |at| host + at);
    written.split_at(end)
}

fn absolute(written: &str) -> Result<Url, Objection> {
    if halves(written).0.contains(['{', '}', '<', '>']) {
        return Err((UNFILLED, FILL_IN.to_owned()));
    }
    // A URL would be read without them, and sent with them.
    if written.trim() != written || written.contains(['\t', '\n', '\r']) {
        return Err(("it has white space", "take it out".to_owned()));
    }
    let url = Url::parse(written).map_err(|_| ("it is not a URL", ABSOLUTE.to_owned()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(("it is neither http nor https", ABSOLUTE.to_owned()));
    }
    Ok(url)
}

fn check_parts(url: &Url) -> Result<(), Objection> {
    let host = url.host_str().unwrap_or_default();
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.query().is_some() || url.fragment().is_some() || has_user {
        return Err((
            "it has more than scheme, host, port and path",
            "leave out user, query and fragment".to_owned(),
        ));
    }
    if host.contains('*') || host.ends_with('.') || url.port() == Some(0) {
        return Err((
            "nobody opens an app by that host or port",
            "write the one host that stands in the browser, without * or a dot at its end, and its \
             port"
                .to_owned(),
        ));
    }
    Ok(())
}

/// What stands before `/oauth2callback`.
fn base_path(url: &Url) -> Result<String, Objection> {
    let Some(base_path) = url.path().strip_suffix(CALLBACK) else {
        let origin = url.origin().ascii_serialization();
        let base_path = url.path().trim_end_matches('/').strip_suffix(CALLBACK);
        return Err((
            "its path does not end in /oauth2callback",
            format!(
                "write \"{origin}{}{CALLBACK}\"",
                base_path.unwrap_or_default()
            ),
        ));
    };
    // Alone in a Location, `//name` is another host.
    if base_path.ends_with('/') || base_path.contains("//") {
        return Err((
            "it has an empty part in its path",
            "write one slash where there are two".to_owned(),
        ));
    }
    // A cookie's path ends at `;`, and axum's routes begin no part with `:` or `*`.
    if base_path.contains(';') || base_path.contains("/:") || base_path.contains("/*") {
        return Err((
            "its path has a ; or a part that begins with : or *",
            "take it out, or write it percent-encoded: %3B, %3A, %2A".to_owned(),
        ));
    }
    Ok(base_path.to_owned())
}

/// http goes over no network here: to the machine itself, or to a host named in `allow_http`.
pub(crate) fn may_be_http(url: &Url, allow_http: &[String]) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let port = url.port_or_known_default().unwrap_or(80);
    is_loopback(url)
        || allow_http
            .iter()
            .any(|allowed| *allowed == format!("{host}:{port}"))
}

/// Exactly `localhost`, `127.0.0.1` or `[::1]`: `localhost.evil.example` is somebody else's.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The site of an app with this `redirect_uri`.
    pub(crate) fn site(redirect_uri: &str) -> Site {
        Site::parse(redirect_uri, &[]).unwrap()
    }
}
