//! Pages of the app's own: what they may change, and what stays whatever they do.

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Method;
use keycard::dev::{self, Fault};
use keycard::own_pages::{
    ChooserPage, FailurePage, Form, GoingOnPage, Html, LoggedOutHerePage, LogoutPage, Pages,
    QuestionPage,
};
use keycard::own_provider::{Answer as Step, Beginning, Begun, Callback, Page, Provider, Vouched};
use keycard::rule::has_role;
use keycard::{Auth, AuthBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, Logs, SITE, fresh_secret, provider, relative, routes, who};

const STYLE: &str = "h1 { color: teal }";
const HOSTILE: &str = "\"'><script>alert(1)</script>&amp;";
const ESCAPED: &str = "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;";

/// Every page as an app might have it: all that it is told, as text and in an attribute.
struct Ours;

fn ours(name: &'static str) -> Html {
    let page = Html::new(HOSTILE).language("de").style(STYLE);
    page.markup("<h1>ours: ").markup(name).markup("</h1>")
}

fn told(page: Html, text: &str) -> Html {
    let page = page.markup("<i title='").text(text).markup("'>");
    page.text(text).markup("</i>")
}

fn with_form(page: Html, form: &Form) -> Html {
    page.form(form).markup("<button></button></form>")
}

fn failure(name: &'static str, page: &FailurePage) -> Html {
    let shown = told(ours(name), page.code());
    let shown = told(shown, page.status().as_str());
    let shown = told(told(shown, page.title()), page.what_happened());
    let shown = told(told(shown, page.cure()), page.request_id());
    let shown = page.way_on().into_iter().fold(shown, |shown, link| {
        told(told(shown, link.label()), link.url())
    });
    let details = page.details().iter();
    let shown = details.fold(shown.markup("<ul>"), |shown, detail| {
        shown.markup("<li>").text(detail)
    });
    told(shown.markup("</ul>"), page.home())
}

impl Pages for Ours {
    fn chooser(&self, page: &ChooserPage) -> Html {
        let shown = ours("chooser").form(page.form());
        let shown = page.choices().iter().fold(shown, |shown, choice| {
            let shown = shown.markup("<button name=\"").text(page.button_name());
            let shown = shown.markup("\" value=\"").text(choice.name());
            shown.markup("\">").text(choice.label()).markup("</button>")
        });
        told(shown.markup("</form>"), page.home())
    }

    fn error(&self, page: &FailurePage) -> Html {
        failure("error", page)
    }

    fn denied(&self, page: &FailurePage) -> Html {
        failure("denied", page)
    }

    fn cancelled(&self, page: &FailurePage) -> Html {
        failure("cancelled", page)
    }

    fn logout(&self, page: &LogoutPage) -> Html {
        told(with_form(ours("logout"), page.form()), page.home())
    }

    fn logged_out_here(&self, page: &LoggedOutHerePage) -> Html {
        told(told(ours("logged out here"), page.provider()), page.goal())
    }

    fn going_on(&self, page: &GoingOnPage) -> Html {
        told(ours("going on"), page.url())
    }

    fn question(&self, page: &QuestionPage) -> Html {
        let shown = told(ours("question"), page.title()).form(page.form());
        let shown = page.inputs().iter().fold(shown, |shown, input| {
            let shown = shown.markup("<input name='").text(input.name());
            let shown = shown.markup("' type='").text(input.kind());
            let shown = shown.markup("' autocomplete='").text(input.autocomplete());
            shown.markup("'>").text(input.label())
        });
        let shown = told(shown.markup("</form>"), page.button());
        let paragraphs = page.paragraphs().iter();
        paragraphs.fold(shown, |shown, paragraph| told(shown, paragraph))
    }
}

/// Every page in pieces.
struct Broken;

impl Pages for Broken {
    fn chooser(&self, page: &ChooserPage) -> Html {
        panic!("a canary: {page:?}")
    }

    fn error(&self, page: &FailurePage) -> Html {
        panic!("a canary: {page:?}")
    }

    fn logout(&self, page: &LogoutPage) -> Html {
        panic!("a canary: {page:?}")
    }

    fn logged_out_here(&self, page: &LoggedOutHerePage) -> Html {
        panic!("a canary: {page:?}")
    }

