//! The secrets file is saved while the app runs.

use std::time::{Duration, Instant};

use http::StatusCode;
use keycard::dev::{self, Endpoint};
use tracing::Level;

use crate::support::{
    Answer, Browser, SITE, SecretsFile, World, eventually, fresh_secret, pass, provider, relative,
    shared, who,
};

/// An app with its file, and the secret that is in it.
struct Saved {
    world: World,
    file: SecretsFile,
    secret: String,
}

impl Saved {
    async fn new(name: &str) -> Self {
        let google = provider("google").await;
        let secret = fresh_secret();
        let file = SecretsFile::new(name, &(shared(&secret, "") + &google.secrets()));
        let world = World::of_file(&google, &file);
        Self {
            world,
            file,
            secret,
        }
    }

    /// The file with `more` in `[auth]` and `below` at its end, in the provider's section.
    fn text(&self, more: &str, below: &str) -> String {
        format!(
            "{}{}{below}\n",
            shared(&self.secret, more),
            self.world.provider.secrets()
        )
    }

    fn names(&self) -> Vec<String> {
        self.world
            .auth
            .providers()
            .into_iter()
            .map(|it| it.name)
            .collect()
    }

    /// What was said since, at this level and above.
    fn complaints(&self, level: Level) -> Vec<String> {
        let lines = self.world.logs.complaints();
        let lines = lines.into_iter().filter(|line| line.level <= level);
        lines.map(|line| line.text).collect()
    }
}

/// Another section of the same provider.
fn other(provider: &dev::Provider, name: &str) -> String {
    provider
        .secrets()
        .replace("[auth.google]", &format!("[auth.{name}]"))
}

#[tokio::test]
async fn cfg_34_a_save_counts_from_the_next_login_on_and_logs_nobody_out() {
    let saved = Saved::new("counts").await;
    let mut alice = saved.world.logged_in("alice").await;
    let fetched = saved.world.provider.calls(Endpoint::Metadata);
    saved.world.logs.clear();

    saved
        .file
        .save(&(saved.text("expiry_days = 7", "") + &other(&saved.world.provider, "okta")));
    assert_eq!(saved.names(), ["google"], "nobody has begun a login yet");
    pass(Duration::from_secs(1)).await;
    let answer = saved.world.browser().get("/auth/login?provider=okta").await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER,
        "by this very login: {answer:?}"
    );

    assert_eq!(saved.names(), ["google", "okta"]);
    assert!(who(&mut alice).await.starts_with("alice"));
    let answer = saved
        .world
        .browser()
        .log_in(&saved.world.provider, "bob")
        .await;
    assert!(
        answer
            .cookies()
            .iter()
            .any(|line| line.contains("Max-Age=604800")),
        "{answer:?}"
    );
    // What is known of a provider whose section is as it was is not asked again.
    assert_eq!(
        saved.world.provider.calls(Endpoint::Metadata),
        fetched + 1,
        "for okta alone"
    );
    assert!(saved.complaints(Level::WARN).is_empty());
    let told = saved.world.logs.everything();
    assert_eq!(
        told.matches("the settings were saved, and count from here on")
            .count(),
        1,
        "{told}"
    );
    assert!(!told.contains(&saved.secret), "{told}");
}

#[tokio::test]
async fn cfg_34_what_may_be_half_a_file_counts_when_it_no_longer_changes() {
    let saved = Saved::new("half").await;
    let whole = saved.text("", "label = \"Ours\"") + &other(&saved.world.provider, "okta");
    let label = || saved.world.auth.providers()[0].label.clone();

    // Each part of the file is there when somebody looks; some of them are right as they stand.
    for end in (1..whole.len()).step_by(20) {
        saved.file.write(&whole[..end]);
        saved.world.look().await;
        assert_eq!(
            (label(), saved.names()),
            ("google".to_owned(), vec!["google".to_owned()])
        );
    }
    assert!(
        saved.complaints(Level::WARN).is_empty(),
        "{:?}",
        saved.complaints(Level::WARN)
    );

    saved.file.write(&whole);
    saved.world.look().await;
    assert_eq!(label(), "google", "it was written just now");
    saved.world.look().await;
    assert_eq!(label(), "Ours", "and is still the same");
    assert_eq!(saved.names(), ["google", "okta"]);
}

