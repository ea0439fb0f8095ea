//! What a provider says about itself, and the authorization request that comes of it.

use std::time::Duration;

use http::StatusCode;
use keycard::dev::{Endpoint, Fault};
use keycard::{Auth, Session};
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Browser, Ending, Forge, SITE, Shelf, World, eventually, fresh_secret, honest, pass, provider,
    relative, routes, row, settle, who,
};

const HOUR: Duration = Duration::from_secs(3600);

/// An app that knew its provider once, too long ago, and somebody who is logged in there.
async fn out_of_date() -> (World, Browser) {
    let world = World::with(|builder| builder.set("auth.google.timeout", 1)).await;
    let browser = world.logged_in("bob").await;
    pass(25 * HOUR).await;
    (world, browser)
}

fn document(body: impl Into<Vec<u8>>) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::Metadata,
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    }
}

/// The provider's own document, as it stands.
async fn genuine(world: &World) -> Value {
    let answer = reqwest::get(world.provider.server_metadata_url()).await;
    answer.unwrap().json().await.unwrap()
}

/// The parameters that a login sends to the authorization endpoint.
async fn parameters(world: &World) -> Vec<(String, String)> {
    let url: Url = world
        .browser()
        .begin(&world.provider)
        .await
        .parse()
        .unwrap();
    url.query_pairs().into_owned().collect()
}

fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = parameters.iter().filter(|(found, _)| found == name);
    let (_, value) = found.next()?;
    assert_eq!(found.next(), None, "{name} stands once");
    Some(value)
}

#[tokio::test]
async fn cfg_26_a_document_that_is_no_json_object_is_refused() {
    let (world, mut browser) = out_of_date().await;
    let good = genuine(&world).await.to_string();
    let issuer = world.provider.issuer();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let table: Vec<(Vec<u8>, &str)> = vec![
        (b"<!DOCTYPE html><html></html>".into(), "it is not JSON"),
        (b"[]".into(), "it is not a JSON object"),
        (b"null".into(), "it is not a JSON object"),
        (b"5".into(), "it is not a JSON object"),
        (b"\"text\"".into(), "it is not a JSON object"),
        (b"".into(), "it is not JSON"),
        (b"{}".into(), "it lacks issuer"),
        (good[..good.len() - 1].into(), "it is not JSON"),
        (format!("{good}{{}}").into(), "something stands behind"),
        (format!("\u{feff}{good}").into(), "it is not JSON"),
        (format!("[{good}]").into(), "it is not a JSON object"),
        (
            [
                &good.as_bytes()[..1],
                b"\"x\":\"\xff\",",
                &good.as_bytes()[1..],
            ]
            .concat(),
            "it is not JSON",
        ),
        (
            format!("{{\"x\":{deep},{}", &good[1..]).into(),
            "it is nested too deeply",
        ),
        (
            format!("{{\"issuer\":\"{issuer}\",{}", &good[1..]).into(),
            "a member stands twice",
        ),
        // Compressed, though nobody asked for that: never unpacked, so never a bomb.
        (
            [
                b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
                &miniz(good.as_bytes())[..],
                &[0; 8],
            ]
            .concat(),
            "it is not JSON",
        ),
    ];
    for (body, log) in table {
        row(&String::from_utf8_lossy(&body[..body.len().min(60)]));
        world.provider.misbehave(document(body));
        world
            .refuses_start(&mut browser, 502, "metadata_invalid", log)
            .await;
    }
    world.provider.behave();
    pass(Duration::from_secs(3)).await;
    world.logged_in("alice").await;
}

fn miniz(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(bytes, 6)
}

#[tokio::test]
async fn cfg_26_a_document_without_end_or_that_never_comes_is_given_up() {
    let (world, mut browser) = out_of_date().await;
    let endpoint = Endpoint::Metadata;
    let unreachable = "its metadata document cannot be reached: ";
    let late = "its metadata document did not answer in time";
    for (fault, status, code, log) in [
        (
            Fault::Endless {
                endpoint,
                bytes: 10 << 20,
            },
            503,
            "provider_unreachable",
            "its answer is over 256 KB",
        ),
        (
            Fault::Cut { endpoint },
            503,
            "provider_unreachable",
            unreachable,
        ),
        (Fault::OffDuty, 503, "provider_unreachable", "was refused"),
        (Fault::Hang { endpoint }, 504, "provider_timeout", late),
        (Fault::Trickle { endpoint }, 504, "provider_timeout", late),
    ] {
        row(&format!("{fault:?}"));
        world.provider.misbehave(fault);
        world.refuses_start(&mut browser, status, code, log).await;
    }
}

