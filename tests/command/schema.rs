//! `keycard schema`.

use std::env::temp_dir;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::run::keycard;

fn root(inner: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(inner)
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(root("docs/secrets.schema.json")).unwrap()).unwrap()
}

/// What is wrong with a value, and where; `None` if nothing is. Knows the keywords of our schema,
/// and no others.
fn objection(value: &Value, schema: &Value, whole: &Value, at: &str) -> Option<String> {
    let is_wrong = |what: &str| Some(format!("{at}: {what}"));
    let number = value.as_f64();
    for (keyword, wanted) in schema.as_object().unwrap() {
        let found = match keyword.as_str() {
            "$schema" | "definitions" | "description" | "title" => None,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                objection(value, whole.pointer(pointer).unwrap(), whole, at)
            }
            "additionalProperties" if *wanted == json!(false) => {
                let mut names = members(value).map(|(name, _)| &schema["properties"][name]);
                let is_known = names.all(Value::is_object);
                if is_known {
                    None
                } else {
                    is_wrong("unknown member")
                }
            }
            "additionalProperties" => members(value).find_map(|(name, member)| {
                let is_known = schema["properties"].get(name).is_some();
                let at = format!("{at}.{name}");
                (!is_known).then(|| objection(member, wanted, whole, &at))?
            }),
            "allOf" => {
                let mut all = wanted.as_array().unwrap().iter();
                all.find_map(|one| objection(value, one, whole, at))
            }
            "anyOf" => {
                let mut any = wanted.as_array().unwrap().iter();
                let fits = any.any(|one| objection(value, one, whole, at).is_none());
                if fits {
                    None
                } else {
                    is_wrong("none of these")
                }
            }
            "enum" if !wanted.as_array().unwrap().contains(value) => is_wrong("not listed"),
            "exclusiveMinimum" if number.is_some() && number <= wanted.as_f64() => {
                is_wrong("too small")
            }
            "maximum" if number > wanted.as_f64() => is_wrong("too large"),
            "maxProperties" | "minProperties" => {
                let is_one = value.as_object().is_none_or(|members| members.len() == 1);
                assert_eq!(*wanted, json!(1));
                if is_one {
                    None
                } else {
                    is_wrong("not one member")
                }
            }
            "pattern" => {
                assert_eq!(*wanted, json!(r"^\$+\{.+\}$"));
                let inner = value.as_str().unwrap_or_default().trim_start_matches('$');
                let is_reference = value.as_str().is_none_or(|text| text.starts_with('$'))
                    && inner
                        .strip_prefix('{')
                        .is_some_and(|inner| inner.ends_with('}'));
                if is_reference {
                    None
                } else {
                    is_wrong("no reference")
                }
            }
            "minimum" if number.is_some() && number < wanted.as_f64() => is_wrong("too small"),
            "enum" | "exclusiveMinimum" | "maximum" | "minimum" => None,
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                items.find_map(|item| objection(item, wanted, whole, at))
            }
            "properties" => members(value).find_map(|(name, member)| {
                let at = format!("{at}.{name}");
                objection(member, wanted.get(name)?, whole, &at)
            }),
            "type" if !is_of(value, wanted) => is_wrong("another type"),
            "type" => None,
            other => panic!("the validator does not know {other}"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn is_of(value: &Value, types: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| is_of(value, one)),
        Value::String(name) => match name.as_str() {
            "array" => value.is_array(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "number" => value.is_number(),
            "object" => value.is_object(),
            "string" => value.is_string(),
            other => panic!("the validator does not know the type {other}"),
        },
        _ => panic!("{types} is no type"),
    }
}

/// A file of TOML as JSON, dates as text.
fn json_of(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    Value::Object(table(DeTable::parse(text).unwrap().get_ref()))
}

fn table(table: &DeTable<'_>) -> Map<String, Value> {
    let members = table.iter();
    members
        .map(|(name, it)| (name.get_ref().to_string(), value(it.get_ref())))
        .collect()
}

fn value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::Array(items) => items
            .iter()
            .map(|item| self::value(item.get_ref()))
            .collect(),
        DeValue::Boolean(boolean) => json!(boolean),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().unwrap()),
        DeValue::Integer(integer) => {
            json!(i64::from_str_radix(integer.as_str(), integer.radix()).unwrap())
        }
        DeValue::String(text) => json!(text),
        DeValue::Table(inner) => Value::Object(table(inner)),
    }
}

/// The files of the corpus of this kind that are TOML, by name.
fn corpus(kind: &str) -> Vec<(String, Value)> {
    let files = fs::read_dir(root("tests/secrets").join(kind)).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let is_toml = DeTable::parse(text.trim_start_matches('\u{feff}')).is_ok();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            is_toml.then(|| (name, json_of(&text)))
        })
        .collect();
    files.sort_by(|left, right| left.0.cmp(&right.0));
    files
}

#[test]
fn the_schema_that_is_kept_is_the_one_that_is_printed() {
    let said = keycard(&temp_dir(), &["schema"]).run();
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let kept = fs::read_to_string(root("docs/secrets.schema.json")).unwrap();
    assert!(
        said.out == kept,
        "cargo run --features cli --bin keycard -- schema >docs/secrets.schema.json"
    );
}

#[test]
fn every_file_that_loads_is_valid() {
    let schema = schema();
    let mut files = corpus("loads");
    assert!(files.len() >= 70, "{}", files.len());
    let example = fs::read_to_string(root(".streamlit-example/secrets.toml")).unwrap();
    files.push(("the example".to_owned(), json_of(&example)));
    for (name, file) in files {
        assert_eq!(objection(&file, &schema, &schema, &name), None);
    }
}

#[test]
fn what_is_of_another_type_or_out_of_range_is_not() {
    let schema = schema();
    let refused: Vec<_> = corpus("mistakes")
        .iter()
        .filter_map(|(name, file)| objection(file, &schema, &schema, name))
        .collect();
    crate::run::snapshot("schema_refuses", &refused.join("\n"));
}
