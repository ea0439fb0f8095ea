//! Providers of the app's own: what their code is asked, what it may answer, and what it cannot spoil.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use keycard::Auth;
use keycard::dev::Endpoint;
use keycard::own_provider::{Answer, Beginning, Begun, Callback, Failure, Page, Provider, Vouched};
use tokio::sync::Notify;
use url::Url;

use crate::support::{
    Browser, Logs, SITE, SecretsFile, World, app, fresh_secret, provider, routes, settle, shared,
    telling_app, who,
};

const PORTAL: &str = "https://portal.example";

/// A company's portal, as an app would write it, with what it was asked.
#[derive(Clone)]
struct Portal(Arc<Inner>);

struct Inner {
    begin: Step<Beginning, Begun>,
    finish: Step<Callback, Vouched>,
    begun: AtomicUsize,
    finished: AtomicUsize,
    version: &'static str,
    /// What it waits for before it ends a login.
    gate: Option<Notify>,
}

type Step<A, T> = Box<dyn Fn(&A) -> Result<T, Failure> + Send + Sync>;

impl Portal {
    fn new() -> Self {
        Self(Arc::new(Inner {
            begin: Box::new(|login| Ok(Begun::redirect(to_portal(login)))),
            finish: Box::new(|callback| {
                let ticket = callback.parameter("ticket");
                let ticket = ticket.ok_or_else(|| Failure::failed("no ticket came"))?;
                Ok(Vouched::new(PORTAL, ticket))
            }),
            begun: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            version: "1",
            gate: None,
        }))
    }

    fn but(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::get_mut(&mut self.0).unwrap());
        self
    }

    fn beginning(
        self,
        begin: impl Fn(&Beginning) -> Result<Begun, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.but(|it| it.begin = Box::new(begin))
    }

    fn finishing(
        self,
        finish: impl Fn(&Callback) -> Result<Vouched, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.but(|it| it.finish = Box::new(finish))
    }

    /// How often each of its steps was asked.
    fn asked(&self) -> [usize; 2] {
        [&self.0.begun, &self.0.finished].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Provider for Portal {
    fn begin<'a>(&'a self, login: &'a Beginning) -> Answer<'a, Begun> {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { (self.0.begin)(login) })
    }

    fn finish<'a>(&'a self, callback: &'a Callback) -> Answer<'a, Vouched> {
        self.0.finished.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            if let Some(gate) = &self.0.gate {
                gate.notified().await;
            }
            (self.0.finish)(callback)
        })
    }

    fn version(&self) -> &str {
        self.0.version
    }
}

fn to_portal(login: &Beginning) -> String {
    let parameters = [
        ("back", login.redirect_uri()),
        ("state", login.state()),
        ("nonce", login.nonce()),
        ("hint", login.parameter("hint").unwrap_or_default()),
    ];
    Url::parse_with_params(&format!("{PORTAL}/door"), parameters)
        .unwrap()
        .into()
}

/// An app with this portal and a development provider.
async fn with(portal: &Portal) -> World {
    let portal = portal.clone();
    World::around(provider("google").await, |builder| {
        builder.provider("portal", portal)
    })
}

/// Where the login of this browser goes, and its state.
async fn begin(browser: &mut Browser) -> (Url, String) {
    let begun = browser.get("/login/portal").await;
    let url: Url = begun.location().parse().unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state");
    let state = state.unwrap().1.into_owned();
    (url, state)
}

async fn comes_back(browser: &mut Browser, parameters: &str) -> crate::support::Answer {
    let (_, state) = begin(browser).await;
    let path = format!("/oauth2callback?state={state}&{parameters}");
    browser.get_from_elsewhere(&path).await
}

/// A login of Bob's browser that ends in this code, with this line of the log.
async fn refuses(portal: Portal, status: u16, code: &str, log: &str) {
    let world = with(&portal).await;
    let mut browser = world.logged_in("bob").await;
    let (_, state) = begin(&mut browser).await;
    let callback = format!("/oauth2callback?state={state}&ticket=ada-of-the-portal");
    world
        .refuses_callback(&mut browser, &callback, status, code)
        .await;
    let line = world.logs.complaints().remove(0).text;
    assert!(line.contains(log), "{log:?} in {line}");
    assert_eq!(portal.asked(), [1, 1]);
}

