//! The example of guards: deep links, roles, landing pages and the one open page.

use url::Url;

use super::{Browser, Running, be_somebody, decide, empty_directory};

/// Goes to a page that needs a login, and logs in as somebody: where that leads.
async fn by_way_of_the_login(browser: &mut Browser, path: &str, name: &str) -> Option<String> {
    let (login, _) = browser.get(path).await;
    let (leaving, _) = browser.get(&login.expect("a redirect")).await;
    let leaving = leaving.expect("a redirect");
    let callback = be_somebody(&leaving, &name.to_lowercase(), name).await;
    browser.get(&relative(&callback)).await.0
}

fn relative(url: &str) -> String {
    url.parse::<Url>().unwrap()[url::Position::BeforePath..].to_owned()
}

#[tokio::test]
async fn dashboard_lets_in_by_role_and_leads_each_to_their_page() {
    let program = Running::start("dashboard", &empty_directory("dashboard"));
    let mut eve = Browser::new(&program.address);
    let (_, about) = eve.get("/about").await;
    assert!(about.contains("For everybody"), "{about}");

    let deep = by_way_of_the_login(&mut eve, "/articles/7?q=1", "Eve").await;
    assert_eq!(deep.as_deref(), Some("/articles/7?q=1"));
    let (_, article) = eve.get("/articles/7?q=1").await;
    assert!(article.contains("For Eve"), "{article}");
    assert_eq!(eve.get("/").await.0.as_deref(), Some("/articles"));

    let (_, denied) = eve.get("/admin").await;
    assert!(denied.contains("not for this account"), "{denied}");
    let (_, link) = denied.split_once("class=\"button\" href=\"").unwrap();
    let link = link.split_once('"').unwrap().0.replace("&amp;", "&");
    let (leaving, _) = eve.get(&link).await;
    let leaving = leaving.expect("a redirect");
    let callback = decide(&leaving, &[("dev_person", "ada")]).await;
    let mut ada = eve;
    let (back, _) = ada.get(&relative(&callback)).await;
    assert_eq!(back.as_deref(), Some("/admin"));
    for path in ["/admin", "/admin/keys"] {
        let (_, page) = ada.get(path).await;
        assert!(page.contains("For Ada"), "{page}");
    }
    assert_eq!(ada.get("/").await.0.as_deref(), Some("/admin"));
    let (leaving, _) = ada.post("/logout").await;
    let (_, state) = leaving.as_deref().unwrap().split_once("&state=").unwrap();
    let back = format!("/oauth2callback?state={state}");
    assert_eq!(ada.get(&back).await.0.as_deref(), Some("/about"));
    assert!(ada.cookies.is_empty());
}
