//! The logout: cookies cleared → 303 home, or to where the app says. Only the app's own pages can ask
//! for it, by POST.

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::SET_COOKIE;

use crate::cookies::pairs;
use crate::error::Result;
use crate::pages;
use crate::return_to::ReturnTo;
use crate::session::Session;

/// The most bytes of lines that clear cookies: proxies do not pass on much more.
const MAX_CLEARED: usize = 3 * 1024;

impl Session {
    /// Logs out in this browser: the identity, its parts and every pending login are forgotten.
    ///
    /// A request that is not a POST of one of the app's own pages gets a page with a button
    /// instead, and changes nothing: an image of another site can ask for any address.
    pub fn logout(&self) -> LogoutRequest {
        LogoutRequest {
            session: self.clone(),
            return_to: None,
        }
    }
}

/// A logout about to happen; awaiting it gives the [`Logout`] to return.
#[must_use = "a logout happens when it is awaited and returned"]
pub struct LogoutRequest {
    session: Session,
    return_to: Option<String>,
}

impl LogoutRequest {
    /// Where to go afterwards: a path of this app as the browser sees it, such as `/bye`, of at most
    /// 512 bytes. Anything else, another site above all, is the start page.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }
}

// The way back is about the person.
impl fmt::Debug for LogoutRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutRequest").finish_non_exhaustive()
    }
}

impl IntoFuture for LogoutRequest {
    type Output = Logout;
    type IntoFuture = Pin<Box<dyn Future<Output = Logout> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Logout(log_out(&self).unwrap_or_else(IntoResponse::into_response)) })
    }
}

/// A logout that happens when this is returned from the handler. Dropped, nothing has happened.
#[must_use = "the logout happens when this is returned from the handler"]
pub struct Logout(Response);

impl IntoResponse for Logout {
    fn into_response(self) -> Response {
        self.0
    }
}

impl fmt::Debug for Logout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logout").field(&self.0.status()).finish()
    }
}

fn log_out(request: &LogoutRequest) -> Result<Response> {
    let (snapshot, visit) = (request.session.snapshot(), request.session.visit());
    let (site, own) = (snapshot.site(), snapshot.own_paths());
    let goal = request
        .return_to
        .as_deref()
        .and_then(|path| ReturnTo::parse(path, site.origin(), own.all_seen()));
    let goal = goal.as_ref().map(ReturnTo::as_str);
    if let Some(status) = visit.idle() {
        return Ok(pages::nothing(status));
    }
    if visit.method != Method::POST || !visit.is_own(site) {
        return Ok(pages::logout(snapshot, goal));
    }
    let names = snapshot.names();
    let [first, others @ ..] = names.identity();
    let known = others.iter().map(String::as_str).chain([names.mark()]);
    let came: BTreeSet<&str> = pairs(&visit.headers)
        .map(|(name, _)| name)
        .filter(|name| names.is_ours(name))
        .filter_map(|name| std::str::from_utf8(name).ok())
        .collect();
    // The identity's first cookie is cleared always, the others where they came: first those that
    // we know, for a neighbour can plant any number of names like ours.
    let ours = known.filter(|name| came.contains(name));
    let rest = came.iter().copied().filter(|name| *name != first);
    let home = site.home();
    let mut response = pages::see_other(goal.unwrap_or(&home))?;
    let (mut cleared, mut length) = (BTreeSet::new(), 0);
    for name in std::iter::once(first.as_str()).chain(ours).chain(rest) {
        let line = names.clear(name)?;
        let on_the_wire = "set-cookie: \r\n".len() + line.len();
        if length + on_the_wire > MAX_CLEARED || !cleared.insert(name) {
            continue;
        }
        length += on_the_wire;
        response.headers_mut().append(SET_COOKIE, line);
    }
    Ok(response)
}

/// Answers `/auth/logout`: with the query of a link, or the fields of the form on its page.
pub(crate) fn answer(session: &Session, form: &[u8]) -> Result<Response> {
    let visit = session.visit();
    let fields = match visit.method {
        Method::POST => form,
        _ => visit.query().as_bytes(),
    };
    let mut fields = url::form_urlencoded::parse(fields);
    let mut request = session.logout();
    // A page of another site may ask whether people want to log out, but not decide where they end up.
    if visit.is_own(session.snapshot().site()) {
        let return_to = fields.find(|(name, _)| name == "return_to");
        request.return_to = return_to.map(|(_, path)| path.into_owned());
    }
    log_out(&request)
}