#[tokio::test]
async fn cfg_34_a_wrong_save_is_told_once_and_changes_nothing_however_often() {
    let saved = Saved::new("wrong").await;
    let mut alice = saved.world.logged_in("alice").await;
    for round in 0..10 {
        saved.world.logs.clear();
        saved
            .file
            .save(&saved.text("expiry_days = 99\nallow_http = true", ""));
        for _ in 0..3 {
            saved.world.look().await;
        }
        let told = saved.complaints(Level::ERROR);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("those from before stay in force: 2 mistakes"),
            "{told:?}"
        );
        assert!(
            told[0].contains("invalid `auth.expiry_days` in "),
            "{told:?}"
        );
        assert!(
            told[0].contains("invalid `auth.allow_http` in "),
            "{told:?}"
        );
        assert!(!told[0].contains(&saved.secret), "{told:?}");

        // Not even TOML, a file that is not there, and one that nobody can read.
        saved.world.logs.clear();
        saved.file.save(&saved.text("= \"", ""));
        saved.world.look().await;
        saved.file.remove();
        for _ in 0..3 {
            saved.world.look().await;
        }
        assert_eq!(
            saved.complaints(Level::ERROR).len(),
            2,
            "{:?}",
            saved.complaints(Level::ERROR)
        );
        assert!(who(&mut alice).await.starts_with("alice"));
        saved.world.browser().begin(&saved.world.provider).await;

        let label = format!("round {round}");
        saved
            .file
            .save(&saved.text("", &format!("label = \"{label}\"")));
        saved.world.look().await;
        assert_eq!(saved.world.auth.providers()[0].label, label);
    }
    assert!(who(&mut alice).await.starts_with("alice"));
}

#[tokio::test]
async fn cfg_34_what_needs_a_restart_is_one_warning_and_the_whole_save_waits_for_it() {
    let saved = Saved::new("restart").await;
    for (key, text) in [
        (
            "redirect_uri",
            saved
                .text("", "")
                .replace("localhost:8501/", "localhost:8501/app/"),
        ),
        ("strict", saved.text("strict = true", "")),
        (
            "allow_http",
            saved.text("allow_http = [\"id.internal:80\"]", ""),
        ),
    ] {
        saved.world.logs.clear();
        saved.file.save(&format!("{text}label = \"Ours\"\n"));
        for _ in 0..3 {
            saved.world.look().await;
        }
        let told = saved.complaints(Level::WARN);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(&format!("keys={key} ")), "{told:?}");
        assert!(told[0].contains("start the app again"), "{told:?}");
        assert_eq!(saved.world.auth.providers()[0].label, "google");
    }
    saved.file.save(&saved.text("", "label = \"Ours\""));
    saved.world.look().await;
    assert_eq!(saved.world.auth.providers()[0].label, "Ours");
}

#[tokio::test]
async fn cfg_34_a_mistake_in_a_section_that_works_leaves_it_working() {
    let saved = Saved::new("section").await;
    let mut alice = saved.world.logged_in("alice").await;
    saved.world.logs.clear();
    let okta = other(&saved.world.provider, "okta");
    saved.file.save(
        &(saved
            .text("", "")
            .replace(saved.world.provider.client_id(), "")
            + &okta),
    );
    saved.world.look().await;
    let told = saved.complaints(Level::ERROR);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("invalid `auth.google.client_id`"),
        "{told:?}"
    );
    assert_eq!(saved.names(), ["google"]);
    assert!(who(&mut alice).await.starts_with("alice"));

    // A new one with a mistake is nobody's loss, and told once.
    saved.world.logs.clear();
    let broken = okta.replace(saved.world.provider.client_id(), "");
    for label in ["one", "two"] {
        saved
            .file
            .save(&(saved.text("", &format!("label = \"{label}\"")) + &broken));
        saved.world.look().await;
        assert_eq!(saved.world.auth.providers()[0].label, label);
    }
    let told = saved.complaints(Level::ERROR);
    let about_okta: Vec<_> = told
        .iter()
        .filter(|it| it.contains("auth.okta.client_id"))
        .collect();
    assert_eq!(about_okta.len(), 1, "{told:?}");
}

