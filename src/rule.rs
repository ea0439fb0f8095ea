//! Who may see a page, by what their provider tells of them.
//!
//! ```
//! use std::time::Duration;
//!
//! use keycard::rule::{email_domain, has_role, max_age};
//!
//! let staff = has_role("staff").or(email_domain("example.com"));
//! let rule = staff.and(!has_role("guest")).and(max_age(Duration::from_secs(3600)));
//! assert_eq!(
//!     rule.to_string(),
//!     r#"((has_role("staff") or email_domain("example.com")) and not has_role("guest")) and max_age(3600 s)"#
//! );
//! ```
//!
//! Something that the provider does not tell is neither true nor false: a rule that depends on it
//! lets nobody in, under [`not`](std::ops::Not) as well, and the log says what was not told.

use std::fmt;
use std::mem::discriminant;
use std::ops;
use std::time::Duration;

use serde_json::{Number, Value};

use crate::pointer::Pointer;
use crate::user::User;

/// From here on a floating-point number stands for several whole ones, 2^53.
const FLOATS_ROUND: f64 = 9_007_199_254_740_992.0;

/// Who may see a page. Made by the functions of this module, combined by [`and`](Self::and),
/// [`or`](Self::or) and `!`, and given to [`Auth::require`](crate::Auth::require).
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing until a guard has it"]
pub struct Rule(Test);

#[derive(Clone, Debug)]
enum Test {
    All(Box<Rule>, Box<Rule>),
    Any(Box<Rule>, Box<Rule>),
    AnyRole(Vec<String>),
    Contains(Claim, Value),
    EmailDomain(String),
    Equals(Claim, Value),
    Group(String),
    MaxAge(u32),
    Not(Box<Rule>),
    Provider(String),
    Role(String),
}

/// Those who have this role: a claim `roles`, or what the provider's preset has for it, as
/// [`User::roles`] tells. What is written so that it reads in two ways, such as the one text
/// `"guest admin"` or an object like `{"admin": false}`, is not told.
pub fn has_role(role: impl Into<String>) -> Rule {
    Rule(Test::Role(role.into()))
}

/// Those who have one of these roles, or several.
pub fn any_role<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Rule {
    Rule(Test::AnyRole(roles.into_iter().map(Into::into).collect()))
}

/// Those who are in this group: a claim `groups`, or what the provider's preset has for it, as
/// [`User::groups`] tells.
pub fn in_group(group: impl Into<String>) -> Rule {
    Rule(Test::Group(group.into()))
}

/// Those whose e-mail is of this domain, such as `example.com`, and of none below it.
///
/// Only an e-mail counts that the provider vouches for ([`User::email_verified`]) and that has exactly
/// one `@`; the domain is compared without regard to the case of ASCII letters.
pub fn email_domain(domain: impl Into<String>) -> Rule {
    Rule(Test::EmailDomain(domain.into()))
}

/// Those who logged in with this provider: the name of its section.
pub fn provider(name: impl Into<String>) -> Rule {
    Rule(Test::Provider(name.into()))
}

/// Those who have proved who they are within this time, as the provider says (`auth_time`, OpenID
/// Connect Core §2), with `clock_leeway` added. In whole seconds, of which there may be 136 years.
///
/// Who did so longer ago is sent to log in again, with `max_age` (§3.1.2.1), where the provider speaks
/// OpenID Connect; at one of plain OAuth 2, or of the app's own, nobody is sent anywhere, and who is
/// too late is not let in. Where nothing is said about the time, nobody is.
pub fn max_age(age: Duration) -> Rule {
    Rule(Test::MaxAge(
        u32::try_from(age.as_secs()).unwrap_or(u32::MAX - 1),
    ))
}

/// What a claim has to be: a claim by its JSON pointer (RFC 6901), such as `/realm_access/roles`, or
/// by its name, which does not begin with `/`.
pub fn claim(pointer: &str) -> Claim {
    Claim {
        pointer: Pointer::parse(pointer).unwrap_or_else(|| Pointer::to_claim(pointer)),
        written: pointer.to_owned(),
    }
}

/// A claim that a rule is about to be made of.
#[derive(Clone, Debug)]
#[must_use = "a claim is no rule until it is said what it has to be"]
pub struct Claim {
    pointer: Pointer,
    written: String,
}

