//! Requests that are logged in already, in one line.

use axum::body::Body;
use http::Request;
use keycard::testing::{LogIn, Somebody};

use crate::support::{World, groups};

#[tokio::test]
async fn a_request_is_logged_in_in_one_line() {
    let world = World::new().await;
    let somebody = Somebody::new("dora").claim("name", "Dora Dean");
    let request = Request::get("/").body(Body::empty()).unwrap();

    let request = request.logged_in_as(&world.auth, &somebody).unwrap();

    assert_eq!(world.browser().send(request).await.body, "Dora Dean");
    assert_eq!(world.calls(), [0, 0, 0], "no provider was asked");
}

#[tokio::test]
async fn somebody_with_more_than_a_cookie_holds_comes_in_two() {
    let world = World::new().await;
    let somebody = Somebody::new("dora")
        .provider("google")
        .claim("groups", groups(200));
    let request = Request::get("/me").body(Body::empty()).unwrap();

    let request = request.logged_in_as(&world.auth, &somebody).unwrap();

    let body = world.browser().send(request).await.body;
    assert!(
        body.starts_with("dora of https://issuer.test by google"),
        "{body}"
    );
}

#[tokio::test]
async fn nobody_logs_in_with_a_provider_that_the_app_does_not_have() {
    let world = World::new().await;
    let somebody = Somebody::new("dora").provider("gogle");
    let request = Request::get("/").body(Body::empty()).unwrap();

    let error = request.logged_in_as(&world.auth, &somebody).unwrap_err();

    assert_eq!(error.code(), "unknown_provider");
}

#[tokio::test]
async fn somebody_of_one_app_is_nobody_in_another() {
    let (world, other) = (World::new().await, World::new().await);
    let request = Request::get("/").body(Body::empty()).unwrap();

    let request = request
        .logged_in_as(&other.auth, &Somebody::new("dora"))
        .unwrap();

    assert_eq!(world.browser().send(request).await.body, "nobody");
}
