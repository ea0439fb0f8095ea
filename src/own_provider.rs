//! A provider of the app's own: a way to log in that keycard does not know, as two steps of code.
//!
//! [`Provider::begin`] says where the browser goes, or what page it is shown; [`Provider::finish`]
//! says who came back. Everything between the two is keycard's: the state, the cookies, the callback,
//! the deadline, the pages and the log lines of failures. A callback reaches `finish` only in the
//! browser that the login began in, within ten minutes, with the state that `begin` was given.
//!
//! ```no_run
//! use keycard::Auth;
//! use keycard::own_provider::{Answer, Beginning, Begun, Callback, Failure, Provider, Vouched};
//!
//! /// The company's portal, which sends people back with a ticket.
//! struct Portal;
//!
//! impl Provider for Portal {
//!     fn begin<'a>(&'a self, login: &'a Beginning) -> Answer<'a, Begun> {
//!         Box::pin(async move {
//!             let query = [("back", login.redirect_uri()), ("state", login.state())];
//!             let url = url::Url::parse_with_params("https://portal.example/", query);
//!             let url = url.map_err(|_| Failure::failed("the portal has no address"))?;
//!             Ok(Begun::redirect(url))
//!         })
//!     }
//!
//!     fn finish<'a>(&'a self, callback: &'a Callback) -> Answer<'a, Vouched> {
//!         Box::pin(async move {
//!             let ticket = callback.parameter("ticket");
//!             let ticket = ticket.ok_or_else(|| Failure::failed("the portal sent no ticket"))?;
//!             let person = ask_the_portal(ticket).await?;
//!             Ok(Vouched::new("https://portal.example", person).claim("name", "Ada"))
//!         })
//!     }
//! }
//!
//! # async fn ask_the_portal(_: &str) -> Result<String, Failure> { Ok(String::new()) }
//! # fn main() -> Result<(), keycard::ConfigError> {
//! let auth = Auth::builder().secrets().provider("portal", Portal).build()?;
//! # Ok(()) }
//! ```
//!
//! A section `[auth.portal]` may say the rest: `label`, `claims`, `redirect_uri`, `timeout` and
//! `user_key`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Map, Value};

use crate::secret::Secret;

/// What the two steps of a [`Provider`] return: `Box::pin(async move { … })`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A way to log in that keycard does not know.
///
/// [`AuthBuilder::provider`](crate::AuthBuilder::provider) adds one under a name, by which
/// [`Session::login`](crate::Session::login) begins a login with it.
///
/// Each step runs in a task of its own and has `timeout` of the settings (10 s unless they say
/// otherwise) to answer. One that takes longer, or panics, is one failed login. A panic is caught
/// where panics unwind, which is the default, and printed by the app's panic hook as any other.
pub trait Provider: Send + Sync {
    /// Begins a login: where the browser goes, or what page it is shown.
    ///
    /// Anybody's visit of `/auth/login` gets here, and a link on another site can bring it about: one
    /// that sends codes or mails has to limit how many.
    ///
    /// Whatever comes back must bring [`Beginning::state`] along as the parameter `state`.
    ///
    /// # Errors
    ///
    /// A [`Failure`] ends the login before it has begun.
    fn begin<'a>(&'a self, login: &'a Beginning) -> Answer<'a, Begun>;

    /// Says who came back. keycard has checked the state; all else in the callback's parameters
    /// comes from the browser, and is for this step to verify.
    ///
    /// A double click, or a reload while this step is at work, is answered with what it answers, and
    /// does not ask again. A browser that means harm may come back with other parameters as often as
    /// it likes before the ten minutes are over, so what must not be guessed has to be long:
    /// [`Beginning::nonce`] is.
    ///
    /// # Errors
    ///
    /// A [`Failure`] is a page for the person, and a line of the log with its own words.
    fn finish<'a>(&'a self, callback: &'a Callback) -> Answer<'a, Vouched>;

    /// Which people it knows. Whoever logged in under another version is logged out: change it
    /// when a subject becomes somebody else's. It is asked once, when the provider is added.
    fn version(&self) -> &str {
        "1"
    }
}

/// A login that begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    pub(crate) state: Secret,
    pub(crate) nonce: Secret,
    pub(crate) redirect_uri: String,
    pub(crate) parameters: Vec<(String, Secret)>,
    pub(crate) now: SystemTime,
}

impl Beginning {
    /// The value that has to come back as the parameter `state` (RFC 6749 §4.1.1): 43 characters of
    /// A-Z, a-z, 0-9, `-` and `_`. The browser may see it; nobody else may.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.expose()
    }

    /// A second value of the same kind for whatever must not be guessed, such as a one-time code or
    /// the `nonce` of a token. It is in no cookie that can be read, and
    /// [`Callback::is_nonce`] knows it again.
    #[must_use]
    pub fn nonce(&self) -> &str {
        self.nonce.expose()
    }

    /// Where the browser has to come back to, by GET.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// What [`LoginRequest::param`](crate::LoginRequest::param) gave this login under that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.parameters, name)
    }

    /// The time by the app's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }
}

/// How a login has begun.
#[derive(Clone, Debug)]
#[must_use = "it does nothing unless `begin` returns it"]
pub struct Begun {
    pub(crate) way: Way,
    pub(crate) remembered: Secret,
}

#[derive(Clone, Debug)]
pub(crate) enum Way {
    Page(Page),
    Redirect(Secret),
}

impl Begun {
    /// Sends the browser to an absolute http or https URL.
    pub fn redirect(url: impl Into<String>) -> Self {
        Self::by(Way::Redirect(Secret::new(url)))
    }

    /// Shows a page.
    pub fn page(page: Page) -> Self {
        Self::by(Way::Page(page))
    }