impl Claim {
    /// Those for whom it is this value. One of another type, such as the text `"true"` for `true`, is as if
    /// it were not told.
    ///
    /// Whole numbers are compared digit by digit, and `1.0` is `1`. From 2^53 on, up and down, a number
    /// with a fraction or an exponent does not tell which whole number it is.
    pub fn equals(self, value: impl Into<Value>) -> Rule {
        Rule(Test::Equals(self, value.into()))
    }

    /// Those for whom it is a list that has this value, compared as [`equals`](Self::equals) does. A part
    /// of a text is no item of a list, and a list in which everything is of another type, such as `[42]`
    /// for `"42"`, is as if it were not told.
    pub fn contains(self, value: impl Into<Value>) -> Rule {
        Rule(Test::Contains(self, value.into()))
    }

    fn find<'a>(&self, user: &'a User) -> Option<&'a Value> {
        user.at(&self.pointer).filter(|value| !value.is_null())
    }

    fn untold(&self) -> Judgement {
        Judgement::untold(format!("the claim \"{}\"", self.written.escape_debug()))
    }
}

impl Rule {
    /// Those whom both let in.
    pub fn and(self, other: Self) -> Self {
        Self(Test::All(Box::new(self), Box::new(other)))
    }

    /// Those whom one of them lets in, or both.
    pub fn or(self, other: Self) -> Self {
        Self(Test::Any(Box::new(self), Box::new(other)))
    }

    /// What it says of somebody who is logged in. `now` is in seconds since 1970.
    pub(crate) fn judge(&self, user: &User, now: i64) -> Judgement {
        match &self.0 {
            Test::All(left, right) => left.judge(user, now).and(right.judge(user, now)),
            Test::Any(left, right) => left.judge(user, now).or(right.judge(user, now)),
            Test::Not(rule) => rule.judge(user, now).not(),
            Test::Role(role) => names(user.roles(), "roles", |name| name == role),
            Test::AnyRole(roles) => names(user.roles(), "roles", |name| {
                roles.iter().any(|role| role == name)
            }),
            Test::Group(group) => names(user.groups(), "groups", |name| name == group),
            Test::Provider(name) => Judgement::told(user.provider() == Some(name)),
            Test::EmailDomain(domain) => judge_email(user, domain),
            Test::Equals(claim, wanted) => match claim.find(user) {
                Some(value) => match are_equal(value, wanted) {
                    Some(are_equal) => Judgement::told(are_equal),
                    None => claim.untold(),
                },
                None => claim.untold(),
            },
            Test::Contains(claim, wanted) => match claim.find(user) {
                Some(Value::Array(values)) => match has(values, wanted) {
                    Some(has) => Judgement::told(has),
                    None => claim.untold(),
                },
                _ => claim.untold(),
            },
            Test::MaxAge(seconds) => judge_age(user, *seconds, now),
        }
    }
}

impl ops::Not for Rule {
    type Output = Self;

    /// Those whom it does not let in, as far as everything that it needs is told.
    fn not(self) -> Self {
        Self(Test::Not(Box::new(self)))
    }
}

/// As it is written in a program, for the log.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Test::All(left, right) => write!(f, "{} and {}", Inner(left), Inner(right)),
            Test::Any(left, right) => write!(f, "{} or {}", Inner(left), Inner(right)),
            Test::Not(rule) => write!(f, "not {}", Inner(rule)),
            Test::AnyRole(roles) => write!(f, "any_role({roles:?})"),
            Test::Role(role) => write!(f, "has_role({role:?})"),
            Test::Group(group) => write!(f, "in_group({group:?})"),
            Test::Provider(name) => write!(f, "provider({name:?})"),
            Test::EmailDomain(domain) => write!(f, "email_domain({domain:?})"),
            Test::Equals(claim, value) => write!(f, "claim({:?}).equals({value})", claim.written),
            Test::Contains(claim, value) => {
                write!(f, "claim({:?}).contains({value})", claim.written)
            }
            Test::MaxAge(seconds) => write!(f, "max_age({seconds} s)"),
        }
    }
}

/// A rule within another: in parentheses where it is more than one word.
struct Inner<'a>(&'a Rule);

impl fmt::Display for Inner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0 {
            Test::All(..) | Test::Any(..) => write!(f, "({})", self.0),
            _ => self.0.fmt(f),
        }
    }
}

/// What a rule says of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) truth: Truth,
    /// A login of at most this many seconds ago would make it true.
    pub(crate) wants_login: Option<u32>,
}