#[tokio::test]
async fn a_document_under_another_status_is_not_read() {
    let (world, mut browser) = out_of_date().await;
    let good = genuine(&world).await.to_string();
    for status in [201, 204, 206, 400, 401, 404, 500, 503] {
        row(&status.to_string());
        let fault = Fault::Answer {
            endpoint: Endpoint::Metadata,
            status,
            headers: vec![],
            body: if status == 204 {
                vec![]
            } else {
                good.clone().into()
            },
        };
        world.provider.misbehave(fault);
        let log = format!("its metadata document answered with status {status}");
        world
            .refuses_start(&mut browser, 502, "provider_status", &log)
            .await;
    }
}

#[tokio::test]
async fn cfg_22_metadata_over_http_is_not_fetched_by_redirect() {
    let (world, mut browser) = out_of_date().await;
    let stranger = Shelf::with(&genuine(&world).await).await;
    let own = world.provider.server_metadata_url();
    for location in [
        &stranger.url("127.0.0.1"),
        &own,
        "/elsewhere",
        "https://x.example/",
    ] {
        for status in [301, 302, 303, 307, 308] {
            row(&format!("{status} {location}"));
            world.provider.misbehave(Fault::Redirect {
                endpoint: Endpoint::Metadata,
                status,
                location: location.to_owned(),
            });
            let before = world.provider.calls(Endpoint::Metadata);
            let log = format!("its metadata document answered with status {status}");
            world
                .refuses_start(&mut browser, 502, "provider_status", &log)
                .await;
            assert_eq!(world.provider.calls(Endpoint::Metadata), before + 1);
        }
    }
    assert_eq!(stranger.calls(), 0);
}

#[tokio::test]
async fn cfg_25_an_endpoint_that_is_missing_or_not_https_is_named() {
    let (world, mut browser) = out_of_date().await;
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
    ] {
        let not_https = format!("{name} is not an https address");
        let relative = format!("{name} is not an absolute URL");
        let no_string = format!("{name} is not a string");
        for (value, log) in [
            (json!(null), format!("it lacks {name}")),
            (json!("http://provider.example/x"), not_https.clone()),
            (json!("http://127.0.0.1.evil.example/x"), not_https.clone()),
            (json!("http://localhost.evil.example/x"), not_https.clone()),
            (json!("http://127.0.0.2/x"), not_https.clone()),
            (json!("http://[::2]/x"), not_https.clone()),
            (json!("javascript:alert(1)"), not_https.clone()),
            (json!("data:application/json,{}"), not_https.clone()),
            (json!("file:///etc/passwd"), not_https.clone()),
            (json!("ftp://127.0.0.1/x"), not_https.clone()),
            (json!("https://user@provider.example/x"), not_https.clone()),
            (json!("https://:word@provider.example/x"), not_https.clone()),
            (json!("https://provider.example/x#y"), not_https),
            (json!("/x"), relative.clone()),
            (json!("x"), relative.clone()),
            (json!(""), relative.clone()),
            (json!("//provider.example/x"), relative.clone()),
            (json!("https://"), relative),
            (json!(5), no_string.clone()),
            (json!(["https://provider.example/x"]), no_string),
        ] {
            if name == "userinfo_endpoint" && value.is_null() {
                continue;
            }
            row(&format!("{name} {value}"));
            let patch = json!({ name: value });
            world.provider.misbehave(Fault::Metadata(patch));
            world
                .refuses_start(&mut browser, 502, "metadata_invalid", &log)
                .await;
        }
    }
}

