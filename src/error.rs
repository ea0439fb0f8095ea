//! Every way in which a login can fail, as data.
//!
//! A [`Kind`] knows what happened; [`Explanation`] says it in words, once for each code. How a
//! failure becomes a page, JSON or a log line is decided further up, where the request is known.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::typed_claims::Misfit;

/// What keycard's functions return when they may fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A login, a callback or a request that failed, and why.
///
/// It has a stable [`code`](Self::code), it knows [whose fault](Self::fault) it is and
/// [what to do](Self::cure). `Display` and `Debug` name what was expected and what was found,
/// never a secret, a token, a code or a cookie. Returned from a handler it becomes a page for a
/// person and JSON (RFC 9457) for a script, with one line in the log; `docs/failures.md` lists
/// every code.
#[derive(Clone)]
pub struct Error(Arc<Failure>);

#[derive(Clone)]
struct Failure {
    kind: Kind,
    provider: Option<String>,
    /// Where the login was to end; empty for home.
    goal: String,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The browser, or the person in front of it: trying again helps.
    Browser,
    /// Nobody's: the login was refused or cancelled, as it should be.
    Refusal,
    /// The provider's: it is down, or it answered something that cannot be trusted.
    Provider,
    /// The app's: its configuration, its code, its machine.
    App,
}

impl Error {
    /// The stable name of this failure, such as `login_expired`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.explanation().code
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match &self.0.kind {
            Kind::ProviderRefused { error, .. } if refusal_status(error).is_server_error() => {
                Fault::Provider
            }
            _ => self.explanation().fault,
        }
    }

    /// The HTTP status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0.kind {
            Kind::ProviderRefused { error, .. } => refusal_status(error),
            _ => self.explanation().status,
        }
    }

    /// What happened, in a sentence for the person in front of the browser.
    #[must_use]
    pub fn what_happened(&self) -> &'static str {
        self.explanation().cause
    }

    /// What that person can do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        self.explanation().cure
    }

    /// What whoever runs the app can do about it; empty where nothing is to be done.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.explanation().advice
    }

    /// The provider whose login it was, if one was involved.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    pub(crate) fn title(&self) -> &'static str {
        self.explanation().title
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The same failure, naming the provider whose login it was.
    #[must_use]
    pub(crate) fn at(mut self, provider: &str) -> Self {
        Arc::make_mut(&mut self.0).provider = Some(provider.to_owned());
        self
    }

    /// The same failure, of a login that was to end at this path of the app.
    #[must_use]
    pub(crate) fn on_the_way_to(mut self, goal: &str) -> Self {
        goal.clone_into(&mut Arc::make_mut(&mut self.0).goal);
        self
    }

    /// Where the login was to end, unless it is home.
    pub(crate) fn goal(&self) -> Option<&str> {
        Some(self.0.goal.as_str()).filter(|goal| !goal.is_empty())
    }

    fn explanation(&self) -> &'static Explanation {
        self.0.kind.explanation()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(Failure {
            kind,
            provider: None,
            goal: String::new(),
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = self.provider() {
            write!(f, "provider \"{}\": ", provider.escape_debug())?;
        }
        self.0.kind.fmt(f)
    }
}

// What `main` prints of an error that it returns is its `Debug`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.code())
    }
}

impl std::error::Error for Error {}

/// An endpoint of a provider, as the specifications call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    #[cfg(feature = "cli")]
    Authorization,
    Metadata,
    Keys,
    /// Code of the app's own.
    OwnProvider,
    PushedRequest,
    Revocation,
    Token,
    Userinfo,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(feature = "cli")]
            Self::Authorization => "authorization endpoint",
            Self::Metadata => "metadata document",
            Self::Keys => "key set",
            Self::OwnProvider => "own code",
            Self::PushedRequest => "endpoint for pushed requests",
            Self::Revocation => "revocation endpoint",
            Self::Token => "token endpoint",
            Self::Userinfo => "userinfo endpoint",
        })
    }
}