#[tokio::test]
async fn cfg_34_cookies_survive_a_save_unless_their_secret_is_gone() {
    let mut saved = Saved::new("cookies").await;
    let mut alice = saved.world.logged_in("alice").await;
    let older = std::mem::replace(&mut saved.secret, fresh_secret());
    saved
        .file
        .save(&saved.text(&format!("cookie_secrets_accepted = [\"{older}\"]"), ""));
    saved.world.look().await;
    assert!(who(&mut alice).await.starts_with("alice"));
    let mut bob = saved.world.logged_in("bob").await;

    saved.world.logs.clear();
    saved.file.save(&saved.text("", ""));
    saved.world.look().await;
    for _ in 0..3 {
        assert_eq!(who(&mut alice).await, "nobody");
        assert!(who(&mut bob).await.starts_with("bob"));
    }
    // A save that leaves the secret as it is says it no second time.
    saved.file.save(&saved.text("", "label = \"Ours\""));
    saved.world.look().await;
    assert_eq!(who(&mut alice).await, "nobody");
    let told = saved.world.logs.everything();
    assert_eq!(
        told.matches("sealed with another cookie_secret").count(),
        1,
        "{told}"
    );

    saved
        .file
        .save(&saved.text("sessions_valid_from = 2030-01-01T00:00:00Z", ""));
    saved.world.look().await;
    assert_eq!(who(&mut bob).await, "nobody");
}

#[tokio::test]
async fn cfg_34_a_replica_on_which_nobody_logs_in_logs_everybody_out_within_two_seconds() {
    let saved = Saved::new("revoked").await;
    let mut alice = saved.world.logged_in("alice").await;

    // As far as anybody can tell it is still being written, so it counts at the second look.
    let text = saved.text("sessions_valid_from = 2030-01-01T00:00:00Z", "");
    saved.file.write(&text);
    pass(Duration::from_secs(1)).await;
    assert!(who(&mut alice).await.starts_with("alice"));
    pass(Duration::from_secs(1)).await;
    // A request goes on with what is in force, and the next one has what it found.
    let began = Instant::now();
    while who(&mut alice).await != "nobody" {
        assert!(began.elapsed() < Duration::from_secs(10), "never");
    }

    assert!(saved.complaints(Level::WARN).is_empty());
}

#[tokio::test]
async fn cfg_34_a_request_that_asks_for_nobody_finds_a_save_too() {
    let saved = Saved::new("plain").await;
    saved.file.save(&saved.text("", "label = \"Ours\""));
    pass(Duration::from_secs(1)).await;

    saved.world.browser().get("/plain").await;

    eventually(|| saved.world.auth.providers()[0].label == "Ours").await;
}

#[tokio::test]
async fn cfg_34_a_weak_secret_keeps_what_the_process_added_to_it() {
    let mut saved = Saved::new("weak").await;
    saved.secret = "weak".to_owned();
    saved.file.save(&saved.text("", ""));
    let world = World::of_file(&saved.world.provider, &saved.file);
    let mut alice = world.logged_in("alice").await;
    world.logs.clear();

    saved
        .file
        .save(&saved.text("expiry_days = 7", "label = \"Ours\""));
    world.look().await;

    assert_eq!(world.auth.providers()[0].label, "Ours");
    assert!(who(&mut alice).await.starts_with("alice"));
    assert!(
        world.logs.complaints().is_empty(),
        "it was warned about at the start"
    );
}

#[tokio::test]
async fn cfg_34_files_are_looked_at_once_a_second_and_those_that_values_stand_in_too() {
    let saved = Saved::new("second").await;
    let label = SecretsFile::new("second-label", "one\n");
    let reference = format!("label = {{ file = '{}' }}", label.path().display());
    saved.file.save(&saved.text("", &reference));
    saved.world.look().await;
    let shown = || saved.world.auth.providers()[0].label.clone();
    assert_eq!(shown(), "one");

    label.save("two\n");
    saved.world.browser().begin(&saved.world.provider).await;
    assert_eq!(shown(), "one", "they were looked at just now");
    saved.world.look().await;
    assert_eq!(shown(), "two");
}

