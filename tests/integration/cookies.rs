//! What the browser keeps: how it is set, and that nothing but what was set counts.

use axum::body::Body;
use http::header::{COOKIE, HeaderValue};
use http::{Request, StatusCode};
use keycard::dev;
use rand::TryRng;
use serde_json::{Map, Value, json};

use crate::support::{
    Answer, Browser, SITE, World, app, base64url, fresh_secret, groups, provider, relative, who,
};

const NAME: &str = "keycard-oa6i42mu";
const SECOND: &str = "keycard-oa6i42mu-2";
const THIRD: &str = "keycard-oa6i42mu-3";
const MARK: &str = "keycard-oa6i42mu-m";

/// Who the app takes a request for that has these bytes as its only Cookie header. Whatever they
/// are, the answer is an ordinary one that touches no cookie.
async fn taken_for(browser: &mut Browser, cookies: impl AsRef<[u8]>) -> String {
    let answer = ask(browser, "/me", &[cookies.as_ref()]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.cookies(), [""; 0], "nothing is set or cleared");
    answer.body
}

async fn ask(browser: &mut Browser, path: &str, headers: &[&[u8]]) -> Answer {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for header in headers {
        let value = HeaderValue::from_bytes(header).unwrap();
        request.headers_mut().append(COOKIE, value);
    }
    // The jar stays out of it, even where there is no header at all.
    let mut blank = browser.clone();
    blank.jar = Default::default();
    blank.send(request).await
}

fn decoded(value: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(value).unwrap()
}

fn encoded(bytes: &[u8]) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).unwrap();
    bytes
}

/// Somebody with these claims.
fn person(claims: Value) -> Map<String, Value> {
    match claims {
        Value::Object(claims) => claims,
        _ => panic!("claims are an object"),
    }
}

/// Somebody with these claims logs in, to the end.
async fn log_in_as(browser: &mut Browser, provider: &dev::Provider, claims: Value) -> Answer {
    let url = browser.begin(provider).await;
    let callback = provider.authorize_as(&url, person(claims)).unwrap();
    browser.follow(&relative(&callback)).await
}

/// The values of both parts of a long identity.
fn both_parts(browser: &Browser) -> [String; 2] {
    [NAME, SECOND].map(|name| browser.jar.value(name).unwrap().to_owned())
}

/// A world whose app is at another address.
async fn world_at(redirect_uri: &str) -> (World, Browser) {
    let world = World::with(|builder| builder.set("auth.redirect_uri", redirect_uri)).await;
    let origin = redirect_uri.strip_suffix("oauth2callback").unwrap();
    let browser = Browser::new(&world.app, origin);
    (world, browser)
}

/// A Set-Cookie line with the value taken out.
fn without_value(line: &str) -> String {
    let (name, rest) = line.split_once('=').unwrap();
    let (value, attributes) = rest.split_once("; ").unwrap();
    let value = if value.is_empty() { "" } else { "…" };
    format!("{name}={value}; {attributes}")
}

fn lines(answer: &Answer) -> Vec<String> {
    let lines = answer.cookies();
    lines.iter().map(|line| without_value(line)).collect()
}

#[tokio::test]
async fn cke_01_every_line_is_exact_at_every_kind_of_address() {
    let table = [
        (
            "http://localhost:8501/oauth2callback",
            "keycard-oa6i42mu",
            "HttpOnly; SameSite=Lax; Path=/",
        ),
        (
            "http://localhost:8501/app/oauth2callback",
            "keycard-lyc4hwej",
            "HttpOnly; SameSite=Lax; Path=/app",
        ),
        (
            "https://localhost/oauth2callback",
            "__Host-keycard-pe426tap",
            "HttpOnly; SameSite=Lax; Secure; Path=/",
        ),
        (
            "https://localhost/app/oauth2callback",
            "__Secure-keycard-rkvzpmkj",
            "HttpOnly; SameSite=Lax; Secure; Path=/app",
        ),
    ];
    for (redirect_uri, name, attributes) in table {
        let (world, mut browser) = world_at(redirect_uri).await;
        let base = if redirect_uri.contains("/app/") {
            "/app"
        } else {
            ""
        };

        let begun = browser
            .get(&format!("{base}/auth/login?provider=google"))
            .await;
        let pending = browser.jar.names()[0].to_owned();
        let tag = pending.strip_prefix(&format!("{name}-p-")).unwrap();
        assert_eq!(tag.len(), 8, "{pending}");
        assert_eq!(
            lines(&begun),
            [format!("{pending}=…; {attributes}; Max-Age=600")]
        );

        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let done = browser.follow(&relative(&callback)).await;
        assert_eq!(
            lines(&done),
            [
                format!("{pending}=; {attributes}; Max-Age=0"),
                format!("{name}=…; {attributes}; Max-Age=2592000"),
                format!("{name}-m=…; {attributes}; Max-Age=120"),
            ]
        );

        let out = browser.post(&format!("{base}/auth/logout"), "").await;
        assert_eq!(
            lines(&out),
            [
                format!("{name}=; {attributes}; Max-Age=0"),
                format!("{name}-m=; {attributes}; Max-Age=0"),
            ]
        );
        assert_eq!(browser.jar.names(), [""; 0], "nothing is left");
    }
}

#[tokio::test]
async fn cke_01_a_shorter_life_is_in_the_line_too() {
    let world = World::with(|builder| builder.set("auth.expiry_days", 0.5)).await;
    let mut browser = world.browser();

    let answer = browser.log_in(&world.provider, "alice").await;

    let identity = lines(&answer).remove(1);
    assert_eq!(
        identity,
        format!("{NAME}=…; HttpOnly; SameSite=Lax; Path=/; Max-Age=43200")
    );
}

#[tokio::test]
async fn cke_02_no_cookie_and_next_to_none_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;

    assert_eq!(ask(&mut browser, "/me", &[]).await.body, "nobody");
    for header in ["", " ", "\t", ";", "=", "A"] {
        assert_eq!(
            taken_for(&mut browser, header).await,
            "nobody",
            "{header:?}"
        );
    }
    for value in ["", " ", "\t", "=", "A", "AA", "AAAA", "-"] {
        for name in [NAME, SECOND, MARK] {
            let header = format!("{name}={value}");
            assert_eq!(
                taken_for(&mut browser, &header).await,
                "nobody",
                "{header:?}"
            );
        }
    }
    assert_eq!(taken_for(&mut browser, NAME).await, "nobody");
}

#[tokio::test]
async fn cke_03_a_cookie_with_any_one_bit_flipped_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    assert_ne!(
        taken_for(&mut browser, format!("{NAME}={value}")).await,
        "nobody"
    );

    let mut sealed = decoded(&value);
    for bit in 0..sealed.len() * 8 {
        sealed[bit / 8] ^= 1 << (bit % 8);
        let header = format!("{NAME}={}", encoded(&sealed));
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "bit {bit}");
        sealed[bit / 8] ^= 1 << (bit % 8);
    }
    // The same in the text, where flips also make what is no base64 and what splits the header.
    let mut header = format!("{NAME}={value}").into_bytes();
    for bit in NAME.len() * 8 + 8..header.len() * 8 {
        header[bit / 8] ^= 1 << (bit % 8);
        if HeaderValue::from_bytes(&header).is_ok() {
            assert_eq!(
                taken_for(&mut browser, &header).await,
                "nobody",
                "bit {bit}"
            );
        }
        header[bit / 8] ^= 1 << (bit % 8);
    }
}