/// What happened. The text is for the log and for the local page; texts that came from outside
/// have been cleaned before they get here.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Kind {
    // What the browser brought.
    #[error("the callback is malformed: {what}")]
    CallbackMalformed { what: &'static str },
    #[error("no cookie of this app came with the callback")]
    LoginCookieMissing,
    #[error("no login of this browser has the state that came with the callback")]
    StateUnknown,
    #[error("the pending login is {seconds} s old, of at most 600 s")]
    LoginExpired { seconds: u64 },
    #[error("the pending login that came with the callback cannot be opened")]
    LoginUnreadable,
    #[error("the provider's section has changed since this login began")]
    ConfigurationChanged,
    #[error("the answer names the issuer \"{found}\", but the login was begun at \"{expected}\"")]
    AnswerFromAnotherIssuer { expected: String, found: String },
    #[error("the answer came to {found}, but this provider's logins come back to {expected}")]
    AnswerAtAnotherPath { expected: String, found: String },
    #[error("the answer lacks `iss`, which the provider's metadata promises")]
    AnswerWithoutIssuer,
    #[error("the provider's answer has neither a code nor an error")]
    AnswerWithoutCode,
    #[error("the same browser logged in {count} times in two minutes and stayed anonymous")]
    LoginLoops { count: u8 },
    #[error("this browser has more logins under way than fit its cookies")]
    TooManyLogins,

    // Requests that may not start a login or see a page.
    #[error("a login was asked for by a request that another site made")]
    LoginCrossSite,
    #[error("a login was asked for inside a frame")]
    LoginInFrame,
    #[error("a login was asked for by a script, not by a navigation")]
    LoginByScript { login_url: String },
    #[error("no provider is named \"{name}\"; configured: {configured}{suggestion}")]
    UnknownProvider {
        name: String,
        configured: String,
        suggestion: String,
    },
    #[error("this page needs somebody who is logged in")]
    LoginRequired { login_url: String },
    #[error("this page needs a login of the last {seconds} s")]
    LoginTooOld { seconds: u32, login_url: String },
    #[error("a form was sent to a page that needs a login first")]
    SentBeforeLogin { login_url: String },
    #[error("a rule keeps them out: {why}")]
    Denied { why: String, login_url: String },
    #[error("a page of another site sent a {method} in the person's name")]
    SentFromElsewhere { method: String },
    #[error("a page of another site asked for a WebSocket")]
    ForeignSocket,
    #[error("the form of a login came late, broken or over 8 KB")]
    FormUnreadable,
    #[error("{method} is not answered here")]
    MethodNotAllowed { method: String, allow: &'static str },

    #[error("its section has mistakes: {mistakes}")]
    ProviderMisconfigured { mistakes: String },

    #[error(
        "another provider could pass off this one's answers as its own: they do not name it, and \
         come to the path of others"
    )]
    MixUpPossible,

    // A password typed into the app.
    #[cfg(feature = "password")]
    #[error(
        "the password form is for this very machine, and the request is not known to be its own"
    )]
    PasswordNotLocal,
    #[cfg(feature = "password")]
    #[error("the user name and password were refused (invalid_grant)")]
    PasswordRefused,
    #[cfg(feature = "password")]
    #[error("five passwords were tried within a minute; the next may be in {seconds} s")]
    TooManyTries { seconds: u64 },

    // What the provider said.
    #[error("the person cancelled the login, or the provider denied it")]
    LoginCancelled,
    #[error("the provider answered with the error `{error}`{description}")]
    ProviderRefused { error: String, description: String },

    // The provider is down, or answered something that cannot be used.
    #[error("its {endpoint} cannot be reached: {why}")]
    ProviderUnreachable {
        endpoint: Endpoint,
        why: &'static str,
    },
    #[error("its {endpoint} did not answer in time")]
    ProviderTimeout { endpoint: Endpoint },
    #[error("its {endpoint} answered with status {status}")]
    ProviderStatus { endpoint: Endpoint, status: u16 },
    #[error("its metadata cannot be used: {what}")]
    MetadataInvalid { what: String },
    #[error(
        "its metadata names the issuer \"{found}\", but its address belongs to \"{expected}\"; \
         if that is right, put issuer = \"{found}\" into its section"
    )]
    MetadataIssuerDiffers { expected: String, found: String },
    #[error("its key set cannot be used: {what}")]
    KeysInvalid { what: String },
    #[error("client_id, client_secret or private_key was refused (invalid_client)")]
    ClientRefused,
    #[error("the authorization code was refused (invalid_grant)")]
    CodeRefused,
    #[error("the token endpoint answered with the error `{error}`")]
    TokenRefused { error: String },
    #[error("the token endpoint's answer cannot be used: {what}")]
    TokenAnswerInvalid { what: String },
    #[error("the answer to the pushed request cannot be used: {what}")]
    PushAnswerInvalid { what: String },
    #[error("the ID token was refused: {check}: expected {expected}, found {found}")]
    IdTokenRefused {
        check: &'static str,
        expected: String,
        found: String,
    },
    #[error(
        "the ID token's `{claim}` is {seconds} s off this machine's clock, of at most {allowed} s"
    )]
    ClockDiffers {
        claim: &'static str,
        seconds: i64,
        allowed: u64,
    },
    #[error("userinfo cannot be used: {what}")]
    UserinfoInvalid { what: String },
    #[error("userinfo speaks of another subject than the ID token")]
    UserinfoSubjectDiffers,
    #[error("the account's `{claim}` is not one that the section lets in: found {found}")]
    AccountNotAllowed { claim: &'static str, found: String },
    #[error("the account's claims do not fit {wanted}: {misfit}")]
    ClaimsRefused {
        wanted: &'static str,
        misfit: Misfit,
    },
    #[error("the app's own provider failed: {what}")]
    OwnProviderFailed { what: String },
    #[error("the app's own provider refused the login: {what}")]
    OwnProviderRefused { what: String },
    #[error("the identity does not fit its cookies: {report}")]
    IdentityTooLarge { report: String },

    // The tokens of somebody who is logged in.
    #[error("the provider renews their tokens no more, or they are not here")]
    TokenExpired,
    #[error("a token that ends soon was asked for after the head of the answer was sent")]
    TokenNeedsRequest,
    #[error("the provider gave no {token} token")]
    TokenNotGiven { token: &'static str },
    #[error("the section does not say expose_tokens = \"{token}\"")]
    TokensNotExposed { token: &'static str },
    #[error("the tokens do not fit their cookies: {sizes}")]
    TokensTooLarge { sizes: String },

    // Ours.
    #[error("the operating system gave no randomness")]
    RandomUnavailable,
    #[error("the request did not come through keycard: add `.layer(auth.layer())` to the router")]
    LayerMissing,
    #[error("the claims do not fit {wanted}: {misfit}")]
    ClaimsDoNotFit {
        wanted: &'static str,
        misfit: Misfit,
    },
    #[error("nobody is logged in")]
    Anonymous,
    #[error("the app's own page `{page}` panicked, and keycard's was shown")]
    PagePanicked { page: &'static str },
    #[error("the answer cannot be written: {what}")]
    AnswerUnwritable { what: &'static str },
}

/// A failure in words: for the person, and for whoever runs the app.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) code: &'static str,
    pub(crate) fault: Fault,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) cure: &'static str,
    pub(crate) advice: &'static str,
}

impl Kind {
    fn explanation(&self) -> &'static Explanation {
        let code = self.code();
        // Every code that `code` returns has its row, which a test below makes sure of.
        EXPLANATIONS
            .iter()
            .find(|row| row.code == code)
            .unwrap_or(&EXPLANATIONS[0])
    }

    fn code(&self) -> &'static str {
        match self {
            Self::AccountNotAllowed { .. } => "account_not_allowed",
            Self::Anonymous | Self::LoginRequired { .. } => "login_required",
            Self::AnswerAtAnotherPath { .. } => "answer_at_another_path",
            Self::AnswerFromAnotherIssuer { .. } => "answer_from_another_issuer",
            Self::AnswerUnwritable { .. } => "answer_unwritable",
            Self::AnswerWithoutCode => "answer_without_code",
            Self::AnswerWithoutIssuer => "answer_without_issuer",
            Self::CallbackMalformed { .. } => "callback_malformed",
            Self::ClaimsDoNotFit { .. } => "claims_do_not_fit",
            Self::ClaimsRefused { .. } => "claims_refused",
            Self::ClientRefused => "client_refused",
            Self::ClockDiffers { .. } => "clock_differs",
            Self::CodeRefused => "code_refused",
            Self::ConfigurationChanged => "configuration_changed",
            Self::ForeignSocket => "foreign_socket",
            Self::FormUnreadable => "form_unreadable",
            Self::Denied { .. } => "denied",
            Self::IdTokenRefused { .. } => "id_token_refused",
            Self::IdentityTooLarge { .. } => "identity_too_large",
            Self::KeysInvalid { .. } => "keys_invalid",
            Self::LayerMissing => "layer_missing",
            Self::LoginByScript { .. } => "login_by_script",
            Self::LoginCancelled => "login_cancelled",
            Self::LoginCookieMissing => "login_cookie_missing",
            Self::LoginCrossSite => "login_cross_site",
            Self::LoginExpired { .. } => "login_expired",
            Self::LoginInFrame => "login_in_frame",
            Self::LoginLoops { .. } => "login_loops",
            Self::LoginTooOld { .. } => "login_too_old",
            Self::LoginUnreadable => "login_unreadable",
            Self::MetadataInvalid { .. } => "metadata_invalid",
            Self::MetadataIssuerDiffers { .. } => "metadata_issuer_differs",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::MixUpPossible => "mix_up_possible",
            Self::OwnProviderFailed { .. } => "own_provider_failed",
            Self::OwnProviderRefused { .. } => "own_provider_refused",
            Self::PagePanicked { .. } => "page_panicked",
            #[cfg(feature = "password")]
            Self::PasswordNotLocal => "password_not_local",
            #[cfg(feature = "password")]
            Self::PasswordRefused => "password_refused",
            Self::ProviderMisconfigured { .. } => "provider_misconfigured",
            Self::ProviderRefused { .. } => "provider_refused",
            Self::ProviderStatus { .. } => "provider_status",
            Self::ProviderTimeout { .. } => "provider_timeout",
            Self::ProviderUnreachable { .. } => "provider_unreachable",
            Self::PushAnswerInvalid { .. } => "push_answer_invalid",
            Self::RandomUnavailable => "random_unavailable",
            Self::SentBeforeLogin { .. } => "sent_before_login",
            Self::SentFromElsewhere { .. } => "sent_from_elsewhere",
            Self::StateUnknown => "state_unknown",
            Self::TokenAnswerInvalid { .. } => "token_answer_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenNeedsRequest => "token_needs_a_request",
            Self::TokenNotGiven { .. } => "token_not_given",
            Self::TokenRefused { .. } => "token_refused",
            Self::TokensNotExposed { .. } => "tokens_not_exposed",
            Self::TokensTooLarge { .. } => "tokens_too_large",
            Self::TooManyLogins => "too_many_logins",
            #[cfg(feature = "password")]
            Self::TooManyTries { .. } => "too_many_tries",
            Self::UnknownProvider { .. } => "unknown_provider",
            Self::UserinfoInvalid { .. } => "userinfo_invalid",
            Self::UserinfoSubjectDiffers => "userinfo_subject_differs",
        }
    }
}

