//! `keycard import`.

use std::fmt::Write as _;

use keycard::Auth;

use crate::folder::Folder;
use crate::run::{Call, Said, fresh_secret, keycard, snapshot};

/// A secret that no message may show, another one each time: nothing that is shipped may be one.
fn canary() -> String {
    format!("ca11ary-{}", fresh_secret())
}

fn with(call: Call<'_>, variables: &str) -> Said {
    let pairs = variables.lines().filter_map(|line| line.split_once('='));
    pairs
        .fold(call, |call, (name, value)| call.env(name, value))
        .run()
}

/// What becomes of these variables, with what was made afresh taken out.
fn imported(name: &str, from: &str, variables: &str) -> Said {
    let folder = Folder::new(&format!("import-{name}"));
    let mut said = with(keycard(&folder.path(""), &["import", from]), variables);
    assert!(!said.err.contains("ca11ary"), "{}", said.err);
    if said.code == 0 {
        Auth::builder().toml(&said.out).build().unwrap();
    }
    let carried = variables.lines().filter_map(|line| line.split_once('='));
    for (_, value) in carried.filter(|(_, value)| value.starts_with("ca11ary-")) {
        said.out = said.out.replace(value, "<carried>");
    }
    if let Some((before, rest)) = said.out.split_once("cookie_secret = \"")
        && !rest.starts_with("<carried>")
    {
        let (_, after) = rest.split_once('"').unwrap();
        said.out = format!("{before}cookie_secret = \"<fresh>\"{after}");
    }
    said
}

fn shown(said: &Said) -> String {
    let mut shown = format!("{}\n{}", said.code, said.out);
    write!(shown, "\n{}", said.err).unwrap();
    shown
}

#[test]
fn oauth2_proxys_names_become_a_file_that_loads() {
    let canary = canary();
    let said = imported(
        "oauth2-proxy",
        "oauth2-proxy",
        &format!(
            "OAUTH2_PROXY_PROVIDER=keycloak-oidc\n\
             OAUTH2_PROXY_OIDC_ISSUER_URL=https://id.example.com/realms/main\n\
             OAUTH2_PROXY_CLIENT_ID=an-id\n\
             OAUTH2_PROXY_CLIENT_SECRET={canary}\n\
             OAUTH2_PROXY_COOKIE_SECRET={canary}\n\
             OAUTH2_PROXY_COOKIE_SECURE=true\n\
             OAUTH2_PROXY_COOKIE_EXPIRE=168h0m0s\n\
             OAUTH2_PROXY_EMAIL_DOMAINS=ca11ary.example\n\
             OAUTH2_PROXY_PROVIDER_DISPLAY_NAME=Our own\n\
             OAUTH2_PROXY_REDIRECT_URL=https://app.example.com/oauth2/callback\n\
             OAUTH2_PROXY_SCOPE=openid email groups\n\
             OAUTH2_PROXY_PROMPT=login\n\
             OAUTH2_PROXY_UPSTREAMS=http://ca11ary\n"
        ),
    );
    snapshot("import_oauth2_proxy", &shown(&said));
}

#[test]
fn a_client_secret_in_a_file_of_its_own_stays_there() {
    let canary = canary();
    let folder = Folder::new("client-secret-apart");
    let apart = folder.write("client secret", &canary);
    let from = |path: &std::path::Path| {
        let variables = format!(
            "OAUTH2_PROXY_CLIENT_ID=an-id\nOAUTH2_PROXY_CLIENT_SECRET_FILE={}\n",
            path.display()
        );
        imported("apart", "oauth2-proxy", &variables)
    };

    let said = from(&apart);
    let path = apart.display();
    let line = format!("client_secret = {{ file = \"{path}\" }}\n");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains(&line), "{}", said.out);
    assert!(!said.out.contains(&canary), "{}", said.out);
    assert!(!said.err.contains("public client"), "{}", said.err);

    let said = from(&folder.path("absent"));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("absent cannot be read"), "{}", said.err);
}

#[test]
fn a_cookie_secret_that_is_too_weak_is_replaced_and_told() {
    let canary = canary();
    for weak in ["ca11ary-16-bytes", "changeme-changeme-changeme-changeme"] {
        let said = imported(
            "weak",
            "oauth2-proxy",
            &format!(
                "OAUTH2_PROXY_CLIENT_ID=an-id\nOAUTH2_PROXY_CLIENT_SECRET={canary}\nOAUTH2_PROXY_COOKIE_SECRET={weak}\n"
            ),
        );
        assert!(said.out.contains("<fresh>"), "{}", said.out);
        assert!(
            said.err.contains("too weak for keycard; this one is fresh"),
            "{}",
            said.err
        );
        assert_eq!(said.code, 0);
    }
}

#[test]
fn auth_js_names_become_a_file_that_loads() {
    let canary = canary();
    let said = imported(
        "auth-js",
        "auth-js",
        &format!(
            "AUTH_SECRET={canary}\n\
             AUTH_URL=https://app.example.com/api/auth\n\
             AUTH_TRUST_HOST=true\n\
             AUTH_GOOGLE_ID=an-id\n\
             AUTH_GOOGLE_SECRET={canary}\n\
             AUTH_GITHUB_ID=an-id\n\
             AUTH_GITHUB_SECRET={canary}\n\
             AUTH_MICROSOFT_ENTRA_ID_ID=an-id\n\
             AUTH_MICROSOFT_ENTRA_ID_SECRET={canary}\n\
             AUTH_MICROSOFT_ENTRA_ID_ISSUER=https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0/\n\
             AUTH_AUTH0_ID=an-id\n\
             AUTH_AUTH0_SECRET={canary}\n\
             AUTH_AUTH0_ISSUER=https://example.eu.auth0.com\n"
        ),
    );
    snapshot("import_auth_js", &shown(&said));
}

