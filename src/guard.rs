//! The guard: a layer behind which nobody is anonymous, and everybody passes its rule and its hook.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::Auth;
use crate::authorize::{Decision, Hook, IntoDecision};
use crate::error::{Error, Kind};
use crate::layer::{AuthLayer, AuthService};
use crate::pages;
use crate::rule::{Rule, Truth};
use crate::session::View;
use crate::user::User;
use crate::visit::{is_foreign_socket, is_from_app, page};

impl Auth {
    /// A layer behind which everybody is logged in: for a router, for a branch of one, for a single
    /// route, or for any other service, such as one that serves files.
    ///
    /// ```no_run
    /// # use axum::{Router, routing::get};
    /// # fn main() -> Result<(), keycard::ConfigError> {
    /// # let (home, report, shared) = (get(async || "home"), get(async || "r"), get(async || "s"));
    /// let auth = keycard::Auth::from_secrets()?;
    /// let app: Router = Router::new()
    ///     .route("/", home)
    ///     .route("/reports/{id}", report)
    ///     .route("/shared/{id}", shared)
    ///     .layer(auth.require_login().except("/shared/{id}"));
    /// # Ok(()) }
    /// ```
    ///
    /// A person who goes to a page (by `Sec-Fetch-Mode`, else by `Accept: text/html`: curl needs a header)
    /// is sent to log in, straight on where there is one provider, and comes back to that page. Who sends
    /// a form gets a page that says that it was not kept. Everything else, such as a script or an image,
    /// gets 401 with the address of the login as JSON (RFC 9457). No handler behind the guard runs for any
    /// of them.
    ///
    /// A guard also refuses what may change something (POST, PUT, PATCH, DELETE) and comes from a page
    /// of another site, and WebSockets that such a page asks for: both get 403.
    ///
    /// It does all that [`layer`](Self::layer) does, too, and answers keycard's own paths where it sees
    /// them: an app that is guarded as a whole needs no other layer. Where only a branch is guarded, the
    /// root router has [`layer`](Self::layer).
    ///
    /// Answers say `private` and `Vary: Cookie`, beside what the handler says of caching: its `max-age`
    /// is for the browser alone. `public` and `s-maxage` are the app's own word: with one of them behind a
    /// guard, a cache that does not heed `Vary` hands the page to whoever asks.
    ///
    /// axum shows a layer what the router held when the layer was added; `route_layer` leaves out the
    /// fallback. Routes that are added later, and by `merge` or `nest`, are not guarded.
    pub fn require_login(&self) -> Guard {
        Guard {
            auth: self.clone(),
            gate: Gate {
                rule: None,
                guests: Vec::new(),
                hook: None,
                foreign_changes: ForeignChanges::Refused,
            },
        }
    }

    /// The same for a page that is for some people alone.
    ///
    /// ```no_run
    /// # use axum::{Router, routing::get};
    /// use keycard::rule::{email_domain, has_role};
    ///
    /// # fn main() -> Result<(), keycard::ConfigError> {
    /// # let admin: Router = Router::new();
    /// let auth = keycard::Auth::from_secrets()?;
    /// let rule = has_role("admin").and(email_domain("example.com"));
    /// let app: Router = Router::new()
    ///     .nest("/admin", admin.layer(auth.require(rule)))
    ///     .layer(auth.layer());
    /// # Ok(()) }
    /// ```
    ///
    /// Whom the rule keeps out gets 403: a page with a button to log in with another account, or JSON.
    /// The log has one line, which names the rule, or what the provider has not told.
    pub fn require(&self, rule: Rule) -> Guard {
        let mut guard = self.require_login();
        guard.gate.rule = Some(rule);
        guard
    }
}

/// What [`Auth::require_login`] and [`Auth::require`] return: a layer.
#[derive(Clone, Debug)]
#[must_use = "a guard keeps nobody out until it is a layer of something"]
pub struct Guard {
    auth: Auth,
    gate: Gate,
}

