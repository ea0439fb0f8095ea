//! The ways in which the provider can be told to misbehave, one at a time.

use std::{fmt, time::Duration};

use serde_json::Value;

use super::request::Endpoint;

/// One way for the provider to misbehave, until [`Provider::behave`](super::Provider::behave).
///
/// Where a variant speaks of a patch, it is a JSON merge patch (RFC 7396): members replace those of
/// the same name, and `null` removes them. `Debug` shows which fault it is, not what it carries.
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with exactly this instead of the real answer; nothing is looked up or redeemed.
    Answer {
        /// Where.
        endpoint: Endpoint,
        /// The status code.
        status: u16,
        /// Every header but `Content-Length`, which is right by itself.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Merge patch over the parameters of the redirect back to the app, [`Provider::authorize`]
    /// included; an array repeats the parameter.
    ///
    /// [`Provider::authorize`]: super::Provider::authorize
    Callback(Value),
    /// Sends the right body under a `Content-Length` that is 64 bytes longer, then hangs up.
    Cut {
        /// Where.
        endpoint: Endpoint,
    },
    /// Sends the right head, and then this many spaces instead of the body.
    Endless {
        /// Where.
        endpoint: Endpoint,
        /// How many bytes.
        bytes: usize,
    },
    /// Takes the request and never answers it.
    Hang {
        /// Where.
        endpoint: Endpoint,
    },
    /// Returns this string as the ID token.
    IdToken(String),
    /// Merge patch over the claims of the ID token, before it is signed.
    IdTokenClaims(Value),
    /// Merge patch over the header of the ID token, before it is signed. The signature is always
    /// made by the real key's algorithm, whatever `alg` says.
    IdTokenHeader(Value),
    /// Serves this document instead of the key set.
    Keys(Value),
    /// Answers rightly, but only after the delay.
    Late {
        /// Where.
        endpoint: Endpoint,
        /// How much later.
        delay: Duration,
    },
    /// Merge patch over the discovery document.
    Metadata(Value),
    /// Leaves the ID token out of the token answer.
    NoIdToken,
    /// Refuses new connections and cuts the open ones; the port stays taken.
    OffDuty,
    /// Merge patch over the answer to a pushed authorization request.
    PushedRequest(Value),
    /// Redirects instead of answering.
    Redirect {
        /// Where.
        endpoint: Endpoint,
        /// The status code, such as 302 or 307.
        status: u16,
        /// The `Location`.
        location: String,
    },
    /// Signs the ID token with a key that is not in the key set, under the `kid` of the one that is.
    SignedByAnotherKey,
    /// Merge patch over the token answer, after the ID token is signed.
    Token(Value),
    /// Sends the right head at once, and then one byte of the right body a second.
    Trickle {
        /// Where.
        endpoint: Endpoint,
    },
    /// Signs the ID token with the right key under a `kid` that is not in the key set.
    UnknownKeyId,
    /// Merge patch over the claims that userinfo answers with.
    Userinfo(Value),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, endpoint) = match self {
            Self::Answer { endpoint, .. } => ("Answer", Some(endpoint)),
            Self::Callback(_) => ("Callback", None),
            Self::Cut { endpoint } => ("Cut", Some(endpoint)),
            Self::Endless { endpoint, .. } => ("Endless", Some(endpoint)),
            Self::Hang { endpoint } => ("Hang", Some(endpoint)),
            Self::IdToken(_) => ("IdToken", None),
            Self::IdTokenClaims(_) => ("IdTokenClaims", None),
            Self::IdTokenHeader(_) => ("IdTokenHeader", None),
            Self::Keys(_) => ("Keys", None),
            Self::Late { endpoint, .. } => ("Late", Some(endpoint)),
            Self::Metadata(_) => ("Metadata", None),
            Self::NoIdToken => ("NoIdToken", None),
            Self::OffDuty => ("OffDuty", None),
            Self::PushedRequest(_) => ("PushedRequest", None),
            Self::Redirect { endpoint, .. } => ("Redirect", Some(endpoint)),
            Self::SignedByAnotherKey => ("SignedByAnotherKey", None),
            Self::Token(_) => ("Token", None),
            Self::Trickle { endpoint } => ("Trickle", Some(endpoint)),
            Self::UnknownKeyId => ("UnknownKeyId", None),
            Self::Userinfo(_) => ("Userinfo", None),
        };
        let mut shown = f.debug_struct(name);
        if let Some(endpoint) = endpoint {
            shown.field("endpoint", endpoint);
        }
        shown.finish_non_exhaustive()
    }
}

/// Applies a JSON merge patch (RFC 7396).
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    let Value::Object(object) = target else {
        return;
    };
    for (name, value) in members {
        if value.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_follows_the_examples_of_rfc_7396() {
        let table = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ];
        for (mut target, patch, expected) in table {
            merge(&mut target, &patch);
            assert_eq!(target, expected);
        }
    }
}