    fn going_on(&self, page: &GoingOnPage) -> Html {
        panic!("a canary: {page:?}")
    }

    fn question(&self, page: &QuestionPage) -> Html {
        panic!("a canary: {page:?}")
    }
}

/// An app whose error page alone is its own.
struct ErrorAlone;

impl Pages for ErrorAlone {
    fn error(&self, page: &FailurePage) -> Html {
        failure("error", page)
    }
}

/// A provider of the app's own, which asks for a code.
struct Door;

impl Provider for Door {
    fn begin<'a>(&'a self, _login: &'a Beginning) -> Step<'a, Begun> {
        let page = Page::new(HOSTILE).text(HOSTILE).button(HOSTILE);
        Box::pin(async move { Ok(Begun::page(page.field("code", HOSTILE))) })
    }

    fn finish<'a>(&'a self, callback: &'a Callback) -> Step<'a, Vouched> {
        let code = callback.parameter("code").unwrap_or_default();
        Box::pin(async move { Ok(Vouched::new("https://door.example", code)) })
    }
}

/// An app with three providers and a page for keepers.
struct Island {
    google: dev::Provider,
    github: dev::Provider,
    cookie_secret: String,
    change: fn(AuthBuilder) -> AuthBuilder,
    logs: Logs,
}

impl Island {
    async fn new(change: fn(AuthBuilder) -> AuthBuilder) -> Self {
        Self {
            google: provider("google").await,
            github: provider("github").await,
            cookie_secret: fresh_secret(),
            change,
            logs: Logs::capture(),
        }
    }

    /// The app in a process that has just begun.
    fn app(&self) -> Router {
        let builder = Auth::builder()
            .toml(&self.google.secrets())
            .toml(&self.github.secrets())
            .provider("door", Door)
            .set("auth.github.label", HOSTILE)
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", self.cookie_secret.as_str());
        let auth = (self.change)(builder).build().unwrap();
        let keepers = get(async || "the lamp").layer(auth.require(has_role("keeper")));
        let routes = routes().route("/keepers", keepers);
        routes.layer(auth.layer())
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.app(), SITE)
    }

    async fn cancelled(&self, browser: &mut Browser) -> String {
        let callback = browser.way_back(&self.google, "alice").await;
        let (before, after) = callback.split_once("code=").unwrap();
        let (_, after) = after.split_once('&').unwrap();
        format!("{before}error=access_denied&{after}")
    }

    /// Each page once, as a person comes to it.
    async fn tour(&self) -> Vec<(&'static str, Answer)> {
        let mut browser = self.browser();
        let chooser = browser.get("/auth/login?return_to=/plain%3Fq%3D%26r").await;
        let error = browser.get("/auth/login?provider=gogle").await;
        let question = browser.get("/auth/login?provider=door").await;
        let callback = self.cancelled(&mut browser).await;
        let cancelled = browser.get_from_elsewhere(&callback).await;
        let callback = browser.way_back(&self.google, "carol").await;
        let going_on = browser.get_from_elsewhere(&callback).await;
        browser.get(&going_on.refresh().unwrap()).await;
        assert!(who(&mut browser).await.starts_with("carol of"));
        let denied = browser.get("/keepers").await;
        let logout = browser.get("/auth/logout?return_to=/plain").await;
        // Nobody has asked for the metadata yet, and nobody gives it.
        let mut later = self.browser();
        later.jar = browser.jar.clone();
        self.google.misbehave(Fault::OffDuty);
        let logged_out_here = later.post("/auth/logout", "return_to=/plain").await;
        self.google.behave();
        assert_eq!(who(&mut later).await, "nobody");
        vec![
            ("chooser", chooser),
            ("error", error),
            ("question", question),
            ("cancelled", cancelled),
            ("going on", going_on),
            ("denied", denied),
            ("logout", logout),
            ("logged out here", logged_out_here),
        ]
    }
}

/// What an answer says besides its page: status, headers, and the names of the cookies.
fn around(answer: &Answer) -> Vec<String> {
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap();
        match name.as_str() {
            "set-cookie" => format!("cookie {}", value.split('=').next().unwrap()),
            "content-security-policy" => value.replace(style(answer), "…"),
            _ => format!("{name}: {value}"),
        }
    });
    let mut around: Vec<_> = headers.chain([answer.status.to_string()]).collect();
    around.sort();
    // The names of pending logins are hashes, and the page is as long as it is.
    around.retain(|line| !line.contains("-p-") && !line.starts_with("content-length"));
    around
}

