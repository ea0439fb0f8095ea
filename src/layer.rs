//! The one middleware: answers keycard's own paths, hands handlers the request's session, sees to
//! the cache headers, and turns failures into pages, JSON and log lines.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Method;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE, VARY};
use pin_project_lite::pin_project;
use tokio::time::timeout;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::Auth;
use crate::callback_query::MAX_LENGTH;
use crate::cookies::MAX_HEAD;
use crate::error::{Error, Kind};
use crate::own_paths::OwnPath;
#[cfg(feature = "password")]
use crate::password;
use crate::session::{Session, View};
use crate::snapshot::Snapshot;
use crate::visit::{Visit, is_navigation, original_uri};
use crate::{callback, login, logout, pages, random};

/// The longest form that `/auth/login` and `/auth/logout` read, in bytes.
const MAX_FORM: usize = 8 * 1024;
/// How long such a form, or a provider's answer by POST, may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

impl Auth {
    /// The middleware: it tells handlers who the user is, and answers keycard's own paths. Add it
    /// to the outermost router, after its last route, nest, merge and fallback.
    ///
    /// ```no_run
    /// # use axum::Router;
    /// # fn main() -> Result<(), keycard::ConfigError> {
    /// let auth = keycard::Auth::from_secrets()?;
    /// let app: Router = Router::new().layer(auth.layer());
    /// # Ok(()) }
    /// ```
    ///
    /// axum shows a layer only what the router held when the layer was added. A route added later
    /// does not know the user: a handler there that asks answers 500 and names the line to add. And
    /// axum asks the layer about paths without a route only where its fallback is the one that
    /// counts in the end, so some shapes need [`routes`](Self::routes) beside it:
    ///
    /// | the layer is added | enough alone |
    /// |---|---|
    /// | last, to the root router, whatever was nested or merged into it before | yes |
    /// | around the finished router, `auth.layer().layer(app)` | yes |
    /// | to a router that is then merged into one without a fallback: `other.merge(app)` | yes |
    /// | to a router with a fallback, into which another is then merged | yes |
    /// | to a router without a fallback, into which another is then merged: `app.merge(other)` | no |
    /// | to a router that is then merged into one with a fallback | no |
    /// | before `.fallback(…)` | no |
    /// | to a router that is then nested | no |
    /// | by `route_layer`, or to single routes | no |
    ///
    /// Where it is not enough the provider sends people back to a page that is not found. The log
    /// says so once, when somebody begins a login again, and names the line to change.
    #[must_use]
    pub fn layer(&self) -> AuthLayer {
        AuthLayer { auth: self.clone() }
    }

    /// A router that answers keycard's own paths and no others: merge it into the outermost router
    /// where [`layer`](Self::layer) does not see them. It does no harm where the layer does.
    ///
    /// ```no_run
    /// # use axum::{Router, routing::get};
    /// # fn main() -> Result<(), keycard::ConfigError> {
    /// # let (index, reports) = (get(async || "index.html"), get(async || "reports"));
    /// let auth = keycard::Auth::from_secrets()?;
    /// let inner = Router::new().route("/reports", reports).layer(auth.layer());
    /// let app: Router = Router::new()
    ///     .nest("/inner", inner)
    ///     .merge(auth.routes())
    ///     .fallback_service(index);
    /// # Ok(()) }
    /// ```
    ///
    /// It is for a router with any state.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let add = |router: Router<S>, (own_path, path): (&OwnPath, &str)| {
            let (auth, own_path) = (self.clone(), own_path.clone());
            router.route(path, any(move |request| own(auth, own_path, request)))
        };
        self.own_paths().all().fold(Router::new(), add)
    }
}

/// What [`Auth::layer`] returns.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    auth: Auth,
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService {
            auth: self.auth.clone(),
            inner,
        }
    }
}

/// A service behind [`Auth::layer`].
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    auth: Auth,
    inner: S,
}

impl<S> Service<Request> for AuthService<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = AuthFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        // A layer around this one has done all of it already.
        if parts
            .extensions
            .get::<Arc<View>>()
            .is_some_and(|view| view.snapshot().auth().is(&self.auth))
        {
            let future = self.inner.call(Request::from_parts(parts, body));
            return AuthFuture::inner(future, None);
        }
        let paths = self.auth.own_paths();
        let own_path = paths
            .find(original_uri(&parts).path())
            .or_else(|| paths.find(parts.uri.path()));
        if let Some(own_path) = own_path {
            let request = Request::from_parts(parts, body);
            return AuthFuture::own(own(self.auth.clone(), own_path, request));
        }
        let view = Arc::new(View::new(self.auth.clone(), &parts));
        parts.extensions.insert(view.clone());
        let future = self.inner.call(Request::from_parts(parts, body));
        AuthFuture::inner(future, Some(view))
    }
}

