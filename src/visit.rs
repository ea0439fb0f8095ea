//! What kind of request this is: made by a person who goes somewhere or by a script, from our own
//! pages or from another site, by this machine or from afar.
//!
//! Browsers say so in headers that pages cannot set (Fetch Metadata); older ones are judged by
//! `Origin` and `Accept`.

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, OriginalUri};
#[cfg(feature = "password")]
use http::Version;
use http::header::{ACCEPT, CONTENT_TYPE, FORWARDED, HOST, HeaderName, ORIGIN, UPGRADE, VIA};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use url::Url;

use crate::config::{Site, is_loopback};

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request as login, callback and logout see it.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) method: Method,
    /// The path and query as the browser sees them, or without the base path.
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl Visit {
    pub(crate) fn new(parts: &Parts) -> Self {
        Self {
            method: parts.method.clone(),
            uri: original_uri(parts).clone(),
            headers: parts.headers.clone(),
        }
    }

    pub(crate) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// Whether its body is a form, as browsers send one.
    pub(crate) fn has_form(&self) -> bool {
        let kind = text(&self.headers, &CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// The browser only wants to have it ready: nobody has decided to go there.
    fn is_prefetch(&self) -> bool {
        ["sec-purpose", "purpose", "x-purpose", "x-moz"]
            .map(HeaderName::from_static)
            .iter()
            .any(|name| {
                text(&self.headers, name).is_some_and(|purpose| {
                    purpose.contains("prefetch") || purpose.contains("preview")
                })
            })
    }

    /// The answer's status where nobody has decided to go anywhere yet, and so nothing happens.
    pub(crate) fn idle(&self) -> Option<StatusCode> {
        if self.is_prefetch() {
            // A browser keeps an answer of success and shows it, empty, to whoever goes there then.
            return Some(StatusCode::SERVICE_UNAVAILABLE);
        }
        (self.method == Method::HEAD).then_some(StatusCode::NO_CONTENT)
    }

    pub(crate) fn is_framed(&self) -> bool {
        matches!(
            text(&self.headers, &SEC_FETCH_DEST),
            Some("embed" | "fencedframe" | "frame" | "iframe" | "object")
        )
    }

    pub(crate) fn is_navigation(&self) -> bool {
        is_navigation(&self.method, &self.headers)
    }

    /// Whether one of the app's own pages made the request, or the person did by hand.
    pub(crate) fn is_from_app(&self, site: &Site) -> bool {
        is_from_app(&self.method, &self.headers, site)
    }

    /// The port that was asked for on this machine, when it is not the one of `redirect_uri`.
    pub(crate) fn at_another_port(&self, site: &Site) -> Option<u16> {
        let host = text(&self.headers, &HOST)?;
        let asked = Url::parse(&format!("{}://{host}/", site.origin().scheme())).ok()?;
        let port = asked.port_or_known_default()?;
        let is_other = site.origin().port_or_known_default() != Some(port);
        (is_other && site.is_loopback() && is_loopback(&asked)).then_some(port)
    }

    /// Where the same page is under the host of `redirect_uri`, when it was asked for under
    /// another name of this machine: cookies set here would not come back there.
    pub(crate) fn under_the_right_name(&self, site: &Site, fallback: &str) -> Option<String> {
        let host = text(&self.headers, &HOST)?;
        let asked = Url::parse(&format!("{}://{host}/", site.origin().scheme())).ok()?;
        let origin = site.origin();
        let other_name = is_loopback(origin)
            && is_loopback(&asked)
            && asked.host() != origin.host()
            && asked.port_or_known_default() == origin.port_or_known_default();
        let path = match self.method {
            Method::GET => self
                .uri
                .path_and_query()
                .map_or(fallback, |path| path.as_str()),
            _ => fallback,
        };
        other_name.then(|| format!("{}{path}", site.origin_text()))
    }
}

/// The address as it came, before any router took a prefix off.
pub(crate) fn original_uri(parts: &Parts) -> &Uri {
    parts
        .extensions
        .get::<OriginalUri>()
        .map_or(&parts.uri, |original| &original.0)
}

/// The page that a person goes to, path and query, as their browser sees it, if it is one that can be
/// gone to once more.
pub(crate) fn page<'a>(parts: &'a Parts, site: &Site) -> Option<Cow<'a, str>> {
    if !is_read(&parts.method) {
        return None;
    }
    let path = original_uri(parts).path_and_query()?.as_str();
    let base_path = site.base_path();
    let is_whole = path
        .strip_prefix(base_path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    Some(if is_whole {
        path.into()
    } else {
        // A proxy took the base path off.
        format!("{base_path}{path}").into()
    })
}

/// Whether it only asks for a page, and so can be asked once more.
pub(crate) fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Whether one of the app's own pages made the request, or the person did by hand.
pub(crate) fn is_from_app(method: &Method, headers: &HeaderMap, site: &Site) -> bool {
    match text(headers, &SEC_FETCH_SITE) {
        Some("same-origin") => return true,
        Some("none") => return method == Method::GET,
        Some(_) => return false,
        None => {}
    }
    match headers.get(ORIGIN) {
        Some(origin) => origin.as_bytes() == site.origin_text().as_bytes(),
        // Browsers send Origin with whatever may change something; a client that sends none is no
        // browser.
        None => !method.is_safe(),
    }
}

/// Whether a person goes to a page.
pub(crate) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    match text(headers, &SEC_FETCH_MODE) {
        Some(mode) => mode == "navigate" && text(headers, &SEC_FETCH_DEST) == Some("document"),
        None => {
            let html = |accept: &str| accept.contains("text/html");
            method == Method::GET && text(headers, &ACCEPT).is_some_and(html)
        }
    }
}

