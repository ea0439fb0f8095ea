//! What has changed about a person since the login, which alone sets the identity.

use serde_json::{Map, Value};

/// Claims that a refresh brought otherwise than the login.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Updates {
    changed: Map<String, Value>,
    gone: Vec<String>,
}

impl Updates {
    /// What makes `new` of `old`.
    pub(crate) fn between(old: &Map<String, Value>, new: &Map<String, Value>) -> Self {
        let changed = new
            .iter()
            .filter(|(name, value)| old.get(*name) != Some(*value));
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        Self {
            changed: changed
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            gone: gone.cloned().collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }

    /// The claims of the login as they are now.
    pub(crate) fn applied_to(&self, claims: &Map<String, Value>) -> Map<String, Value> {
        let mut claims = claims.clone();
        for name in &self.gone {
            claims.remove(name);
        }
        claims.extend(self.changed.clone());
        claims
    }

    /// Nothing where there is nothing to tell.
    pub(super) fn encode(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        serde_json::to_vec(&(&self.changed, &self.gone)).unwrap_or_default()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (changed, gone) = serde_json::from_slice(bytes).ok()?;
        Some(Self { changed, gone })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_there_becomes_what_is_there_now() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let sets = [
            json!({}),
            json!({"sub": "alice", "roles": ["a", "b"], "exp": 1}),
            json!({"sub": "alice", "roles": ["a"], "exp": 2, "new": null}),
            json!({"sub": "alice"}),
        ];
        for old in &sets {
            for new in &sets {
                let updates = Updates::between(&map(old.clone()), &map(new.clone()));
                assert_eq!(updates.is_empty(), old == new);
                let read = Updates::decode(&updates.encode()).unwrap();
                assert_eq!(read, updates);
                assert_eq!(read.applied_to(&map(old.clone())), map(new.clone()));
            }
        }
        assert!(Updates::decode(b"{").is_none());
    }
}
