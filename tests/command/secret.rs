//! `keycard secret`.

use std::env::temp_dir;

use crate::run::keycard;

#[test]
fn a_secret_is_printed_and_never_the_same_one_twice() {
    let secret = || keycard(&temp_dir(), &["secret"]).run();
    let (first, second) = (secret(), secret());
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert_eq!(first.out.trim_end().len(), 43);
    assert_ne!(first.out, second.out);
}

#[test]
fn a_command_that_is_none_is_a_matter_of_usage() {
    let said = keycard(&temp_dir(), &["secrte"]).run();
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("'secret'"), "{}", said.err);
}