pin_project! {
    /// The answer of an [`AuthService`].
    #[derive(Debug)]
    pub struct AuthFuture<F> {
        #[pin]
        answer: Answer<F>,
    }
}

pin_project! {
    #[project = AnswerProjection]
    enum Answer<F> {
        Inner { #[pin] future: F, view: Option<InFlight> },
        Own { future: Pin<Box<dyn Future<Output = Response> + Send>> },
    }
}

impl<F> AuthFuture<F> {
    fn inner(future: F, view: Option<Arc<View>>) -> Self {
        let view = view.map(InFlight);
        let answer = Answer::Inner { future, view };
        Self { answer }
    }

    fn own(future: impl Future<Output = Response> + Send + 'static) -> Self {
        let future = Box::pin(future);
        let answer = Answer::Own { future };
        Self { answer }
    }
}

/// A request whose answer is being made. Where nobody waits for that any more, nothing is begun that
/// only its head could carry.
struct InFlight(Arc<View>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.renewal.close();
    }
}

impl<F> fmt::Debug for Answer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inner { .. } => "Inner",
            Self::Own { .. } => "Own",
        })
    }
}

impl<F, R, E> Future for AuthFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().answer.project() {
            AnswerProjection::Inner { future, view } => {
                let response = ready!(future.poll(context))?.into_response();
                Poll::Ready(Ok(match view {
                    Some(InFlight(view)) => finish(view, response),
                    None => response,
                }))
            }
            AnswerProjection::Own { future } => future.as_mut().poll(context).map(Ok),
        }
    }
}

/// Answers one of keycard's own paths.
async fn own(auth: Auth, path: OwnPath, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut view = View::new(auth, &parts);
    if path.is_callback() && parts.method == Method::POST {
        // The browser goes there with a provider's form, which older ones do not say of a POST.
        view.is_navigation = is_navigation(&Method::GET, &parts.headers);
    }
    let view = Arc::new(view);
    let session = Session::new(&view, &parts);
    let mut cookies = Vec::new();
    let result = match path {
        OwnPath::Callback | OwnPath::CallbackOf(_) => {
            let (snapshot, visit) = (session.snapshot(), session.visit());
            let form = posted_answer(snapshot, visit, body).await;
            let (result, set) = callback::answer(snapshot, visit, &path, form).await;
            cookies = set;
            result
        }
        OwnPath::Login => match form(&parts.method, body, MAX_FORM).await {
            #[cfg(feature = "password")]
            Ok(form) if password::is_form(&form) => {
                let (result, set) = password::answer(session, &form).await;
                cookies = set;
                result
            }
            Ok(form) => login::answer(session, &form).await,
            Err(error) => Err(error),
        },
        OwnPath::Logout => {
            // Whoever wants to log out is logged out, whatever the form says.
            let form = form(&parts.method, body, MAX_FORM).await;
            logout::answer(&session, &form.unwrap_or_default()).await
        }
    };
    let mut response = finish(&view, result.unwrap_or_else(IntoResponse::into_response));
    callback::add_cookies(&mut response, cookies);
    pages::no_store(response.headers_mut());
    response
}

/// The body of a callback by POST, where a provider answers so. Of no other is anything read.
async fn posted_answer(snapshot: &Snapshot, visit: &Visit, body: Body) -> Result<Vec<u8>, Error> {
    if !snapshot.takes_posts() || visit.idle().is_some() {
        return Ok(Vec::new());
    }
    if visit.method == Method::POST && !visit.has_form() {
        let what = "its body is no form";
        return Err(Kind::CallbackMalformed { what }.into());
    }
    form(&visit.method, body, MAX_LENGTH).await
}

/// The body of a POST, if it comes whole, in time, and is no longer than this.
async fn form(method: &Method, body: Body, limit: usize) -> Result<Vec<u8>, Error> {
    if method != Method::POST {
        return Ok(Vec::new());
    }
    match timeout(FORM_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(form)) => Ok(form.into()),
        _ => Err(Kind::FormUnreadable.into()),
    }
}