#[tokio::test]
async fn cke_04_a_cookie_cut_short_or_made_longer_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let sealed = decoded(&value);

    for length in 0..value.len() {
        let header = format!("{NAME}={}", &value[..length]);
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "{length}");
    }
    for length in 0..sealed.len() {
        let header = format!("{NAME}={}", encoded(&sealed[..length]));
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "{length}");
    }
    for more in 1..=64 {
        let longer = [sealed.clone(), random(more)].concat();
        for longer in [encoded(&longer), format!("{value}{}", "A".repeat(more))] {
            let header = format!("{NAME}={longer}");
            assert_eq!(taken_for(&mut browser, header).await, "nobody", "+{more}");
        }
    }
}

#[tokio::test]
async fn cke_04_a_second_part_cut_short_or_made_longer_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let [first, second] = both_parts(&browser);
    let whole = format!("{NAME}={first}; {SECOND}={second}");
    assert_ne!(taken_for(&mut browser, whole).await, "nobody");

    for length in 0..second.len() {
        let header = format!("{NAME}={first}; {SECOND}={}", &second[..length]);
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "{length}");
    }
    for more in 1..=64 {
        let header = format!("{NAME}={first}; {SECOND}={second}{}", "A".repeat(more));
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "+{more}");
    }
}

#[tokio::test]
async fn cke_05_what_only_looks_like_our_cookie_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let sealed = decoded(&value);

    let mut lookalikes = vec![
        format!("\"{value}\""),
        format!("{value}="),
        format!("{value}=="),
        format!("{value},{value}"),
        format!("%{:02X}{}", value.as_bytes()[0], &value[1..]),
        value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        base64_simd::STANDARD.encode_to_string(&sealed[..sealed.len() - 1]),
        value.to_ascii_lowercase(),
        sealed.iter().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for length in [1, 33, 34, 35, 64, 500, 2000] {
        lookalikes.push(encoded(&random(length)));
        // With the right number of parts, version and key id in front.
        lookalikes.push(encoded(&[&sealed[..6], &random(length)].concat()));
    }
    for lookalike in lookalikes {
        let header = format!("{NAME}={lookalike}");
        assert_eq!(taken_for(&mut browser, &header).await, "nobody", "{header}");
    }
}

#[tokio::test]
async fn cke_06_what_does_not_open_shows_nothing_of_what_was_in_it() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let mut sealed = decoded(browser.jar.value(NAME).unwrap());
    *sealed.last_mut().unwrap() ^= 1;
    world.logs.clear();

    let header = format!("{NAME}={}", encoded(&sealed));
    for path in [
        "/",
        "/me",
        "/private",
        "/maybe",
        "/auth/login",
        "/oauth2callback",
    ] {
        let answer = ask(&mut browser, path, &[header.as_bytes()]).await;
        let seen = format!("{answer:?}{}", world.logs.everything());
        assert!(!seen.contains("Alice"), "{seen}");
        assert!(!seen.contains("alice"), "{seen}");
    }
}

#[tokio::test]
async fn cke_07_a_shortened_tag_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let sealed = decoded(browser.jar.value(NAME).unwrap());

    for missing in 1..=16 {
        let header = format!("{NAME}={}", encoded(&sealed[..sealed.len() - missing]));
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "{missing}");
    }
}

#[tokio::test]
async fn cke_08_another_nonce_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let sealed = decoded(browser.jar.value(NAME).unwrap());
    let other = decoded(world.logged_in("bob").await.jar.value(NAME).unwrap());

    for nonce in [&[0; 12], &[0xff; 12], &other[6..18]] {
        let forged = [&sealed[..6], nonce, &sealed[18..]].concat();
        let header = format!("{NAME}={}", encoded(&forged));
        assert_eq!(taken_for(&mut browser, header).await, "nobody");
    }
}

#[tokio::test]
async fn cke_09_parts_of_two_logins_never_make_one() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let [first, second] = both_parts(&browser);
    let [again_first, again_second] = both_parts(&world.logged_in("carol").await);
    let mut other = world.browser();
    let dora = json!({ "sub": "dora", "name": "Dora", "groups": groups(210) });
    log_in_as(&mut other, &world.provider, dora).await;
    assert!(who(&mut other).await.starts_with("dora of"));
    let [other_first, other_second] = both_parts(&other);
    let small = world
        .logged_in("bob")
        .await
        .jar
        .value(NAME)
        .unwrap()
        .to_owned();

    let pair = |first: &str, second: &str| format!("{NAME}={first}; {SECOND}={second}");
    let whole = taken_for(&mut browser, pair(&first, &second)).await;
    assert!(whole.starts_with("carol of"));
    let reversed = format!("{SECOND}={second}; {NAME}={first}");
    assert_eq!(
        taken_for(&mut browser, reversed).await,
        whole,
        "order is nothing"
    );

    let nobody = [
        pair(&first, &again_second),
        pair(&again_first, &second),
        pair(&first, &other_second),
        pair(&other_first, &second),
        pair(&second, &first),
        pair(&first, &first),
        pair(&second, &second),
        pair(&first, &small),
        format!("{NAME}={first}"),
        format!("{SECOND}={second}"),
        format!("{NAME}={first}{second}"),
        format!("{NAME}={second}; {SECOND}={first}"),
        format!("{NAME}={first}; {THIRD}={second}"),
        format!("{NAME}={first}; {NAME}-1={second}"),
        format!("{NAME}={first}; {NAME}-02={second}"),
    ];
    for header in nobody {
        assert_eq!(taken_for(&mut browser, &header).await, "nobody", "{header}");
    }
}

#[tokio::test]
async fn cke_09_parts_that_no_login_asks_for_disturb_none() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let [first, second] = both_parts(&browser);
    let small = world
        .logged_in("bob")
        .await
        .jar
        .value(NAME)
        .unwrap()
        .to_owned();

    for more in [format!("{THIRD}={second}"), format!("{NAME}-7={first}")] {
        let header = format!("{NAME}={first}; {more}; {SECOND}={second}");
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("carol of")
        );
        let header = format!("{more}; {NAME}={small}; {SECOND}={second}");
        assert!(taken_for(&mut browser, header).await.starts_with("bob of"));
    }
}