/// Three-valued, after Kleene: what is not told decides nothing, unless it does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    /// The provider has not told this.
    Unknown(String),
}

impl Judgement {
    fn told(is_so: bool) -> Self {
        Self {
            truth: if is_so { Truth::True } else { Truth::False },
            wants_login: None,
        }
    }

    fn untold(what: impl Into<String>) -> Self {
        Self {
            truth: Truth::Unknown(what.into()),
            wants_login: None,
        }
    }

    fn and(self, other: Self) -> Self {
        let wants_login = match (&self.truth, &other.truth) {
            (Truth::True, _) => other.wants_login,
            (_, Truth::True) => self.wants_login,
            // Each has to become true, so the stricter one counts.
            _ => self
                .wants_login
                .zip(other.wants_login)
                .map(|(a, b)| a.min(b)),
        };
        let truth = match (self.truth, other.truth) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::Unknown(what), _) | (_, Truth::Unknown(what)) => Truth::Unknown(what),
            (Truth::True, Truth::True) => Truth::True,
        };
        Self { truth, wants_login }
    }

    fn or(self, other: Self) -> Self {
        if self.truth == Truth::True {
            return self;
        }
        // One of them is enough, so the milder one counts.
        let wants_login = match (self.wants_login, other.wants_login) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        let truth = match (self.truth, other.truth) {
            (_, Truth::True) => return Self::told(true),
            (Truth::Unknown(what), _) | (_, Truth::Unknown(what)) => Truth::Unknown(what),
            _ => Truth::False,
        };
        Self { truth, wants_login }
    }

    fn not(self) -> Self {
        match self.truth {
            Truth::True => Self::told(false),
            Truth::False => Self::told(true),
            Truth::Unknown(what) => Self::untold(what),
        }
    }
}

fn names(told: Option<Vec<&str>>, what: &str, is_it: impl Fn(&str) -> bool) -> Judgement {
    match told {
        Some(names) => Judgement::told(names.into_iter().any(is_it)),
        None => Judgement::untold(what),
    }
}

/// `None` where all that is in the list is of another type.
fn has(values: &[Value], wanted: &Value) -> Option<bool> {
    let mut answers = values.iter().map(|value| are_equal(value, wanted));
    if answers.clone().any(|answer| answer == Some(true)) {
        return Some(true);
    }
    (values.is_empty() || answers.any(|answer| answer.is_some())).then_some(false)
}

/// `None` where they are of different types: a `"true"` is neither `true` nor another thing.
fn are_equal(found: &Value, wanted: &Value) -> Option<bool> {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => are_equal_numbers(found, wanted),
        (found, wanted) => {
            let is_same_type = discriminant(found) == discriminant(wanted);
            is_same_type.then(|| found == wanted)
        }
    }
}

/// `None` where one is whole and the other may stand for several whole ones, of which it may be one.
fn are_equal_numbers(found: &Number, wanted: &Number) -> Option<bool> {
    let (one_rounds, other_rounds) = (found.is_f64(), wanted.is_f64());
    if !one_rounds && !other_rounds {
        return Some(found == wanted);
    }
    let (found, wanted) = (found.as_f64()?, wanted.as_f64()?);
    let is_exact = found.abs() < FLOATS_ROUND || wanted.abs() < FLOATS_ROUND;
    (is_exact || one_rounds == other_rounds).then_some(found == wanted)
}

fn judge_email(user: &User, domain: &str) -> Judgement {
    let Some(email) = user.email() else {
        return Judgement::untold("an e-mail");
    };
    if user.email_verified() != Some(true) {
        return Judgement::untold("a verified e-mail");
    }
    match domain_of(email) {
        Some(of) => Judgement::told(of.eq_ignore_ascii_case(domain)),
        None => Judgement::untold("an e-mail with one @ and nothing odd in it"),
    }
}

/// The domain of an e-mail, if there are no two ways to read it.
fn domain_of(email: &str) -> Option<&str> {
    let (local, domain) = email.split_once('@')?;
    // A fullwidth ＠ is an @ to whoever normalizes (Unicode NFKC); letters and digits become none.
    // In ASCII it is what may stand there unquoted (RFC 5322 §3.2.3).
    let plain = |c: char| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    let honest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let reads_one_way = !local.is_empty()
        && local.chars().all(plain)
        && domain.split('.').all(|label| !label.is_empty())
        && domain.chars().all(honest);
    reads_one_way.then_some(domain)
}

