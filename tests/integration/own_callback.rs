//! A provider whose logins come back to a path of its own.

use axum::Router;
use http::StatusCode;
use keycard::Auth;
use tracing::Level;

use crate::support::{
    Browser, SITE, SecretsFile, World, app, fresh_secret, provider, relative, routes, shared,
};

const OWN: &str = "/oauth2callback/google";

async fn world() -> World {
    let own = format!("{SITE}{OWN}");
    World::with(|builder| builder.set("auth.google.redirect_uri", own)).await
}

#[tokio::test]
async fn a_login_comes_back_to_its_providers_own_path_in_every_shape_of_an_app() {
    let own = format!("{SITE}/app{OWN}");
    let world = World::with(|builder| {
        builder
            .set("auth.redirect_uri", format!("{SITE}/app/oauth2callback"))
            .set("auth.google.redirect_uri", own.as_str())
    })
    .await;
    let auth = &world.auth;
    let nested = |inner: Router| Router::new().nest("/app", inner);
    for (how, app, strips) in [
        ("around it", nested(routes()).layer(auth.layer()), ""),
        ("a proxy", routes().layer(auth.layer()), "/app"),
        (
            "within it",
            nested(routes().merge(auth.routes()).layer(auth.layer())),
            "",
        ),
        (
            "beside it",
            nested(routes().layer(auth.layer())).merge(auth.routes()),
            "",
        ),
        (
            "routes behind a proxy",
            routes().route_layer(auth.layer()).merge(auth.routes()),
            "/app",
        ),
    ] {
        let mut browser = Browser::new(&app, SITE);
        browser.proxy_strips = strips.to_owned();
        let begun = browser.get("/app/login/google").await;
        let callback = world.provider.authorize(begun.location(), "carol").unwrap();
        assert!(callback.starts_with(&format!("{own}?")), "{callback}");

        let answer = browser.follow(&relative(&callback)).await;

        assert_eq!(answer.location(), "/app/", "{how}: {answer:?}");
        assert_eq!(browser.get("/app/private").await.body, "carol", "{how}");
        let bookmark = browser.get(&format!("/app{OWN}")).await;
        assert_eq!(bookmark.location(), "/app/", "{how}");
        let again = browser.get_from_elsewhere(&relative(&callback)).await;
        assert_eq!(again.location(), "/app/", "{how}");
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn an_answer_at_any_path_but_the_logins_own_is_refused_before_the_exchange() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    let callback = browser.way_back(&world.provider, "alice").await;
    let at_shared = callback.replace(OWN, "/oauth2callback");
    let [before, ..] = world.calls();
    world
        .refuses_callback(&mut browser, &at_shared, 400, "answer_at_another_path")
        .await;
    let told = &world.logs.complaints()[0].text;
    assert!(told.contains("came to /oauth2callback,"), "{told}");
    assert!(told.contains(OWN), "{told}");
    assert_eq!(world.calls()[0], before, "no code is redeemed");

    // The other way round: the path is another provider's.
    let other = provider("google").await;
    let world = World::around(provider("okta").await, |builder| {
        builder
            .toml(&other.secrets())
            .set("auth.google.redirect_uri", format!("{SITE}{OWN}"))
    });
    let mut browser = world.logged_in("bob").await;
    let callback = browser.way_back(&world.provider, "alice").await;
    let elsewhere = callback.replace("/oauth2callback?", &format!("{OWN}?"));
    assert_ne!(elsewhere, callback);
    world
        .refuses_callback(&mut browser, &elsewhere, 400, "answer_at_another_path")
        .await;
}

#[tokio::test]
async fn a_path_that_no_provider_has_is_the_apps() {
    let world = world().await;
    for path in [
        "/oauth2callback/okta",
        "/oauth2callback/Google",
        "/oauth2callback/goo%67le",
        "/oauth2callback/google/",
    ] {
        let answer = world.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_a_providers_callback_after_a_login() {
    let world = world().await;
    for (return_to, goal) in [
        (OWN, "/"),
        ("/oauth2callback/../oauth2callback/google?code=c", "/"),
        ("/oauth2callback/okta", "/oauth2callback/okta"),
    ] {
        let mut browser = world.browser();
        let begun = browser
            .get(&format!("/auth/login?return_to={return_to}"))
            .await;
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let answer = browser.follow(&relative(&callback)).await;
        assert_eq!(answer.location(), goal, "{return_to}");
    }
}

#[tokio::test]
async fn any_name_of_a_provider_makes_a_path() {
    for (name, segment) in [
        ("my_company", "my_company"),
        ("Zoë & co.", "Zo%C3%AB%20%26%20co."),
        (":name*{a}+~", "%3Aname%2A%7Ba%7D%2B~"),
        (r"back\slash", "back%5Cslash"),
    ] {
        let own = format!("{SITE}/oauth2callback/{segment}");
        let key = format!("auth.'{name}'.redirect_uri");
        let world = World::around(provider(name).await, |builder| builder.set(&key, own));
        let routed = routes()
            .route_layer(world.auth.layer())
            .merge(world.auth.routes());
        for app in [&world.app, &routed] {
            let mut browser = Browser::new(app, SITE);
            let begun = browser.get("/login").await;
            let callback = world.provider.authorize(begun.location(), "alice").unwrap();
            let answer = browser.follow(&relative(&callback)).await;
            assert_eq!(answer.location(), "/", "{name}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_port_is_filled_in_there_too() {
    let world = World::with(|builder| {
        let shared = "http://localhost:{port}/oauth2callback";
        builder
            .port(8501)
            .set("auth.redirect_uri", shared)
            .set("auth.google.redirect_uri", format!("{shared}/google"))
    })
    .await;
    let callback = world.browser().way_back(&world.provider, "alice").await;
    assert!(callback.starts_with(OWN), "{callback}");
}

#[tokio::test]
async fn a_login_that_began_with_the_other_path_begins_anew() {
    let google = provider("google").await;
    let world = World::around(google.clone(), |builder| builder);
    let own = World::around(google, |builder| {
        builder
            .set("auth.cookie_secret", world.cookie_secret.as_str())
            .set("auth.google.redirect_uri", format!("{SITE}{OWN}"))
    });
    let mut browser = own.browser();
    let callback = browser.way_back(&own.provider, "alice").await;
    let at_shared = callback.replace(OWN, "/oauth2callback");
    let mut elsewhere = world.browser();
    elsewhere.jar = browser.jar;
    let answer = elsewhere.get_from_elsewhere(&at_shared).await;
    assert_eq!(answer.code().as_deref(), Some("configuration_changed"));
}

#[tokio::test]
async fn a_new_path_waits_for_a_restart_and_one_that_goes_does_not() {
    let google = provider("google").await;
    let secret = fresh_secret();
    let text = |more: &str| {
        let section = google.secrets();
        format!("{}{section}{more}", shared(&secret, ""))
    };
    let own = format!("redirect_uri = \"{SITE}{OWN}\"\n");
    let file = SecretsFile::new("own_callback", &text(""));
    let world = World::of_file(&google, &file);
    file.save(&text(&own));
    world.look().await;
    let waits = world.logs.complaints();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert_eq!(waits[0].level, Level::WARN);
    assert!(waits[0].text.contains("keys=redirect_uri "), "{waits:?}");
    let callback = world.browser().way_back(&google, "alice").await;
    assert!(callback.starts_with("/oauth2callback?"), "{callback}");

    let file = SecretsFile::new("own_callback_goes", &text(&own));
    let world = World::of_file(&google, &file);
    for (more, path) in [("", "/oauth2callback?"), (&*own, OWN)] {
        file.save(&text(more));
        world.look().await;
        let callback = world.browser().way_back(&google, "alice").await;
        assert!(callback.starts_with(path), "{callback}");
    }
    assert!(world.logs.complaints().is_empty());
}

/// Streamlit looks at the one in `[auth]` and at no other.
#[tokio::test]
async fn what_streamlit_passes_over_in_a_section_logs_in_all_the_same() {
    let google = provider("google").await;
    for written in [
        format!("{SITE}/oauth2callback"),
        "https://app.example.com/oauth2callback".to_owned(),
        "https://app.example.com/component/authorize_button".to_owned(),
        String::new(),
    ] {
        let secret = fresh_secret();
        let auth = Auth::builder()
            .toml(&shared(&secret, ""))
            .toml(&google.secrets())
            .set("auth.google.redirect_uri", written.as_str())
            .build()
            .unwrap();
        let mut browser = Browser::new(&app(&auth), SITE);
        let answer = browser.log_in(&google, "alice").await;
        assert_eq!(answer.location(), "/", "{written}");
    }
}