#[tokio::test]
async fn cke_09_a_login_clears_the_parts_that_it_does_not_set() {
    let world = World::new().await;
    for (subject, cleared) in [("alice", &["-2", "-3"][..]), ("carol", &["-3"])] {
        let mut browser = world.browser();
        for part in ["-2", "-3"] {
            browser
                .jar
                .put(&format!("{NAME}{part}"), "of an earlier login");
        }
        let callback = browser.way_back(&world.provider, subject).await;
        let answer = browser.get_from_elsewhere(&callback).await;

        for part in ["-2", "-3"] {
            let line = format!("{NAME}{part}=; ");
            let is_cleared = answer.cookies().iter().any(|it| it.starts_with(&line));
            assert_eq!(
                is_cleared,
                cleared.contains(&part),
                "{subject} {part}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn cke_10_a_forged_number_of_parts_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let sealed = decoded(&value);

    for count in [0, 2, 3, 4, 127, 128, 255] {
        let mut forged = sealed.clone();
        forged[0] = count;
        let text = encoded(&forged);
        // As one piece, cut in two and in three, with nothing behind, and with a crowd behind.
        let [one, two] = [text.len() / 12 * 4, text.len() / 12 * 8];
        let crowd = format!("; {SECOND}={}", &text[one..]).repeat(200);
        for header in [
            format!("{NAME}={text}"),
            format!("{NAME}={text}; {SECOND}=; {THIRD}="),
            format!("{NAME}={}; {SECOND}={}", &text[..one], &text[one..]),
            format!(
                "{NAME}={}; {SECOND}={}; {THIRD}={}",
                &text[..one],
                &text[one..two],
                &text[two..]
            ),
            format!("{NAME}={}{crowd}", &text[..one]),
        ] {
            assert_eq!(taken_for(&mut browser, header).await, "nobody", "{count}");
        }
    }
    // A number in the name is only a name.
    for number in ["0", "1", "-1", "02", "+2", "1000000000000", "２"] {
        let header = format!("{NAME}-{number}={value}");
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "{number}");
    }
}

#[tokio::test]
async fn cke_10_one_login_cut_where_it_was_not_is_nobody() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();

    let (one, two) = value.split_at(value.len() / 8 * 4);
    let header = format!("{NAME}={one}; {SECOND}={two}");

    assert_eq!(taken_for(&mut browser, header).await, "nobody");
}

#[tokio::test]
async fn cke_11_other_versions_are_left_alone() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let sealed = decoded(browser.jar.value(NAME).unwrap());

    for version in [0, 2, 3, 127, 255] {
        let mut other = sealed.clone();
        other[1] = version;
        let value = encoded(&other);
        assert_eq!(
            taken_for(&mut browser, format!("{NAME}={value}")).await,
            "nobody"
        );

        // And they are in nobody's way.
        let mut browser = world.browser();
        browser.jar.put(NAME, &value);
        browser.log_in(&world.provider, "bob").await;
        assert!(who(&mut browser).await.starts_with("bob of"));
    }
}

#[tokio::test]
async fn cke_12_a_value_counts_under_its_own_name_alone() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let callback = browser.way_back(&world.provider, "alice").await;
    let (pending, _) = pending_of(&browser);
    let values: Vec<(String, String)> = [NAME, SECOND, MARK, &pending]
        .map(|name| (name.to_owned(), browser.jar.value(name).unwrap().to_owned()))
        .into();

    // Everything that we seal, and what others seal or sign, as an identity.
    let id_token = world.provider.sign(
        json!({ "alg": "ES256" }),
        json!({ "sub": "alice", "name": "Alice" }),
    );
    let streamlit = "2|1:0|10:1700000000|15:_streamlit_user|16:eyJzdWIiOiJhIn0=|0a1b2c";
    let strangers = [id_token.as_str(), streamlit, "eyJzdWIiOiJhbGljZSJ9"];
    for value in values[2..]
        .iter()
        .map(|(_, value)| value.as_str())
        .chain(strangers)
    {
        let [first, second] = both_parts(&browser);
        for header in [
            format!("{NAME}={value}"),
            format!("{NAME}={first}; {SECOND}={value}"),
            format!("{NAME}={value}; {SECOND}={second}"),
        ] {
            assert_eq!(taken_for(&mut browser, &header).await, "nobody", "{header}");
        }
    }

    // Everything that we seal as a pending login: the callback opens none of them.
    for (name, value) in values.iter().filter(|(name, _)| *name != pending) {
        let header = format!("{pending}={value}");
        let answer = ask(&mut browser, &callback, &[header.as_bytes()]).await;
        assert_eq!(answer.code().as_deref(), Some("login_unreadable"), "{name}");
    }
    // And under another pending login's name it is none either.
    let value = &values[3].1;
    let mut other = world.browser();
    let other_callback = other.way_back(&world.provider, "alice").await;
    let header = format!("{}={value}", pending_of(&other).0);
    let answer = ask(&mut other, &other_callback, &[header.as_bytes()]).await;
    assert_eq!(answer.code().as_deref(), Some("login_unreadable"));
}

fn pending_of(browser: &Browser) -> (String, String) {
    let names = browser.jar.names();
    let name = names.iter().find(|name| name.contains("-p-")).unwrap();
    (
        (*name).to_owned(),
        browser.jar.value(name).unwrap().to_owned(),
    )
}

#[tokio::test]
async fn cke_13_nothing_planted_outlives_a_login() {
    let world = World::new().await;
    let attacker = world.logged_in("carol").await;
    let [first, second] = both_parts(&attacker);
    let mut victim = world.browser();
    victim.jar.put(NAME, &first);
    victim.jar.put(SECOND, &second);
    victim.jar.put(MARK, attacker.jar.value(MARK).unwrap());
    assert!(
        who(&mut victim).await.starts_with("carol of"),
        "it was planted"
    );

    victim.log_in(&world.provider, "alice").await;

    assert!(who(&mut victim).await.starts_with("alice of"));
    assert_ne!(victim.jar.value(NAME), Some(first.as_str()));
    assert_eq!(victim.jar.value(SECOND), None);
    assert_ne!(victim.jar.value(MARK), attacker.jar.value(MARK));
}

#[tokio::test]
async fn cke_13_a_planted_neighbour_is_nobody_rather_than_somebody_else() {
    let world = World::new().await;
    let planted = world
        .logged_in("bob")
        .await
        .jar
        .value(NAME)
        .unwrap()
        .to_owned();
    let mut victim = world.browser();

    // A sibling host over http can set a cookie of the same name for a longer path.
    victim
        .jar
        .take_in(&format!("{NAME}={planted}; Path=/me"), false);
    victim.log_in(&world.provider, "alice").await;

    assert_eq!(victim.get("/").await.body, "Alice Adams");
    assert_eq!(who(&mut victim).await, "nobody");
}