    fn by(way: Way) -> Self {
        let remembered = Secret::new("");
        Self { way, remembered }
    }

    /// Text that [`Callback::remembered`] brings back, of at most 256 bytes. It travels in the
    /// login's cookie, sealed: the browser can neither read nor change it.
    pub fn remember(mut self, text: impl Into<String>) -> Self {
        self.remembered = Secret::new(text);
        self
    }
}

/// A page in the manner of keycard's own. It takes text alone and escapes all of it, so whatever
/// stands in it is never markup.
// What it says may be for the person alone.
#[derive(Clone)]
#[must_use = "it is shown when `Begun::page` takes it"]
pub struct Page {
    pub(crate) title: String,
    pub(crate) paragraphs: Vec<String>,
    pub(crate) fields: Vec<Field>,
    pub(crate) button: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl Page {
    /// A page with this heading.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            paragraphs: Vec::new(),
            fields: Vec::new(),
            button: "Log in".to_owned(),
        }
    }

    /// Adds a paragraph.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.paragraphs.push(text.into());
        self
    }

    /// Adds a field to fill in, which [`Callback::parameter`] has under this name. A page with a
    /// field is a form that leads to the callback, with the state. What is filled in stands in the
    /// address there: it is for codes that are good once, not for passwords.
    pub fn field(mut self, name: impl Into<String>, label: impl Into<String>) -> Self {
        let (name, label) = (name.into(), label.into());
        self.fields.push(Field { name, label });
        self
    }

    /// What the form's button says, `Log in` unless this does.
    pub fn button(mut self, label: impl Into<String>) -> Self {
        self.button = label.into();
        self
    }
}

/// A callback of a login that this browser began, with the state that it began with.
#[derive(Clone, Debug)]
pub struct Callback {
    pub(crate) parameters: Vec<(String, Secret)>,
    pub(crate) remembered: Secret,
    pub(crate) nonce: Secret,
    pub(crate) redirect_uri: String,
    pub(crate) now: SystemTime,
}

impl Callback {
    /// A parameter of the callback, decoded. Each name stands at most once in it. `state`, `iss`, `rest`
    /// and `posted` are keycard's, `code` has at most 4 KB, and one with `error` never gets here: it is
    /// a login that was refused (RFC 6749 §4.1.2.1).
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.parameters, name)
    }

    /// All of them.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let parameters = self.parameters.iter();
        parameters.map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// What [`Begun::remember`] gave; empty where it gave nothing.
    #[must_use]
    pub fn remembered(&self) -> &str {
        self.remembered.expose()
    }

    /// Whether it is what [`Beginning::nonce`] was, in a time that does not tell how much of it is.
    #[must_use]
    pub fn is_nonce(&self, text: &str) -> bool {
        verify_slices_are_equal(text.as_bytes(), self.nonce.expose().as_bytes()).is_ok()
    }

    /// Where the browser was sent back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The time by the app's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }
}

fn find<'a>(parameters: &'a [(String, Secret)], wanted: &str) -> Option<&'a str> {
    let mut parameters = parameters.iter();
    let (_, value) = parameters.find(|(name, _)| name == wanted)?;
    Some(value.expose())
}

/// Somebody whom the provider vouches for.
// Who it is stays out of logs.
#[derive(Clone)]
#[must_use = "nobody is logged in unless `finish` returns it"]
pub struct Vouched {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) auth_time: Option<SystemTime>,
    pub(crate) claims: Map<String, Value>,
}

impl Vouched {
    /// The person whom this issuer calls by this subject. Both together are who somebody is, so the
    /// subject must never become somebody else's; each has 1 to 255 printable ASCII characters. The
    /// issuer, by custom a URL, is compared with those of the settings, and must be none of them; two
    /// providers of the app's own see to it themselves that each has one of its own.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            auth_time: None,
            claims: Map::new(),
        }
    }

    /// When they proved who they are (`auth_time`, OpenID Connect Core §2).
    pub fn auth_time(mut self, at: SystemTime) -> Self {
        self.auth_time = Some(at);
        self
    }

    /// A claim such as `name`, `email`, `email_verified` or `roles` (OpenID Connect Core §5.1), where
    /// [`User`](crate::User) finds it.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }
}

impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vouched")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// A login that came to nothing, with words for the log. The page for the person has keycard's own
/// words; on the machine itself it shows these, too. They hold no secret, and no more than 200
/// characters of them are kept.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) words: String,
    pub(crate) is_refusal: bool,
}

impl Failure {
    /// The provider cannot tell who it is: it is down, or what came back makes no sense
    /// (`own_provider_failed`, status 502).
    #[must_use]
    pub fn failed(words: impl Into<String>) -> Self {
        let (words, is_refusal) = (words.into(), false);
        Self { words, is_refusal }
    }

    /// This person may not log in, or has not proved who they are (`own_provider_refused`,
    /// status 403).
    #[must_use]
    pub fn refused(words: impl Into<String>) -> Self {
        let (words, is_refusal) = (words.into(), true);
        Self { words, is_refusal }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}

/// A provider that the app has added, with its name.
#[derive(Clone)]
pub(crate) struct Added {
    pub(crate) name: String,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) version: String,
}

impl Added {
    pub(crate) fn new(name: &str, provider: impl Provider + 'static) -> Self {
        Self {
            name: name.to_owned(),
            version: provider.version().to_owned(),
            provider: Arc::new(provider),
        }
    }
}

impl fmt::Debug for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Added({:?})", self.name)
    }
}

/// The very same one: two of one type may know different people.
impl PartialEq for Added {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.provider, &other.provider)
    }
}

impl Eq for Added {}