/// An error code of OAuth as it may stand in a log (RFC 6749 §5.2): whatever else a stranger or a
/// provider puts in its place stays out.
pub(crate) fn error_code(text: &str) -> String {
    let honest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(honest) {
        text.to_owned()
    } else {
        "(unreadable)".to_owned()
    }
}

/// The status of a login that the provider refused: its own trouble, our registration, or the
/// person's answer (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
fn refusal_status(error: &str) -> StatusCode {
    match error {
        "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "server_error"
        | "invalid_request"
        | "invalid_scope"
        | "unauthorized_client"
        | "unsupported_response_type" => StatusCode::BAD_GATEWAY,
        _ => StatusCode::FORBIDDEN,
    }
}

const AGAIN: &str = "Please log in again.";
const LATER: &str = "Please try again in a moment. If it stays like this, tell whoever runs this \
                     app the code and the request id below.";
const TELL: &str = "Please tell whoever runs this app the code and the request id below.";

/// One row a code, in the order of `docs/failures.md`.
pub(crate) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "callback_malformed",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "This address is not complete",
        cause: "The answer that your browser brought from the login page cannot be read.",
        cure: AGAIN,
        advice: "somebody typed or altered a callback address; if every login ends here, a proxy \
                 in front of the app rewrites the query",
    },
    Explanation {
        code: "login_cookie_missing",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "This browser did not start the login",
        cause: "The cookie that was set when the login began has not come back. Cookies may be \
                blocked, or the login was begun in another browser or under another address.",
        cure: "Allow cookies for this site, open it by its usual address, and log in again.",
        advice: "if it happens to everybody: people open the app by another host, scheme or port \
                 than the one in redirect_uri, or a proxy drops cookies",
    },
    Explanation {
        code: "state_unknown",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "This login is already over",
        cause: "The login that this page belongs to was finished, replaced by newer ones, or \
                begun in another browser.",
        cure: AGAIN,
        advice: "a reloaded or bookmarked callback, or a link that somebody else's login made",
    },
    Explanation {
        code: "login_expired",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The login took too long",
        cause: "More than ten minutes passed between the start of the login and its end.",
        cure: AGAIN,
        advice: "",
    },
    Explanation {
        code: "login_unreadable",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The login cannot be continued",
        cause: "The cookie that was set when the login began can no longer be read here.",
        cure: AGAIN,
        advice: "cookie_secret was changed while a login was under way, or two replicas have \
                 different ones; keep the old one in cookie_secrets_accepted",
    },
    Explanation {
        code: "configuration_changed",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The settings changed meanwhile",
        cause: "This app's settings for that provider were changed while you were logging in.",
        cure: AGAIN,
        advice: "client_id, redirect_uri or the provider's address differ between the start and \
                 the end of this login; replicas must have the same settings",
    },
    Explanation {
        code: "answer_at_another_path",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The answer came from somewhere else",
        cause: "The answer to your login came by the way of another provider than the one you chose.",
        cure: AGAIN,
        advice: "a mix-up between providers, or an attack (RFC 9700 §4.4); if every login ends here, \
                 a proxy in front of the app changes the path of redirect_uri",
    },
    Explanation {
        code: "answer_from_another_issuer",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The answer came from somewhere else",
        cause: "The answer to your login names another provider than the one you chose.",
        cure: AGAIN,
        advice: "a mix-up between providers, or an attack (RFC 9207); if every login ends here, \
                 compare the provider's issuer with the one in its metadata",
    },
    Explanation {
        code: "answer_without_issuer",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The answer cannot be trusted",
        cause: "The answer to your login does not say which provider it came from, although that \
                provider always says so.",
        cure: AGAIN,
        advice: "the metadata has authorization_response_iss_parameter_supported = true, so an \
                 answer without `iss` is refused (RFC 9207 §2.4)",
    },
    Explanation {
        code: "answer_without_code",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The provider gave no answer",
        cause: "The provider sent you back without saying whether the login succeeded.",
        cure: AGAIN,
        advice: "the provider answered with neither `code` nor `error`; check that it is asked \
                 for response_type code",
    },
    Explanation {
        code: "login_loops",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The login goes round in circles",
        cause: "You were logged in three times within two minutes, but your browser did not keep \
                the login, or it was still too old.",
        cure: "Allow cookies for this site, or try another browser.",
        advice: "the identity cookie is set but does not come back: a browser setting, a proxy \
                 that drops large cookies, or an address other than the one in redirect_uri; or the \
                 provider passes over max_age, and a guard asks for a recent login",
    },
    Explanation {
        code: "too_many_logins",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "Too many logins at once",
        cause: "This browser has begun several logins within a minute and finished none.",
        cure: "Finish one of them, or wait a minute and try again.",
        advice: "",
    },
    Explanation {
        code: "login_cross_site",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "Another site asked for this login",
        cause: "A page of another site tried to log you in.",
        cure: "If you want to log in, do so from this app's own page.",
        advice: "a login is started by a link, or by a form of the app itself",
    },
    Explanation {
        code: "login_in_frame",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "Please log in in a window of its own",
        cause: "Logging in does not work inside another page.",
        cure: "Open this app in a window of its own and log in there.",
        advice: "providers refuse to be framed; link to the login with target=\"_top\"",
    },
    Explanation {
        code: "login_by_script",
        fault: Fault::Browser,
        status: StatusCode::UNAUTHORIZED,
        title: "Please log in",
        cause: "A script asked for a login, which only a page can do.",
        cure: "Open the login page in the browser.",
        advice: "send the browser to login_url instead of fetching it",
    },
    Explanation {
        code: "login_required",
        fault: Fault::Refusal,
        status: StatusCode::UNAUTHORIZED,
        title: "Please log in",
        cause: "This page is for people who are logged in.",
        cure: "Log in and come back.",
        advice: "",
    },
    Explanation {
        code: "login_too_old",
        fault: Fault::Refusal,
        status: StatusCode::UNAUTHORIZED,
        title: "Please log in again",
        cause: "This page is for people who have just proved who they are.",
        cure: "Log in again and come back.",
        advice: "",
    },
    Explanation {
        code: "sent_before_login",
        fault: Fault::Refusal,
        status: StatusCode::UNAUTHORIZED,
        title: "Please log in first",
        cause: "What you sent needs a login first, and nothing of it was kept.",
        cure: "Log in, which leads to the start page, and then send it again.",
        advice: "",
    },
    Explanation {
        code: "denied",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "This page is not for this account",
        cause: "You are logged in with an account that may not see this page.",
        cure: "Log in with another account, or ask whoever runs this app to let this one in.",
        advice: "give them at the provider what the rule that is named above asks for, or change the rule \
                 or the hook given to authorize",
    },
    Explanation {
        code: "sent_from_elsewhere",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "Not from here",
        cause: "A page of another site tried to send something in your name.",
        cure: "Open this app by its own address and send it from there.",
        advice: "the request is not from the origin of redirect_uri; if another site has to send it, \
                 except its path from the guard, and prove in the handler who sent it",
    },
    Explanation {
        code: "foreign_socket",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "Not from here",
        cause: "A page of another site tried to open a connection in your name.",
        cure: "Open this app by its own address.",
        advice: "the WebSocket's Origin is not the origin of redirect_uri",
    },
    Explanation {
        code: "form_unreadable",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The form did not arrive",
        cause: "What your browser sent could not be read to its end.",
        cure: AGAIN,
        advice: "a login's form never comes near 8 KB, and a provider's answer by POST near 16",
    },
    Explanation {
        code: "method_not_allowed",
        fault: Fault::Browser,
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "This does not work that way",
        cause: "This address does not take that kind of request.",
        cure: "Go back to the app and try from there.",
        advice: "an answer comes by GET, or by POST where the provider's section or preset says \
                 response_mode = \"form_post\", and as it was asked for alone",
    },
    Explanation {
        code: "unknown_provider",
        fault: Fault::Browser,
        status: StatusCode::NOT_FOUND,
        title: "There is no such login",
        cause: "This app has no login of that name.",
        cure: "Choose one of the logins that this app offers.",
        advice: "the name in login(\"…\") or in the link must be the name of an [auth.…] section",
    },
    Explanation {
        code: "provider_misconfigured",
        fault: Fault::App,
        status: StatusCode::BAD_GATEWAY,
        title: "This login is not set up right",
        cause: "This app's settings for that provider have a mistake.",
        cure: TELL,
        advice: "the mistakes are named above, and with their cures where the app started; the \
                 other providers go on working",
    },
    Explanation {
        code: "mix_up_possible",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "This login is not set up right",
        cause: "This app's settings do not keep that provider apart from the others.",
        cure: TELL,
        advice: "strict = true begins no such login: give the section a redirect_uri of its own, \
                 /oauth2callback/<name> (RFC 9700 §4.4)",
    },
    Explanation {
        code: "password_not_local",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "Not from here",
        cause: "This app takes passwords only from the very machine that it runs on.",
        cure: "Open it on that machine, as localhost.",
        advice: "serve the app with into_make_service_with_connect_info::<SocketAddr>(), with no proxy \
                 in front, and open it by localhost, 127.0.0.1 or [::1]",
    },
    Explanation {
        code: "password_refused",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "That did not fit",
        cause: "The provider does not know this user name and password.",
        cure: "Please try again.",
        advice: "if the password is right, the provider asks for more than a password, or does not \
                 allow this client the grant",
    },
    Explanation {
        code: "too_many_tries",
        fault: Fault::Browser,
        status: StatusCode::TOO_MANY_REQUESTS,
        title: "Too many tries",
        cause: "Passwords were tried too often.",
        cure: "Wait a minute and try again.",
        advice: "",
    },
    Explanation {
        code: "login_cancelled",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "Login cancelled",
        cause: "You cancelled the login, or the provider did not allow it.",
        cure: "You can go on without, or log in again.",
        advice: "",
    },
    Explanation {
        code: "provider_refused",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "The provider refused the login",
        cause: "The provider answered that this login cannot go on.",
        cure: AGAIN,
        advice: "the error names the reason; invalid_request is often a prompt or scope that the \
                 provider does not know (prompt = \"\" in client_kwargs sends none)",
    },
    Explanation {
        code: "provider_unreachable",
        fault: Fault::Provider,
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "The provider cannot be reached",
        cause: "This app could not reach the provider that logs you in.",
        cure: LATER,
        advice: "check the address, the network, a proxy or firewall between this machine and \
                 the provider",
    },
    Explanation {
        code: "provider_timeout",
        fault: Fault::Provider,
        status: StatusCode::GATEWAY_TIMEOUT,
        title: "The provider does not answer",
        cause: "The provider that logs you in did not answer in time.",
        cure: LATER,
        advice: "the provider is slow or the network drops its answers; timeout sets the seconds",
    },
    Explanation {
        code: "provider_status",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The provider has trouble",
        cause: "The provider that logs you in answered with an error of its own.",
        cure: LATER,
        advice: "a status of 404 means that the address is wrong, a redirect that the address is \
                 an old one",
    },
    Explanation {
        code: "metadata_invalid",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The provider is not set up right",
        cause: "What the provider says about itself cannot be used.",
        cure: TELL,
        advice: "open server_metadata_url in a browser: it must show the provider's JSON, with \
                 https addresses",
    },
    Explanation {
        code: "metadata_issuer_differs",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The provider is not set up right",
        cause: "What the provider says about itself does not fit its address.",
        cure: TELL,
        advice: "correct server_metadata_url, or confirm the issuer in the provider's section",
    },
    Explanation {
        code: "keys_invalid",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login cannot be checked",
        cause: "The provider's keys, which prove that a login is genuine, cannot be used.",
        cure: LATER,
        advice: "the document at the provider's jwks_uri has no key that can verify a signature",
    },
    Explanation {
        code: "push_answer_invalid",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not begin",
        cause: "The provider's answer to this app cannot be used.",
        cure: LATER,
        advice: "the endpoint for pushed requests must answer JSON with a request_uri (RFC 9126 §2.2)",
    },
    Explanation {
        code: "client_refused",
        fault: Fault::App,
        status: StatusCode::BAD_GATEWAY,
        title: "The provider does not accept this app",
        cause: "The provider does not accept the credentials of this app.",
        cure: TELL,
        advice: "client_id, client_secret or private_key is not the one that the provider has, or \
                 has expired there",
    },
    Explanation {
        code: "code_refused",
        fault: Fault::Browser,
        status: StatusCode::BAD_REQUEST,
        title: "The login could not be finished",
        cause: "The provider did not accept the answer that your browser brought.",
        cure: AGAIN,
        advice: "the code was used before or is too old; if every login ends here, redirect_uri \
                 or the PKCE verifier is not what the provider expects",
    },
    Explanation {
        code: "token_refused",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not be finished",
        cause: "The provider refused to finish the login.",
        cure: TELL,
        advice: "the error names the reason; unauthorized_client means that the registration at \
                 the provider does not allow this kind of login",
    },
    Explanation {
        code: "token_answer_invalid",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not be finished",
        cause: "The provider's answer to this app cannot be used.",
        cure: LATER,
        advice: "the token endpoint must answer JSON with access_token, token_type Bearer and \
                 id_token (OpenID Connect Core §3.1.3.3)",
    },
    Explanation {
        code: "id_token_refused",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not be verified",
        cause: "The provider's proof of who you are did not pass a check.",
        cure: LATER,
        advice: "the check is named above; the section's client_id and address must be those of \
                 one and the same registration",
    },
    Explanation {
        code: "clock_differs",
        fault: Fault::App,
        status: StatusCode::BAD_GATEWAY,
        title: "Two clocks do not agree",
        cause: "The clock of this app's server and that of the provider are too far apart.",
        cure: TELL,
        advice: "check this server's clock (NTP); clock_leeway allows up to 600 s",
    },
    Explanation {
        code: "userinfo_invalid",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not be finished",
        cause: "The provider did not tell this app who you are.",
        cure: LATER,
        advice: "the userinfo endpoint must answer a JSON object with the ID token's `sub`",
    },
    Explanation {
        code: "userinfo_subject_differs",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not be verified",
        cause: "The provider gave two different answers about who you are.",
        cure: LATER,
        advice: "userinfo's `sub` must equal the ID token's (OpenID Connect Core §5.3.2)",
    },
    Explanation {
        code: "account_not_allowed",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "This account cannot log in here",
        cause: "You logged in with an account of an organization that this app does not let in.",
        cure: "Log in again with another account.",
        advice: "allowed_tenants and hosted_domain of the section say whom it lets in",
    },
    Explanation {
        code: "claims_refused",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "This account lacks something",
        cause: "The provider did not tell this app something about you that it needs.",
        cure: "Log in with another account, or tell whoever runs this app the code and the request id \
               below.",
        advice: "the provider has to send the claim that is named above: ask for its scope, or set it up \
                 in the provider's console; where it may be missing, make the field an Option",
    },
    Explanation {
        code: "own_provider_refused",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "This login was refused",
        cause: "This app does not let you in by this login.",
        cure: "Log in again, or in another way.",
        advice: "the words are those of the app's own code, which it added by .provider(…)",
    },
    Explanation {
        code: "own_provider_failed",
        fault: Fault::Provider,
        status: StatusCode::BAD_GATEWAY,
        title: "The login could not be finished",
        cause: "This app could not find out who you are.",
        cure: LATER,
        advice: "look at the app's own code, which it added by .provider(…)",
    },
    Explanation {
        code: "identity_too_large",
        fault: Fault::Refusal,
        status: StatusCode::FORBIDDEN,
        title: "Too much is known about you",
        cause: "The provider sends more about you than a browser can keep.",
        cure: TELL,
        advice: "put the claims line below into the provider's section, or let the provider send \
                 fewer groups",
    },
    Explanation {
        code: "random_unavailable",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "This app's server cannot do what a safe login needs.",
        cure: LATER,
        advice: "the operating system's random number generator failed",
    },
    Explanation {
        code: "layer_missing",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "This app is not set up right",
        cause: "This page asks who you are, but the app was not set up to know.",
        cure: TELL,
        advice: "add `.layer(auth.layer())` after the last route of the outermost router, or move the \
                 route above the line that adds the layer or the guard",
    },
    Explanation {
        code: "claims_do_not_fit",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "This app expected something else",
        cause: "What the provider says about you is not what this app expected.",
        cure: TELL,
        advice: "a claim is missing or of another type than the struct that claims::<T>() reads",
    },
    Explanation {
        code: "page_panicked",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "A page of this app could not be shown as it should be.",
        cure: TELL,
        advice: "the app's panic hook has printed where its `Pages` panicked",
    },
    Explanation {
        code: "token_expired",
        fault: Fault::Browser,
        status: StatusCode::UNAUTHORIZED,
        title: "Please log in again",
        cause: "This app may act for you at your provider for a while only, and that has ended.",
        cure: "Please log in again.",
        advice: "nothing, unless it happens within minutes of a login: then another process has used the \
                 refresh token, or the provider gives none; docs/tokens.md tells of both",
    },
    Explanation {
        code: "token_needs_a_request",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "This app asked for access at your provider at a time when it could not be renewed.",
        cure: TELL,
        advice: "ask for the token before the handler returns: a refreshed one is set as a cookie, which an \
                 answer under way cannot carry any more",
    },
    Explanation {
        code: "token_not_given",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "The provider did not give this app the access that it needs.",
        cure: TELL,
        advice: "ask the provider for it: a refresh token often needs the scope offline_access, and a \
                 setting of the client in the provider's console",
    },
    Explanation {
        code: "tokens_not_exposed",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "This app wants access at your provider that its settings do not give it.",
        cure: TELL,
        advice: "name the token in expose_tokens, in [auth] or in the provider's section, and log in again",
    },
    Explanation {
        code: "tokens_too_large",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "The access that your provider gave this app is too long to be kept.",
        cure: TELL,
        advice: "expose fewer tokens, ask for fewer scopes, or keep fewer claims with claims = [\"…\"]: what \
                 a browser sends back has an end",
    },
    Explanation {
        code: "answer_unwritable",
        fault: Fault::App,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something is wrong with this app",
        cause: "This app could not write its answer.",
        cure: TELL,
        advice: "",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_and_every_documented_code_exists() {
        let documented: Vec<_> = include_str!("../docs/failures.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let codes: Vec<_> = EXPLANATIONS.iter().map(|row| row.code).collect();

        assert_eq!(documented, codes);
    }

    #[test]
    fn every_kind_of_failure_has_its_row() {
        let (_, after) = include_str!("error.rs")
            .split_once("match self {\n            Self::AccountNotAllowed")
            .unwrap();
        let (arms, _) = after.split_once("\n    }\n}").unwrap();
        let codes: Vec<_> = arms
            .split("=> ")
            .skip(1)
            .filter_map(|arm| arm.trim_start_matches(['{', ' ', '\n']).strip_prefix('"'))
            .map(|arm| arm.split('"').next().unwrap())
            .collect();

        assert!(codes.len() + 1 >= EXPLANATIONS.len(), "{codes:?}");
        for code in codes {
            assert!(
                EXPLANATIONS.iter().any(|row| row.code == code),
                "{code} has no row"
            );
        }
    }

    #[test]
    fn explanations_are_sentences_and_statuses_fit_their_fault() {
        for row in EXPLANATIONS {
            assert!(
                row.cause.ends_with('.') && row.cure.ends_with('.'),
                "{}",
                row.code
            );
            assert!(!row.advice.ends_with('.'), "{}", row.code);
            match row.fault {
                Fault::Browser => assert!(row.status.is_client_error(), "{}", row.code),
                Fault::Refusal => assert!(row.status.is_client_error(), "{}", row.code),
                Fault::Provider => assert!(row.status.is_server_error(), "{}", row.code),
                Fault::App => assert!(row.status != StatusCode::BAD_REQUEST, "{}", row.code),
            }
        }
    }
}
