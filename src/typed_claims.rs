//! Claims as a type of the app's own; and where they do not fit, which claim it is.
//!
//! serde_json says so with a sentence that quotes the value. Here only the name gets out.

use std::any::type_name;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

/// A type that every login has to fit.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    check: fn(&Map<String, Value>) -> Result<(), Misfit>,
}

impl Wanted {
    pub(crate) fn of<T: DeserializeOwned>() -> Self {
        Self {
            name: type_name::<T>(),
            check: |claims| read::<T>(claims).map(drop),
        }
    }

    pub(crate) fn check(self, claims: &Map<String, Value>) -> Result<(), Misfit> {
        (self.check)(claims)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Why claims are none of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It lacks the claim of this name.
    Missing(&'static str),
    /// The claim of this name is of another type, or one that the type does not know.
    Unfit(String),
    /// All claims together are not what is wanted.
    Together,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the claim \"{}\" is missing", name.escape_debug()),
            Self::Unfit(name) => {
                let name: String = name.chars().take(64).collect();
                let name = name.escape_debug();
                write!(f, "the claim \"{name}\" is not what is wanted")
            }
            Self::Together => f.write_str("no claim alone is the reason"),
        }
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    // The text may hold a value.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Together
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// Reads all claims into a type.
pub(crate) fn read<T: DeserializeOwned>(claims: &Map<String, Value>) -> Result<T, Misfit> {
    T::deserialize(Claims {
        rest: claims.iter(),
        current: None,
    })
}

/// Claims on their way into a type.
struct Claims<'a> {
    rest: map::Iter<'a>,
    current: Option<Claim<'a>>,
}

impl<'de> Deserializer<'de> for Claims<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_map(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Claims<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        let claim = Claim { name, value };
        self.current = Some(claim);
        let name: de::value::BorrowedStrDeserializer<'de, Misfit> =
            de::value::BorrowedStrDeserializer::new(name);
        seed.deserialize(name).map(Some).map_err(|_| claim.misfit())
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let claim = self.current.take().ok_or(Misfit::Together)?;
        seed.deserialize(claim).map_err(|_| claim.misfit())
    }
}

/// A claim on its way into a field.
#[derive(Clone, Copy)]
struct Claim<'a> {
    name: &'a str,
    value: &'a Value,
}

impl Claim<'_> {
    fn misfit(self) -> Misfit {
        Misfit::Unfit(self.name.to_owned())
    }
}

impl<'de> Deserializer<'de> for Claim<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let read = self.value.deserialize_any(visitor);
        read.map_err(|_| self.misfit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let read = self.value.deserialize_enum(name, variants, visitor);
        read.map_err(|_| self.misfit())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fmt::Debug;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Plan {
        Free,
        Pro { seats: u32 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Level(u8);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Address {
        city: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wants {
        sub: String,
        #[serde(rename = "https://acme.example/plan")]
        plan: Option<Plan>,
        level: Option<Level>,
        #[serde(default)]
        roles: Vec<String>,
        address: Option<Address>,
        #[serde(default, deserialize_with = "number")]
        number: u32,
    }

    fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }

    fn claims(value: Value) -> Map<String, Value> {
        let Value::Object(claims) = value else {
            panic!("no object")
        };
        claims
    }

    #[test]
    fn claims_become_a_type_or_the_one_that_does_not_fit_is_named() {
        let all = json!({
            "sub": "ada", "https://acme.example/plan": { "pro": { "seats": 3 } }, "level": 7,
            "roles": ["admin"], "address": { "city": "Bern", "zip": 1 }, "number": "12", "more": [],
        });
        let ada: Wants = read(&claims(all.clone())).unwrap();
        assert_eq!(ada.plan, Some(Plan::Pro { seats: 3 }));
        assert_eq!(ada, serde_json::from_value(all.clone()).unwrap());
        assert_eq!((ada.level, ada.number), (Some(Level(7)), 12));

        let other = |name: &str| Misfit::Unfit(name.to_owned());
        for (name, value, misfit) in [
            ("sub", Value::Null, other("sub")),
            ("sub", json!(7), other("sub")),
            ("level", json!(256), other("level")),
            ("level", json!("7"), other("level")),
            ("roles", json!("admin"), other("roles")),
            ("roles", json!([1]), other("roles")),
            ("address", json!({}), other("address")),
            ("number", json!("a secret"), other("number")),
            (
                "https://acme.example/plan",
                json!("gold"),
                other("https://acme.example/plan"),
            ),
        ] {
            let mut all = all.clone();
            all[name] = value;
            let found = read::<Wants>(&claims(all)).unwrap_err();
            assert_eq!(found, misfit);
            assert!(!found.to_string().contains("secret"), "{found}");
        }
        assert_eq!(
            read::<Wants>(&claims(json!({}))),
            Err(Misfit::Missing("sub"))
        );
    }

    #[test]
    fn any_shape_of_type_is_read() {
        let some = claims(json!({ "sub": "ada", "level": 7, "plan": "free", "none": null }));

        let map: Map<String, Value> = read(&some).unwrap();
        assert_eq!(map, some);
        assert_eq!(read::<Value>(&some).unwrap(), Value::Object(some.clone()));
        assert!(
            read::<Option<HashMap<String, Value>>>(&some)
                .unwrap()
                .is_some()
        );
        assert!(read::<HashMap<String, u8>>(&some).is_err());
        assert!(read::<Vec<String>>(&some).is_err());
        assert!(read::<String>(&some).is_err());

        #[derive(Debug, Deserialize)]
        struct Flat {
            #[serde(flatten)]
            inner: Inner,
            #[serde(flatten)]
            others: Map<String, Value>,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            level: u8,
            plan: Plan,
        }
        let flat: Flat = read(&some).unwrap();
        assert_eq!((flat.inner.level, flat.inner.plan), (7, Plan::Free));
        assert_eq!(flat.others.len(), 2);
        let lacks = read::<Flat>(&claims(json!({ "plan": "free" }))).unwrap_err();
        assert_eq!(lacks, Misfit::Missing("level"));

        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {
            #[allow(dead_code, reason = "it is there to be read")]
            sub: String,
        }
        let refused = read::<Strict>(&some).unwrap_err();
        assert_eq!(refused, Misfit::Unfit("level".to_owned()));
        let text: Result<Level, Misfit> = Level::deserialize("x".into_deserializer());
        assert_eq!(text.unwrap_err(), Misfit::Together);
    }

    #[track_caller]
    fn agrees<T: DeserializeOwned + PartialEq + Debug>(value: &Value) {
        let theirs: Option<T> = serde_json::from_value(value.clone()).ok();
        let ours: Option<T> = read(value.as_object().unwrap()).ok();
        assert_eq!(ours, theirs, "{value}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i16>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            "free|pro|city|[0-9]{1,3}|x".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("city|pro|seats|sub", inner, 0..3)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_fits_is_what_serde_json_takes(
            members in prop::collection::hash_map(
                "sub|https://acme.example/plan|level|roles|address|number|more",
                value(),
                0..8,
            ),
        ) {
            let claims: Value = members.into_iter().collect();
            agrees::<Wants>(&claims);
            agrees::<HashMap<String, Option<bool>>>(&claims);
            agrees::<Value>(&claims);
        }
    }
}
