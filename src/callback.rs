//! The callback: pending login opened → code → tokens → ID token verified → userinfo if needed →
//! identity sealed → 303 to where they were going.
//!
//! The order of the checks is the order of this file. Whatever fails, whoever was logged in before
//! still is.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::response::Response;
use http::Method;
use http::header::{HeaderValue, SET_COOKIE};
use serde_json::{Map, Value};

use crate::callback_query::{Answer, POSTED, Parameters, REST};
use crate::cookies::{
    Cut, Farewell, Follower, Head, IdentityCookie, KeptTokens, LAST_USED_LIFE, LastUsed, MARK_LIFE,
    MAX_HEAD, Mark, PENDING_LIFE, Pending, Rest, SKEW, pairs, room_beside, state_hash, values,
};
use crate::ended::Ended;
use crate::error::{Error, Kind, Result, error_code};
use crate::own_paths::OwnPath;
use crate::pages;
use crate::provider::{ConfiguredProvider, Redemption, Verified};
use crate::random;
use crate::secret::Secret;
use crate::snapshot::Snapshot;
use crate::visit::Visit;

/// A browser that is logged in this many times in two minutes and stays anonymous is stopped.
const MAX_BOUNCES: u8 = 3;
/// How long the second part of an identity may take to follow the first, in seconds.
const REST_LIFE: i64 = 120;

/// Answers the callback, of which `form` is the body where it is a POST. The cookies are set and
/// cleared whether it succeeded or failed.
pub(crate) async fn answer(
    snapshot: &Snapshot,
    visit: &Visit,
    path: &OwnPath,
    form: Result<Vec<u8>>,
) -> (Result<Response>, Vec<HeaderValue>) {
    snapshot.auth().saw_callback();
    let mut cookies = Vec::new();
    let result = finish(snapshot, visit, path, form, &mut cookies).await;
    (result, cookies)
}