/// Whom a guard lets through.
#[derive(Clone, Debug)]
struct Gate {
    rule: Option<Rule>,
    /// Routes that are open to everybody, as the router has them.
    guests: Vec<String>,
    hook: Option<Hook>,
    foreign_changes: ForeignChanges,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ForeignChanges {
    Refused,
    Taken,
}

impl Guard {
    /// Leaves one route open to everybody, and unguarded in every respect: written as the router has
    /// it, `/shared/{id}`, with what routers around it put in front of it (`nest`).
    ///
    /// What counts is the route that the router found ([`MatchedPath`]), never the text of an address.
    /// So no address opens anything else, a request without a route is guarded (a fallback, the files of
    /// a `nest_service`, a guard around the router as a whole), and a misspelt route opens nothing. To
    /// leave files open, add them behind the guard's line.
    pub fn except(mut self, route: impl Into<String>) -> Self {
        let route = route.into();
        if route.split('/').any(|part| part.starts_with(['*', ':'])) {
            tracing::warn!(
                route,
                "no router of axum 0.8 has a route of this name, unless it was built without_v07_checks, \
                 so it opens nothing: a part of a path is written {{name}}, all the rest {{*rest}}"
            );
        }
        self.gate.guests.push(route);
        self
    }

    /// Asks the app itself about everybody whom the rule lets in, at every request: who it is, and the
    /// request without its body, as the guarded service sees it.
    ///
    /// ```no_run
    /// use axum::extract::MatchedPath;
    /// use keycard::Decision;
    ///
    /// # struct Members;
    /// # impl Members { async fn has(&self, _: Option<&str>) -> Result<bool, std::io::Error> { Ok(true) } }
    /// # fn main() -> Result<(), keycard::ConfigError> {
    /// # let members = std::sync::Arc::new(Members);
    /// # let auth = keycard::Auth::from_secrets()?;
    /// let guard = auth.require_login().authorize(move |user, request| {
    ///     let members = members.clone();
    ///     async move {
    ///         let route = request.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    ///         Ok::<_, std::io::Error>(match members.has(user.subject()).await? {
    ///             true => Decision::Allow,
    ///             false if route == Some("/welcome") => Decision::Allow,
    ///             false => Decision::GoTo("/welcome".to_owned()),
    ///         })
    ///     }
    /// });
    /// # Ok(()) }
    /// ```
    ///
    /// Decide by the route that the router found ([`MatchedPath`]), as [`except`](Self::except) does, never
    /// by the text of the address: a router around this one takes its prefix off (`nest`), and who serves
    /// files reads more than one text as the same page. In a nested router the route has that prefix, `/club/welcome`;
    /// so does the page that `GoTo` names.
    ///
    /// An error denies, with its text in the log, and so does a panic. The request waits for it as long
    /// as it takes: give a question that may hang a deadline. The last hook given is the one that is
    /// asked.
    pub fn authorize<F, A>(mut self, hook: F) -> Self
    where
        F: Fn(User, Parts) -> A + Send + Sync + 'static,
        A: Future<Output: IntoDecision> + Send + 'static,
    {
        self.gate.hook = Some(Hook::new(hook));
        self
    }

    /// Lets pages of other sites send forms and change things in the name of whoever is logged in: the
    /// handlers have to see to it that nobody is made to do what they do not want.
    pub fn insecure_foreign_changes(mut self) -> Self {
        self.gate.foreign_changes = ForeignChanges::Taken;
        self
    }
}

impl<S> Layer<S> for Guard {
    type Service = AuthService<GuardService<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        let guarded = GuardService {
            gate: Arc::new(self.gate.clone()),
            inner,
        };
        AuthLayer::layer(&self.auth.layer(), guarded)
    }
}

impl Gate {
    /// Whether everybody may come here.
    fn is_open(&self, parts: &Parts) -> bool {
        let is_guest = |route: &MatchedPath| self.guests.iter().any(|it| it == route.as_str());
        parts.extensions.get::<MatchedPath>().is_some_and(is_guest)
    }

    /// Who may go on, as far as the request tells it.
    fn judge(&self, view: &View, parts: &Parts) -> Result<User, Error> {
        let site = view.snapshot().site();
        if is_foreign_socket(parts, site) {
            return Err(Kind::ForeignSocket.into());
        }
        if self.foreign_changes == ForeignChanges::Refused
            && !parts.method.is_safe()
            && !is_from_app(&parts.method, &parts.headers, site)
        {
            let method = parts.method.as_str().chars().take(16).collect();
            return Err(Kind::SentFromElsewhere { method }.into());
        }
        let user = view.user(parts);
        if !user.is_logged_in() {
            return Err(view.login_required(parts));
        }
        let Some(rule) = &self.rule else {
            return Ok(user);
        };
        let judgement = rule.judge(&user, view.snapshot().now());
        let why = match (judgement.truth, judgement.wants_login) {
            (Truth::True, _) => return Ok(user),
            (_, Some(seconds)) => return Err(view.login_too_old(parts, &user, seconds)),
            (Truth::False, None) => format!("{rule} is not so"),
            (Truth::Unknown(what), None) => format!("{rule} needs {what}, which is not told"),
        };
        let error = view.denied(parts, why);
        Err(error.at(user.provider().unwrap_or_default()))
    }
}