#[tokio::test]
async fn cfg_34_a_save_waits_for_the_files_that_it_leads_to() {
    let saved = Saved::new("leads").await;
    let label = SecretsFile::new("leads-label", "");
    let reference = format!("label = {{ file = '{}' }}", label.path().display());
    let shown = || saved.world.auth.providers()[0].label.clone();

    label.write("hal");
    saved.file.save(&saved.text("", &reference));
    saved.world.look().await;
    assert_eq!(shown(), "google", "it may be half of it");

    label.save("half\n");
    saved.world.look().await;
    assert_eq!(shown(), "half");
}

#[tokio::test]
async fn cfg_34_a_value_or_a_section_that_a_cluster_mounts_counts_when_it_is_there() {
    let google = provider("google").await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("mounted-{}", std::process::id()));
    let mount = |inner: &str, value: &str| {
        let path = folder.join("auth").join(inner);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value).unwrap();
    };
    let section = |name: &str| {
        mount(&format!("{name}/client_secret"), google.client_secret());
        mount(
            &format!("{name}/server_metadata_url"),
            &google.server_metadata_url(),
        );
        mount(&format!("{name}/client_id"), google.client_id());
    };
    mount("redirect_uri", &format!("{SITE}/oauth2callback"));
    mount("cookie_secret", &fresh_secret());
    section("google");
    let world = World::around(google.clone(), |_| keycard::Auth::builder().file(&folder));
    let shown = || {
        let providers = world.auth.providers().into_iter();
        providers.map(|it| it.label).collect::<Vec<_>>()
    };
    assert_eq!(shown(), ["google"]);

    mount("google/label", "Ours");
    section("okta");
    for _ in 0..2 {
        world.look().await;
        assert_eq!(shown(), ["google"], "it may be half of it");
    }
    world.look().await;
    assert_eq!(shown(), ["Ours", "okta"]);

    mount("google/label", "Theirs");
    world.look().await;
    world.look().await;
    assert_eq!(shown(), ["Theirs", "okta"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Begins a login, saves this, and comes back.
async fn across(saved: &Saved, browser: &mut Browser, text: &str) -> Answer {
    let callback = browser.way_back(&saved.world.provider, "alice").await;
    saved.file.save(text);
    saved.world.look().await;
    browser.follow(&callback).await
}

#[tokio::test]
async fn cbk_22_a_login_ends_where_its_provider_is_still_the_same_and_says_so_where_not() {
    let saved = Saved::new("across").await;
    let same = saved.text(
        "expiry_days = 7",
        "label = \"Ours\"\nclient_kwargs = { max_age = 60 }",
    );
    let mut browser = saved.world.browser();
    let answer = across(&saved, &mut browser, &same).await;
    assert_eq!(answer.location(), "/", "{answer:?}");
    assert!(who(&mut browser).await.starts_with("alice"));

    // In the second tab the same login comes back once more, and its code is not tried again.
    let mut tab = saved.world.browser();
    let callback = tab.way_back(&saved.world.provider, "alice").await;
    let mut second = tab.clone();
    assert_eq!(tab.follow(&callback).await.location(), "/");
    saved.file.save(&saved.text("", "label = \"Once more\""));
    saved.world.look().await;
    assert_eq!(second.follow(&callback).await.location(), "/");
    assert!(who(&mut second).await.starts_with("alice"));

    let google = saved.text("", "");
    let renamed = google.replace("[auth.google]", "[auth.workspace]");
    let another = google.replace(saved.world.provider.client_id(), "another-client");
    for (text, again) in [
        (renamed, "href=\"/auth/login\""),
        (another, "href=\"/auth/login?provider=google\""),
    ] {
        saved.file.save(&google);
        saved.world.look().await;
        let before = saved.world.provider.calls(Endpoint::Token);
        let answer = across(&saved, &mut saved.world.browser(), &text).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some("configuration_changed"));
        assert!(answer.body.contains(again), "{}", answer.body);
        assert_eq!(
            saved.world.provider.calls(Endpoint::Token),
            before,
            "no code is shown"
        );
    }
}

#[tokio::test]
async fn cfg_34_two_hundred_logins_survive_a_hundred_saves_of_which_every_other_is_wrong() {
    let saved = Saved::new("many").await;
    let mut finished = 0;
    for save in 0..100 {
        let mut browsers = [saved.world.browser(), saved.world.browser()];
        let mut callbacks = Vec::new();
        for browser in &mut browsers {
            callbacks.push(browser.way_back(&saved.world.provider, "alice").await);
        }
        if save % 2 == 0 {
            saved.file.save(&saved.text("expiry_days = \"often\"", ""));
        } else {
            saved.file.save(&saved.text(
                &format!("expiry_days = {}", 1 + save / 4),
                &format!("label = \"{save}\""),
            ));
        }
        // Half of them are in the middle of their callback while the file is read.
        let [first, second] = &mut browsers;
        let (answer, ()) = tokio::join!(first.follow(&callbacks[0]), saved.world.look());
        let answers = [answer, second.follow(&callbacks[1]).await];
        for (browser, answer) in browsers.iter_mut().zip(answers) {
            assert_eq!(answer.location(), "/");
            assert!(who(browser).await.starts_with("alice"));
            finished += 1;
        }
        let label = if save % 2 == 0 { save - 1 } else { save };
        let label = if save == 0 {
            "google".to_owned()
        } else {
            label.to_string()
        };
        assert_eq!(saved.world.auth.providers()[0].label, label);
    }
    assert_eq!(finished, 200);
    assert_eq!(saved.complaints(Level::ERROR).len(), 50);
}

#[tokio::test]
async fn con_15_none_of_a_thousand_logins_is_misdirected_by_saves_that_change_its_provider() {
    let saved = Saved::new("misdirected").await;
    let another = provider("google").await;
    let texts = [
        saved.text("", ""),
        shared(&saved.secret, "") + &another.secrets(),
    ];
    let providers = [&saved.world.provider, &another];
    let mut ends = [0, 0];
    for save in 0..50 {
        let now = save % 2;
        saved.file.save(&texts[now]);
        saved.world.look().await;
        let mut under_way = Vec::new();
        for _ in 0..20 {
            let mut browser = saved.world.browser();
            let url = browser.begin(providers[now]).await;
            assert!(url.starts_with(providers[now].issuer()), "{url}");
            let callback = relative(&providers[now].authorize(&url, "alice").unwrap());
            under_way.push((browser, callback));
        }
        let calls = providers.map(|it| it.calls(Endpoint::Token));
        let mut ended_now = 0;
        for (at, (mut browser, callback)) in under_way.into_iter().enumerate() {
            // One ends while the file is read; those before it end before, and the others after.
            let answer = if at == 10 {
                saved.file.save(&texts[1 - now]);
                tokio::join!(browser.follow(&callback), saved.world.look()).0
            } else {
                browser.follow(&callback).await
            };
            let who = who(&mut browser).await;
            let has_ended = answer.status == StatusCode::SEE_OTHER;
            if has_ended {
                assert_eq!(answer.location(), "/", "{answer:?}");
                ended_now += 1;
            } else {
                assert_eq!(answer.code().as_deref(), Some("configuration_changed"));
            }
            // Once the file is the other one's, who came by this one is nobody.
            let theirs = format!("alice of {} by", providers[now].issuer());
            assert_eq!(who.starts_with(&theirs), at < 10, "{who}");
            assert_eq!(who == "nobody", at >= 10, "{who}");
            assert!(at == 10 || has_ended == (at < 10), "{at}");
            ends[usize::from(has_ended)] += 1;
        }
        let after = providers.map(|it| it.calls(Endpoint::Token));
        assert_eq!(after[now], calls[now] + ended_now);
        assert_eq!(
            after[1 - now],
            calls[1 - now],
            "no code is shown to the other one"
        );
    }
    assert_eq!(ends[0] + ends[1], 1000);
    assert!(ends[0] >= 450 && ends[1] >= 500, "{ends:?}");
}
