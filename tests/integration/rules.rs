//! Rules: whom they let in, what the others see and the log says, and how a login that is too old is
//! made new.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use keycard::dev::{Endpoint, Fault, Person};
use keycard::rule::{self, Rule, any_role, claim, email_domain, has_role, in_group, max_age};
use keycard::testing::{LogIn, Somebody};
use serde_json::{Value, json};
use url::Url;

use crate::support::{Answer, Browser, SITE, World, now, pass, provider_with, relative};

const HTML: &str = "text/html";

/// A world with a second provider, of plain OAuth 2.
async fn world() -> World {
    let forge = "[auth.forge]\nclient_id = \"an-id\"\nclient_secret = \"a-secret\"\n\
                 authorization_endpoint = \"https://forge.example/authorize\"\n\
                 token_endpoint = \"https://forge.example/token\"\n\
                 userinfo_endpoint = \"https://forge.example/user\"\n";
    World::with(|builder| builder.toml(forge)).await
}

fn app(world: &World, rule: Rule) -> Router {
    Router::new()
        .route("/page", get(async || "the page").post(async || "sent"))
        .layer(world.auth.require(rule))
}

/// Somebody's request to a page with a rule.
async fn ask(world: &World, rule: Rule, somebody: &Somebody, accept: &str) -> Answer {
    // A second holds ten log lines of one code.
    pass(Duration::from_secs(1)).await;
    world.logs.clear();
    let request = Request::get("/page").header("accept", accept);
    let request = request.body(Body::empty()).unwrap();
    let request = request.logged_in_as(&world.auth, somebody).unwrap();
    Browser::new(&app(world, rule), SITE).send(request).await
}

fn somebody(claims: Value) -> Somebody {
    let Value::Object(claims) = claims else {
        panic!("claims are an object")
    };
    let nobody = Somebody::new("dora").provider("google");
    claims.into_iter().fold(nobody, |somebody, (name, value)| {
        somebody.claim(&name, value)
    })
}