/// The hash of the style that counts.
fn style(answer: &Answer) -> &str {
    let policy = answer.header("content-security-policy").unwrap();
    let (_, after) = policy.split_once("style-src 'sha256-").unwrap();
    after.split('\'').next().unwrap()
}

fn heading(answer: &Answer) -> &str {
    let (_, after) = answer.body.split_once("<h1>").unwrap();
    after.split_once("</h1>").unwrap().0
}

#[tokio::test]
async fn each_page_may_be_the_apps_own_and_all_around_it_stays() {
    let usual = Island::new(|builder| builder).await.tour().await;
    let island = Island::new(|builder| builder.pages(Ours)).await;

    let own = island.tour().await;

    let hash = digest(&SHA256, STYLE.as_bytes());
    let hash = base64_simd::STANDARD.encode_to_string(hash);
    for ((name, own), (_, usual)) in own.iter().zip(&usual) {
        assert_eq!(heading(own), format!("ours: {name}"));
        assert_eq!(around(own), around(usual), "{name}");
        assert_eq!(style(own), hash, "{name}");
        let (head, _) = own.body.split_once("<body>").unwrap();
        assert!(
            head.starts_with("<!DOCTYPE html><html lang=\"de\">"),
            "{head}"
        );
        assert!(head.contains(&format!("<style>{STYLE}</style>")), "{head}");
        assert_eq!(own.body.matches("<style").count(), 1);
        for csp in ["default-src 'none'", "img-src 'self'", "base-uri 'none'"] {
            let policy = own.header("content-security-policy").unwrap();
            assert!(policy.contains(csp), "{policy}");
        }
        assert_eq!(own.header("cache-control"), Some("no-store"));
    }
    let lines = island.logs.complaints();
    assert!(
        !lines
            .iter()
            .any(|it| it.code.as_deref() == Some("page_panicked"))
    );
}