#[tokio::test]
async fn cke_14_a_cookie_is_worth_nothing_at_another_address() {
    let secret = fresh_secret();
    let google = provider("google").await;
    let addresses = [
        (
            "http://localhost:8501/oauth2callback",
            "http://localhost:8501",
        ),
        (
            "http://localhost:8502/oauth2callback",
            "http://localhost:8502",
        ),
        (
            "http://127.0.0.1:8501/oauth2callback",
            "http://127.0.0.1:8501",
        ),
        (
            "http://localhost:8501/a/oauth2callback",
            "http://localhost:8501",
        ),
        (
            "http://localhost:8501/b/oauth2callback",
            "http://localhost:8501",
        ),
        (
            "https://localhost:8501/oauth2callback",
            "https://localhost:8501",
        ),
    ];
    let mut browsers = Vec::new();
    for (redirect_uri, origin) in addresses {
        let world = World::around(google.clone(), |builder| {
            builder
                .set("auth.redirect_uri", redirect_uri)
                .set("auth.cookie_secret", secret.as_str())
        });
        let mut browser = Browser::new(&world.app, origin);
        let begun = browser.get("/auth/login?provider=google").await;
        let callback = google.authorize(begun.location(), "alice").unwrap();
        browser.follow(&relative(&callback)).await;
        let name = identity_name(&browser);
        let value = browser.jar.value(&name).unwrap().to_owned();
        let header = format!("{name}={value}");
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("alice of")
        );
        browsers.push((browser, name, value));
    }

    for at in 0..browsers.len() {
        for from in (0..browsers.len()).filter(|from| *from != at) {
            let (_, foreign_name, value) = browsers[from].clone();
            let (browser, name, _) = &mut browsers[at];
            assert_ne!(*name, foreign_name, "they do not even meet");
            let as_it_is = format!("{foreign_name}={value}");
            assert_eq!(taken_for(browser, as_it_is).await, "nobody");
            let renamed = format!("{name}={value}");
            assert_eq!(taken_for(browser, renamed).await, "nobody");
        }
    }
}

fn identity_name(browser: &Browser) -> String {
    let names = browser.jar.names();
    let is_identity = |name: &&&str| name.rsplit_once("keycard-").unwrap().1.len() == 8;
    (*names.iter().find(is_identity).unwrap()).to_owned()
}

#[tokio::test]
async fn cke_15_two_cookies_of_one_name_count_only_if_they_agree() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let alice = browser.jar.value(NAME).unwrap().to_owned();
    let later = world
        .logged_in("alice")
        .await
        .jar
        .value(NAME)
        .unwrap()
        .to_owned();
    let bob = world
        .logged_in("bob")
        .await
        .jar
        .value(NAME)
        .unwrap()
        .to_owned();
    let garbage = encoded(&random(500));
    let foreign = {
        let elsewhere = World::new().await;
        elsewhere
            .logged_in("bob")
            .await
            .jar
            .value(NAME)
            .unwrap()
            .to_owned()
    };

    let is_alice = [
        [&alice, &garbage],
        [&garbage, &alice],
        [&alice, &foreign],
        [&foreign, &alice],
        [&alice, &alice],
    ];
    for [one, two] in is_alice {
        let header = format!("{NAME}={one}; {NAME}={two}");
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("alice of")
        );
        let apart = [format!("{NAME}={one}"), format!("{NAME}={two}")];
        let answer = ask(
            &mut browser,
            "/me",
            &[apart[0].as_bytes(), apart[1].as_bytes()],
        )
        .await;
        assert!(answer.body.starts_with("alice of"), "two headers");
    }
    for [one, two] in [
        [&alice, &bob],
        [&bob, &alice],
        [&alice, &later],
        [&later, &alice],
    ] {
        let header = format!("{NAME}={one}; {NAME}={two}");
        assert_eq!(taken_for(&mut browser, header).await, "nobody");
    }
}

#[tokio::test]
async fn cke_16_ours_is_found_among_everything_that_a_browser_may_send() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let [first, second] = both_parts(&browser);
    let ours = format!("{NAME}={first}; {SECOND}={second}");
    let crowd: Vec<String> = (0..200)
        .map(|at| format!("other-{at}={}", encoded(&random(220))))
        .collect();
    assert!(crowd.join("; ").len() > 60_000);

    for place in [0, 100, 200] {
        let mut cookies = crowd.clone();
        cookies.insert(place, ours.clone());
        let header = cookies.join("; ");
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("carol of")
        );
    }
    let tiny = "a=;".repeat(21_000);
    let header = format!("{tiny}{ours};{tiny}");
    assert!(
        taken_for(&mut browser, header)
            .await
            .starts_with("carol of")
    );
    for crowd in [";", "=", "; ", "=;", " ", ",", "\t", "\""] {
        let header = format!("{ours};{}", crowd.repeat(60_000 / crowd.len()));
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("carol of")
        );
    }
}

#[tokio::test]
async fn cke_16_a_crowd_of_our_own_name_is_not_searched_for_ever() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let two_parts = {
        let mut sealed = random(600);
        sealed[0] = 2;
        encoded(&sealed)
    };

    let crowd = format!("{NAME}={two_parts}; {SECOND}={two_parts}; ").repeat(100);
    let header = format!("{crowd}{NAME}={value}");

    assert_eq!(taken_for(&mut browser, header).await, "nobody");
}

#[tokio::test]
async fn cke_17_odd_names_and_bytes_are_neither_ours_nor_in_the_way() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let ours = format!("{NAME}={value}").into_bytes();

    let neighbours: [&[u8]; 14] = [
        b"a=\xff\xfe",
        b"\xff\xfe=a",
        b"\xff",
        b"name only",
        b"=value only",
        b"=",
        b";;;",
        b"a==b",
        b"a=\"b",
        b"a=b\tc",
        b"KEYCARD-OA6I42MU=AAAA",
        b"keycard-oa6i42mu",
        b"keycard=AAAA",
        "ключ=значение".as_bytes(),
    ];
    for neighbour in neighbours {
        for header in [
            [neighbour, b"; ", &ours].concat(),
            [&ours, &b"; "[..], neighbour].concat(),
            [neighbour, b";", &ours, b";", neighbour].concat(),
        ] {
            let found = taken_for(&mut browser, &header).await;
            assert!(found.starts_with("alice of"), "{neighbour:?}: {found}");
        }
        let alone = taken_for(&mut browser, neighbour).await;
        assert_eq!(alone, "nobody", "{neighbour:?}");
    }

    let names = [
        NAME.to_ascii_uppercase(),
        format!("K{}", &NAME[1..]),
        format!("{NAME}-"),
        format!("{NAME}-1"),
        format!("x{NAME}"),
        format!("{NAME}x"),
        format!("__Host-{NAME}"),
        format!("__Secure-{NAME}"),
        NAME.replace('-', "_"),
        NAME.replace('-', "%2D"),
        NAME[..NAME.len() - 1].to_owned(),
        "keycard".to_owned(),
    ];
    for name in names {
        let header = format!("{name}={value}");
        assert_eq!(taken_for(&mut browser, header).await, "nobody", "{name}");
    }
}

#[tokio::test]
async fn cke_17_space_and_tab_around_a_cookie_are_nothing() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();

    for header in [
        format!(" {NAME}={value}"),
        format!("\t {NAME}\t=\t{value} \t"),
        format!("a=b;{NAME}={value}"),
        format!("a=b;  \t{NAME}={value};"),
    ] {
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("alice of")
        );
    }
}