#[tokio::test]
async fn what_a_login_does_not_need_may_be_missing_or_odd() {
    let world = World::new().await;
    for patch in [
        json!({ "userinfo_endpoint": null }),
        json!({ "subject_types_supported": null }),
        json!({ "response_types_supported": null, "scopes_supported": 5 }),
        json!({ "op_policy_uri": "", "service_documentation": "not a URL" }),
        json!({ "end_session_endpoint": "not a URL" }),
        json!({ "claims_supported": { "no": "list" } }),
        json!({ "token_endpoint_auth_methods_supported": null }),
        json!({ "token_endpoint_auth_methods_supported": "client_secret_basic" }),
        json!({ "prompt_values_supported": "login" }),
        json!({ "x": { "y": [1, 2, { "z": null }] } }),
    ] {
        row(&patch.to_string());
        pass(25 * HOUR).await;
        world.provider.misbehave(Fault::Metadata(patch));
        world.logged_in("alice").await;
    }
    pass(25 * HOUR).await;
    let html = Fault::Answer {
        endpoint: Endpoint::Metadata,
        status: 200,
        headers: vec![("content-type".into(), "text/html".into())],
        body: genuine(&World::around(world.provider.clone(), |it| it))
            .await
            .to_string()
            .into(),
    };
    world.provider.misbehave(html);
    world.logged_in("alice").await;
}

#[tokio::test]
async fn algorithms_that_nobody_can_trust_are_no_algorithms() {
    let (world, mut browser) = out_of_date().await;
    for algorithms in [
        json!([]),
        json!(["none"]),
        json!(["HS256"]),
        json!(["HS256", "HS384", "HS512", "none", "RS1", "ES256K"]),
        json!([256]),
    ] {
        row(&algorithms.to_string());
        let patch = json!({ "id_token_signing_alg_values_supported": algorithms });
        world.provider.misbehave(Fault::Metadata(patch));
        let log = "it signs with no algorithm that keycard verifies";
        world
            .refuses_start(&mut browser, 502, "metadata_invalid", log)
            .await;
    }
}

#[tokio::test]
async fn cfg_24_an_issuer_that_is_not_the_address_is_refused_with_the_line_that_confirms_it() {
    let (world, mut browser) = out_of_date().await;
    let issuer = world.provider.issuer().to_owned();
    for other in [
        "https://provider.example".to_owned(),
        issuer.replace("127.0.0.1", "localhost"),
        issuer.replace("http", "HTTP"),
        issuer.replace("http", "https"),
        format!("{issuer}//"),
        format!("{issuer}/tenant"),
        format!("{issuer}0"),
        format!("{issuer}?"),
        format!(" {issuer}"),
        format!("{issuer}/.well-known/openid-configuration"),
        "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
        String::new(),
    ] {
        row(&other);
        let patch = json!({ "issuer": other });
        world.provider.misbehave(Fault::Metadata(patch));
        let log = format!(
            "its metadata names the issuer \"{other}\", but its address belongs to \"{issuer}\"; \
             if that is right, put issuer = \"{other}\" into its section"
        );
        world
            .refuses_start(&mut browser, 502, "metadata_issuer_differs", &log)
            .await;
    }
    for odd in [json!(5), json!([issuer]), json!(null), json!({})] {
        row(&odd.to_string());
        let mut changed = genuine(&world).await;
        changed["issuer"] = odd;
        world.provider.misbehave(document(changed.to_string()));
        world
            .refuses_start(&mut browser, 502, "metadata_invalid", "it lacks issuer")
            .await;
    }
}

#[tokio::test]
async fn a_query_of_the_metadatas_address_is_no_part_of_the_issuer() {
    let provider = provider("google").await;
    let address = format!("{}?appid=1234", provider.server_metadata_url());
    let world = World::around(provider, |builder| {
        builder.set("auth.google.server_metadata_url", address)
    });
    let mut browser = world.logged_in("alice").await;
    assert!(who(&mut browser).await.starts_with("alice"));

    let provider = crate::support::provider("google").await;
    let address = format!("{}?secret=canary", provider.server_metadata_url());
    provider.misbehave(Fault::Metadata(
        json!({ "issuer": "https://other.example" }),
    ));
    let other = World::around(provider, |builder| {
        builder.set("auth.google.server_metadata_url", address)
    });
    let answer = other.browser().get("/auth/login").await;
    assert_eq!(answer.code().as_deref(), Some("metadata_issuer_differs"));
    assert!(!answer.body.contains("canary"), "{answer:?}");
    assert!(!other.logs.everything().contains("secret=canary"));
}

