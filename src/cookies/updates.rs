//! What has changed about a person since the login, which alone sets the identity.

use std::fmt;

use serde_json::{Map, Value};

use super::packing;

/// So many bytes are not deflated: to inflate takes longer than all else that a request costs.
const SHORT: usize = 512;

/// Claims that a refresh brought otherwise than the login.
#[derive(Clone, Default, PartialEq)]
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

    /// Forgets what the claims became, where that has no room. They are told no more: a role that was
    /// taken away does not come back.
    pub(super) fn leave_names(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        self.gone.extend(changed.into_iter().map(|(name, _)| name));
    }

    /// No bytes where there is nothing to tell; `None` where there is more than can be unpacked.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        if self.is_empty() {
            return Some(Vec::new());
        }
        let json = serde_json::to_vec(&(&self.changed, &self.gone)).ok()?;
        (json.len() <= packing::MAX).then(|| packing::pack(&json, SHORT))
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (changed, gone) = serde_json::from_slice(&packing::unpack(bytes)?).ok()?;
        Some(Self { changed, gone })
    }
}

// They are about a person.
impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").finish_non_exhaustive()
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
                let read = Updates::decode(&updates.encode().unwrap()).unwrap();
                assert_eq!(read, updates);
                assert_eq!(read.applied_to(&map(old.clone())), map(new.clone()));
            }
        }
        assert!(Updates::decode(b"{").is_none());
    }

    #[test]
    fn what_could_not_be_unpacked_is_not_packed() {
        for (count, is_packed) in [(400, true), (600, false)] {
            let group = |at| format!("CN=app-team-{at:04},OU=Groups,DC=example,DC=com");
            let groups: Vec<_> = (0..count).map(group).collect();
            let new = json!({ "groups": groups });
            let updates = Updates::between(&Map::new(), new.as_object().unwrap());
            let packed = updates.encode();
            assert_eq!(packed.is_some(), is_packed, "{count}");
            assert_eq!(
                packed.and_then(|it| Updates::decode(&it)).is_some(),
                is_packed
            );
        }
    }

    #[test]
    fn what_has_no_room_is_told_no_more() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let old = map(json!({"sub": "alice", "roles": ["admin"], "was": 1}));
        let mut updates = Updates::between(&old, &map(json!({"sub": "alice", "roles": ["staff"]})));
        updates.leave_names();
        assert_eq!(updates.applied_to(&old), map(json!({"sub": "alice"})));
    }
}
