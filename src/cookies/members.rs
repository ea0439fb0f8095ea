//! Claims one behind the other, name and value (in JSON) with their lengths in front: a page that
//! asks for one of them reads no other.

use serde_json::{Map, Value};

use super::wire::{Reader, Write};

/// The claims as bytes. No name and no value comes near 64 KB.
pub(super) fn encode(claims: &Map<String, Value>) -> Vec<u8> {
    let mut members = Vec::new();
    for (name, value) in claims {
        members.put_bytes(name.as_bytes());
        members.put_bytes(value.to_string().as_bytes());
    }
    members
}

/// The claims that were encoded; `None` for anything that [`encode`] does not make.
pub(super) fn decode(members: &[u8]) -> Option<Map<String, Value>> {
    let mut reader = Reader(members);
    let mut claims = Map::new();
    while !reader.0.is_empty() {
        let name = reader.text()?.to_owned();
        claims.insert(name, serde_json::from_slice(reader.bytes()?).ok()?);
    }
    Some(claims)
}

/// The JSON of the claim of this name.
pub(super) fn find<'a>(members: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut reader = Reader(members);
    loop {
        let found = reader.bytes()?;
        let json = reader.bytes()?;
        if found == name.as_bytes() {
            return Some(json);
        }
    }
}

/// What JSON says, where it is text that stands there as it is, without escapes.
pub(super) fn bare_text(json: &[u8]) -> Option<&str> {
    let text = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    match memchr::memchr(b'\\', text) {
        None => std::str::from_utf8(text).ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> Map<String, Value> {
        let Value::Object(claims) = json!({
            "": "nameless",
            "nested": { "name": "inner" },
            "list": ["name", 1.5],
            "na\u{6d}e2": "é",
            "name": "Ada",
            "null": null,
            "quoted": "\"",
            "z": 1,
        }) else {
            unreachable!("an object was written")
        };
        claims
    }

    #[test]
    fn claims_come_back_as_they_were() {
        for claims in [claims(), Map::new()] {
            assert_eq!(decode(&encode(&claims)), Some(claims));
        }
    }

    #[test]
    fn a_claim_is_found_by_its_whole_name_or_not_at_all() {
        let members = encode(&claims());
        for (name, value) in claims() {
            let json = find(&members, &name).unwrap();
            assert_eq!(json, value.to_string().as_bytes(), "{name}");
            let bare = value.as_str().filter(|text| *text != "\"");
            assert_eq!(bare_text(json), bare, "{name}");
        }
        for name in ["nam", "name3", "inner", "Ada", "NAME"] {
            assert_eq!(find(&members, name), None, "{name}");
        }
    }

    #[test]
    fn half_a_claim_is_none() {
        let members = encode(&claims());
        let ends: Vec<_> = (0..members.len())
            .filter(|end| decode(&members[..*end]).is_some())
            .collect();
        assert_eq!(ends.len(), claims().len(), "between two claims alone");
        let mut no_json = Vec::new();
        no_json.put_bytes(b"name");
        no_json.put_bytes(b"Ada");
        assert_eq!(decode(&no_json), None);
        assert_eq!(bare_text(b"\""), None);
    }
}
