//! The example of an API that is asked in a person's name.

use super::{Browser, Running, be_somebody, empty_directory};

#[tokio::test]
async fn api_tokens_shows_what_the_api_says_of_whoever_is_logged_in() {
    let program = Running::start("api_tokens", &empty_directory("api_tokens"));
    let mut browser = Browser::new(&program.address);
    let (login, _) = browser.get("/").await;
    let (leaving, _) = browser.get(&login.expect("a redirect")).await;
    let callback = be_somebody(&leaving.expect("a redirect"), "ada", "Ada").await;
    let callback: url::Url = callback.parse().unwrap();
    let (home, _) = browser.get(&callback[url::Position::BeforePath..]).await;
    assert_eq!(home.as_deref(), Some("/"));

    let (_, page) = browser.get("/").await;
    assert!(page.contains("<h1>Ada</h1>"), "{page}");
    assert!(page.contains("ada@example.com"), "{page}");
    assert!(browser.cookies.keys().any(|name| name.ends_with("-t")));
}
