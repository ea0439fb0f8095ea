//! A JSON pointer (RFC 6901): a way to one of a person's claims.

use serde_json::{Map, Value};

/// The way to a value among claims. Names may hold `/`, `.` and `:`; in the pointer's text a `/` of a
/// name is `~1`, and a `~` is `~0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// The claim itself.
    pub(crate) claim: String,
    /// The way on from there, as it is written; empty where the claim is what is meant.
    rest: String,
}

impl Pointer {
    /// Reads a pointer's text; `None` for what does not begin with `/`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let way = text.strip_prefix('/')?;
        let (claim, rest) = way.find('/').map_or((way, ""), |at| way.split_at(at));
        Some(Self {
            claim: claim.replace("~1", "/").replace("~0", "~"),
            rest: rest.to_owned(),
        })
    }

    /// To the claim of this name, whatever it holds.
    pub(crate) fn to_claim(name: &str) -> Self {
        Self {
            claim: name.to_owned(),
            rest: String::new(),
        }
    }

    /// Whether it leads to a claim, and no further.
    pub(crate) fn is_a_claim(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        claims.get(&self.claim)?.pointer(&self.rest)
    }

    /// Puts a value where it leads, with the objects on the way there.
    #[cfg(feature = "testing")]
    pub(crate) fn put(&self, claims: &mut Map<String, Value>, value: Value) {
        let mut place = claims.entry(self.claim.clone()).or_insert(Value::Null);
        for name in self.rest.split('/').skip(1) {
            let name = name.replace("~1", "/").replace("~0", "~");
            let object = match place {
                Value::Object(object) => object,
                other => {
                    *other = Value::Object(Map::new());
                    let Value::Object(object) = other else { return };
                    object
                }
            };
            place = object.entry(name).or_insert(Value::Null);
        }
        *place = value;
    }
}

/// A name as it stands in a pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_leads_to_names_that_hold_slashes_dots_and_colons() {
        let Value::Object(claims) = json!({
            "https://slack.com/team_id": "T1",
            "tenants": { "a/b.c": { "roles": ["admin"] } },
            "cognito:groups": ["staff"],
            "~": 1,
            "": 2,
        }) else {
            unreachable!("an object was written")
        };
        for (text, value) in [
            ("/https:~1~1slack.com~1team_id", json!("T1")),
            ("/tenants/a~1b.c/roles/0", json!("admin")),
            ("/cognito:groups", json!(["staff"])),
            ("/~0", json!(1)),
            ("/", json!(2)),
        ] {
            let found = Pointer::parse(text).and_then(|pointer| pointer.find(&claims));
            assert_eq!(found, Some(&value), "{text}");
        }
        for text in ["/tenants/a/b.c", "/cognito", "/~1", "/cognito:groups/1"] {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.find(&claims), None, "{text}");
        }
        assert_eq!(Pointer::parse("cognito:groups"), None);
        assert_eq!(Pointer::parse(""), None);
        assert_eq!(escaped("a/b~c"), "a~1b~0c");
    }
}