async fn finish(
    snapshot: &Snapshot,
    visit: &Visit,
    path: &OwnPath,
    form: Result<Vec<u8>>,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Response> {
    if let Some(status) = visit.idle() {
        return Ok(pages::nothing(status));
    }
    let parameters = parameters(snapshot, visit, form)?;
    if let Some(rest) = &parameters.rest {
        return second_step(snapshot, visit, rest, cookies);
    }

    let state = parameters.state.as_deref().unwrap_or_default();
    let opened = open(snapshot, visit, state, cookies)?;
    if parameters.posted {
        return match opened {
            Opened::Pending(pending) => Err(of_login(Kind::LoginCookieMissing.into(), &pending)),
            lost => not_under_way(snapshot, visit, state, lost),
        };
    }
    if parameters.answer.is_none() {
        let is_own = |name: &str| snapshot.provider(name).is_ok_and(|it| it.is_own());
        match &opened {
            // How those of the app's own answer they know themselves.
            Opened::Pending(pending) if is_own(&pending.provider) => {}
            Opened::Pending(pending) => {
                return Err(of_login(Kind::AnswerWithoutCode.into(), pending));
            }
            Opened::Dead(_) | Opened::Gone => {
                return after_logout(snapshot, visit, state, cookies);
            }
        }
    }
    let pending = match opened {
        Opened::Pending(pending) => *pending,
        _ if visit.method == Method::POST && is_state(state) => {
            cookies.clear();
            return look_again(snapshot, path, state);
        }
        lost => return not_under_way(snapshot, visit, state, lost),
    };
    let at_provider = |error: Error| of_login(error, &pending);
    let provider = configured(snapshot, &pending).map_err(at_provider)?;
    check_path(snapshot, provider, path).map_err(at_provider)?;
    check_mode(provider, visit).map_err(at_provider)?;
    if pending.bounces >= MAX_BOUNCES - 1 {
        cookies.push(snapshot.names().clear(snapshot.names().mark())?);
        return Err(at_provider(Kind::LoginLoops { count: MAX_BOUNCES }.into()));
    }
    check_issuer(snapshot, provider, &pending, parameters.issuer.as_deref())
        .await
        .map_err(at_provider)?;
    let code = match parameters.answer {
        Some(Answer::Error { error, description }) => {
            return Err(at_provider(refusal(&error, description.as_deref())));
        }
        Some(Answer::Code(code)) if !provider.is_own() => code,
        Some(Answer::Code(_)) | None => Secret::new(""),
    };

    let redemption = Redemption {
        code,
        parameters: match provider.is_own() {
            true => parameters.all,
            false => Vec::new(),
        },
        remembered: pending.remembered.clone(),
        secrets: pending.secrets()?,
        max_age: pending.max_age,
        now: snapshot.now(),
    };
    let verified = provider.redeem(redemption).await.map_err(at_provider)?;
    if provider.speaks_for_another(&verified.issuer, snapshot.providers()) {
        let what = "it names the issuer of another provider".to_owned();
        return Err(at_provider(Kind::OwnProviderFailed { what }.into()));
    }
    let login = Login::new(snapshot, provider, &verified, state)?;
    log_in(snapshot, visit, &pending, login, cookies).map_err(at_provider)
}

fn parameters(snapshot: &Snapshot, visit: &Visit, form: Result<Vec<u8>>) -> Result<Parameters> {
    match visit.method {
        Method::GET => Parameters::read(visit.query()),
        // The body alone: what stands in the address beside it is nobody's answer.
        Method::POST if snapshot.takes_posts() => Parameters::read_form(&form?),
        _ if snapshot.takes_posts() => Err(not_allowed(visit, "GET, HEAD, POST")),
        _ => Err(not_allowed(visit, "GET, HEAD")),
    }
}

/// A failure of this login: the way back begins it anew, with the same end.
fn of_login(error: Error, pending: &Pending) -> Error {
    error
        .at(&pending.provider)
        .on_the_way_to(&pending.return_to)
}

fn not_allowed(visit: &Visit, allow: &'static str) -> Error {
    let method = visit.method.as_str().chars().take(16).collect();
    Kind::MethodNotAllowed { method, allow }.into()
}

/// Whether it may be a state of ours, and so may stand in an address of ours.
fn is_state(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.len() == 43 && text.bytes().all(is_base64url)
}

/// An answer by POST whose login is not under way, from the back button or a form that was sent
/// twice: whoever is logged in is to go home, but a POST from another site does not tell who that is.
/// The GET that the browser sends next does.
fn look_again(snapshot: &Snapshot, path: &OwnPath, state: &str) -> Result<Response> {
    let callback = snapshot.own_paths().seen(path);
    pages::see_other(&format!("{callback}?{POSTED}={state}"))
}

/// The answer comes the way that was asked for, and no other: what is in a body reaches no history,
/// no log of a proxy and no Referer.
fn check_mode(provider: &ConfiguredProvider, visit: &Visit) -> Result<()> {
    match (provider.answers_by_post(), visit.method == Method::POST) {
        (true, false) => Err(not_allowed(visit, "POST")),
        (false, true) => Err(not_allowed(visit, "GET, HEAD")),
        _ => Ok(()),
    }
}

/// What became of the login that a state belongs to.
enum Opened {
    /// It is under way.
    Pending(Box<Pending>),
    /// Its cookie is here and of no use.
    Dead(Error),
    /// Its cookie is not here.
    Gone,
}

/// Opens the pending login of this state. From here on it is over, whatever comes: its cookie is
/// cleared.
fn open(
    snapshot: &Snapshot,
    visit: &Visit,
    state: &str,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Opened> {
    let name = snapshot.names().pending(state);
    let mut came = values(&visit.headers, &name).take(2).peekable();
    if state.is_empty() || came.peek().is_none() {
        return Ok(Opened::Gone);
    }
    cookies.push(snapshot.names().clear(&name)?);
    for value in came {
        let Some(pending) = Pending::open(snapshot.keyring(), &name, value, snapshot.now()) else {
            continue;
        };
        // The cookie's name holds 40 bits of the state's hash; this compares all of it.
        let sent = pending.secrets()?.state;
        if verify_slices_are_equal(sent.expose().as_bytes(), state.as_bytes()).is_err() {
            continue;
        }
        let age = pending.age(snapshot.now());
        if age > PENDING_LIFE {
            let seconds = age.unsigned_abs();
            return Ok(Opened::Dead(of_login(
                Kind::LoginExpired { seconds }.into(),
                &pending,
            )));
        }
        return Ok(Opened::Pending(Box::new(pending)));
    }
    Ok(Opened::Dead(Kind::LoginUnreadable.into()))
}

/// Where a browser goes that comes back from the provider's end-session endpoint: where the logout of
/// this state was to lead, else home, as whoever comes back from anything but a login.
fn after_logout(
    snapshot: &Snapshot,
    visit: &Visit,
    state: &str,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Response> {
    let (names, keyring, now) = (snapshot.names(), snapshot.keyring(), snapshot.now());
    let mut came = values(&visit.headers, names.farewell()).take(2);
    let farewell = came.find_map(|value| {
        Farewell::open(keyring, names, value, now).filter(|it| it.is_answered_by(state, now))
    });
    let Some(farewell) = farewell else {
        return home(snapshot);
    };
    cookies.push(names.clear(names.farewell())?);
    match snapshot.return_to(&farewell.return_to) {
        Some(goal) => pages::see_other(goal.as_str()),
        None => home(snapshot),
    }
}

/// The end of a callback whose login is not under way: home for whoever is logged in, by this very
/// login where its cookie is still here; else what became of it.
fn not_under_way(
    snapshot: &Snapshot,
    visit: &Visit,
    state: &str,
    lost: Opened,
) -> Result<Response> {
    let identity = snapshot.identity(&visit.headers);
    match lost {
        Opened::Dead(_)
            if identity
                .as_ref()
                .is_some_and(|it| it.came_from(&state_hash(state))) =>
        {
            home(snapshot)
        }
        Opened::Dead(why) => Err(why),
        Opened::Pending(_) | Opened::Gone if identity.is_some() => home(snapshot),
        Opened::Pending(_) | Opened::Gone if state.is_empty() => {
            let what = "it lacks state";
            Err(Kind::CallbackMalformed { what }.into())
        }
        Opened::Pending(_) | Opened::Gone => {
            let any = pairs(&visit.headers).any(|(name, _)| snapshot.names().is_ours(name));
            Err(if any {
                Kind::StateUnknown
            } else {
                Kind::LoginCookieMissing
            }
            .into())
        }
    }
}

/// The provider that the login was begun with, if it is configured as it was then.
fn configured<'a>(
    snapshot: &'a Snapshot,
    pending: &Pending,
) -> Result<&'a Arc<ConfiguredProvider>> {
    snapshot
        .provider(&pending.provider)
        .ok()
        .filter(|provider| provider.fingerprint() == pending.fingerprint)
        .ok_or_else(|| Kind::ConfigurationChanged.into())
}

/// The answer comes where this login was to come back to, and nowhere else: what another provider
/// sends to its own callback is none of this one's (RFC 9700 §4.4.2.2).
fn check_path(snapshot: &Snapshot, provider: &ConfiguredProvider, came: &OwnPath) -> Result<()> {
    let expected = OwnPath::of_callback(provider);
    if *came == expected {
        return Ok(());
    }
    let paths = snapshot.own_paths();
    Err(Kind::AnswerAtAnotherPath {
        expected: paths.seen(&expected).to_owned(),
        found: paths.seen(came).to_owned(),
    }
    .into())
}

/// RFC 9207: the answer comes from the provider that the browser was sent to.
async fn check_issuer(
    snapshot: &Snapshot,
    provider: &ConfiguredProvider,
    pending: &Pending,
    issuer: Option<&str>,
) -> Result<()> {
    match issuer {
        Some(issuer) if provider.may_answer_as(issuer, &pending.issuer, snapshot.providers()) => {
            Ok(())
        }
        Some(issuer) => Err(Kind::AnswerFromAnotherIssuer {
            expected: pending.issuer.clone(),
            found: clean(issuer),
        }
        .into()),
        None if provider.contact().await?.answers_with_issuer() => {
            Err(Kind::AnswerWithoutIssuer.into())
        }
        None => Ok(()),
    }
}

/// The provider's refusal (RFC 6749 §4.1.2.1).
fn refusal(error: &str, description: Option<&str>) -> Error {
    // The last two are LinkedIn's words for it.
    if matches!(
        error,
        "access_denied" | "user_cancelled_authorize" | "user_cancelled_login"
    ) {
        return Kind::LoginCancelled.into();
    }
    Kind::ProviderRefused {
        error: error_code(error),
        description: description.map_or_else(String::new, |description| {
            format!(", and described it as \"{}\"", clean(description))
        }),
    }
    .into()
}

/// Text of a stranger as it may stand in a log: one line, escaped, at most 200 bytes.
fn clean(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars().map(char::escape_default) {
        if clean.len() + c.len() > 200 {
            break;
        }
        clean.extend(c);
    }
    clean
}

/// A login that the provider has vouched for.
pub(crate) struct Login<'a> {
    head: Head,
    claims: &'a Map<String, Value>,
    tokens: Option<KeptTokens>,
}

