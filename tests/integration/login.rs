//! A login, from the button to the page that knows the name.

use http::StatusCode;

use crate::support::World;

#[tokio::test]
async fn somebody_logs_in_and_the_page_knows_their_name() {
    let world = World::new().await;
    let mut browser = world.browser();

    let answer = browser.log_in(&world.provider, "alice").await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(answer.location(), "/");
    assert_eq!(browser.get("/").await.body, "Alice Adams");
    assert!(
        world.logs.complaints().is_empty(),
        "{:?}",
        world.logs.complaints()
    );
}