#[tokio::test]
async fn cke_32_a_name_behind_exotic_white_space_is_another_name() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let spaces = [
        '\u{85}', '\u{a0}', '\u{1680}', '\u{2028}', '\u{2029}', '\u{202f}',
    ]
    .into_iter()
    .chain('\u{2000}'..='\u{200b}')
    .chain(['\u{205f}', '\u{3000}', '\u{feff}', '\u{180e}']);

    for space in spaces {
        for header in [
            format!("{space}{NAME}={value}"),
            format!("a=b; {space}{NAME}={value}"),
            format!("{NAME}{space}={value}"),
            format!("{NAME}={space}{value}"),
            format!("{NAME}={value}{space}"),
        ] {
            assert_eq!(
                taken_for(&mut browser, &header).await,
                "nobody",
                "{space:?}"
            );
        }
        // Nor does it take the place of the one that is ours.
        let header = format!("{space}{NAME}=AAAA; {NAME}={value}");
        assert!(
            taken_for(&mut browser, header)
                .await
                .starts_with("alice of")
        );
    }
    // The same bytes in Latin-1, which is not UTF-8.
    for space in [b"\x85", b"\xa0"] {
        let header = [&space[..], NAME.as_bytes(), b"=", value.as_bytes()].concat();
        assert_eq!(taken_for(&mut browser, header).await, "nobody");
    }
}

#[tokio::test]
async fn cke_32_the_cookies_of_rfc_2965_are_cookies_like_any() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();

    for header in [
        format!("$Version=1; {NAME}=\"{value}\""),
        format!("$Version=1; {NAME}=\"{value}\"; $Path=\"/\""),
        format!("$Version=1, {NAME}={value}"),
        format!("${NAME}={value}"),
    ] {
        assert_eq!(taken_for(&mut browser, &header).await, "nobody", "{header}");
    }
    // A neighbour of that name changes nothing about how ours is read.
    let header = format!("$Version=1; {NAME}={value}; $Path=/; $Domain=evil.example");
    assert!(
        taken_for(&mut browser, header)
            .await
            .starts_with("alice of")
    );
}

#[tokio::test]
async fn cke_32_a_neighbour_that_is_not_utf_8_does_not_hide_a_pending_login() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let (name, value) = pending_of(&browser);

    let header = [b"other=\xff\xfe; ", format!("{name}={value}").as_bytes()].concat();
    let answer = ask(&mut browser, &callback, &[&header]).await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
}

/// Groups of one shape, as a directory names them.
fn named_groups(count: usize) -> Vec<String> {
    (0..count)
        .map(|at| format!("APP-Reporting-Department-{:03}-Readers", at * 7 % 1000))
        .collect()
}

/// Texts that no packing makes smaller.
fn noise(count: usize, bytes: usize) -> Vec<String> {
    (0..count).map(|_| encoded(&random(bytes))).collect()
}

#[tokio::test]
async fn cke_18_two_hundred_groups_of_entra_fit() {
    let world = World::new().await;
    let mut browser = world.browser();
    let claims = json!({
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "name": "Alexandra Constantinescu-Featherstonehaugh",
        "preferred_username": "alexandra.constantinescu@contoso.example.com",
        "email": "alexandra.constantinescu@contoso.example.com",
        "oid": "6e0ca2de-3a04-4d8f-9a0e-2f0a6f1f1a51",
        "tid": "9188040d-6c67-4c5b-b112-36a304b66dad",
        "uti": "x4Pz1zZ0Y0a0b0c0d0e0AA",
        "rh": "0.AXoAI9gEkJ0rVk-Zm0c8b0l5J0Y2Nl0Y3k1t0p0AAA.",
        "ver": "2.0",
        "groups": groups(200),
        "wids": groups(2),
    });

    let answer = log_in_as(&mut browser, &world.provider, claims.clone()).await;

    assert_eq!(answer.location(), "/");
    assert!(who(&mut browser).await.starts_with("AAAAAAAA"));
    let header = browser.jar.header("/").unwrap();
    assert!(header.len() <= 5632, "{}", header.len());
}

#[tokio::test]
async fn cke_18_three_hundred_named_groups_fit() {
    let world = World::new().await;
    let mut browser = world.browser();
    let claims = json!({ "sub": "dora", "name": "Dora", "groups": named_groups(300) });

    let answer = log_in_as(&mut browser, &world.provider, claims).await;

    assert_eq!(answer.location(), "/");
    assert!(who(&mut browser).await.starts_with("dora of"));
}

#[tokio::test]
async fn cke_18_too_much_is_refused_with_sizes_and_the_line_that_cures_it() {
    let provider = provider("google").await;
    let world = World::around(provider.clone(), |builder| builder);
    let table = [
        (
            "over 24 KB",
            json!({ "groups": named_groups(800), "roles": ["reader"] }),
        ),
        (
            "packed over the budget",
            json!({ "groups": noise(100, 48), "roles": ["reader"] }),
        ),
        (
            "two that are too much, each",
            json!({ "groups": noise(100, 48), "roles": noise(120, 48) }),
        ),
        (
            "an odd name",
            json!({ "a \"b\"\\\u{7f}\u{2028}é": noise(100, 48), "\u{1b}[31m\n\u{301}": 1 }),
        ),
    ];
    for (case, mut claims) in table {
        claims["sub"] = json!("dora");
        claims["name"] = json!("Dora");
        let mut browser = world.logged_in("bob").await;
        let url = browser.begin(&provider).await;
        let callback = provider.authorize_as(&url, person(claims.clone())).unwrap();
        let answer = world
            .refuses_callback(&mut browser, &callback, 403, "identity_too_large")
            .await;

        // `logs` has the one line; the page of a developer says the same.
        let line = world.logs.complaints().remove(0).text;
        assert!(
            !line.contains(['\n', '\u{1b}', '\u{2028}', '\u{7f}']),
            "{line}"
        );
        assert!(
            answer.body.contains("bytes of claims"),
            "{case}: {answer:?}"
        );
        if claims["groups"].is_array() {
            let bytes = claims["groups"].to_string().len();
            assert!(
                line.contains(&format!("groups has {bytes}")),
                "{case}: {line}"
            );
        }

        let (_, cure) = line.split_once("claims = ").unwrap();
        let cure = &cure[..=cure.rfind(']').unwrap()];
        let text = format!("[auth.google]\nclaims = {cure}\n");
        let cured = World::around(provider.clone(), |builder| builder.toml(&text));
        let mut browser = cured.browser();
        log_in_as(&mut browser, &provider, claims).await;
        assert!(
            who(&mut browser).await.starts_with("dora of"),
            "{case}: {cure}"
        );
        assert_eq!(
            browser.get("/").await.body,
            "Dora",
            "the small ones are kept"
        );
    }
}

#[tokio::test]
async fn cke_18_a_page_from_afar_names_no_claim() {
    let world = World::new().await;
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    let claims = person(json!({ "sub": "dora", "groups": noise(100, 48) }));
    let callback = world.provider.authorize_as(&url, claims).unwrap();

    let request = browser
        .navigation(http::Method::GET, &relative(&callback), "cross-site")
        .header("x-forwarded-for", "192.0.2.1");
    let answer = browser.send(request.body(Body::empty()).unwrap()).await;

    assert_eq!(answer.code().as_deref(), Some("identity_too_large"));
    assert!(!answer.body.contains("groups has"), "{}", answer.body);
}

