//! What the provider sends back by way of the browser: the query of a callback, or the form in its
//! place, read strictly.

use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// The parameter that carries the second part of an identity.
pub(crate) const REST: &str = "rest";
/// The parameter that carries the state of an answer which came by POST, and without the cookies
/// that go nowhere with a POST from another site.
pub(crate) const POSTED: &str = "posted";

/// The longest query or form that is read, in bytes, and the most parameters.
pub(crate) const MAX_LENGTH: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 32;
/// The longest code that is passed on, in bytes.
const MAX_CODE: usize = 4 * 1024;

/// What the provider said.
pub(crate) enum Answer {
    Code(Secret),
    Error {
        error: String,
        description: Option<String>,
    },
}

/// The parameters of a callback that mean something here.
pub(crate) struct Parameters {
    pub(crate) answer: Option<Answer>,
    pub(crate) state: Option<String>,
    /// Whether the state is that of an answer which came by POST a moment ago.
    pub(crate) posted: bool,
    pub(crate) issuer: Option<String>,
    /// The sealed second part of an identity.
    pub(crate) rest: Option<String>,
    /// All but state, for a provider that has parameters of its own.
    pub(crate) all: Vec<(String, Secret)>,
}

impl Parameters {
    /// Reads the query strictly: each parameter once (RFC 6749 §3.1), percent-encoding right, and
    /// one answer, not two. A parameter without a value is absent; those unknown are ignored.
    pub(crate) fn read(query: &str) -> Result<Self> {
        let malformed = |what| Error::from(Kind::CallbackMalformed { what });
        if query.len() > MAX_LENGTH {
            return Err(malformed("it is over 16 KB"));
        }
        let mut found: Vec<(String, String)> = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            if found.len() == MAX_PARAMETERS {
                return Err(malformed("there are over 32 parameters"));
            }
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let decoded = decode(name).zip(decode(value));
            let Some((name, value)) = decoded else {
                return Err(malformed("its percent-encoding is wrong"));
            };
            if found.iter().any(|(other, _)| *other == name) {
                return Err(malformed("a parameter stands twice"));
            }
            found.push((name, value));
        }
        let all = found
            .iter()
            .filter(|(name, _)| name != "state")
            .map(|(name, value)| (name.clone(), Secret::new(value)))
            .collect();
        let mut take = |wanted: &str| {
            let at = found.iter().position(|(name, _)| name == wanted)?;
            Some(found.swap_remove(at).1).filter(|value| !value.is_empty())
        };
        let answer = match (take("code"), take("error")) {
            (Some(_), Some(_)) => return Err(malformed("it has both code and error")),
            (Some(code), None) if code.len() > MAX_CODE => {
                return Err(malformed("the code is over 4 KB"));
            }
            (Some(code), None) => Some(Answer::Code(Secret::new(code))),
            (None, Some(error)) => Some(Answer::Error {
                error,
                description: take("error_description"),
            }),
            (None, None) => None,
        };
        let posted = take(POSTED).filter(|_| answer.is_none());
        Ok(Self {
            answer,
            posted: posted.is_some(),
            state: posted.or_else(|| take("state")),
            issuer: take("iss"),
            rest: take(REST),
            all,
        })
    }

    /// Reads the form of a POST as strictly. What stands in our own addresses alone is no part of it.
    pub(crate) fn read_form(form: &[u8]) -> Result<Self> {
        let Ok(form) = std::str::from_utf8(form) else {
            let what = "it is not UTF-8";
            return Err(Kind::CallbackMalformed { what }.into());
        };
        Ok(Self {
            posted: false,
            rest: None,
            ..Self::read(form)?
        })
    }
}

/// Form-decodes; `None` where the percent-encoding is wrong or a control character comes of it.
fn decode(written: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high << 4 | low).ok()?
            }
            byte => byte,
        });
    }
    let decoded = String::from_utf8(bytes).ok()?;
    // These may stand in an error_description, which is escaped wherever it is shown.
    let outlawed = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t' | '\u{1b}');
    (!decoded.contains(outlawed)).then_some(decoded)
}