/// Logs somebody in, in the place of whoever was logged in in this browser before.
pub(crate) fn log_in(
    snapshot: &Snapshot,
    visit: &Visit,
    pending: &Pending,
    login: Login<'_>,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Response> {
    let response = seal(snapshot, visit, pending, login, cookies)?;
    if let Some(former) = snapshot.identity(&visit.headers) {
        snapshot.auth().end(former.login_id(), Ended::Replaced);
    }
    Ok(response)
}

/// Seals the identity and its tokens, and sends the browser on.
fn seal(
    snapshot: &Snapshot,
    visit: &Visit,
    pending: &Pending,
    login: Login<'_>,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Response> {
    let Login {
        head,
        claims,
        tokens,
    } = login;
    if let Some(wanted) = snapshot.auth().wanted_claims() {
        wanted.check(claims).map_err(|misfit| {
            let wanted = wanted.name;
            Kind::ClaimsRefused { wanted, misfit }
        })?;
    }
    let (names, keyring) = (snapshot.names(), snapshot.keyring());
    let Cut { first, second } = IdentityCookie::seal(&head, claims, names, keyring)?;
    let [first_name, others @ ..] = names.identity();
    let lengths = [Some(&first), second.as_ref()].map(|part| part.map(String::len));
    let room = room_beside(names, lengths.into_iter().flatten());
    let tokens = tokens
        .map(|mut tokens| tokens.seal(names, keyring, room))
        .transpose()?;
    cookies.push(names.set(first_name, &first, snapshot.life())?);
    let mark = Mark {
        issued_at: head.issued_at,
        count: pending.bounces.saturating_add(1),
    };
    cookies.push(names.set(names.mark(), &mark.seal(keyring, names)?, MARK_LIFE)?);
    // The way back from a logout that nobody took.
    if values(&visit.headers, names.farewell()).next().is_some() {
        cookies.push(names.clear(names.farewell())?);
    }
    // Parts of a longer identity that this one replaces. A POST from another site shows none of them.
    for (index, name) in others.iter().enumerate() {
        let follows = index == 0 && second.is_some();
        let may_be_there =
            visit.method == Method::POST || values(&visit.headers, name).next().is_some();
        if !follows && may_be_there {
            cookies.push(names.clear(name)?);
        }
    }
    let second = second.map(|second| (Follower::IdentitysSecond, second));
    let mut later: Vec<_> = second.into_iter().collect();
    let tokens_names = match &tokens {
        Some(Cut {
            second: Some(_), ..
        }) => &names.tokens()[2..],
        Some(_) => &names.tokens()[1..],
        None => &names.tokens()[..],
    };
    forget_tokens(snapshot, visit, tokens_names, cookies)?;
    if let Some(tokens) = tokens {
        later.extend(beside(snapshot, tokens, cookies)?);
    }
    let goal = goal(snapshot, pending);
    let set = length(cookies);
    if matches!(snapshot.default_provider(), Ok(None)) {
        let value = LastUsed::of(&head.provider).seal(keyring, names)?;
        let line = names.set(names.last_used(), &value, LAST_USED_LIFE)?;
        let way = if later.is_empty() { goal.len() } else { 0 };
        let names = (cookies.len() + 1) * "set-cookie: \r\n".len();
        // Only where it costs no page on the way: without it the chooser works as well.
        if way + set + line.len() + names <= MAX_HEAD {
            cookies.push(line);
        }
    }
    if !later.is_empty() {
        let rest = Rest {
            first: hash(first.as_bytes()),
            cookies: later,
            issued_at: head.issued_at,
            life: snapshot.life(),
            return_to: goal,
        };
        return first_step(snapshot, &rest);
    }
    match goal.len() + set <= MAX_HEAD {
        true => pages::see_other(&goal),
        // In a page it takes no room among the headers.
        false => Ok(pages::going_on(snapshot, &goal)),
    }
}