#[tokio::test]
async fn cke_18_everything_that_we_make_the_browser_send_stays_in_the_budget() {
    let world = World::new().await;
    // The largest identity that still logs in, found from below.
    let mut largest = None;
    for count in 205..300 {
        let mut browser = world.browser();
        let claims = json!({ "sub": "dora", "name": "Dora", "groups": groups(count) });
        let answer = log_in_as(&mut browser, &world.provider, claims).await;
        if answer.status != StatusCode::SEE_OTHER {
            break;
        }
        largest = Some(browser);
    }
    let mut browser = largest.unwrap();
    assert!(
        browser.jar.header("/").unwrap().len() > 5400,
        "it is a large one"
    );

    for _ in 0..12 {
        browser.begin(&world.provider).await;
        let sent = browser.jar.header("/").unwrap();
        assert!(
            sent.len() <= 6656,
            "{}: {:?}",
            sent.len(),
            browser.jar.names()
        );
    }
    assert!(who(&mut browser).await.starts_with("dora of"));
}

#[tokio::test]
async fn cke_22_a_login_of_a_provider_that_is_gone_or_changed_is_nobody() {
    let secret = fresh_secret();
    let [google, other] = [provider("google").await, provider("other").await];
    let world = |change: &[(&str, &str)], with_other: bool| {
        World::around(google.clone(), |mut builder| {
            if with_other {
                builder = builder.toml(&other.secrets());
            }
            builder = builder.set("auth.cookie_secret", secret.as_str());
            change
                .iter()
                .fold(builder, |builder, (key, value)| builder.set(key, *value))
        })
    };
    let both = world(&[], true);
    let mut browser = both.browser();
    browser.log_in(&other, "alice").await;
    let value = browser.jar.value(NAME).unwrap().to_owned();
    let header = format!("{NAME}={value}");
    assert!(
        taken_for(&mut browser, &header)
            .await
            .starts_with("alice of")
    );

    let changed = [
        world(&[], false),
        world(&[("auth.other.client_id", "another")], true),
        world(&[("auth.other.issuer", "https://another.example")], true),
    ];
    for world in changed {
        let mut browser = world.browser();
        assert_eq!(taken_for(&mut browser, &header).await, "nobody");
    }
    // What is not a matter of who is who changes nothing: a new client secret, a new label.
    let kept = world(
        &[
            ("auth.other.client_secret", "another"),
            ("auth.other.label", "Other"),
        ],
        true,
    );
    let mut browser = kept.browser();
    assert!(
        taken_for(&mut browser, &header)
            .await
            .starts_with("alice of")
    );
}

#[tokio::test]
async fn cke_23_the_same_identity_never_looks_the_same() {
    let world = World::new().await;
    let mut values = Vec::new();
    for _ in 0..3 {
        values.push(decoded(
            world.logged_in("alice").await.jar.value(NAME).unwrap(),
        ));
    }

    for [one, two] in [[0, 1], [0, 2], [1, 2]] {
        assert_ne!(values[one][6..18], values[two][6..18], "nonces");
        let same = values[one][18..]
            .iter()
            .zip(&values[two][18..])
            .filter(|(one, two)| one == two)
            .count();
        assert!(same < 30, "{same} bytes alike");
    }
}

#[tokio::test]
async fn cke_25_the_length_of_a_packed_identity_tells_little() {
    let world = World::new().await;
    let mut lengths = std::collections::BTreeSet::new();
    for letters in 0..40 {
        let mut browser = world.browser();
        let claims = json!({
            "sub": "dora",
            "name": "x".repeat(letters),
            "groups": groups(160),
        });
        log_in_as(&mut browser, &world.provider, claims).await;
        let [first, second] = both_parts(&browser);
        lengths.insert(first.len() + second.len());
    }

    assert!(lengths.len() <= 3, "{lengths:?}");
}

#[tokio::test]
async fn cke_26_ordinary_requests_set_and_clear_nothing() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let [first, second] = both_parts(&browser);
    world.clock.turn(0);
    let headers = [
        format!("{NAME}={first}; {SECOND}={second}"),
        format!("{NAME}={first}"),
        format!("{SECOND}={second}"),
        format!("{NAME}=AAAA; {NAME}-p-aaaaaaaa=AAAA; {MARK}=AAAA; {THIRD}=AAAA"),
        String::new(),
    ];
    for header in &headers {
        for path in [
            "/",
            "/me",
            "/plain",
            "/private",
            "/maybe",
            "/nowhere",
            "/auth/logout",
        ] {
            let answer = ask(&mut browser, path, &[header.as_bytes()]).await;
            assert_eq!(answer.cookies(), [""; 0], "{path}");
        }
    }
    // Nor does an identity that has run out, or one of a login that everybody was logged out of.
    world.clock.turn(31 * 24 * 60 * 60);
    assert_eq!(taken_for(&mut browser, &headers[0]).await, "nobody");
}

#[tokio::test]
async fn cke_27_a_second_step_that_is_asked_for_twice_sets_the_same() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "carol").await;
    let first_step = browser.get_from_elsewhere(&callback).await;
    let (_, rest) = first_step.body.split_once("content=\"0; url=").unwrap();
    let url = rest.split_once('"').unwrap().0.to_owned();

    let answers = [browser.get(&url).await, browser.get(&url).await];

    assert_eq!(answers[0].cookies(), answers[1].cookies());
    assert_eq!(answers[0].location(), "/");
    assert_eq!(answers[1].location(), "/");
    assert!(who(&mut browser).await.starts_with("carol of"));
}

#[tokio::test]
async fn cke_29_only_exact_loopback_names_do_without_https() {
    let google = provider("google").await;
    let build = |redirect_uri: &str, allow_http: &[&str]| {
        let secrets = google.secrets().replace("development = true\n", "");
        keycard::Auth::builder()
            .toml(&secrets)
            .set("auth.redirect_uri", redirect_uri)
            .set("auth.cookie_secret", fresh_secret())
            .set("auth.allow_http", allow_http)
            .build()
    };
    for host in [
        "localhost",
        "localhost:8501",
        "127.0.0.1:8501",
        "[::1]:8501",
    ] {
        let auth = build(&format!("http://{host}/oauth2callback"), &[]).unwrap();
        let mut browser = Browser::new(&app(&auth), &format!("http://{host}"));
        let answer = browser.get("/auth/login").await;
        let line = answer.cookies().remove(0);
        assert!(
            line.starts_with("keycard-") && !line.contains("Secure"),
            "{line}"
        );
    }
    for host in [
        "localhost.evil.example",
        "evil-localhost",
        "localhost.",
        "127.0.0.2",
        "127.0.0.1.evil.example",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "192.168.1.2:8501",
        "app.example.com",
    ] {
        let error = build(&format!("http://{host}/oauth2callback"), &[]).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("http is only for the machine itself"),
            "{said}"
        );
    }
    // An intranet host that the file names is on its own, and only with its port.
    let auth = build("http://intranet:8501/oauth2callback", &["intranet:8501"]).unwrap();
    let mut browser = Browser::new(&app(&auth), "http://intranet:8501");
    let line = browser.get("/auth/login").await.cookies().remove(0);
    assert!(
        line.starts_with("keycard-") && !line.contains("Secure"),
        "{line}"
    );
    build("http://intranet:8502/oauth2callback", &["intranet:8501"]).unwrap_err();
}