#[tokio::test]
async fn the_section_confirms_an_issuer_to_the_byte() {
    let elsewhere = "https://issuer.example/tenant";
    let forge = Forge::anonymous("ES256", |builder| {
        builder.set("auth.google.issuer", elsewhere)
    })
    .await;
    let patch = json!({
        "issuer": elsewhere,
        "authorization_response_iss_parameter_supported": false,
    });
    for wrong in [format!("{elsewhere}/"), elsewhere.to_uppercase()] {
        let patch = json!({ "issuer": wrong });
        forge.world.provider.misbehave(Fault::Metadata(patch));
        let log = format!("names the issuer \"{wrong}\", but");
        let mut browser = forge.world.browser();
        forge
            .world
            .refuses_start(&mut browser, 502, "metadata_issuer_differs", &log)
            .await;
    }
    pass(Duration::from_secs(3)).await;
    forge.world.provider.misbehave(Fault::Metadata(patch));
    forge.world.browser().begin(&forge.world.provider).await;

    // The token is the confirmed issuer's, whatever the address is.
    let mut browser = forge.world.browser();
    let url = browser.begin(&forge.world.provider).await;
    let mut claims = forge.world.claims(&url);
    claims["iss"] = elsewhere.into();
    let token = forge.key.sign(&forge.key.header(), &claims);
    forge.world.provider.misbehave(Fault::IdToken(token));
    let callback = forge.world.provider.authorize(&url, "alice").unwrap();
    let callback = with_issuer(&callback, elsewhere);
    browser.follow(&relative(&callback)).await;
    let who = who(&mut browser).await;
    assert!(
        who.starts_with(&format!("alice of {elsewhere} by google")),
        "{who}"
    );
}

/// The callback as it would be if the provider called itself this.
fn with_issuer(callback: &str, issuer: &str) -> String {
    let mut url: Url = callback.parse().unwrap();
    let others: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name != "iss")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair("iss", issuer);
    url.into()
}

#[tokio::test]
async fn one_trailing_slash_of_the_issuer_may_differ_and_then_counts_in_the_token() {
    let forge = Forge::anonymous("ES256", |builder| builder).await;
    let slashed = format!("{}/", forge.world.provider.issuer());
    let patch = json!({ "issuer": slashed });
    forge.world.provider.misbehave(Fault::Metadata(patch));
    forge.world.browser().begin(&forge.world.provider).await;

    for (issuer, accepted) in [
        (slashed.as_str(), true),
        (forge.world.provider.issuer(), false),
    ] {
        row(issuer);
        let mut browser = forge.world.browser();
        let url = browser.begin(&forge.world.provider).await;
        let mut claims = forge.world.claims(&url);
        claims["iss"] = issuer.into();
        let token = forge.key.sign(&forge.key.header(), &claims);
        forge.world.provider.misbehave(Fault::IdToken(token));
        let callback = forge.world.provider.authorize(&url, "alice").unwrap();
        let callback = with_issuer(&callback, &slashed);
        if accepted {
            browser.follow(&relative(&callback)).await;
            let who = who(&mut browser).await;
            assert!(who.starts_with(&format!("alice of {slashed} by")), "{who}");
        } else {
            forge
                .world
                .refuses_callback(&mut browser, &callback, 502, "id_token_refused")
                .await;
            let line = &forge.world.logs.complaints()[0].text;
            assert!(line.contains("refused: iss: expected "), "{line}");
        }
    }
}

