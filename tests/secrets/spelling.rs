//! What people mistype is told its right name, and no edit of a file makes it tell a secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keycard::Auth;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{CANARY, GOOGLE, SHARED, filled_in};

/// Every key that may be misspelt without anything else being wrong.
const OF_AUTH: &[&str] = &[
    "allow_http",
    "claims",
    "clock_leeway",
    "cookie_secret",
    "cookie_secret_previous",
    "cookie_secrets_accepted",
    "expiry_days",
    "expose_tokens",
    "provider_logout",
    "proxy",
    "redirect_uri",
    "ca_file",
    "sessions_valid_from",
    "strict",
    "timeout",
];
const OF_PROVIDER: &[&str] = &[
    "access_token_params",
    "access_token_url",
    "api_base_url",
    "authorization_endpoint",
    "authorize_params",
    "authorize_url",
    "ca_file",
    "claims",
    "client_id",
    "client_kwargs",
    "client_secret",
    "client_secret_expires",
    "clock_leeway",
    "code_challenge_method",
    "development",
    "end_session_endpoint",
    "expose_tokens",
    "id_token_signed_response_alg",
    "issuer",
    "jwks_uri",
    "key_id",
    "label",
    "preset",
    "private_key",
    "provider_logout",
    "proxy",
    "require_pushed_authorization_requests",
    "server_metadata_url",
    "subject_key",
    "timeout",
    "token_endpoint",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "user_key",
    "userinfo_endpoint",
];
const OF_KWARGS: &[&str] = &[
    "acr_values",
    "code_challenge_method",
    "login_hint",
    "max_age",
    "prompt",
    "proxy",
    "response_type",
    "scope",
    "timeout",
    "token_endpoint_auth_method",
    "ui_locales",
    "verify",
];

/// Every word that is one deletion, swap, insertion or replacement away from `key`.
fn misspellings(key: &str) -> Vec<String> {
    let letters: Vec<char> = key.chars().collect();
    let mut words = Vec::new();
    let with = |change: &dyn Fn(&mut Vec<char>)| {
        let mut letters = letters.clone();
        change(&mut letters);
        letters.into_iter().collect::<String>()
    };
    for at in 0..=letters.len() {
        if at < letters.len() {
            words.push(with(&|letters| {
                letters.remove(at);
            }));
        }
        if at + 1 < letters.len() {
            words.push(with(&|letters| letters.swap(at, at + 1)));
        }
        for letter in ('a'..='z').chain(['_']) {
            words.push(with(&|letters| letters.insert(at, letter)));
            if at < letters.len() {
                words.push(with(&|letters| letters[at] = letter));
            }
        }
    }
    words.sort();
    words.dedup();
    words
}

/// How many misspellings of `keys` there are in a table, and which are not told their key.
fn untold(table: &str, keys: &[&str], all: &[&str]) -> (usize, Vec<String>) {
    let mut count = 0;
    let mut untold = Vec::new();
    for key in keys {
        let words = misspellings(key);
        let words: Vec<_> = words
            .iter()
            .filter(|word| !all.contains(&word.as_str()))
            .collect();
        let lines = words.iter().fold(String::new(), |mut lines, word| {
            let _ = writeln!(lines, "{word} = \"\"");
            lines
        });
        let shared = SHARED.replace("[auth]\n", "[auth]\nstrict = true\n");
        let text = match table {
            "auth" => format!("{shared}{lines}{GOOGLE}"),
            "auth.google" => format!("{shared}{GOOGLE}{lines}"),
            _ => format!("{shared}{GOOGLE}[{table}]\n{lines}"),
        };
        let (text, _) = filled_in(&text);
        let said = Auth::builder().toml(&text).build().unwrap_err().to_string();
        count += words.len();
        let told: BTreeMap<_, _> = said
            .split("\n\n  ")
            .filter_map(|it| it.split_once('\n'))
            .collect();
        let told = |word: &str| {
            let mistakes = [
                format!("unknown key `{table}.{word}` in "),
                format!("`{table}.{word}` may be misspelt in "),
            ];
            mistakes.iter().any(|mistake| {
                let next = told.range(mistake.as_str()..).next();
                next.is_some_and(|(what, cure)| {
                    what.starts_with(mistake) && cure.contains(&format!("did you mean {key}?"))
                })
            })
        };
        let words = words.into_iter().filter(|word| !told(word));
        untold.extend(words.map(|word| format!("{word} for {key}")));
    }
    (count, untold)
}