#[tokio::test]
async fn no_text_becomes_markup() {
    let island = Island::new(|builder| builder.pages(Ours)).await;

    for (name, answer) in island.tour().await {
        assert!(!answer.body.contains("<script"), "{name}: {answer:?}");
        // In the title at least; the label of a provider in the chooser, and what a provider of the
        // app's own says.
        let expected = match name {
            "chooser" => 2,
            "question" => 8,
            _ => 1,
        };
        let found = answer.body.matches("&lt;script&gt;").count();
        assert_eq!(found, expected, "{name}: {answer:?}");
        assert!(
            name != "chooser" || answer.body.contains(ESCAPED),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn forms_on_pages_of_the_apps_own_do_what_keycards_do() {
    let island = Island::new(|builder| builder.pages(Ours)).await;
    let mut browser = island.browser();

    let chooser = browser.get("/auth/login?return_to=/plain%3Fq%3D%26r").await;
    let (action, fields) = chooser.posts().unwrap();
    let begun = browser
        .post(&action, &format!("{fields}&provider=google"))
        .await;
    let callback = island.google.authorize(begun.location(), "alice").unwrap();
    let back = browser.follow(&relative(&callback)).await;
    assert_eq!(back.location(), "/plain?q=&r");

    let logout = browser.get("/auth/logout?return_to=/plain").await;
    let (action, fields) = logout.posts().unwrap();
    assert_eq!((&*action, &*fields), ("/auth/logout", "return_to=%2Fplain"));
    browser.post(&action, &fields).await;
    assert_eq!(who(&mut browser).await, "nobody");

    let question = browser.get("/auth/login?provider=door").await;
    assert!(
        question
            .body
            .contains("<form method=\"get\" action=\"/oauth2callback\">")
    );
    let (_, state) = question.body.split_once("name=\"state\" value=\"").unwrap();
    let state = state.split('"').next().unwrap();
    let callback = format!("/oauth2callback?state={state}&code=eve");
    assert_eq!(browser.get(&callback).await.location(), "/");
    assert!(who(&mut browser).await.starts_with("eve of"));

    // What is denied leads on to another account, as it does on keycard's page.
    let denied = browser.get("/keepers").await;
    let (_, url) = denied.body.split_once("<i title='/auth/login?").unwrap();
    let url = url.split('\'').next().unwrap().replace("&amp;", "&");
    let chooser = browser.get(&format!("/auth/login?{url}")).await;
    assert!(chooser.body.contains("name=\"detour\""), "{chooser:?}");
}

#[tokio::test]
async fn a_page_that_panics_is_keycards_and_one_line_of_the_log() {
    let usual = Island::new(|builder| builder).await.tour().await;
    let island = Island::new(|builder| builder.pages(Broken)).await;

    // The tour logs in over the page that goes on, and out over the one that ends here.
    let shown = island.tour().await;

    for ((name, shown), (_, usual)) in shown.iter().zip(&usual) {
        assert_eq!(heading(shown), heading(usual), "{name}");
        assert_eq!(around(shown), around(usual), "{name}");
        assert_eq!(style(shown), style(usual), "{name}");
        assert_eq!(shown.refresh().is_some(), *name == "going on");
    }
    let lines = island.logs.complaints();
    let panicked: Vec<_> = lines
        .iter()
        .filter(|it| it.code.as_deref() == Some("page_panicked"))
        .collect();
    assert_eq!(panicked.len(), shown.len(), "{panicked:?}");
    for page in ["chooser", "denied", "cancelled", "going_on", "question"] {
        let words = format!("the app's own page `{page}` panicked");
        let count = panicked
            .iter()
            .filter(|it| it.text.contains(&words))
            .count();
        assert_eq!(count, 1, "{page}");
    }
    // The failure itself has its own line, under the id that the page shows.
    let denied = shown.iter().find(|(name, _)| *name == "denied").unwrap();
    let (_, id) = denied.1.body.split_once("<dt>Request id</dt>").unwrap();
    let id = id
        .split_once("<code>")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap();
    let with_id = lines.iter().filter(|it| it.text.contains(id)).count();
    assert_eq!(with_id, 2, "{id} in {lines:?}");
    assert!(!island.logs.everything().contains("a canary"));
}

#[tokio::test]
async fn scripts_get_json_whatever_the_pages_are() {
    let mut told: Vec<Vec<Value>> = Vec::new();
    for change in [
        |builder: AuthBuilder| builder,
        |builder: AuthBuilder| builder.pages(Ours),
        |builder: AuthBuilder| builder.pages(Broken),
    ] {
        let island = Island::new(change).await;
        let mut browser = island.browser();
        browser.log_in(&island.google, "alice").await;
        let callback = island.cancelled(&mut browser).await;
        let mut problems = Vec::new();
        for path in ["/auth/login?provider=gogle", "/keepers", &callback] {
            let json = [("accept", "application/json")];
            let answer = browser.request("GET", path, &json).await;
            let kind = answer.header("content-type");
            assert_eq!(kind, Some("application/problem+json"), "{answer:?}");
            let mut problem: Value = serde_json::from_str(&answer.body).unwrap();
            problem["request_id"] = json!(null);
            problem["status"] = json!(answer.status.as_u16());
            problems.push(problem);
        }
        told.push(problems);
    }

    assert_eq!(told[0].len(), 3);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}

#[tokio::test]
async fn details_are_for_this_machine_alone() {
    let island = Island::new(|builder| builder.pages(Ours)).await;
    let mut browser = island.browser();
    let path = "/auth/login?provider=%3Cscript%3E";

    let here = browser.get(path).await;
    let request = browser.navigation(Method::GET, path, "none");
    let request = request.header("x-forwarded-for", "192.0.2.1");
    let afar = browser.send(request.body(Body::empty()).unwrap()).await;

    assert_eq!(here.body.matches("<li>").count(), 2, "{here:?}");
    assert!(here.body.contains("&quot;&lt;script&gt;&quot;"), "{here:?}");
    assert!(!here.body.contains("<script"), "{here:?}");
    assert_eq!(afar.body.matches("<li>").count(), 0, "{afar:?}");
    assert_eq!(here.status, afar.status);
}

#[tokio::test]
async fn the_error_page_stands_in_for_denied_and_cancelled() {
    let island = Island::new(|builder| builder.pages(ErrorAlone)).await;

    for (name, answer) in island.tour().await {
        let is_own = ["error", "denied", "cancelled"].contains(&name);
        assert_eq!(heading(&answer) == "ours: error", is_own, "{name}");
    }
}
