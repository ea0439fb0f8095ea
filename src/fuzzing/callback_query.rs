//! The query that a provider's answer comes in, by way of the browser.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::callback_query::{Answer, Parameters};

/// Reads the input as the query of a callback, and compares what is taken from it with what the
/// URL standard's own form parser takes.
pub fn callback_query(input: &[u8]) -> bool {
    let Ok(query) = std::str::from_utf8(input) else {
        return false;
    };
    let parameters = match Parameters::read(query) {
        Ok(parameters) => parameters,
        Err(error) => {
            assert_eq!(error.code(), "callback_malformed");
            return false;
        }
    };

    assert!(query.len() <= 16 * 1024, "a query without end");
    let found: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    assert!(found.len() <= 32, "parameters without end");
    for (at, (name, value)) in found.iter().enumerate() {
        let twice = found[..at].iter().any(|(other, _)| other == name);
        assert!(!twice, "{name:?} stands twice");
        for text in [name, value] {
            assert!(!text.contains(outlawed), "{text:?} has a control character");
        }
    }
    let filled = |wanted: &str| -> Option<&str> {
        let (_, value): &(_, Cow<'_, str>) = found.iter().find(|(name, _)| name == wanted)?;
        Some(&**value).filter(|value| !value.is_empty())
    };
    let state = if parameters.posted { "posted" } else { "state" };
    assert_eq!(parameters.state.as_deref(), filled(state));
    assert_eq!(parameters.issuer.as_deref(), filled("iss"));
    assert_eq!(parameters.rest.as_deref(), filled("rest"));
    match parameters.answer {
        Some(Answer::Code(code)) => {
            assert!(code.expose().len() <= 4 * 1024, "a code without end");
            assert_eq!(
                (Some(code.expose()), None),
                (filled("code"), filled("error"))
            );
        }
        Some(Answer::Error { error, description }) => {
            assert_eq!((None, Some(&*error)), (filled("code"), filled("error")));
            assert_eq!(description.as_deref(), filled("error_description"));
        }
        None => {
            assert_eq!((None, None), (filled("code"), filled("error")));
            assert_eq!(parameters.posted, filled("posted").is_some());
        }
    }
    true
}

fn outlawed(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{1b}')
}
