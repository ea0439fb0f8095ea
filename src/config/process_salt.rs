//! What a weak secret is worth.

use std::sync::OnceLock;

use crate::random;

/// Random bytes that are made when they are first needed, and stay for as long as the process.
#[derive(Clone, Default)]
pub(crate) struct ProcessSalt(OnceLock<[u8; 32]>);

impl ProcessSalt {
    pub(super) fn get(&self) -> Option<[u8; 32]> {
        match self.0.get() {
            Some(salt) => Some(*salt),
            None => random::bytes()
                .ok()
                .map(|salt| *self.0.get_or_init(|| salt)),
        }
    }
}