#[tokio::test]
async fn cke_30_lax_cookies_come_with_links_and_not_with_foreign_forms() {
    let world = World::new().await;
    let mut browser = world.browser();
    let answer = browser.log_in(&world.provider, "alice").await;
    let begun = browser.get("/auth/login").await;
    browser.jar.remove(&pending_of(&browser).0);
    for line in answer.cookies().iter().chain(&begun.cookies()) {
        assert!(line.contains("; SameSite=Lax; "), "{line}");
    }

    // A link of another site brings the cookies along, a form of another site does not.
    assert_eq!(browser.get_from_elsewhere("/").await.body, "Alice Adams");
    let mut withheld = browser.clone();
    withheld.jar = Default::default();
    let request = withheld
        .navigation(http::Method::POST, "/auth/logout", "cross-site")
        .header("origin", "https://evil.example");
    let answer = withheld.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.cookies(), [""; 0], "and so it changes nothing");
    assert_eq!(browser.get("/").await.body, "Alice Adams");
}

#[tokio::test]
async fn cke_20_an_accepted_older_secret_opens_and_never_seals_again() {
    let google = provider("google").await;
    let [old, new] = [fresh_secret(), fresh_secret()];
    let before = World::around(google.clone(), |builder| {
        builder.set("auth.cookie_secret", old.as_str())
    });
    let mut browser = before.logged_in("carol").await;
    let callback = browser.way_back(&google, "alice").await;
    let [first, second] = both_parts(&browser);

    for key in ["cookie_secrets_accepted", "cookie_secret_previous"] {
        let after = World::around(google.clone(), |builder| {
            builder
                .set("auth.cookie_secret", new.as_str())
                .set(&format!("auth.{key}"), json!([fresh_secret(), old]))
        });
        let mut kept = Browser::new(&after.app, SITE);
        kept.jar = browser.jar.clone();
        assert!(who(&mut kept).await.starts_with("carol of"));
        assert_eq!(kept.get("/").await.cookies(), [""; 0], "it stays as it was");
        assert_eq!(both_parts(&kept), [first.clone(), second.clone()]);
        // A login that was under way when the secret changed can be finished.
        let answer = kept.clone().follow(&callback).await;
        assert!(
            matches!(answer.code().as_deref(), None | Some("code_refused")),
            "{answer:?}"
        );

        kept.log_in(&google, "alice").await;
        let sealed = decoded(kept.jar.value(NAME).unwrap());
        assert_ne!(sealed[2..6], decoded(&first)[2..6], "with the new key");
    }

    let without = World::around(google, |builder| {
        builder.set("auth.cookie_secret", new.as_str())
    });
    let mut lost = Browser::new(&without.app, SITE);
    lost.jar = browser.jar.clone();
    assert_eq!(who(&mut lost).await, "nobody");
}

#[tokio::test]
async fn cke_20_an_accepted_secret_opens_until_its_end_and_the_log_says_when_it_has_come() {
    let google = provider("google").await;
    let [old, new] = [fresh_secret(), fresh_secret()];
    let before = World::around(google.clone(), |builder| {
        builder.set("auth.cookie_secret", old.as_str())
    });
    let browser = before.logged_in("alice").await;
    let until = time::OffsetDateTime::now_utc() + time::Duration::HOUR;
    let until = until
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let after = World::around(google, |builder| {
        builder.set("auth.cookie_secret", new.as_str()).set(
            "auth.cookie_secrets_accepted",
            json!([{ "secret": old, "until": until }]),
        )
    });

    for (seconds, is_in) in [(0, true), (3595, true), (3605, false), (3595, true)] {
        after.clock.turn(seconds);
        let mut kept = after.browser();
        kept.jar = browser.jar.clone();
        assert_eq!(
            who(&mut kept).await.starts_with("alice"),
            is_in,
            "{seconds}"
        );
    }

    assert!(after.logs.complaints().is_empty());
    after.clock.turn(3605);
    for _ in 0..3 {
        after.browser().begin(&after.provider).await;
    }
    let told = after.logs.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.contains("ended=1"), "{told:?}");
    assert!(told[0].text.contains("past their `until`"), "{told:?}");
}

#[tokio::test]
async fn cke_21_a_changed_secret_logs_everybody_out_in_one_line() {
    let before = World::new().await;
    let alice = before.logged_in("alice").await;
    let carol = before.logged_in("carol").await;
    let after = World::around(before.provider.clone(), |builder| {
        builder.set("auth.cookie_secret", fresh_secret())
    });

    for _ in 0..20 {
        for jar in [&alice.jar, &carol.jar] {
            let mut browser = after.browser();
            browser.jar = jar.clone();
            assert_eq!(who(&mut browser).await, "nobody");
            assert_eq!(
                browser.get("/").await.cookies(),
                [""; 0],
                "nothing is cleared"
            );
        }
    }

    let told = after.logs.everything();
    assert_eq!(
        told.matches("sealed with another cookie_secret").count(),
        1,
        "{told}"
    );
    assert!(told.starts_with("INFO keycard::cookies::seal"), "{told}");
    assert!(told.contains("cookie_secrets_accepted"), "{told}");
    assert!(after.logs.complaints().is_empty());
}

#[tokio::test]
async fn cke_21_what_is_no_cookie_of_ours_is_no_changed_secret() {
    let world = World::new().await;
    let sealed = decoded(world.logged_in("alice").await.jar.value(NAME).unwrap());
    world.logs.clear();
    let mut another_version = sealed.clone();
    another_version[1] ^= 1;
    let mut spoilt = sealed.clone();
    *spoilt.last_mut().unwrap() ^= 1;

    for value in [another_version, spoilt, sealed[..20].to_vec()] {
        let cookie = format!("{NAME}={}", base64url(value));
        let mut browser = world.browser();
        assert_eq!(
            browser
                .request("GET", "/me", &[("cookie", &cookie)])
                .await
                .body,
            "nobody"
        );
    }
    // Nor is a login under way, which ends within minutes anyway.
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let after = World::around(world.provider.clone(), |builder| {
        builder.set("auth.cookie_secret", fresh_secret())
    });
    let mut later = after.browser();
    later.jar = browser.jar.clone();
    assert_eq!(
        later.follow(&callback).await.code().as_deref(),
        Some("login_unreadable")
    );
    for world in [&world, &after] {
        assert!(!world.logs.everything().contains("another cookie_secret"));
    }
}