fn judge_age(user: &User, seconds: u32, now: i64) -> Judgement {
    let Some(provider) = user.configured_provider() else {
        return Judgement::untold("a login");
    };
    let allowed = i64::from(seconds).saturating_add(provider.leeway());
    let truth = match user.auth_time() {
        Some(auth_time) if now.saturating_sub(auth_time) > allowed => Truth::False,
        Some(auth_time) if auth_time <= now.saturating_add(provider.leeway()) => Truth::True,
        // One that is still to come says nothing.
        Some(_) | None => Truth::Unknown("the time of the login (auth_time)".to_owned()),
    };
    let wants_login = (truth != Truth::True && provider.tells_auth_time()).then_some(seconds);
    Judgement { truth, wants_login }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(truth: u8, wants_login: Option<u32>) -> Judgement {
        let truth = match truth {
            0 => Truth::False,
            1 => Truth::True,
            _ => Truth::Unknown("x".to_owned()),
        };
        Judgement { truth, wants_login }
    }

    fn number(judgement: &Judgement) -> u8 {
        match judgement.truth {
            Truth::False => 0,
            Truth::True => 1,
            Truth::Unknown(_) => 2,
        }
    }

    #[test]
    fn what_is_not_told_decides_nothing_unless_it_does_not_matter() {
        for (left, right, and, or) in [
            (0, 0, 0, 0),
            (0, 1, 0, 1),
            (0, 2, 0, 2),
            (1, 1, 1, 1),
            (1, 2, 2, 1),
            (2, 2, 2, 2),
        ] {
            for (a, b) in [(left, right), (right, left)] {
                let (a, b) = (judgement(a, None), judgement(b, None));
                assert_eq!(number(&a.clone().and(b.clone())), and, "{a:?} and {b:?}");
                assert_eq!(number(&a.clone().or(b.clone())), or, "{a:?} or {b:?}");
            }
        }
        for (of, not) in [(0, 1), (1, 0), (2, 2)] {
            assert_eq!(number(&judgement(of, None).not()), not);
        }
    }

    #[test]
    fn a_fresh_login_is_asked_for_only_where_it_would_help() {
        let (no, yes, untold) = (judgement(0, None), judgement(1, None), judgement(2, None));
        let (old, older) = (judgement(0, Some(60)), judgement(2, Some(300)));
        for (judged, wants_login) in [
            (yes.clone().and(old.clone()), Some(60)),
            (old.clone().and(yes.clone()), Some(60)),
            (old.clone().and(older.clone()), Some(60)),
            (no.clone().and(old.clone()), None),
            (untold.clone().and(old.clone()), None),
            (no.clone().or(old.clone()), Some(60)),
            (untold.or(older.clone()), Some(300)),
            (old.clone().or(older), Some(300)),
            (old.clone().or(yes.clone()), None),
            (yes.or(old.clone()), None),
            (old.not(), None),
            (no.not(), None),
        ] {
            assert_eq!(judged.wants_login, wants_login, "{judged:?}");
        }
    }

    #[test]
    fn uin_07_an_e_mail_has_one_domain_or_none() {
        for (email, domain) in [
            ("ada@example.com", Some("example.com")),
            ("a+b.c%d!e@Example.COM", Some("Example.COM")),
            ("jörg@example.com", Some("example.com")),
            ("ada@mail.example.com", Some("mail.example.com")),
            ("ada@example.com.", None),
            ("a@evil@example.com", None),
            ("a@example.com,b@evil.example", None),
            ("\"a@evil.example\"@example.com", None),
            ("ada＠example.com", None),
            ("a＠evil.example@example.com", None),
            ("a﹫evil.example@example.com", None),
            ("ada@exаmple.com", None),
            ("ada@ｅxample.com", None),
            ("ada@example。com", None),
            ("ada@example.com\r\nx", None),
            ("ada@example.com ", None),
            (" ada@example.com", None),
            ("ada@ example.com", None),
            ("a\0da@example.com", None),
            ("a\u{200b}da@example.com", None),
            ("ada@[127.0.0.1]", None),
            ("<ada@example.com>", None),
            ("<ada@example.com", None),
            ("eve,ada@example.com", None),
            ("Ada <ada@example.com>", None),
            ("@example.com", None),
            ("ada@", None),
            ("@", None),
            ("ada", None),
            ("", None),
        ] {
            assert_eq!(domain_of(email), domain, "{email:?}");
        }
    }
}