/// A login that does not even begin.
async fn does_not_begin(portal: Portal, code: &str, log: &str) {
    let world = with(&portal).await;
    let mut browser = world.browser();
    let page = browser.get("/login/portal").await;
    assert_eq!(page.code().as_deref(), Some(code), "{page:?}");
    assert!(page.cookies().is_empty(), "{page:?}");
    let line = world.logs.complaints().remove(0).text;
    assert!(
        line.contains(log) && line.contains("provider \"portal\""),
        "{log:?} in {line}"
    );
    // The others are none the worse.
    world.logged_in("alice").await;
}

#[tokio::test]
async fn a_login_goes_to_the_portal_and_comes_back_as_somebody() {
    let portal = Portal::new().finishing(|callback| {
        assert!(callback.is_nonce(callback.parameter("nonce").unwrap()));
        assert!(!callback.is_nonce("") && !callback.is_nonce(callback.remembered()));
        assert_eq!(callback.redirect_uri(), format!("{SITE}/oauth2callback"));
        let age = SystemTime::now().duration_since(callback.now()).unwrap();
        assert!(age < Duration::from_secs(60));
        let names: Vec<_> = callback.parameters().map(|(name, _)| name).collect();
        assert_eq!(names, ["code", "nonce", "empty"]);
        Ok(
            Vouched::new(PORTAL, format!("{}-7", callback.parameter("code").unwrap()))
                .auth_time(SystemTime::UNIX_EPOCH + Duration::from_secs(7))
                .claim("name", "Ada Lovelace")
                .claim("roles", vec!["buyer"])
                .claim("email", "ada@example.com"),
        )
    });
    let world = with(&portal).await;
    let mut browser = Browser::new(&telling_app(&world.auth), SITE);
    let (url, state) = begin(&mut browser).await;
    assert_eq!(url.host_str(), Some("portal.example"));
    let has = |wanted: &str| {
        let (_, value) = url.query_pairs().find(|(name, _)| name == wanted).unwrap();
        value.into_owned()
    };
    assert_eq!(has("back"), format!("{SITE}/oauth2callback"));
    assert_ne!(has("nonce"), state);

    let back = format!(
        "/oauth2callback?code=ada&state={state}&nonce={}&empty=",
        has("nonce")
    );
    let home = browser.get_from_elsewhere(&back).await;
    assert_eq!(home.location(), "/", "{home:?}");
    let told = who(&mut browser).await;
    assert!(
        told.starts_with("ada-7 of https://portal.example by portal"),
        "{told}"
    );
    assert_eq!(browser.get("/").await.body, "Ada Lovelace");
    let claims = browser.get("/claims").await.body;
    assert!(claims.contains("\"roles\":[\"buyer\"]"), "{claims}");

    // A reload, and the back button.
    assert_eq!(browser.get(&back).await.location(), "/");
    assert_eq!(portal.asked(), [1, 1]);
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn what_the_app_gives_one_login_reaches_its_beginning_and_return_to_its_end() {
    let portal = Portal::new();
    let auth = Auth::builder()
        .toml(&shared(&fresh_secret(), ""))
        .provider("portal", portal)
        .build()
        .unwrap();
    let begin = async |session: keycard::Session| {
        let login = session.login("portal").return_to("/plain?a=1");
        login.param("hint", "ada & co").param("state", "mine").await
    };
    let app = routes()
        .route("/begin", axum::routing::get(begin))
        .layer(auth.layer());
    let mut browser = Browser::new(&app, SITE);
    let url: Url = browser.get("/begin").await.location().parse().unwrap();
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    assert!(
        pairs.contains(&("hint".to_owned(), "ada & co".to_owned())),
        "{url}"
    );
    let (_, state) = pairs.iter().find(|(name, _)| name == "state").unwrap();
    assert_eq!(state.len(), 43);
    let back = format!("/oauth2callback?state={state}&ticket=ada");
    let goal = browser.get_from_elsewhere(&back).await;
    assert_eq!(goal.location(), "/plain?a=1");
}

#[tokio::test]
async fn a_page_in_the_place_of_a_redirect_is_text_and_its_form_leads_to_the_callback() {
    let portal = Portal::new().beginning(|_| {
        let page = Page::new("<b>Door</b>")
            .text("Say \"friend\" & <script>enter</script>")
            .field("ticket", "The <word>")
            .button("Enter");
        Ok(Begun::page(page).remember("mellon"))
    });
    let portal = portal.finishing(|callback| match callback.parameter("ticket") {
        Some(ticket) if ticket == callback.remembered() => Ok(Vouched::new(PORTAL, "gandalf")),
        _ => Err(Failure::refused("another word")),
    });
    let world = with(&portal).await;
    let mut browser = world.browser();
    let page = browser.post("/login/portal", "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("&lt;script&gt;enter"), "{page:?}");
    assert!(
        !page.body.contains("<script") && !page.body.contains("<b>"),
        "{page:?}"
    );
    assert!(!page.body.contains("mellon"), "{page:?}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("form-action"));
    assert!(
        page.body
            .contains("<form method=\"get\" action=\"/oauth2callback\">")
    );
    let (_, after) = page.body.split_once("name=\"state\" value=\"").unwrap();
    let state = after.split('"').next().unwrap();

    let back = format!("/oauth2callback?state={state}&ticket=mellon");
    assert_eq!(browser.get(&back).await.location(), "/");
    assert!(who(&mut browser).await.starts_with("gandalf"));
}

#[tokio::test]
async fn a_page_without_fields_has_no_form_and_what_it_leads_to_may_come_by_mail() {
    let portal = Portal::new()
        .beginning(|_| Ok(Begun::page(Page::new("Look into your mail").text("Bye."))))
        .finishing(|_| Ok(Vouched::new(PORTAL, "ada")));
    let world = with(&portal).await;
    let page = world.browser().get("/login/portal").await;
    assert!(
        !page.body.contains("<form") && !page.body.contains("state"),
        "{page:?}"
    );
    assert_eq!(page.cookies().len(), 1);
}

#[tokio::test]
async fn a_step_that_fails_is_a_page_and_a_line_with_its_words() {
    let failing = || Portal::new().finishing(|_| Err(Failure::failed("the portal\nis \"down\"")));
    refuses(
        failing(),
        502,
        "own_provider_failed",
        r#"the portal\nis \"down\""#,
    )
    .await;
    let refusing = || Portal::new().finishing(|_| Err(Failure::refused("x".repeat(500))));
    refuses(
        refusing(),
        403,
        "own_provider_refused",
        &format!("{}…", "x".repeat(200)),
    )
    .await;

    let failing = Portal::new().beginning(|_| Err(Failure::failed("no portal today")));
    does_not_begin(failing, "own_provider_failed", "no portal today").await;
    let refusing = Portal::new().beginning(|_| Err(Failure::refused("not on Sundays")));
    does_not_begin(refusing, "own_provider_refused", "not on Sundays").await;
}

#[tokio::test]
async fn a_forged_state_never_reaches_the_code_that_ends_a_login() {
    let portal = Portal::new();
    let world = with(&portal).await;
    let mut browser = world.browser();
    let (_, state) = begin(&mut browser).await;
    let mut another = world.browser();
    begin(&mut another).await;
    let forged = format!("{}A", &state[..42]);
    for (state, code) in [
        (state.as_str(), "state_unknown"),
        (forged.as_str(), "state_unknown"),
        ("", "callback_malformed"),
    ] {
        let query = format!("/oauth2callback?state={state}&ticket=ada&code=c");
        let page = another.get_from_elsewhere(&query).await;
        assert_eq!(page.code().as_deref(), Some(code), "{page:?}");
        // With no code it is nobody's answer.
        let query = format!("/oauth2callback?state={state}&ticket=ada");
        let home = another.get_from_elsewhere(&query).await;
        assert_eq!(home.location(), "/", "{home:?}");
    }
    // A cookie under the name that another state's would have.
    let twice = format!("/oauth2callback?state={state}&ticket=ada&ticket=bob");
    let page = browser.get_from_elsewhere(&twice).await;
    assert_eq!(page.code().as_deref(), Some("callback_malformed"));
    world.clock.turn(601);
    let late = format!("/oauth2callback?state={state}&ticket=ada&code=c");
    let page = browser.get_from_elsewhere(&late).await;
    assert_eq!(page.code().as_deref(), Some("login_expired"));
    assert_eq!(portal.asked(), [2, 0]);
    assert_eq!(who(&mut browser).await, "nobody");
}

#[tokio::test]
async fn no_provider_s_login_is_finished_by_another_s_callback() {
    let portal = Portal::new();
    let world = with(&portal).await;
    let mut browser = world.browser();

    // Google's state with the portal's ticket, and with the portal's word for a code.
    for answer in ["ticket=ada", "code=ada&ticket=ada"] {
        let back = browser.way_back(&world.provider, "alice").await;
        let url = Url::parse("http://x").unwrap().join(&back).unwrap();
        let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
        let path = format!("/oauth2callback?state={state}&{answer}");
        let page = browser.get_from_elsewhere(&path).await;
        assert!(
            page.status.is_client_error() || page.status.is_server_error(),
            "{page:?}"
        );
        assert_eq!(who(&mut browser).await, "nobody");
    }
    assert_eq!(portal.asked(), [0, 0]);

    // The portal's state with Google's code, and in Google's name.
    let before = world.provider.calls(Endpoint::Token);
    let back = browser.way_back(&world.provider, "alice").await;
    let url = Url::parse("http://x").unwrap().join(&back).unwrap();
    let (_, code) = url.query_pairs().find(|(name, _)| name == "code").unwrap();
    let page = comes_back(&mut browser, &format!("code={code}")).await;
    assert_eq!(
        page.code().as_deref(),
        Some("own_provider_failed"),
        "{page:?}"
    );
    assert_eq!(portal.asked(), [1, 1]);
    let named = format!("ticket=ada&iss={}", world.provider.issuer());
    let page = comes_back(&mut browser, &named).await;
    assert_eq!(page.code().as_deref(), Some("answer_from_another_issuer"));
    assert_eq!(portal.asked(), [2, 1]);
    assert_eq!(world.provider.calls(Endpoint::Token), before);
    // A name that nobody here has is the portal's own affair.
    let page = comes_back(&mut browser, "ticket=ada&iss=https://portal.example").await;
    assert_eq!(page.location(), "/");
}

#[tokio::test]
async fn an_error_among_the_parameters_never_reaches_the_code_that_ends_a_login() {
    let portal = Portal::new();
    let world = with(&portal).await;
    let mut browser = world.browser();
    for (parameters, code) in [
        ("error=access_denied", "login_cancelled"),
        ("error=server_error&ticket=ada", "provider_refused"),
        ("error=a&code=b", "callback_malformed"),
    ] {
        let page = comes_back(&mut browser, parameters).await;
        assert_eq!(page.code().as_deref(), Some(code), "{page:?}");
    }
    assert_eq!(portal.asked(), [3, 0]);
}

#[tokio::test]
async fn what_is_remembered_comes_back_unseen_and_has_256_bytes_at_most() {
    let most = "é".repeat(128);
    let told = most.clone();
    let portal = Portal::new()
        .beginning(move |login| Ok(Begun::redirect(to_portal(login)).remember(told.as_str())))
        .finishing(move |callback| {
            assert_eq!(callback.remembered(), most);
            assert!(!format!("{callback:?}").contains('é'));
            Ok(Vouched::new(PORTAL, "ada"))
        });
    let world = with(&portal).await;
    let mut browser = world.browser();
    let page = comes_back(&mut browser, "a=b").await;
    assert_eq!(page.location(), "/", "{page:?}");

    let portal = Portal::new()
        .beginning(|login| Ok(Begun::redirect(to_portal(login)).remember("x".repeat(257))));
    let said = "it remembers 257 bytes of a login, of at most 256";
    does_not_begin(portal, "own_provider_failed", said).await;
}

#[tokio::test]
async fn the_longest_login_fits_its_cookie() {
    let portal = Portal::new()
        .beginning(|login| Ok(Begun::redirect(to_portal(login)).remember("x".repeat(256))));
    let name = "ü".repeat(64);
    let auth = Auth::builder()
        .toml(&shared(&fresh_secret(), ""))
        .provider(&name, portal)
        .build()
        .unwrap();
    let mut browser = Browser::new(&app(&auth), SITE);
    let goal = format!("return_to=/{}", "a".repeat(500));
    let begun = browser.post("/auth/login", &goal).await;
    let [line] = &begun.cookies()[..] else {
        panic!("{begun:?}")
    };
    assert!(line.split(';').next().unwrap().len() <= 1024 - 2, "{line}");
    let url: Url = begun.location().parse().unwrap();
    let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
    let back = format!("/oauth2callback?state={state}&ticket=ada");
    assert_eq!(browser.get_from_elsewhere(&back).await.location(), "/");
}

#[tokio::test]
async fn a_step_that_panics_is_one_failed_login() {
    struct Panicking(bool);

    impl Provider for Panicking {
        fn begin<'a>(&'a self, login: &'a Beginning) -> Answer<'a, Begun> {
            assert!(!self.0, "on purpose");
            Box::pin(async move { Ok(Begun::redirect(to_portal(login))) })
        }

        fn finish<'a>(&'a self, _: &'a Callback) -> Answer<'a, Vouched> {
            panic!("on purpose")
        }
    }

    let panicking = || Portal::new().finishing(|_| panic!("on purpose"));
    refuses(panicking(), 502, "own_provider_failed", "it panicked").await;
    let panicking = Portal::new().beginning(|_| panic!("on purpose"));
    does_not_begin(panicking, "own_provider_failed", "it panicked").await;

    // Before there is anything to wait for.
    for begins in [false, true] {
        let world = World::with(|builder| builder.provider("portal", Panicking(begins))).await;
        let mut browser = world.browser();
        let page = match begins {
            true => browser.get("/login/portal").await,
            false => comes_back(&mut browser, "ticket=ada").await,
        };
        assert_eq!(
            page.code().as_deref(),
            Some("own_provider_failed"),
            "{page:?}"
        );
        world.logged_in("alice").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_longer_than_its_timeout_is_one_failed_login() {
    struct Slow(bool);

    impl Provider for Slow {
        fn begin<'a>(&'a self, login: &'a Beginning) -> Answer<'a, Begun> {
            Box::pin(async move {
                if self.0 {
                    pending::<()>().await;
                }
                Ok(Begun::redirect(to_portal(login)))
            })
        }

        fn finish<'a>(&'a self, _: &'a Callback) -> Answer<'a, Vouched> {
            Box::pin(pending())
        }
    }

    for (begins, timeout, seconds) in [(true, "", 10), (false, "timeout = 3", 3)] {
        let logs = Logs::capture();
        let text = shared(&fresh_secret(), "") + "[auth.portal]\nlabel = \"Door\"\n" + timeout;
        let auth = Auth::builder()
            .toml(&text)
            .provider("portal", Slow(begins))
            .build()
            .unwrap();
        let mut browser = Browser::new(&app(&auth), SITE);
        let began = tokio::time::Instant::now();
        let page = match begins {
            true => browser.get("/login/portal").await,
            false => comes_back(&mut browser, "ticket=ada").await,
        };
        assert_eq!(page.code().as_deref(), Some("provider_timeout"), "{page:?}");
        assert_eq!(began.elapsed().as_secs(), seconds);
        let line = logs.complaints().remove(0).text;
        assert!(
            line.contains("its own code did not answer in time"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn whoever_goes_away_takes_the_beginning_along_and_leaves_the_end_to_who_comes_back() {
    struct Dropped(Arc<AtomicUsize>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Waiting(Arc<AtomicUsize>);

    impl Provider for Waiting {
        fn begin<'a>(&'a self, _: &'a Beginning) -> Answer<'a, Begun> {
            let dropped = Dropped(self.0.clone());
            Box::pin(async move {
                let _dropped = dropped;
                pending().await
            })
        }

        fn finish<'a>(&'a self, _: &'a Callback) -> Answer<'a, Vouched> {
            Box::pin(pending())
        }
    }

    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = dropped.clone();
    let world = World::with(|builder| builder.provider("portal", Waiting(counted))).await;
    let mut browser = world.browser();
    tokio::select! {
        biased;
        page = browser.get("/login/portal") => panic!("{page:?}"),
        () = settle() => {}
    }
    settle().await;
    assert_eq!(dropped.load(Ordering::Relaxed), 1);

    let portal = Portal::new().but(|it| it.gate = Some(Notify::new()));
    let world = with(&portal).await;
    let mut browser = world.browser();
    let (_, state) = begin(&mut browser).await;
    let path = format!("/oauth2callback?state={state}&ticket=ada");
    let mut gone = browser.clone();
    tokio::select! {
        biased;
        page = gone.get_from_elsewhere(&path) => panic!("{page:?}"),
        () = settle() => {}
    }
    let mut second = browser.clone();
    let (one, other, ()) = tokio::join!(
        browser.get_from_elsewhere(&path),
        second.get_from_elsewhere(&path),
        async {
            settle().await;
            portal.0.gate.as_ref().unwrap().notify_one();
        }
    );
    assert_eq!([one.location(), other.location()], ["/", "/"]);
    assert_eq!(portal.asked(), [1, 1]);
    assert!(who(&mut second).await.starts_with("ada"));
}

#[tokio::test]
async fn whoever_changes_a_parameter_gets_no_other_s_answer() {
    let portal = Portal::new();
    let world = with(&portal).await;
    let mut browser = world.browser();
    let (_, state) = begin(&mut browser).await;
    let mut other = browser.clone();
    let path = |ticket: &str| format!("/oauth2callback?state={state}&ticket={ticket}");
    browser.get_from_elsewhere(&path("ada")).await;
    other.get_from_elsewhere(&path("bob")).await;
    assert!(who(&mut browser).await.starts_with("ada"));
    assert!(who(&mut other).await.starts_with("bob"));
}

#[tokio::test]
async fn nobody_is_vouched_for_by_a_name_that_is_none_or_in_the_name_of_another_provider() {
    let long = "x".repeat(256);
    for (issuer, subject, what) in [
        (PORTAL, "", "its subject is not"),
        (PORTAL, "a\nb", "its subject is not"),
        (PORTAL, "ädä", "its subject is not"),
        (PORTAL, long.as_str(), "its subject is not"),
        ("", "ada", "its issuer is not"),
        (long.as_str(), "ada", "its issuer is not"),
    ] {
        let vouched = Vouched::new(issuer, subject);
        let portal = || Portal::new().finishing(move |_| Ok(vouched.clone()));
        refuses(portal(), 502, "own_provider_failed", what).await;
    }

    let issuer = Arc::new(std::sync::OnceLock::<String>::new());
    let known = issuer.clone();
    let portal = Portal::new().finishing(move |_| {
        let issuer = known.get().unwrap();
        Ok(Vouched::new(issuer.as_str(), "alice"))
    });
    let world = with(&portal).await;
    issuer.set(format!("{}/", world.provider.issuer())).unwrap();
    let mut browser = world.browser();
    let page = comes_back(&mut browser, "ticket=ada").await;
    assert_eq!(
        page.code().as_deref(),
        Some("own_provider_failed"),
        "{page:?}"
    );
    let line = world.logs.complaints().remove(0).text;
    assert!(
        line.contains("it names the issuer of another provider"),
        "{line}"
    );
}

#[tokio::test]
async fn claims_that_do_not_fit_are_told_as_of_any_provider_and_claims_keeps_some() {
    let portal = || {
        Portal::new().finishing(|_| {
            let vouched = Vouched::new(PORTAL, "ada").claim("name", "Ada");
            Ok(vouched.claim("big", "x".repeat(30_000)))
        })
    };
    refuses(portal(), 403, "identity_too_large", "claims").await;
    let text = shared(&fresh_secret(), "") + "[auth.portal]\nclaims = [\"name\"]\n";
    let auth = Auth::builder().toml(&text).provider("portal", portal());
    let mut browser = Browser::new(&app(&auth.build().unwrap()), SITE);
    let page = comes_back(&mut browser, "ticket=ada").await;
    assert_eq!(page.location(), "/", "{page:?}");
    assert_eq!(browser.get("/").await.body, "Ada");
}

#[tokio::test]
async fn a_browser_is_sent_to_the_web_alone_and_a_field_takes_no_name_of_keycard_s() {
    for url in [
        "javascript:alert(1)",
        "/portal",
        "portal.example",
        "",
        "ftp://x/",
    ] {
        let portal = Portal::new().beginning(move |_| Ok(Begun::redirect(url)));
        does_not_begin(portal, "own_provider_failed", "no http or https URL").await;
    }
    for names in [
        ["state", "a"],
        ["error", "a"],
        ["iss", "a"],
        ["rest", "a"],
        ["a", "a"],
        ["", "a"],
    ] {
        let portal = Portal::new().beginning(move |_| {
            let page = Page::new("Door").field(names[0], "A").field(names[1], "B");
            Ok(Begun::page(page))
        });
        does_not_begin(portal, "own_provider_failed", "a field of its page").await;
    }
}

#[tokio::test]
async fn the_portal_is_not_asked_for_a_login_that_has_no_room() {
    let portal = Portal::new();
    let world = with(&portal).await;
    let mut browser = world.browser();
    let mut refused = 0;
    for _ in 0..8 {
        let answer = browser
            .get_from_elsewhere("/auth/login?provider=portal")
            .await;
        if answer.code().as_deref() == Some("too_many_logins") {
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert_eq!(portal.asked(), [8 - refused, 0]);
}

#[tokio::test]
async fn a_portal_that_is_taken_out_or_has_a_new_version_knows_nobody_any_more() {
    let secret = fresh_secret();
    let of = |portal: Option<Portal>| {
        let builder = Auth::builder().toml(&shared(&secret, ""));
        let builder = builder.provider("other", Portal::new());
        let builder = match portal {
            Some(portal) => builder.provider("portal", portal),
            None => builder,
        };
        app(&builder.build().unwrap())
    };
    let mut browser = Browser::new(&of(Some(Portal::new())), SITE);
    comes_back(&mut browser, "ticket=ada").await;
    let is_logged_in = async |app| {
        let mut again = Browser::new(&app, SITE);
        again.jar = browser.jar.clone();
        who(&mut again).await != "nobody"
    };
    assert!(is_logged_in(of(Some(Portal::new()))).await);
    let next = Portal::new().but(|it| it.version = "2");
    assert!(!is_logged_in(of(Some(next))).await);
    assert!(!is_logged_in(of(None)).await);

    // A login that was under way begins anew.
    let mut browser = Browser::new(&of(Some(Portal::new())), SITE);
    let (_, state) = begin(&mut browser).await;
    let next = Portal::new().but(|it| it.version = "2");
    let mut again = Browser::new(&of(Some(next.clone())), SITE);
    again.jar = browser.jar.clone();
    let path = format!("/oauth2callback?state={state}&ticket=ada&code=c");
    let page = again.get_from_elsewhere(&path).await;
    assert_eq!(
        page.code().as_deref(),
        Some("configuration_changed"),
        "{page:?}"
    );
    assert_eq!(next.asked(), [0, 0]);
}

#[tokio::test]
async fn the_file_may_name_it_and_a_save_keeps_it() {
    let portal = Portal::new();
    let google = provider("google").await;
    let secret = fresh_secret();
    let text = |section: &str| shared(&secret, "") + &google.secrets() + "\n" + section;
    let file = SecretsFile::new("own-provider", &text(""));
    let added = portal.clone();
    let world = World::around(google.clone(), |_| {
        Auth::builder().file(file.path()).provider("portal", added)
    });
    let labels = || {
        let choices = world.auth.providers().into_iter();
        choices.map(|it| (it.name, it.label)).collect::<Vec<_>>()
    };
    let pair = |name: &str, label: &str| (name.to_owned(), label.to_owned());
    assert_eq!(labels()[1], pair("portal", "portal"));
    let mut browser = world.browser();
    comes_back(&mut browser, "ticket=ada").await;
    assert!(who(&mut browser).await.starts_with("ada"));
    let (_, state) = begin(&mut browser).await;

    file.save(&text(
        "[auth.portal]\nlabel = \"The portal\"\nuser_key = \"nick\"\n",
    ));
    world.look().await;
    assert_eq!(
        labels(),
        [pair("google", "google"), pair("portal", "The portal")]
    );
    assert!(who(&mut browser).await.starts_with("ada"));
    let path = format!("/oauth2callback?state={state}&ticket=eve");
    assert_eq!(browser.get_from_elsewhere(&path).await.location(), "/");
    let page = world.browser().get("/auth/login").await;
    assert!(page.body.contains("Log in with The portal"), "{page:?}");

    // A save that collides does not count.
    world.logs.clear();
    file.save(&text("[auth.portal]\nclient_id = \"x\"\n"));
    world.look().await;
    let said = world.logs.complaints().remove(0).text;
    assert!(
        said.contains("`auth.portal.client_id` does not belong here"),
        "{said}"
    );
    assert_eq!(labels()[1], pair("portal", "The portal"));
}

#[test]
fn a_section_that_describes_it_a_second_time_is_a_mistake_that_says_so() {
    let build = |name: &str, text: &str| {
        let text = shared(&fresh_secret(), "") + text;
        let auth = Auth::builder().toml(&text).provider(name, Portal::new());
        let auth = auth.provider("another", Portal::new()).build();
        auth.map_or_else(|error| format!("{error:#}"), |_| String::new())
    };
    // Beside another provider it is that one alone that nobody can log in with.
    let logs = Logs::capture();
    let text = "[auth.portal]\nclient_id = \"x\"\nclient_secret = \"y\"\n";
    assert_eq!(build("portal", text), "");
    let said = logs.complaints().remove(0).text;
    for words in [
        "`auth.portal.client_id` does not belong here",
        "the app adds a provider of this name itself, by .provider(\"portal\", …)",
        "the section of such a provider has claims, label, redirect_uri, timeout, user_key alone",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    logs.clear();
    let unnamed = "client_id = \"x\"\nclient_secret = \"y\"\n\
                   server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n";
    assert_eq!(build("default", unnamed), "");
    let said = logs.complaints().remove(0).text;
    assert!(
        said.contains("`auth.client_id` does not belong here"),
        "{said}"
    );

    for name in ["", "login", "logout", "client_kwargs", "a/b", "a?b", "a\nb"] {
        logs.clear();
        assert_eq!(build(name, ""), "");
        let said = logs.complaints().remove(0).text;
        assert!(said.contains("cannot be a provider"), "{name:?}: {said}");
    }
    logs.clear();
    let text = "[auth.google]\nlabel = \"Ours\"\n[auth.portal]\n";
    assert_eq!(build("google", text), "");
    let said = logs.everything();
    assert!(said.contains("[auth.portal] is no provider"), "{said}");
    assert!(!said.contains("does not belong here"), "{said}");
}

#[test]
fn beside_another_provider_it_needs_a_callback_of_its_own_or_is_warned_about() {
    let build = |section: &str, strict: bool| {
        let logs = Logs::capture();
        let text = shared(&fresh_secret(), "") + section;
        let builder = Auth::builder().toml(&text).set("auth.strict", strict);
        let builder = builder.set("auth.google.client_id", "x");
        let builder = builder.set("auth.google.client_secret", "y");
        let built = builder.provider("portal", Portal::new()).build();
        let refused = built.err().map(|error| format!("{error:#}"));
        (refused.unwrap_or_default(), logs.everything())
    };
    let cure = format!("add [auth.portal] with redirect_uri = \"{SITE}/oauth2callback/portal\"");
    let (refused, said) = build("", false);
    assert_eq!(refused, "");
    assert!(
        said.contains("possible with portal") && said.contains("redirect_uri"),
        "{said}"
    );
    let (refused, _) = build("", true);
    assert!(refused.contains(&cure), "{refused}");
    let own = format!("[auth.portal]\nredirect_uri = \"{SITE}/oauth2callback/portal\"\n");
    let (refused, said) = build(&own, true);
    assert_eq!(refused, "");
    assert!(
        said.contains("mix_up=ruled out") || said.contains("mix_up=\"ruled out"),
        "{said}"
    );
}

#[test]
fn a_section_for_code_that_is_not_there_says_what_is_missing() {
    let logs = Logs::capture();
    let text = shared(&fresh_secret(), "") + "[auth.portal]\nlabel = \"Ours\"\n";
    let auth = Auth::builder().toml(&text).provider("other", Portal::new());
    auth.build().unwrap();
    let said = logs.complaints().remove(0).text;
    assert!(said.contains(".provider("), "{said}");
}

#[tokio::test]
async fn the_last_that_is_added_under_a_name_counts_and_the_posture_line_names_it() {
    let logs = Logs::capture();
    let (first, last) = (Portal::new(), Portal::new());
    let auth = Auth::builder()
        .toml(&shared(&fresh_secret(), ""))
        .provider("portal", first.clone())
        .provider("portal", last.clone())
        .build()
        .unwrap();
    let posture = logs.everything();
    assert!(
        posture.contains("nothing but the app's own code and state with portal"),
        "{posture}"
    );
    let names: Vec<_> = auth.providers().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["portal"]);
    // The only one is the default.
    let begun = Browser::new(&app(&auth), SITE).get("/login").await;
    assert!(begun.location().starts_with(PORTAL));
    assert_eq!([first.asked(), last.asked()], [[0, 0], [1, 0]]);
}

#[tokio::test]
async fn with_a_callback_of_its_own_it_is_answered_there_and_nowhere_else() {
    let portal = Portal::new().beginning(|login| {
        let page = Page::new("Door").field("ticket", "Ticket");
        Ok(Begun::page(page).remember(login.redirect_uri()))
    });
    let own = format!("{SITE}/oauth2callback/portal");
    let expected = own.clone();
    let portal = portal.finishing(move |callback| {
        assert_eq!(
            [callback.redirect_uri(), callback.remembered()],
            [&expected; 2]
        );
        Ok(Vouched::new(PORTAL, "ada"))
    });
    let text = shared(&fresh_secret(), "");
    let text = format!("{text}[auth.portal]\nredirect_uri = \"{own}\"\n");
    let auth = Auth::builder()
        .toml(&text)
        .provider("portal", portal.clone());
    let mut browser = Browser::new(&app(&auth.build().unwrap()), SITE);
    for (path, ends) in [("/oauth2callback", false), ("/oauth2callback/portal", true)] {
        let page = browser.get("/login/portal").await;
        assert!(
            page.body.contains("action=\"/oauth2callback/portal\""),
            "{page:?}"
        );
        let (_, after) = page.body.split_once("name=\"state\" value=\"").unwrap();
        let state = after.split('"').next().unwrap();
        let page = browser.get(&format!("{path}?state={state}&ticket=t")).await;
        assert_eq!(page.status == 303, ends, "{page:?}");
    }
    assert_eq!(portal.asked(), [2, 1]);
    assert!(who(&mut browser).await.starts_with("ada"));
}
