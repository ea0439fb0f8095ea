//! One member of a JSON object, read without making anything of the others.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The member of this name, `None` where there is none.
///
/// # Errors
///
/// When it is no text, or cannot be lent out because it stands there with escapes.
pub(super) fn text<'a>(json: &'a [u8], name: &str) -> Result<Option<&'a str>, serde_json::Error> {
    Member(name).deserialize(&mut serde_json::Deserializer::from_slice(json))
}

struct Member<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = members.next_key_seed(IsNamed(self.0))? {
            if is_it {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a member has this name.
struct IsNamed<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for IsNamed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsNamed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_by_its_whole_name_or_not_at_all() {
        let json =
            br#"{"na\u006de2":"x","nested":{"name":"inner"},"list":["name"],"name":"Ada","z":1}"#;
        assert_eq!(text(json, "name").unwrap(), Some("Ada"));
        assert_eq!(text(json, "name2").unwrap(), Some("x"));
        assert_eq!(text(json, "nam").unwrap(), None);
        assert_eq!(text(json, "inner").unwrap(), None);
        for not_plain_text in ["nested", "list", "z"] {
            assert!(text(json, not_plain_text).is_err(), "{not_plain_text}");
        }
        assert!(text(br#"{"name":"A\u00e9"}"#, "name").is_err());
        assert!(text(b"[]", "name").is_err());
        assert!(text(b"{\"name\":\"Ada\"", "name").is_err());
    }
}