#[tokio::test]
async fn a_rule_lets_in_whom_it_says() {
    let world = world().await;
    let dora = json!({
        "roles": ["editor", "viewer"],
        "groups": ["staff"],
        "email": "dora@Example.com",
        "email_verified": true,
        "department": "sales",
        "level": 3,
        "realm_access": { "roles": ["a/b"], "list": ["x", 7] },
        "https://acme.example/plan": "pro",
    });
    let hour = Duration::from_secs(3600);
    for (rule, lets_in) in [
        (has_role("editor"), true),
        (has_role("Editor"), false),
        (has_role("edit"), false),
        (has_role("staff"), false),
        (any_role(["admin", "viewer"]), true),
        (any_role(["admin", "owner"]), false),
        (any_role(Vec::<String>::new()), false),
        (in_group("staff"), true),
        (in_group("editor"), false),
        (email_domain("example.com"), true),
        (email_domain("EXAMPLE.COM"), true),
        (email_domain("ample.com"), false),
        (email_domain("mail.example.com"), false),
        (email_domain("com"), false),
        (email_domain(""), false),
        (email_domain("@example.com"), false),
        (rule::provider("google"), true),
        (rule::provider("forge"), false),
        (claim("department").equals("sales"), true),
        (claim("/department").equals("sales"), true),
        (claim("/department").equals("sale"), false),
        (claim("/level").equals(3), true),
        (claim("/realm_access/roles").contains("a/b"), true),
        (claim("/level").equals(3.0), true),
        (claim("/level").equals(3.5), false),
        (claim("/realm_access/list").contains(7), true),
        (claim("/realm_access/list").contains("7"), false),
        (claim("/realm_access/list/0").equals("x"), true),
        (claim("/realm_access/list").equals(json!(["x", 7])), true),
        (claim("https://acme.example/plan").equals("pro"), true),
        (claim("/https:~1~1acme.example~1plan").equals("pro"), true),
        (max_age(hour), true),
        (!has_role("editor"), false),
        (!has_role("admin"), true),
        (!!has_role("editor"), true),
        (has_role("editor").and(in_group("staff")), true),
        (has_role("editor").and(has_role("admin")), false),
        (has_role("admin").or(in_group("staff")), true),
        (has_role("admin").or(has_role("owner")), false),
        (!(has_role("admin").or(in_group("staff"))), false),
        (!(has_role("admin").and(in_group("staff"))), true),
    ] {
        let shown = rule.to_string();
        let answer = ask(&world, rule, &somebody(dora.clone()), HTML).await;
        let expected = if lets_in {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(answer.status, expected, "{shown}");
        assert_eq!(answer.body == "the page", lets_in, "{shown}");
        let complaints = world.logs.complaints();
        assert_eq!(complaints.is_empty(), lets_in, "{shown}: {complaints:?}");
        if let [line] = complaints.as_slice() {
            assert_eq!(line.code.as_deref(), Some("denied"));
            assert!(
                line.text.contains(&format!("{shown} is not so")),
                "{line:?}"
            );
            for told in ["dora", "sales", "editor, viewer"] {
                let named = shown.contains(told);
                assert!(named || !line.text.contains(told), "{line:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_told_lets_nobody_in_even_where_a_rule_says_not() {
    let world = world().await;
    let unverified = json!({ "email": "dora@example.com", "email_verified": false });
    let odd = |email: &str| json!({ "email": email, "email_verified": true });
    for (claims, rule, untold) in [
        (json!({}), has_role("admin"), "roles"),
        (json!({ "roles": null }), has_role("admin"), "roles"),
        (json!({ "roles": 7 }), has_role("admin"), "roles"),
        (json!({ "roles": true }), has_role("admin"), "roles"),
        (
            json!({ "roles": ["editor", { "name": "admin" }] }),
            has_role("admin"),
            "roles",
        ),
        (
            json!({ "roles": { "admin": false } }),
            has_role("admin"),
            "roles",
        ),
        (
            json!({ "roles": { "admin": null } }),
            has_role("admin"),
            "roles",
        ),
        (
            json!({ "roles": { "admin": { "1": "a.example" }, "guest": 1 } }),
            any_role(["admin", "guest"]),
            "roles",
        ),
        (
            json!({ "roles": "guest admin" }),
            has_role("guest"),
            "roles",
        ),
        (
            json!({ "roles": "guest,admin" }),
            has_role("admin"),
            "roles",
        ),
        (
            json!({ "roles": "guest;admin" }),
            has_role("admin"),
            "roles",
        ),
        (json!({ "roles": " admin" }), has_role("admin"), "roles"),
        (json!({ "roles": "" }), has_role("admin"), "roles"),
        (
            json!({ "groups": "staff\towners" }),
            in_group("staff"),
            "groups",
        ),
        (
            json!({ "banned": [42] }),
            claim("/banned").contains("42"),
            "the claim \"/banned\"",
        ),
        (
            json!({ "banned": ["42", null] }),
            claim("/banned").contains(42),
            "the claim \"/banned\"",
        ),
        (
            json!({ "id": 9007199254740992.0 }),
            claim("/id").equals(9007199254740992_u64),
            "the claim \"/id\"",
        ),
        (
            json!({ "ids": [-9007199254740994.0] }),
            claim("/ids").contains(-9007199254740993_i64),
            "the claim \"/ids\"",
        ),
        (
            json!({ "level": 3 }),
            claim("/level").equals("3"),
            "the claim \"/level\"",
        ),
        (
            json!({ "blocked": "true" }),
            claim("blocked").equals(true),
            "the claim \"blocked\"",
        ),
        (
            odd("dora@example.com."),
            email_domain("example.com"),
            "an e-mail with one @",
        ),
        (json!({}), any_role(["admin"]), "roles"),
        (json!({}), in_group("staff"), "groups"),
        (json!({}), email_domain("example.com"), "an e-mail"),
        (unverified, email_domain("example.com"), "a verified e-mail"),
        (
            json!({ "email": "dora@example.com" }),
            email_domain("example.com"),
            "a verified e-mail",
        ),
        (
            odd("a@evil@example.com"),
            email_domain("example.com"),
            "an e-mail with one @",
        ),
        (json!({}), claim("/a/b").equals(1), "the claim \"/a/b\""),
        (
            json!({ "a": 1 }),
            claim("/a/b").equals(1),
            "the claim \"/a/b\"",
        ),
        (
            json!({ "a": null }),
            claim("a").equals(Value::Null),
            "the claim \"a\"",
        ),
        (json!({}), claim("/a").contains(1), "the claim \"/a\""),
        (
            json!({ "a": "a b c" }),
            claim("/a").contains("b"),
            "the claim \"/a\"",
        ),
        (
            json!({ "groups": ["staff"] }),
            in_group("staff").and(has_role("admin")),
            "roles",
        ),
        (
            json!({ "groups": ["staff"] }),
            in_group("owners").or(has_role("admin")),
            "roles",
        ),
    ] {
        for rule in [rule.clone(), !rule.clone(), !!rule] {
            let shown = rule.to_string();
            let answer = ask(&world, rule, &somebody(claims.clone()), HTML).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{shown} of {claims}");
            let lines = world.logs.complaints();
            let why = format!("{shown} needs {untold}");
            assert!(lines[0].text.contains(&why), "{why}: {lines:?}");
        }
    }
    // Where it does not matter, it need not be told.
    let staff = json!({ "groups": ["staff"] });
    let either = in_group("staff").or(has_role("admin"));
    let answer = ask(&world, either, &somebody(staff.clone()), HTML).await;
    assert_eq!(answer.body, "the page");
    let neither = (!in_group("owners")).and(has_role("admin"));
    let not_both = !(in_group("owners").and(has_role("admin")));
    let answer = ask(&world, not_both, &somebody(staff.clone()), HTML).await;
    assert_eq!(answer.body, "the page");
    let answer = ask(&world, neither, &somebody(staff), HTML).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_told_in_a_clear_form_counts_under_not_as_well() {
    let world = world().await;
    for (claims, rule, lets_in) in [
        (json!({ "roles": "admin" }), has_role("admin"), true),
        (
            json!({ "roles": ["guest admin"] }),
            has_role("guest"),
            false,
        ),
        (json!({ "roles": ["a, b"] }), has_role("a, b"), true),
        (json!({ "roles": {} }), has_role("admin"), false),
        (
            json!({ "roles": { "admin": { "1": "a.example" }, "guest": {} } }),
            any_role(["guest"]),
            true,
        ),
        (
            json!({ "banned": [] }),
            claim("/banned").contains("42"),
            false,
        ),
        (
            json!({ "banned": [1, "42"] }),
            claim("/banned").contains("42"),
            true,
        ),
        (
            json!({ "banned": [1, "2"] }),
            claim("/banned").contains("42"),
            false,
        ),
    ] {
        for (rule, lets_in) in [(rule.clone(), lets_in), (!rule, !lets_in)] {
            let shown = rule.to_string();
            let answer = ask(&world, rule, &somebody(claims.clone()), HTML).await;
            assert_eq!(answer.status.is_success(), lets_in, "{shown} of {claims}");
        }
    }
}

#[tokio::test]
async fn numbers_are_compared_to_the_last_digit() {
    let world = world().await;
    let two_to_53 = 9_007_199_254_740_992_u64;
    for (found, wanted, are_equal) in [
        (json!(two_to_53), json!(two_to_53), true),
        (json!(two_to_53 + 1), json!(two_to_53), false),
        (json!(two_to_53), json!(two_to_53 + 1), false),
        (json!(u64::MAX), json!(u64::MAX), true),
        (json!(u64::MAX), json!(u64::MAX - 1), false),
        (json!(i64::MIN), json!(i64::MIN), true),
        (json!(i64::MIN), json!(i64::MIN + 1), false),
        (json!(i64::MIN), json!(1_u64 << 63), false),
        (json!(1), json!(1.0), true),
        (json!(1.0), json!(1), true),
        (json!(-1), json!(1), false),
        (json!(two_to_53 - 1), json!(9_007_199_254_740_991.0), true),
        (json!(two_to_53), json!(0.5), false),
        (json!(1e300), json!(1e300), true),
        (json!(1e300), json!(7), false),
    ] {
        let claims = json!({ "id": found, "ids": [0, found] });
        for rule in [
            claim("/id").equals(wanted.clone()),
            claim("/ids").contains(wanted.clone()),
        ] {
            for (rule, lets_in) in [(rule.clone(), are_equal), (!rule, !are_equal)] {
                let shown = rule.to_string();
                let answer = ask(&world, rule, &somebody(claims.clone()), HTML).await;
                assert_eq!(answer.status.is_success(), lets_in, "{shown} of {claims}");
            }
        }
    }
}

#[tokio::test]
async fn uin_07_only_a_verified_e_mail_with_one_at_is_of_a_domain() {
    let world = world().await;
    for (email, verified, lets_in) in [
        ("dora@example.com", json!(true), true),
        ("dora@EXAMPLE.com", json!("true"), true),
        ("dora@example.com", json!(false), false),
        ("dora@example.com", json!("false"), false),
        ("dora@example.com", json!(null), false),
        ("dora@example.com", json!(1), false),
        ("a@evil@example.com", json!(true), false),
        ("a@example.com,b@evil.example", json!(true), false),
        ("a@evil.example,b@example.com", json!(true), false),
        ("a＠evil.example@example.com", json!(true), false),
        ("a＠example.com", json!(true), false),
        ("a@ｅxample.com", json!(true), false),
        ("a@exаmple.com", json!(true), false),
        ("a@example.com.", json!(true), false),
        ("a@example.com\r\n", json!(true), false),
        ("a@example.com\0", json!(true), false),
        ("a@evil-example.com", json!(true), false),
        ("a@example.com.evil.example", json!(true), false),
        ("a@example.comx", json!(true), false),
        ("@example.com", json!(true), false),
    ] {
        let claims = json!({ "email": email, "email_verified": verified });
        let answer = ask(&world, email_domain("example.com"), &somebody(claims), HTML).await;
        assert_eq!(answer.status.is_success(), lets_in, "{email:?} {verified}");
    }
}

#[tokio::test]
async fn who_is_kept_out_may_come_back_as_somebody_else() {
    let people = |builder: keycard::dev::Builder| {
        let admin = Person::new("ada").claim("roles", json!(["admin"]));
        let guest = Person::new("gus").claim("roles", json!(["guest"]));
        builder.person(admin).person(guest)
    };
    let provider = provider_with("google", people).await;
    let mut world = World::around(provider, |builder| {
        builder.set("auth.google.client_kwargs.prompt", "")
    });
    world.app = app(&world, has_role("admin"));
    let mut browser = world.browser();
    browser.log_in(&world.provider, "gus").await;

    let page = browser.get("/page?q=1").await;

    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(page.code().as_deref(), Some("denied"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.body.contains("not for this account"), "{page:?}");
    let (for_everybody, _) = page.body.split_once("id=\"details\"").unwrap();
    assert!(!for_everybody.contains("has_role"), "{for_everybody}");
    let (_, link) = page.body.split_once("<a class=\"button\" href=\"").unwrap();
    let (link, rest) = link.split_once('"').unwrap();
    assert!(rest.starts_with(">Use another account</a>"), "{rest}");
    let begun = browser.get(&link.replace("&amp;", "&")).await;
    let url: Url = begun.location().parse().unwrap();
    let prompt = url.query_pairs().find(|(name, _)| name == "prompt");
    assert_eq!(prompt.unwrap().1, "select_account", "{url}");
    let callback = world.provider.authorize(url.as_str(), "ada").unwrap();
    assert_eq!(
        browser.follow(&relative(&callback)).await.location(),
        "/page?q=1"
    );
    assert_eq!(browser.get("/page?q=1").await.body, "the page");
}

#[tokio::test]
async fn a_script_that_is_kept_out_gets_json() {
    let world = world().await;
    let rule = has_role("admin");
    let somebody = somebody(json!({ "roles": [] }));

    let answer = ask(&world, rule, &somebody, "application/json").await;

    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
    assert_eq!(answer.code().as_deref(), Some("denied"));
    assert!(!answer.body.contains("has_role"), "{answer:?}");
}

#[tokio::test]
async fn idt_25_a_page_with_max_age_makes_people_prove_who_they_are_again() {
    let mut world = World::new().await;
    world.app = app(&world, max_age(Duration::from_secs(300)));
    let mut browser = world.browser();
    browser.log_in(&world.provider, "alice").await;
    assert_eq!(browser.get("/page?q=1").await.body, "the page");

    // 300 s and the leeway of 120 s, with a second to spare on either side.
    world.clock.turn(419);
    assert_eq!(browser.get("/page?q=1").await.body, "the page");
    world.clock.turn(422);
    world.provider.turn_clock(422);
    let answer = browser.get("/page?q=1").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let begun = browser.get(answer.location()).await;
    let url: Url = begun.location().parse().unwrap();
    let sent = url.query_pairs().find(|(name, _)| name == "max_age");
    assert_eq!(sent.unwrap().1, "300", "{url}");
    let callback = world.provider.authorize(url.as_str(), "alice").unwrap();

    // A login that is as old as the one before is none.
    let mut other = browser.clone();
    let stale = json!({ "auth_time": now() });
    world.provider.misbehave(Fault::IdTokenClaims(stale));
    let page = other.follow(&relative(&callback)).await;
    assert_eq!(page.code().as_deref(), Some("id_token_refused"), "{page:?}");
    world.provider.behave();
    let answer = browser.get("/page?q=1").await;
    let begun = browser.get(answer.location()).await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let back = browser.follow(&relative(&callback)).await;

    assert_eq!(back.location(), "/page?q=1", "{back:?}");
    assert_eq!(browser.get("/page?q=1").await.body, "the page");
}

#[tokio::test]
async fn idt_25_the_section_s_own_max_age_counts_where_it_is_stricter() {
    let mut world =
        World::with(|builder| builder.set("auth.google.client_kwargs.max_age", 60)).await;
    world.app = app(&world, max_age(Duration::from_secs(300)));
    let mut browser = world.browser();
    browser.log_in(&world.provider, "alice").await;
    world.clock.turn(500);
    world.provider.turn_clock(500);

    let answer = browser.get("/page").await;
    let begun = browser.get(answer.location()).await;

    let url: Url = begun.location().parse().unwrap();
    let sent: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name == "max_age")
        .map(|(_, value)| value.into_owned())
        .collect();
    assert_eq!(sent, ["60"]);
}

#[tokio::test]
async fn idt_25_a_provider_that_does_not_tell_when_is_asked_once_and_then_there_is_a_page() {
    let mut world = World::new().await;
    world.app = app(&world, max_age(Duration::from_secs(300)));
    let mut browser = world.browser();
    let silent = json!({ "auth_time": null });
    world.provider.misbehave(Fault::IdTokenClaims(silent));
    browser.log_in(&world.provider, "alice").await;

    let answer = browser.get("/page").await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER,
        "it was not asked to tell"
    );
    let begun = browser.get(answer.location()).await;
    assert!(begun.location().contains("max_age=300"), "{begun:?}");
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let page = browser.follow(&relative(&callback)).await;

    assert_eq!(page.code().as_deref(), Some("id_token_refused"));
    assert!(page.body.contains("auth_time"), "{page:?}");
}

#[tokio::test]
async fn idt_25_where_nobody_can_tell_when_there_is_a_page_at_once() {
    let world = world().await;
    let of_forge = Somebody::new("dora").provider("forge");

    let answer = ask(&world, max_age(Duration::from_secs(300)), &of_forge, HTML).await;

    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let lines = world.logs.complaints();
    assert!(
        lines[0].text.contains("needs the time of the login"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn idt_25_a_new_login_that_never_sticks_stops_at_the_third() {
    let mut world = World::new().await;
    world.app = app(&world, max_age(Duration::from_secs(0)));
    let mut browser = world.browser();
    let old = browser.log_in(&world.provider, "alice").await.cookies();
    let identity = |lines: &[String]| {
        let is_it = |line: &&String| !line.contains("-m=") && !line.contains("-p-");
        lines.iter().find(is_it).unwrap().clone()
    };
    let old = identity(&old);
    world.clock.turn(600);
    world.provider.turn_clock(600);

    let mut codes = Vec::new();
    for _ in 0..3 {
        let answer = browser.get("/page").await;
        let begun = browser.get(answer.location()).await;
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let back = browser.follow(&relative(&callback)).await;
        codes.push(back.code().unwrap_or_default());
        browser.jar.take_in(&old, false);
    }

    assert_eq!(codes, ["", "", "login_loops"]);
}

#[tokio::test]
async fn a_script_and_a_form_are_told_that_the_login_is_too_old() {
    let mut world = World::new().await;
    world.app = app(&world, max_age(Duration::from_secs(60)));
    let mut browser = world.browser();
    browser.log_in(&world.provider, "alice").await;
    world.clock.turn(600);

    let script = [
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "same-origin"),
    ];
    let answer = browser.request("GET", "/page", &script).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem["code"], "login_too_old");
    let login_url = problem["login_url"].as_str().unwrap();
    let begun = browser.get(&format!("{login_url}&return_to=/page")).await;
    assert!(begun.location().contains("max_age=60"), "{begun:?}");
    world.provider.turn_clock(600);
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let back = browser.follow(&relative(&callback)).await;
    assert_eq!(back.location(), "/page");

    world.clock.turn(2000);
    let page = browser.post("/page", "a=b").await;
    assert_eq!(page.code().as_deref(), Some("sent_before_login"));
    assert!(
        page.body.contains("provider=google&amp;detour="),
        "{page:?}"
    );
    assert_eq!(world.provider.calls(Endpoint::Token), 2);
}