/// Whether a page of another site asks for a WebSocket, for which no browser asks us first.
pub(crate) fn is_foreign_socket(parts: &Parts, site: &Site) -> bool {
    let upgrade = || {
        parts
            .headers
            .get(UPGRADE)
            .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
    };
    let foreign = |origin: &http::HeaderValue| origin.as_bytes() != site.origin_text().as_bytes();
    // Over HTTP/2 a WebSocket is a CONNECT (RFC 8441).
    (parts.method == Method::CONNECT || upgrade()) && parts.headers.get(ORIGIN).is_some_and(foreign)
}

/// Whether the request was made on this machine and by nobody's order: only then may a page show
/// what a log shows.
pub(crate) fn is_local(parts: &Parts, site: &Site) -> bool {
    const PROXIES: [HeaderName; 2] = [FORWARDED, VIA];
    if !site.is_loopback() {
        return false;
    }
    let named = text(&parts.headers, &HOST).is_some_and(|host| {
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| is_port(port))
            .map_or(host, |it| it.0);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    });
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    named
        && peer.is_none_or(|peer| peer.0.ip().is_loopback())
        && !PROXIES.iter().any(|name| parts.headers.contains_key(name))
        && !parts
            .headers
            .keys()
            .any(|name| name.as_str() == "x-real-ip" || name.as_str().starts_with("x-forwarded-"))
}

/// The same where it is known who asks: only then may a page ask for a password.
#[cfg(feature = "password")]
pub(crate) fn is_surely_local(parts: &Parts, site: &Site) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    // What the usual proxies pass on without a word is HTTP/1.0, and says where the page is that a
    // browser posts from.
    let is_direct = parts.version >= Version::HTTP_11;
    let origin = parts.headers.get(ORIGIN);
    let is_from_here = match parts.method.is_safe() {
        true => true,
        false => origin.is_some_and(|it| it.as_bytes() == site.origin_text().as_bytes()),
    };
    peer.is_some() && is_direct && is_from_here && is_local(parts, site)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