/// What becomes of a request after the hook was asked.
async fn ask(
    hook: Hook,
    user: User,
    view: Arc<View>,
    request: Request,
) -> Result<Request, Response> {
    let (parts, body) = request.into_parts();
    let denied = |why: String| {
        let error = view.denied(&parts, why);
        let provider = user.provider().unwrap_or_default();
        error.at(provider).into_response()
    };
    match hook.ask(user.clone(), parts.clone()).await {
        Ok(Decision::Allow) => Ok(Request::from_parts(parts, body)),
        Ok(Decision::Deny) => Err(denied("the authorize hook denies it".to_owned())),
        Ok(Decision::GoTo(_)) if !view.is_navigation => {
            let why = "the authorize hook sends people elsewhere, and this is no page";
            Err(denied(why.to_owned()))
        }
        Ok(Decision::GoTo(path)) => {
            let site = view.snapshot().site();
            let goal = view.snapshot().return_to(&path);
            let goal = goal.map_or_else(|| site.home(), |path| path.as_str().to_owned());
            // Browsers keep a fragment to themselves, and a proxy may take the base path off.
            let page_of = |path: &str| {
                let path = path.split('#').next().unwrap_or_default().to_owned();
                if path == site.base_path() {
                    site.home()
                } else {
                    path
                }
            };
            if page(&parts, site).is_some_and(|here| page_of(&here) == page_of(&goal)) {
                return Err(denied(
                    "the authorize hook sends a page to itself".to_owned(),
                ));
            }
            Err(pages::see_other(&goal).unwrap_or_else(IntoResponse::into_response))
        }
        Err(why) => {
            let why: String = why.chars().take(200).collect();
            let why = why.escape_debug();
            Err(denied(format!("the authorize hook failed: {why}")))
        }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S> Service<Request> for GuardService<S>
where
    S: Service<Request> + Clone,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = GuardFuture<S>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (parts, body) = request.into_parts();
        if self.gate.is_open(&parts) {
            let future = self.inner.call(Request::from_parts(parts, body));
            return GuardFuture::inner(future);
        }
        let judged = View::of(&parts).map(Arc::clone).and_then(|view| {
            let user = self.gate.judge(&view, &parts)?;
            Ok((view, user))
        });
        let request = Request::from_parts(parts, body);
        match (judged, &self.gate.hook) {
            (Err(error), _) => GuardFuture {
                answer: Answer::Refused {
                    response: Some(error.into_response()),
                },
            },
            (Ok(_), None) => GuardFuture::inner(self.inner.call(request)),
            (Ok((view, user)), Some(hook)) => {
                let asked = Box::pin(ask(hook.clone(), user, view, request));
                // The one that is ready is the one to call.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                GuardFuture {
                    answer: Answer::Asked { asked, inner },
                }
            }
        }
    }
}

pin_project! {
    /// The answer of a [`GuardService`].
    pub struct GuardFuture<S: Service<Request>> {
        #[pin]
        answer: Answer<S, S::Future>,
    }
}

pin_project! {
    #[project = AnswerProjection]
    enum Answer<S, F> {
        Asked {
            asked: Pin<Box<dyn Future<Output = Result<Request, Response>> + Send>>,
            inner: S,
        },
        Inner { #[pin] future: F },
        Refused { response: Option<Response> },
    }
}

impl<S: Service<Request>> GuardFuture<S> {
    fn inner(future: S::Future) -> Self {
        let answer = Answer::Inner { future };
        Self { answer }
    }
}

impl<S: Service<Request>> fmt::Debug for GuardFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardFuture")
    }
}

impl<S> Future for GuardFuture<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Output = Result<Response, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = self.project().answer;
        loop {
            let future = match answer.as_mut().project() {
                AnswerProjection::Asked { asked, inner } => {
                    match ready!(asked.as_mut().poll(context)) {
                        Ok(request) => inner.call(request),
                        Err(response) => return Poll::Ready(Ok(response)),
                    }
                }
                AnswerProjection::Inner { future } => {
                    let response = ready!(future.poll(context))?;
                    return Poll::Ready(Ok(response.into_response()));
                }
                AnswerProjection::Refused { response } => {
                    // A future is not polled after it was ready.
                    return Poll::Ready(Ok(response.take().unwrap_or_default()));
                }
            };
            answer.set(Answer::Inner { future });
        }
    }
}
