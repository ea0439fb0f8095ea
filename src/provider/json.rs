//! JSON from outside, read strictly: no member twice, no nesting without end, and no word of the
//! parser's own, which would quote what it could not read.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The deepest nesting that is read.
const DEPTH: u8 = 32;

const TWICE: &str = "a member stands twice";
const DEEP: &str = "it is nested too deeply";

/// Reads a JSON object.
///
/// # Errors
///
/// In a few words that hold nothing of what was read.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, &'static str> {
    match value(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err("it is not a JSON object"),
    }
}

/// Reads any JSON.
///
/// # Errors
///
/// In a few words that hold nothing of what was read.
pub(super) fn value(bytes: &[u8]) -> Result<Value, &'static str> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: DEPTH }
        .deserialize(&mut deserializer)
        .map_err(|error| {
            let words = error.to_string();
            [TWICE, DEEP]
                .into_iter()
                .find(|known| words.starts_with(known))
                .unwrap_or("it is not JSON")
        })?;
    deserializer
        .end()
        .map_err(|_| "something stands behind the JSON")?;
    Ok(value)
}

struct Strict {
    depth: u8,
}

impl Strict {
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom(DEEP))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self.inner()?)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner()?)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(object))
    }
}