#[test]
fn cfg_16_every_key_with_one_wrong_letter_is_told_its_name() {
    let all: Vec<_> = [OF_AUTH, OF_PROVIDER, OF_KWARGS].concat();
    let mut sum = (0, Vec::new());
    for (table, keys) in [
        ("auth", OF_AUTH),
        ("auth.google", OF_PROVIDER),
        ("auth.google.client_kwargs", OF_KWARGS),
    ] {
        let (count, untold) = untold(table, keys, &all);
        sum.0 += count;
        sum.1.extend(untold);
    }
    let (count, untold) = sum;
    println!(
        "{} of {count} misspellings are told another key or none: {untold:?}",
        untold.len()
    );

    assert!(count > 10_000, "{count}");
    assert!(
        untold.len() * 100 <= count * 5,
        "{} of {count}: {untold:?}",
        untold.len()
    );
}

/// A file with a canary in each value that is secret, and in remarks; and with one mistake, since
/// nothing is said of a file that loads.
fn full() -> String {
    format!(
        "# {CANARY}-1\n[connections.db]\nurl = \"{CANARY}-2\"\n\n[auth]\n\
         redirect_uri = \"https://app.example.com/oauth2callback\"\n\
         cookie_secret = \"{CANARY}-3-{{{{secret}}}}\" # {CANARY}-4\n\
         cookie_secrets_accepted = [\n  \"{CANARY}-5-{{{{older}}}}\",\n  '{CANARY}-6-{{{{oldest}}}}',\n]\n\
         expiry_days = 99\n\n[auth.google]\nclient_id = \"{CANARY}-7\"\n\
         client_secret = \"\"\"\n{CANARY}-8=\n{CANARY}.9\"\"\"\n\
         server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"\n\
         client_kwargs = {{ prompt = \"login\", login_hint = \"{CANARY}-10\" }}\n\n\
         [auth.\"my company\"]\nclient_id = '{CANARY}-11'\nclient_secret = '{CANARY}-12=='\n\
         server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n\
         [auth.\"my company\".client_kwargs]\nscope = \"openid\"\nacr_values = \"{CANARY}-13\"\n"
    )
}

/// Whether anything that is said of the text is a canary.
fn tells(text: &str) -> Option<String> {
    let error = Auth::builder().toml(text).build().err()?;
    [error.to_string(), format!("{error:#}")]
        .into_iter()
        .find(|shown| shown.contains(CANARY))
}

#[test]
fn leak_03_no_file_that_is_cut_or_changed_at_any_place_tells_a_secret() {
    let (full, _) = filled_in(&full());
    let right = full.replace("expiry_days = 99", "expiry_days = 7");
    Auth::builder().toml(&right).build().unwrap();
    for (at, _) in full.char_indices() {
        let after = full[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        let mut edited = vec![full[..at].to_owned(), full[at..].to_owned()];
        edited.push(format!("{}{}", &full[..at], &full[after..]));
        for put in ["\"", "=", "\n", "[", "#", "\u{201c}"] {
            edited.push(format!("{}{put}{}", &full[..at], &full[at..]));
            edited.push(format!("{}{put}{}", &full[..at], &full[after..]));
        }
        for text in edited {
            if let Some(shown) = tells(&text) {
                panic!("at {at}: {shown}\n\nof\n{text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_two_edits_of_a_file_tell_a_secret(
        edits in proptest::collection::vec((any::<Index>(), 0..4_u8, any::<char>()), 1..3)
    ) {
        let (full, _) = filled_in(&full());
        let mut letters: Vec<char> = full.chars().collect();
        for (at, kind, letter) in edits {
            let at = at.index(letters.len());
            match kind {
                0 => { letters.remove(at); }
                1 => letters.insert(at, letter),
                2 => letters[at] = letter,
                _ => letters.truncate(at + 1),
            }
        }
        let text: String = letters.into_iter().collect();
        prop_assert_eq!(tells(&text), None, "of\n{}", text);
    }
}