#[tokio::test]
async fn metadata_is_fresh_for_an_hour_and_then_renewed_in_the_background() {
    let world = World::new().await;
    let calls = || world.provider.calls(Endpoint::Metadata);
    world.browser().begin(&world.provider).await;
    pass(HOUR - Duration::from_secs(1)).await;
    world.logged_in("alice").await;
    assert_eq!(calls(), 1);
    pass(Duration::from_secs(1)).await;
    // Nobody waits for what may hang.
    world.provider.misbehave(Fault::Hang {
        endpoint: Endpoint::Metadata,
    });
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    eventually(|| calls() == 2).await;

    world.provider.behave();
    let callback = world.provider.authorize(&url, "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn metadata_that_cannot_be_renewed_serves_for_a_day() {
    let world = World::new().await;
    let mut bob = world.logged_in("bob").await;
    world.provider.misbehave(document("broken"));
    for hours in [1, 12, 10] {
        pass(hours * HOUR).await;
        let before = world.provider.calls(Endpoint::Metadata);
        world.browser().begin(&world.provider).await;
        eventually(|| world.provider.calls(Endpoint::Metadata) > before).await;
        settle().await;
    }
    pass(HOUR - Duration::from_secs(60)).await;
    world.browser().begin(&world.provider).await;
    pass(Duration::from_secs(58)).await;
    world
        .refuses_start(&mut bob, 502, "metadata_invalid", "it is not JSON")
        .await;

    world.provider.behave();
    pass(Duration::from_secs(3)).await;
    world.logged_in("alice").await;
}

#[tokio::test]
async fn a_failure_is_shared_by_all_who_wait_and_remembered_for_two_seconds() {
    let world = World::new().await;
    let endpoint = Endpoint::Metadata;
    world.provider.misbehave(Fault::Answer {
        endpoint,
        status: 500,
        headers: vec![],
        body: vec![],
    });
    let starts = (0..20).map(|_| {
        let mut browser: Browser = world.browser();
        tokio::spawn(async move { browser.get("/auth/login?provider=google").await })
    });
    for start in starts.collect::<Vec<_>>() {
        let answer = start.await.unwrap();
        assert_eq!(answer.code().as_deref(), Some("provider_status"));
    }
    assert_eq!(world.provider.calls(endpoint), 1);

    pass(Duration::from_millis(1900)).await;
    world.browser().get("/auth/login?provider=google").await;
    assert_eq!(world.provider.calls(endpoint), 1);
    pass(Duration::from_millis(200)).await;
    world.browser().get("/auth/login?provider=google").await;
    assert_eq!(world.provider.calls(endpoint), 2);

    world.provider.behave();
    pass(Duration::from_secs(2)).await;
    world.logged_in("alice").await;
    assert_eq!(world.provider.calls(endpoint), 3);
}

#[tokio::test]
async fn whoever_goes_away_takes_no_fetch_along() {
    let world = World::new().await;
    world.provider.misbehave(Fault::Hang {
        endpoint: Endpoint::Metadata,
    });
    let mut first = world.browser();
    let waiting = tokio::spawn(async move { first.get("/auth/login?provider=google").await });
    eventually(|| world.provider.calls(Endpoint::Metadata) == 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());

    // The next waits for the same fetch, and is told when it fails.
    let mut second = world.browser();
    let waiting = tokio::spawn(async move { second.get("/auth/login?provider=google").await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    pass(Duration::from_secs(11)).await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.code().as_deref(), Some("provider_timeout"));
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
}

#[tokio::test]
async fn two_sections_of_one_issuer_are_told_apart_by_the_login() {
    let provider = provider("google").await;
    let again = provider.secrets().replace("[auth.google]", "[auth.again]");
    let world = World::around(provider, |builder| builder.toml(&again));

    for name in ["google", "again"] {
        let mut browser = world.browser();
        let answer = browser.get(&format!("/auth/login?provider={name}")).await;
        let callback = world
            .provider
            .authorize(answer.location(), "alice")
            .unwrap();
        browser.follow(&relative(&callback)).await;

        let who = who(&mut browser).await;
        assert!(who.contains(&format!(" by {name} at ")), "{who}");
    }
}

#[tokio::test]
async fn two_sections_of_one_issuer_need_one_metadata_address() {
    let provider = provider("google").await;
    let other = provider
        .secrets()
        .replace("[auth.google]", "[auth.other]")
        .replace("openid-configuration", "oauth-authorization-server");
    let built = Auth::builder()
        .toml(&provider.secrets())
        .toml(&other)
        .set("auth.other.issuer", provider.issuer())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", fresh_secret())
        .build();

    let text = built.unwrap_err().to_string();
    assert!(text.contains("have one issuer"), "{text}");
}

#[tokio::test]
async fn aut_04_the_query_of_the_authorization_endpoint_is_kept() {
    let world = World::new().await;
    let endpoint = format!(
        "{}/authorize?p=B2C_1_sign%20in&q=a%26b",
        world.provider.issuer()
    );
    let patch = json!({ "authorization_endpoint": endpoint });
    world.provider.misbehave(Fault::Metadata(patch));

    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;

    let query: Vec<(String, String)> = url::Url::parse(&url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    assert_eq!(url.matches('?').count(), 1, "{url}");
    assert_eq!(parameter(&query, "p"), Some("B2C_1_sign in"));
    assert_eq!(parameter(&query, "q"), Some("a&b"));
    assert_eq!(
        parameter(&query, "client_id"),
        Some(world.provider.client_id())
    );
    let callback = world.provider.authorize(&url, "alice").unwrap();
    browser.follow(&relative(&callback)).await;
    assert_eq!(browser.get("/").await.body, "Alice Adams");
}

#[tokio::test]
async fn aut_05_an_authorization_endpoint_with_a_parameter_of_ours_is_refused() {
    let (world, mut browser) = out_of_date().await;
    for name in [
        "state",
        "nonce",
        "redirect_uri",
        "client_id",
        "client_secret",
        "response_type",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "scope",
        "request",
        "request_uri",
        "id_token_hint",
        "client_assertion",
        "client_assertion_type",
    ] {
        for written in [
            name.to_owned(),
            format!("%{:02x}{}", name.as_bytes()[0], &name[1..]),
        ] {
            row(&written);
            let endpoint = format!("{}/authorize?p=1&{written}=x", world.provider.issuer());
            let patch = json!({ "authorization_endpoint": endpoint });
            world.provider.misbehave(Fault::Metadata(patch));
            let log = format!("authorization_endpoint has a {name} of its own");
            world
                .refuses_start(&mut browser, 502, "metadata_invalid", &log)
                .await;
        }
    }
}

#[tokio::test]
async fn aut_05_what_else_the_endpoint_says_is_not_said_twice() {
    let world = World::with(|builder| {
        builder
            .set("auth.google.client_kwargs.hd", "ours.example")
            .set("auth.google.client_kwargs.login_hint", "alice")
    })
    .await;
    let endpoint = format!(
        "{}/authorize?prompt=login&hd=theirs.example",
        world.provider.issuer()
    );
    let patch = json!({ "authorization_endpoint": endpoint });
    world.provider.misbehave(Fault::Metadata(patch));

    let parameters = parameters(&world).await;

    assert_eq!(parameter(&parameters, "prompt"), Some("login"));
    assert_eq!(parameter(&parameters, "hd"), Some("theirs.example"));
    assert_eq!(parameter(&parameters, "login_hint"), Some("alice"));
}

#[tokio::test]
async fn aut_07_pkce_state_and_nonce_are_sent_whatever_the_metadata_says() {
    let world = World::new().await;
    for methods in [
        json!(["plain"]),
        json!([]),
        json!(null),
        json!("none"),
        json!(["S512"]),
    ] {
        row(&methods.to_string());
        pass(25 * HOUR).await;
        let patch = json!({ "code_challenge_methods_supported": methods });
        world.provider.misbehave(Fault::Metadata(patch));

        let parameters = parameters(&world).await;

        assert_eq!(
            parameter(&parameters, "code_challenge_method"),
            Some("S256")
        );
        for name in ["state", "nonce", "code_challenge"] {
            assert_eq!(
                parameter(&parameters, name).map(str::len),
                Some(43),
                "{name}"
            );
        }
        // The provider checks the verifier, and the nonce is checked here.
        world.logged_in("alice").await;
        let mut browser = world.browser();
        let wrong = Fault::IdTokenClaims(json!({ "nonce": "another" }));
        let ending = Ending {
            status: 502,
            code: "id_token_refused",
            log: "refused: nonce: ",
            calls: [1, 0],
        };
        world.refuses_spoilt(&mut browser, |_| wrong, &ending).await;
    }
}

#[tokio::test]
async fn prompt_is_select_account_unless_the_provider_rules_it_out() {
    let world = World::new().await;
    for (supported, sent) in [
        (
            json!(["none", "login", "select_account"]),
            Some("select_account"),
        ),
        (json!(["select_account"]), Some("select_account")),
        (json!(null), Some("select_account")),
        (json!("login"), Some("select_account")),
        (json!(["none", "login", "consent"]), None),
        (json!(["login"]), None),
        (json!([]), None),
    ] {
        row(&supported.to_string());
        pass(25 * HOUR).await;
        let patch = json!({ "prompt_values_supported": supported });
        world.provider.misbehave(Fault::Metadata(patch));

        let parameters = parameters(&world).await;

        assert_eq!(parameter(&parameters, "prompt"), sent);
    }
}

#[tokio::test]
async fn prompt_of_the_section_is_sent_as_it_is_and_an_empty_one_not_at_all() {
    for (written, sent) in [
        ("", None),
        ("login", Some("login")),
        ("login consent", Some("login consent")),
        ("made_up", Some("made_up")),
    ] {
        row(written);
        let world =
            World::with(|builder| builder.set("auth.google.client_kwargs.prompt", written)).await;
        let patch = json!({ "prompt_values_supported": ["none"] });
        world.provider.misbehave(Fault::Metadata(patch));

        let parameters = parameters(&world).await;

        assert_eq!(parameter(&parameters, "prompt"), sent);
    }
}

#[tokio::test]
async fn client_kwargs_reach_the_authorization_request() {
    let world = World::with(|builder| {
        builder.toml(
            "[auth.google.client_kwargs]\n\
             scope = \"openid email groups\"\n\
             hd = \"corp.example\"\n\
             access_type = \"offline\"\n\
             ui_locales = \"de fr\"\n\
             acr_values = \"a&b=c #d\"\n\
             max_age = 600\n",
        )
    })
    .await;

    let sent = parameters(&world).await;

    for (name, value) in [
        ("hd", "corp.example"),
        ("access_type", "offline"),
        ("ui_locales", "de fr"),
        ("acr_values", "a&b=c #d"),
        ("max_age", "600"),
        ("prompt", "select_account"),
        ("response_type", "code"),
        ("client_id", world.provider.client_id()),
        ("redirect_uri", &format!("{SITE}/oauth2callback")),
    ] {
        assert_eq!(parameter(&sent, name), Some(value), "{sent:?}");
    }
    let mut scopes: Vec<_> = parameter(&sent, "scope").unwrap().split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "groups", "openid"]);
    let mut names: Vec<_> = sent.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), sent.len(), "each once: {sent:?}");
    world.logged_in("alice").await;
}

