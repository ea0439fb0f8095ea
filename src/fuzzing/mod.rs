//! The doors that a stranger has, for fuzzers to knock at: one function for each, which asserts
//! what must hold of every input and says whether the input was accepted.
//!
//! This room is built for `cargo fuzz` and for keycard's own tests, never for an app: what it
//! tries is no part of the public surface. What the fuzzers in `fuzz` have kept is answered again
//! by every run of the tests.
#![allow(
    clippy::expect_used,
    clippy::must_use_candidate,
    clippy::panic,
    reason = "a fuzzer is told by a panic, and by nothing else"
)]

mod app;
mod callback_query;
mod cookie_header;
mod id_token;
mod identity;
mod key_set;
mod members;
mod metadata;
mod return_to;
mod secrets_file;
mod signer;

pub use self::callback_query::callback_query;
pub use self::cookie_header::cookie_header;
pub use self::id_token::id_token;
pub use self::identity::identity;
pub use self::key_set::key_set;
pub use self::metadata::metadata;
pub use self::return_to::return_to;
pub use self::secrets_file::secrets_file;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Answers everything that is kept for one fuzzer.
    #[track_caller]
    fn replay(fuzzer: &str, answer: fn(&[u8]) -> bool) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // `fuzz` is a package of its own, so a published keycard, which alone has this file, comes
        // without the inputs.
        if root.join("Cargo.toml.orig").exists() {
            return;
        }
        let corpus = root.join("fuzz/corpus").join(fuzzer);
        let (mut accepted, mut refused) = (0, 0);
        for entry in fs::read_dir(&corpus).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            match answer(&fs::read(&path).unwrap()) {
                true => accepted += 1,
                false => refused += 1,
            }
        }
        // Inputs of one kind alone would prove little.
        assert!(
            accepted > 0 && refused > 0,
            "{accepted} accepted, {refused} refused"
        );
    }

    #[test]
    fn res_09_every_cookie_header_that_a_fuzzer_kept_is_still_answered() {
        replay("cookie_header", super::cookie_header);
    }

    #[test]
    fn res_09_every_callback_query_that_a_fuzzer_kept_is_still_answered() {
        replay("callback_query", super::callback_query);
    }

    #[test]
    fn res_09_every_id_token_that_a_fuzzer_kept_is_still_answered() {
        replay("id_token", super::id_token);
    }

    #[test]
    fn res_09_every_identity_that_a_fuzzer_kept_is_still_answered() {
        replay("identity", super::identity);
    }

    #[test]
    fn res_09_every_key_set_that_a_fuzzer_kept_is_still_answered() {
        replay("key_set", super::key_set);
    }

    #[test]
    fn res_09_every_metadata_document_that_a_fuzzer_kept_is_still_answered() {
        replay("metadata", super::metadata);
    }

    #[test]
    fn res_09_every_return_to_that_a_fuzzer_kept_is_still_answered() {
        replay("return_to", super::return_to);
    }

    #[test]
    fn res_09_every_secrets_file_that_a_fuzzer_kept_is_still_answered() {
        replay("secrets_file", super::secrets_file);
    }
}