/// What every answer gets on its way out.
fn finish(view: &View, mut response: Response) -> Response {
    if let Some(error) = response.extensions_mut().remove::<Error>() {
        response = render(view, &error, &response);
    }
    let names = view.snapshot().names();
    add_renewed(view, &mut response);
    let sets_ours = response.headers().get_all(SET_COOKIE).iter().any(|line| {
        let name = line
            .as_bytes()
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default();
        names.is_ours(name)
    });
    if sets_ours {
        // Shared caches have handed one person's session to another.
        pages::no_store(response.headers_mut());
    } else if view.was_looked_at() {
        keep_to_one_person(response.headers_mut());
    }
    response
}

/// Keeps what is for one person out of shared caches, which store an answer with `max-age` alone
/// (RFC 9111 §3), unless the app itself says that they may have it, or that nobody may.
fn keep_to_one_person(headers: &mut HeaderMap) {
    let varies = |word: &[u8]| word.eq_ignore_ascii_case(b"cookie") || word == b"*";
    if !items(headers, &VARY).any(varies) {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
    let decides = |directive: &[u8]| {
        // With an argument `private` is about single headers.
        let words: [&[u8]; 3] = [b"public", b"private", b"no-store"];
        let name = directive.split(|byte| *byte == b'=').next();
        words
            .iter()
            .any(|word| directive.eq_ignore_ascii_case(word))
            || name.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"s-maxage"))
    };
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        return;
    }
    if items(headers, &CACHE_CONTROL).any(decides) {
        return;
    }
    // In front, where no quotation that is left open reaches it.
    let mut said: Vec<&[u8]> = vec![b"private"];
    said.extend(items(headers, &CACHE_CONTROL));
    let said = HeaderValue::from_bytes(&said.join(&b", "[..]));
    let said = said.unwrap_or(HeaderValue::from_static("private"));
    headers.insert(CACHE_CONTROL, said);
}

/// The items of a list in a header, on one line or several (RFC 9110 §5.6.1).
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let of_line = |line: &'a HeaderValue| {
        let mut is_quoted = false;
        line.as_bytes().split(move |byte| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        })
    };
    let items = headers.get_all(name).into_iter().flat_map(of_line);
    items
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

/// Adds the cookies of tokens that were refreshed meanwhile, unless the answer logs out or in, or has no
/// room: what the refresh brought is remembered, and the next answer carries it.
fn add_renewed(view: &View, response: &mut Response) {
    let cookies = view.renewal.close();
    if cookies.is_empty() {
        return;
    }
    let names = view.snapshot().names();
    let identity = names.identity()[0].as_bytes();
    let headers = response.headers();
    let lines = || headers.get_all(SET_COOKIE).iter();
    let is_identity =
        |line: &HeaderValue| line.as_bytes().split(|byte| *byte == b'=').next() == Some(identity);
    let head = lines().chain(headers.get(LOCATION)).chain(&cookies);
    let length: usize = head.map(HeaderValue::len).sum();
    if lines().any(is_identity) {
        return;
    }
    match length <= MAX_HEAD {
        true => callback::add_cookies(response, cookies),
        false => tracing::warn!(
            length,
            "refreshed tokens are left to the next answer: with them the Set-Cookie and Location headers \
             of this one were longer than {MAX_HEAD} bytes"
        ),
    }
}

/// A failure as the person or the script in front of it can use it.
fn render(view: &View, error: &Error, failed: &Response) -> Response {
    if let Kind::LoginRequired { login_url } | Kind::LoginTooOld { login_url, .. } = error.kind() {
        if view.is_navigation {
            let redirect = pages::see_other(login_url).unwrap_or_else(IntoResponse::into_response);
            return with_cookies(redirect, failed.headers());
        }
        return with_cookies(pages::problem(error, &request_id()), failed.headers());
    }
    let request_id = request_id();
    // Whoever has to log in first is no failure.
    if !matches!(
        error.kind(),
        Kind::LoginByScript { .. } | Kind::SentBeforeLogin { .. }
    ) {
        view.snapshot().auth().log().write(error, &request_id);
    }
    let response = if view.is_navigation {
        pages::failure(view.snapshot(), error, &request_id, view.is_local)
    } else {
        pages::problem(error, &request_id)
    };
    with_cookies(response, failed.headers())
}

/// Keeps the cookies that the app itself set beside a failure.
fn with_cookies(mut response: Response, headers: &HeaderMap) -> Response {
    for cookie in headers.get_all(SET_COOKIE) {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    response
}

/// What a person can quote and a log line can be found by.
fn request_id() -> String {
    match random::bytes::<6>() {
        Ok(bytes) => base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes),
        Err(_) => "unknown".to_owned(),
    }
}