#[tokio::test]
async fn the_usual_scopes_are_those_of_streamlit() {
    let parameters = parameters(&World::new().await).await;

    let mut scopes: Vec<_> = parameter(&parameters, "scope")
        .unwrap()
        .split(' ')
        .collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "openid", "profile"]);
}

#[tokio::test]
async fn a_parameter_of_one_login_replaces_the_sections() {
    let mut world = World::with(|builder| {
        builder
            .set("auth.google.client_kwargs.login_hint", "everybody")
            .set("auth.google.client_kwargs.hd", "corp.example")
    })
    .await;
    let hinted = async |session: Session| {
        session
            .login("google")
            .param("login_hint", "alice@example.com")
            .param("prompt", "")
            .param("state", "mine")
            .await
    };
    world.app = routes()
        .route("/hinted", axum::routing::get(hinted))
        .layer(world.auth.layer());

    let answer = world.browser().get("/hinted").await;

    let url: Url = answer.location().parse().unwrap();
    let sent: Vec<_> = url.query_pairs().into_owned().collect();
    assert_eq!(parameter(&sent, "login_hint"), Some("alice@example.com"));
    assert_eq!(parameter(&sent, "hd"), Some("corp.example"));
    assert_eq!(parameter(&sent, "prompt"), None);
    assert_ne!(parameter(&sent, "state"), Some("mine"));
}

#[tokio::test]
async fn an_honest_login_asks_for_metadata_and_keys_once() {
    let forge = Forge::anonymous("ES256", |builder| builder).await;
    for _ in 0..3 {
        forge.accepts(honest).await;
    }
    assert_eq!(forge.world.provider.calls(Endpoint::Metadata), 1);
    assert_eq!(forge.shelf.calls(), 1);
}