#[test]
fn panels_names_become_a_file_that_loads() {
    let canary = canary();
    let said = imported(
        "panel",
        "panel",
        &format!(
            "PANEL_OAUTH_PROVIDER=okta\n\
             PANEL_OAUTH_KEY=an-id\n\
             PANEL_OAUTH_SECRET={canary}\n\
             PANEL_OAUTH_REDIRECT_URI=https://app.example.com/panel/\n\
             PANEL_OAUTH_SCOPE=openid,email\n\
             PANEL_OAUTH_EXTRA_PARAMS={{'url': 'example.okta.com', 'server': 'main', 'login_hint': 'x'}}\n\
             PANEL_OAUTH_ENCRYPTION=ca11ary\n\
             PANEL_OAUTH_EXPIRY=0.5\n\
             PANEL_OAUTH_JWT_USER=ca11ary\n\
             PANEL_COOKIE_SECRET={canary}\n"
        ),
    );
    snapshot("import_panel", &shown(&said));
}

#[test]
fn a_provider_that_keycard_knows_needs_no_address() {
    let canary = canary();
    for (from, variables, written) in [
        (
            "oauth2-proxy",
            "OAUTH2_PROXY_PROVIDER=github\nOAUTH2_PROXY_CLIENT_ID=an-id\n\
             OAUTH2_PROXY_SCOPE=user:email read:org\nOAUTH2_PROXY_CLIENT_SECRET=@",
            "[auth.github]\nclient_id = \"an-id\"\nclient_secret = \"<carried>\"\n\
             client_kwargs = { scope = \"user:email read:org\" }\n",
        ),
        (
            "oauth2-proxy",
            "OAUTH2_PROXY_PROVIDER=entra-id\nOAUTH2_PROXY_CLIENT_ID=an-id\n\
             OAUTH2_PROXY_AZURE_TENANT=contoso.example\nOAUTH2_PROXY_CLIENT_SECRET=@",
            "\ntenant = \"contoso.example\"\n",
        ),
        (
            "auth-js",
            "AUTH_DISCORD_ID=an-id\nAUTH_DISCORD_SECRET=@",
            "[auth.discord]\nclient_id = \"an-id\"\n",
        ),
        (
            "panel",
            "PANEL_OAUTH_PROVIDER=bitbucket\nPANEL_OAUTH_KEY=an-id\nPANEL_OAUTH_SECRET=@",
            "[auth.bitbucket]\nclient_id = \"an-id\"\n",
        ),
        (
            "panel",
            "PANEL_OAUTH_PROVIDER=generic\nPANEL_OAUTH_KEY=an-id\nPANEL_OAUTH_SECRET=@\n\
             PANEL_OAUTH_AUTHORIZE_URL=https://forge.example/authorize\n\
             PANEL_OAUTH_EXTRA_PARAMS={'TOKEN_URL': 'https://forge.example/token', \
             'USER_URL': 'https://forge.example/user', 'USER_KEY': 'login'}",
            "\nauthorization_endpoint = \"https://forge.example/authorize\"\n\
             token_endpoint = \"https://forge.example/token\"\n\
             userinfo_endpoint = \"https://forge.example/user\"\nuser_key = \"login\"\n",
        ),
    ] {
        let said = imported("known", from, &variables.replace('@', &canary));
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains(written), "{}", said.out);
        assert!(!said.out.contains("server_metadata_url"), "{}", said.out);
    }
}

#[test]
fn a_provider_that_is_nowhere_is_told_and_the_file_does_not_load() {
    for (from, variables) in [
        (
            "oauth2-proxy",
            "OAUTH2_PROXY_PROVIDER=digitalocean\nOAUTH2_PROXY_CLIENT_SECRET=ca11ary",
        ),
        ("auth-js", "AUTH_OKTA_ID=x\nAUTH_OKTA_SECRET=ca11ary"),
        (
            "panel",
            "PANEL_OAUTH_PROVIDER=generic\nPANEL_OAUTH_SECRET=ca11ary\nPANEL_OAUTH_EXTRA_PARAMS=ca11ary",
        ),
        ("panel", ""),
    ] {
        let said = imported("none", from, variables);
        assert_eq!(said.code, 1);
        assert!(
            said.err
                .contains(" is not carried over: where it is is not said")
                || variables.is_empty(),
            "{}",
            said.err
        );
        assert!(said.err.contains("does not load yet: "), "{}", said.err);
    }
}

#[test]
fn an_env_file_is_read_in_place_of_the_environment_and_written_where_it_is_said() {
    let canary = canary();
    let folder = Folder::new("import-file");
    folder.write(
        ".env",
        format!("# ours\nexport AUTH_SECRET=\"{canary}\"\nAUTH_URL='http://localhost:3000'\n\nAUTH_GOOGLE_ID=an-id # x\nAUTH_GOOGLE_SECRET={canary}\n"),
    );
    let import = || {
        keycard(
            &folder.path(""),
            &["import", "auth-js", ".env", "--output", "secrets.toml"],
        )
        .env("AUTH_OKTA_ID", "x")
        .run()
    };
    let said = import();
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
    let auth = Auth::builder()
        .file(folder.path("secrets.toml"))
        .set("auth.strict", true);
    assert_eq!(auth.build().unwrap().providers().len(), 1);

    let again = import();
    assert_eq!(again.code, 1);
    assert!(
        again
            .err
            .contains("secrets.toml is there already, and stays as it is"),
        "{}",
        again.err
    );

    folder.write(".env", "AUTH_SECRET=x\nca11ary\n");
    let said = import();
    assert_eq!(said.err, "keycard: .env:2 is not NAME=value\n");
}