#[tokio::test]
async fn a_large_login_arrives_in_two_answers_and_a_smaller_one_clears_what_is_left() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "carol").await;

    let first_step = browser.get_from_elsewhere(&callback).await;
    assert_eq!(first_step.status, StatusCode::OK);
    assert_eq!(first_step.header("cache-control"), Some("no-store"));
    assert_eq!(first_step.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(
        who(&mut browser).await,
        "nobody",
        "half an identity is none"
    );
    let (_, rest) = first_step.body.split_once("content=\"0; url=").unwrap();
    let url = rest.split_once('"').unwrap().0.to_owned();
    assert!(url.starts_with("/oauth2callback?rest="), "{url}");
    assert!(
        first_step.body.contains(&format!("href=\"{url}\"")),
        "a link"
    );

    // The link of somebody else joins nothing, and is no error either.
    let mut stranger = world.logged_in("bob").await;
    let answer = stranger.get(&url).await;
    assert_eq!(answer.location(), "/");
    assert_eq!(answer.cookies(), [""; 0]);

    let second_step = browser.get(&url).await;
    assert_eq!(second_step.location(), "/");
    assert_eq!(
        lines(&second_step),
        [format!(
            "{SECOND}=…; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"
        )]
    );
    assert!(who(&mut browser).await.starts_with("carol of"));

    let answer = browser.log_in(&world.provider, "alice").await;
    let cleared = format!("{SECOND}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    assert!(lines(&answer).contains(&cleared), "{:?}", lines(&answer));
    assert!(who(&mut browser).await.starts_with("alice of"));
}

#[tokio::test]
async fn the_second_step_of_a_large_login_goes_where_the_login_was_to_go() {
    let world = World::new().await;
    let mut browser = world.browser();
    let begun = browser
        .get("/auth/login?provider=google&return_to=/reports?q=1%26r=2")
        .await;
    let callback = world.provider.authorize(begun.location(), "carol").unwrap();

    let answer = browser.follow(&relative(&callback)).await;

    assert_eq!(answer.location(), "/reports?q=1&r=2");
}

#[tokio::test]
async fn pxy_06_a_long_way_back_stands_in_a_page_where_a_redirect_would_be_too_long() {
    let world = World::new().await;
    let mut in_page = 0;
    for size in (1500..2000).step_by(50) {
        let goal = format!("/?{}", "r".repeat(510));
        let claims = json!({ "sub": "dora", "noise": "x".repeat(size) });
        let mut browser = world.logged_in("carol").await;
        let begun = browser
            .get(&format!("/auth/login?provider=google&return_to={goal}"))
            .await;
        let callback = world
            .provider
            .authorize_as(begun.location(), person(claims))
            .unwrap();

        let answer = browser.get_from_elsewhere(&relative(&callback)).await;

        let head: usize = answer
            .cookies()
            .iter()
            .map(String::len)
            .chain(answer.header("location").map(str::len))
            .sum();
        assert!(head <= 3584, "{head} at {size}");
        if answer.status == StatusCode::OK {
            let refresh = format!("content=\"0; url={goal}\"");
            assert!(answer.body.contains(&refresh), "{answer:?}");
            in_page += 1;
        } else {
            assert_eq!(answer.location(), goal, "{size}");
        }
        assert!(who(&mut browser).await.starts_with("dora of"), "{size}");
    }
    assert!((1..10).contains(&in_page), "{in_page} of 10");
}

#[tokio::test]
async fn the_second_step_of_a_large_login_has_two_minutes_on_any_replica() {
    for (seconds, arrives) in [
        (-240, true),
        (-5, true),
        (0, true),
        (115, true),
        (125, false),
    ] {
        let world = World::new().await;
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "carol").await;
        let first_step = browser.get_from_elsewhere(&callback).await;
        let (_, rest) = first_step.body.split_once("content=\"0; url=").unwrap();
        let url = rest.split_once('"').unwrap().0.to_owned();

        // Another replica's clock, or a person who waited.
        world.clock.turn(seconds);
        let answer = browser.get(&url).await;

        assert_eq!(answer.location(), "/");
        assert_eq!(!answer.cookies().is_empty(), arrives, "{seconds}");
    }
}

#[tokio::test]
async fn a_pending_login_is_about_two_hundred_bytes_and_all_of_them_fit_a_kilobyte() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.begin(&world.provider).await;
    let one = browser.jar.header("/").unwrap().len();
    assert!((150..=240).contains(&one), "{one}");

    for begun in 2..20 {
        browser.begin(&world.provider).await;
        let sent = browser.jar.header("/").unwrap().len();
        assert!(sent <= 1024, "{sent}");
        assert_eq!(browser.jar.names().len(), begun.min(1024 / (one + 2)));
    }
}

#[tokio::test]
async fn the_oldest_pending_logins_make_room_and_unreadable_ones_go_first() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut begun = Vec::new();
    for at in 0..4 {
        world.clock.turn(at);
        let callback = browser.way_back(&world.provider, "alice").await;
        let newest = browser.jar.names().last().unwrap().to_string();
        begun.push((newest, callback));
    }
    browser.jar.put(&format!("{NAME}-p-aaaaaaaa"), "AAAA");
    browser
        .jar
        .put(&format!("{NAME}-p-bbbbbbbb"), &encoded(&random(120)));

    world.clock.turn(4);
    browser.begin(&world.provider).await;
    let names = browser.jar.names().join(" ");
    assert!(
        !names.contains("-p-aaaaaaaa") && !names.contains("-p-bbbbbbbb"),
        "{names}"
    );

    world.clock.turn(5);
    browser.begin(&world.provider).await;
    let names = browser.jar.names();
    assert!(!names.contains(&begun[0].0.as_str()), "the oldest is gone");
    assert!(names.contains(&begun[3].0.as_str()), "a young one is not");

    let answer = browser.follow(&begun[3].1).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
}

#[tokio::test]
async fn a_long_way_back_is_dropped_rather_than_the_budget() {
    let world = World::new().await;
    let long = format!("/{}", "r".repeat(511));
    let mut browser = world.browser();

    for _ in 0..3 {
        let begun = browser
            .get(&format!("/auth/login?provider=google&return_to={long}"))
            .await;
        assert!(browser.jar.header("/").unwrap().len() <= 1024);
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let answer = browser.clone().follow(&relative(&callback)).await;
        assert_eq!(answer.location(), long, "512 bytes fit");
    }
}

#[tokio::test]
async fn every_login_has_secrets_of_its_own_that_tell_nothing_of_each_other() {
    let world = World::new().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let mut browser = world.browser();
        let url: url::Url = browser.begin(&world.provider).await.parse().unwrap();
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs
                .find(|(found, _)| found == name)
                .unwrap()
                .1
                .into_owned()
        };
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(name);
            assert_eq!(decoded(&value).len(), 32, "256 bits: {name}");
            assert!(seen.insert(value), "{name} came twice");
        }
        let cookie = pending_of(&browser).1;
        assert!(!cookie.contains(&parameter("state")));
        assert!(!cookie.contains(&parameter("nonce")));
    }
}