/// Sets the cookies of the tokens, but for those that this answer has no room for.
fn beside(
    snapshot: &Snapshot,
    tokens: Cut,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Vec<(Follower, String)>> {
    let second = tokens.second.map(|second| (Follower::TokensSecond, second));
    let mut later = Vec::new();
    for (follower, value) in second
        .into_iter()
        .chain([(Follower::TokensFirst, tokens.first)])
    {
        let name = follower.name(snapshot.names());
        let line = snapshot.names().set(name, &value, snapshot.life())?;
        match length(cookies) + line.len() <= MAX_HEAD {
            true => cookies.push(line),
            false => later.push((follower, value)),
        }
    }
    Ok(later)
}

/// Clears what an earlier login left of its tokens, which are worth nothing beside this one, if there is
/// room for that. A POST from another site shows none of them.
fn forget_tokens(
    snapshot: &Snapshot,
    visit: &Visit,
    names: &[String],
    cookies: &mut Vec<HeaderValue>,
) -> Result<()> {
    let keeps = || snapshot.providers().iter().any(|it| it.keeps_tokens());
    for name in names {
        let line = snapshot.names().clear(name)?;
        let may_be_there = values(&visit.headers, name).next().is_some()
            || (visit.method == Method::POST && keeps());
        if may_be_there && length(cookies) + line.len() <= MAX_HEAD {
            cookies.push(line);
        }
    }
    Ok(())
}

fn length(cookies: &[HeaderValue]) -> usize {
    cookies.iter().map(HeaderValue::len).sum()
}

impl<'a> Login<'a> {
    pub(crate) fn new(
        snapshot: &Snapshot,
        provider: &ConfiguredProvider,
        verified: &'a Verified,
        state: &str,
    ) -> Result<Self> {
        let (now, login_id) = (snapshot.now(), random::bytes()?);
        let head = Head {
            login_id,
            issued_at: now,
            expires_at: now.saturating_add(snapshot.life()),
            auth_time: verified.auth_time,
            provider: provider.name().to_owned(),
            fingerprint: provider.fingerprint(),
            issuer: verified.issuer.clone(),
            subject: verified.subject.clone(),
            session_id: verified.session_id.clone(),
            state_hash: state_hash(state),
        };
        let tokens = verified.tokens.as_ref();
        Ok(Self {
            head,
            claims: &verified.claims,
            tokens: tokens.and_then(|tokens| provider.to_keep(tokens, login_id, now)),
        })
    }
}

/// Where they were going, or home.
fn goal(snapshot: &Snapshot, pending: &Pending) -> String {
    snapshot
        .return_to(&pending.return_to)
        .map_or_else(|| snapshot.site().home(), |path| path.as_str().to_owned())
}

/// The page that fetches the rest: one answer with all of it would be too long for the buffers
/// of the usual proxies.
fn first_step(snapshot: &Snapshot, rest: &Rest) -> Result<Response> {
    let sealed = rest.seal(snapshot.keyring(), snapshot.names())?;
    let callback = snapshot.own_paths().seen(&OwnPath::Callback);
    Ok(pages::going_on(
        snapshot,
        &format!("{callback}?{REST}={sealed}"),
    ))
}

/// Sets the rest, if the first part is here: a link that somebody else made joins nothing.
fn second_step(
    snapshot: &Snapshot,
    visit: &Visit,
    sealed: &str,
    cookies: &mut Vec<HeaderValue>,
) -> Result<Response> {
    let first_name = &snapshot.names().identity()[0];
    let now = snapshot.now();
    let rest = Rest::open(snapshot.keyring(), snapshot.names(), sealed, now).filter(|rest| {
        // The clock of the replica that took the first step may be ahead of this one's.
        (-SKEW..=REST_LIFE).contains(&now.saturating_sub(rest.issued_at))
            && values(&visit.headers, first_name).any(|first| hash(first) == rest.first)
    });
    let Some(rest) = rest else {
        return home(snapshot);
    };
    for (follower, value) in &rest.cookies {
        let name = follower.name(snapshot.names());
        cookies.push(snapshot.names().set(name, value, rest.life)?);
    }
    pages::see_other(&rest.return_to)
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn home(snapshot: &Snapshot) -> Result<Response> {
    pages::see_other(&snapshot.site().home())
}

/// Adds the cookies of an answer to it.
pub(crate) fn add_cookies(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
