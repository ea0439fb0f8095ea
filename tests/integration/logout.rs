//! The logout: only the app's own pages can ask for it, by POST, and then nothing is left.

use axum::body::Body;
use http::{Method, StatusCode};

use crate::support::{Answer, Browser, SITE, World, who};

/// The page with the button, with nothing changed.
#[track_caller]
fn asks_first(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(
        answer
            .body
            .contains("<form method=\"post\" action=\"/auth/logout\">"),
        "{answer:?}"
    );
    assert!(answer.cookies().is_empty(), "{answer:?}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // Its own POST must say where it comes from.
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
}

#[tokio::test]
async fn out_01_nothing_of_ours_is_left_after_a_logout() {
    let https =
        World::with(|builder| builder.set("auth.redirect_uri", "https://localhost/oauth2callback"))
            .await;
    let below = World::with(|builder| {
        builder.set("auth.redirect_uri", "https://localhost/app/oauth2callback")
    })
    .await;
    let plain = World::new().await;
    for (world, origin, base) in [
        (&plain, SITE, ""),
        (&https, "https://localhost", ""),
        (&below, "https://localhost", "/app"),
    ] {
        for path in ["/auth/logout", "/logout"] {
            let mut browser = Browser::new(&world.app, origin);
            browser.proxy_strips = base.to_owned();
            // Carol's groups take a second cookie; then two logins that she does not finish.
            for finished in [true, false, false] {
                let begun = browser.get(&format!("{base}/login/google")).await;
                let callback = world.provider.authorize(begun.location(), "carol").unwrap();
                if finished {
                    browser.follow(&crate::support::relative(&callback)).await;
                }
            }
            let names = browser.jar.names().len();
            assert_eq!(names, 5, "{:?}", browser.jar.names());
            browser.jar.put("theirs", "kept");

            let answer = browser.post(&format!("{base}{path}"), "").await;

            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
            assert_eq!(answer.location(), format!("{base}/"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.cookies().len(), names);
            assert_eq!(browser.jar.names(), ["theirs"]);
            let me = browser.get(&format!("{base}/me")).await;
            assert_eq!(me.body, "nobody");
        }
    }
}

#[tokio::test]
async fn out_02_nobody_logs_out_who_did_not_decide_to() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let alice = who(&mut browser).await;

    for path in ["/auth/logout", "/logout"] {
        let prefetch = |name: &'static str, value: &'static str| ("GET", vec![(name, value)], 503);
        for (method, headers, status) in [
            ("HEAD", vec![("accept", "text/html")], 204),
            prefetch("sec-purpose", "prefetch"),
            prefetch("sec-purpose", "prefetch;prerender"),
            prefetch("purpose", "prefetch"),
            prefetch("x-moz", "prefetch"),
            (
                "POST",
                vec![
                    ("sec-purpose", "prefetch"),
                    ("sec-fetch-site", "same-origin"),
                ],
                503,
            ),
        ] {
            let answer = browser.request(method, path, &headers).await;

            assert_eq!(answer.status, status, "{method} {headers:?}");
            assert!(answer.cookies().is_empty());
            assert!(answer.header("location").is_none());
        }
    }

    assert_eq!(who(&mut browser).await, alice);
}

#[tokio::test]
async fn out_03_another_site_logs_nobody_out() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let alice = who(&mut browser).await;

    for path in ["/auth/logout", "/logout"] {
        asks_first(&browser.get_from_elsewhere(path).await);
        asks_first(&browser.get(path).await);
        for dest in ["image", "iframe", "script", "empty", "document"] {
            let headers = [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", dest),
            ];
            asks_first(&browser.request("GET", path, &headers).await);
        }
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", "http://sub.localhost:8501"),
            ],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://localhost:8502")],
        ] {
            asks_first(&browser.request("POST", path, headers).await);
        }
    }

    assert_eq!(who(&mut browser).await, alice);
}

#[tokio::test]
async fn out_04_the_apps_own_post_logs_out_and_once_more_does_no_harm() {
    let world = World::new().await;
    for headers in [
        &[("sec-fetch-site", "same-origin"), ("origin", SITE)][..],
        &[("origin", SITE)],
        &[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "cors"),
        ],
        // Browsers that say nothing at all are older than Origin on forms.
        &[],
    ] {
        let mut browser = world.logged_in("alice").await;
        for _ in 0..3 {
            let answer = browser.request("POST", "/logout", headers).await;

            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{headers:?}");
            assert_eq!(answer.location(), "/");
            assert_eq!(who(&mut browser).await, "nobody");
            assert!(browser.jar.names().is_empty());
        }
    }

    let mut nobody = world.browser();
    let answer = nobody.post("/auth/logout", "").await;
    assert_eq!(answer.location(), "/");
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn out_05_an_old_browsers_get_is_asked_to_press_the_button() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let alice = who(&mut browser).await;

    for method in ["GET", "PUT", "DELETE"] {
        asks_first(&browser.request(method, "/auth/logout", &[]).await);
    }
    assert_eq!(who(&mut browser).await, alice);

    let request = browser
        .navigation(Method::POST, "/auth/logout", "same-origin")
        .body(Body::empty())
        .unwrap();
    assert_eq!(browser.send(request).await.location(), "/");
    assert_eq!(who(&mut browser).await, "nobody");
}
