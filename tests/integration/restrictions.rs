//! Keys that say whose people may log in: where one counts for nobody, that is no warning.

use keycard::Auth;

use crate::support::{fresh_secret, shared};

const CLIENT: &str = "client_id = \"an-id\"\nclient_secret = \"a-secret\"\n";
const GOOGLE: &str =
    "server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"\n";

fn said_of(in_auth: &str, sections: &str) -> String {
    let text = shared(&fresh_secret(), in_auth) + &sections.replace("\n@", &format!("\n{CLIENT}"));
    let built = Auth::builder().toml(&text).build();
    built.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn idt_29_a_restriction_that_would_count_for_nobody_is_refused() {
    let entra = |tenant: &str| {
        format!(
            "server_metadata_url = \"https://login.microsoftonline.com/{tenant}/v2.0/.well-known/\
             openid-configuration\"\n"
        )
    };
    for (in_auth, sections, said) in [
        // The address counts, and it is everybody's.
        (
            "",
            format!("[auth.microsoft]\n@{}tenant = \"contoso.example\"\n", entra("common")),
            "server_metadata_url says another one",
        ),
        (
            "",
            format!("[auth.work]\n@{}", entra("Common")),
            "people of every tenant could log in",
        ),
        (
            "",
            "[auth.entra]\n@tenant = \"ORGANIZATIONS\"\n".to_owned(),
            "people of every tenant could log in",
        ),
        (
            "hosted_domain = \"example.com\"\n",
            "[auth.google]\n@".to_owned(),
            "`auth.hosted_domain` counts for nobody here",
        ),
        (
            "",
            format!("[auth.google]\n@{GOOGLE}client_kwargs = {{ hosted_domain = \"example.com\" }}\n"),
            "`auth.google.client_kwargs.hosted_domain` counts for nobody here",
        ),
        (
            "",
            "[auth.keycloak]\n@host = \"id.example\"\nrealm = \"staff\"\nhosted_domain = \"example.com\"\n"
                .to_owned(),
            "`auth.keycloak.hosted_domain` counts for nothing",
        ),
        (
            "",
            "[auth.google]\n@hosted_domain = \"example.com\"\n\
             authorization_endpoint = \"https://accounts.google.com/o/oauth2/v2/auth\"\n\
             token_endpoint = \"https://oauth2.googleapis.com/token\"\n\
             userinfo_endpoint = \"https://openidconnect.googleapis.com/v1/userinfo\"\n"
                .to_owned(),
            "`auth.google.hosted_domain` counts for nothing",
        ),
    ] {
        let refused = said_of(in_auth, &sections);
        assert!(refused.contains(said), "{sections}: {refused}");
    }
    for sections in [
        format!("[auth.work]\n@{GOOGLE}hosted_domain = \"example.com\"\n"),
        "[auth.google]\n@hosted_domain = \"example.com\"\n".to_owned(),
        format!("hosted_domain = \"example.com\"\n@{GOOGLE}"),
        // As files for Streamlit have it.
        "[auth.sso]\n@server_metadata_url = \"https://sso.example/.well-known/openid-configuration\"\n\
         client_kwargs = { organization = \"org_1\" }\n"
            .to_owned(),
        format!(
            "[auth.microsoft]\n@{}tenant = \"contoso.example\"\n",
            entra("contoso.example")
        ),
    ] {
        assert_eq!(said_of("", &sections), "", "{sections}");
    }
}

#[test]
fn one_endpoint_elsewhere_takes_none_of_the_preset_s() {
    let refused = said_of(
        "",
        "[auth.github]\n@authorization_endpoint = \"https://ghe.example/login/oauth/authorize\"\n",
    );
    for key in ["token_endpoint", "userinfo_endpoint"] {
        let missing = format!("missing key `auth.github.{key}`");
        assert!(refused.contains(&missing), "{refused}");
    }
    // The very same is no other.
    let own =
        "[auth.github]\n@authorization_endpoint = \"https://GitHub.com/login/oauth/authorize\"\n";
    assert_eq!(said_of("", own), "");
}

#[test]
fn two_sections_with_one_issuer_have_their_subjects_from_one_place() {
    let forge = |name: &str, subject: &str| {
        format!(
            "[auth.{name}]\n@authorization_endpoint = \"https://forge.example/authorize\"\n\
             token_endpoint = \"https://forge.example/token\"\n\
             userinfo_endpoint = \"https://forge.example/user\"\nsubject_key = \"{subject}\"\n"
        )
    };
    let refused = said_of("", &(forge("one", "id") + &forge("two", "login")));
    assert!(refused.contains("have one issuer"), "{refused}");
    assert_eq!(said_of("", &(forge("one", "id") + &forge("two", "id"))), "");
}

#[test]
fn leak_03_a_key_or_a_password_among_the_parameters_is_refused_and_not_sent() {
    for (key, value) in [
        ("private_key_pem", "-----BEGIN PRIVATE KEY-----"),
        ("proxies", "http://user:ca11ary@proxy.example:3128"),
    ] {
        let refused = said_of(
            "",
            &format!("[auth.google]\n@{GOOGLE}client_kwargs = {{ {key} = \"{value}\" }}\n"),
        );
        assert!(refused.contains("the browser would show it"), "{refused}");
        assert!(!refused.contains("ca11ary"), "{refused}");
    }
}
