//! The mix-up attack (RFC 9700 §4.4): of two providers one is hostile. It sends whoever logs in there on
//! to the honest one, and what that answers is to come to the hostile one.

use http::StatusCode;
use keycard::dev::{self, Endpoint, Fault};
use keycard::{Auth, AuthBuilder};
use serde_json::json;
use url::Url;

use crate::support::{Browser, Logs, SITE, World, fresh_secret, provider, relative, shared, who};

/// An app with both providers, of which the honest one is the world's.
struct Scene {
    world: World,
    hostile: dev::Provider,
}

/// What came of the attack.
#[derive(Debug)]
struct Outcome {
    /// Of the page that the victim is shown.
    code: Option<String>,
    /// The honest provider's code, in the hands of the hostile one.
    stolen: Option<String>,
    /// Who is logged in in the attacker's own browser.
    attacker_is: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    NameTheIssuer,
    NameNobody,
}

impl Scene {
    /// Both come back to one path, but for those in `own`.
    async fn new(own: &[&str]) -> Self {
        Self::with(own, |builder| builder).await
    }

    async fn with(own: &[&str], change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Self {
        let hostile = provider("hostile").await;
        let world = World::around(provider("honest").await, |builder| {
            let builder = builder.toml(&hostile.secrets());
            let own = own.iter().fold(builder, |builder, name| {
                let key = format!("auth.{name}.redirect_uri");
                builder.set(&key, format!("{SITE}/oauth2callback/{name}"))
            });
            change(own)
        });
        Self { world, hostile }
    }

    /// The honest provider's answers are like this from here on; the metadata is read now.
    async fn honest(&self, answers: Answers) {
        let honest = &self.world.provider;
        promise(honest, answers, &mut self.world.browser()).await;
        if answers == Answers::NameNobody {
            honest.misbehave(Fault::Callback(json!({ "iss": null })));
        }
    }

    /// The attacker begins a login at the honest provider in a browser of their own. The victim goes
    /// to log in at the hostile one, which sends them on to the honest one with the attacker's nonce
    /// and challenge, and the victim's own state.
    async fn attack(&self) -> Outcome {
        self.attack_by(|_| {}).await
    }

    async fn attack_by(&self, change: impl FnOnce(&mut Vec<(String, String)>)) -> Outcome {
        let honest = &self.world.provider;
        let mut attacker = self.world.browser();
        let asked: Url = attacker.begin(honest).await.parse().unwrap();
        let mut victim = self.world.browser();
        let sent: Url = victim.begin(&self.hostile).await.parse().unwrap();

        let mut forged: Vec<_> = asked.query_pairs().into_owned().collect();
        let state = forged.iter_mut().find(|(name, _)| name == "state").unwrap();
        let of_attacker = std::mem::replace(&mut state.1, parameter(&sent, "state"));
        change(&mut forged);
        let mut there = asked.clone();
        there.query_pairs_mut().clear().extend_pairs(forged);
        let back = honest.authorize(there.as_str(), "alice").unwrap();
        let answer = victim.get_from_elsewhere(&relative(&back)).await;
        assert_eq!(who(&mut victim).await, "nobody");

        let request = self.hostile.last_request(Endpoint::Token);
        let stolen = request.and_then(|it| it.parameter("code").map(str::to_owned));
        if let Some(code) = &stolen {
            let mut injected: Url = parameter(&asked, "redirect_uri").parse().unwrap();
            injected
                .query_pairs_mut()
                .append_pair("code", code)
                .append_pair("state", &of_attacker);
            attacker.follow(&relative(injected.as_str())).await;
        }
        Outcome {
            code: answer.code(),
            stolen,
            attacker_is: who(&mut attacker).await,
        }
    }

    #[track_caller]
    fn refused(&self, outcome: &Outcome, code: &str) {
        assert_eq!(outcome.code.as_deref(), Some(code), "{outcome:?}");
        assert_eq!(outcome.stolen, None);
        assert_eq!(outcome.attacker_is, "nobody");
        for provider in [&self.hostile, &self.world.provider] {
            assert_eq!(provider.calls(Endpoint::Token), 0);
        }
    }
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(found, _)| found == name);
    found.unwrap().1.into_owned()
}

/// Lets the app read what the metadata promises of the answers.
async fn promise(provider: &dev::Provider, answers: Answers, browser: &mut Browser) {
    let promised = (answers == Answers::NameTheIssuer).then_some(true);
    provider.misbehave(Fault::Metadata(
        json!({ "authorization_response_iss_parameter_supported": promised }),
    ));
    browser.begin(provider).await;
    provider.behave();
}

#[tokio::test]
async fn cbk_10_the_mix_up_comes_to_nothing_where_the_answer_names_its_issuer() {
    for hostile in [Answers::NameTheIssuer, Answers::NameNobody] {
        let scene = Scene::new(&[]).await;
        promise(&scene.hostile, hostile, &mut scene.world.browser()).await;

        let outcome = scene.attack().await;

        scene.refused(&outcome, "answer_from_another_issuer");
    }
}

#[tokio::test]
async fn cbk_10_the_mix_up_comes_to_nothing_where_either_has_a_path_of_its_own() {
    for own in [&["honest", "hostile"][..], &["honest"], &["hostile"]] {
        let scene = Scene::new(own).await;
        scene.honest(Answers::NameNobody).await;
        promise(
            &scene.hostile,
            Answers::NameNobody,
            &mut scene.world.browser(),
        )
        .await;

        let outcome = scene.attack().await;

        scene.refused(&outcome, "answer_at_another_path");
        assert!(
            !scene.world.logs.everything().contains("pass off"),
            "{own:?}"
        );
    }
}

/// Whoever leaves the shared address in the provider's console gives the code away, but nobody is
/// logged in with it: it is redeemed for another path than it was asked for.
#[tokio::test]
async fn cbk_10_the_shared_path_that_a_console_still_has_logs_nobody_in() {
    let scene = Scene::new(&["honest"]).await;
    scene.honest(Answers::NameNobody).await;
    promise(
        &scene.hostile,
        Answers::NameNobody,
        &mut scene.world.browser(),
    )
    .await;

    let outcome = scene
        .attack_by(|forged| {
            let mut all = forged.iter_mut();
            let (_, uri) = all.find(|(name, _)| name == "redirect_uri").unwrap();
            *uri = format!("{SITE}/oauth2callback");
        })
        .await;

    assert!(outcome.stolen.is_some());
    assert_eq!(outcome.attacker_is, "nobody");
}

/// What the docs and the line at the start warn of is so.
#[tokio::test]
async fn cbk_10_the_mix_up_succeeds_where_there_is_neither_and_the_log_says_so_once() {
    let scene = Scene::new(&[]).await;
    scene.world.logs.clear();
    scene.honest(Answers::NameNobody).await;
    promise(
        &scene.hostile,
        Answers::NameTheIssuer,
        &mut scene.world.browser(),
    )
    .await;
    let told = scene.world.logs.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.contains("pass off"), "{told:?}");
    assert!(told[0].text.contains("provider=honest"), "{told:?}");

    // One that promises its issuer and is answered without it is as safe.
    let outcome = scene.attack().await;
    scene.refused(&outcome, "answer_without_issuer");

    let scene = Scene::new(&[]).await;
    scene.honest(Answers::NameNobody).await;
    promise(
        &scene.hostile,
        Answers::NameNobody,
        &mut scene.world.browser(),
    )
    .await;
    let outcome = scene.attack().await;
    assert!(outcome.stolen.is_some(), "{outcome:?}");
    assert!(outcome.attacker_is.starts_with("alice of "), "{outcome:?}");
}

#[tokio::test]
async fn cbk_10_strict_begins_no_login_that_could_be_mixed_up() {
    let scene = Scene::with(&[], |builder| builder.set("auth.strict", true)).await;
    let promised =
        Fault::Metadata(json!({ "authorization_response_iss_parameter_supported": false }));
    scene.world.provider.misbehave(promised);
    let mut browser = scene.world.browser();
    let answer = browser.get("/auth/login?provider=honest").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.code().as_deref(), Some("mix_up_possible"));
    assert!(answer.cookies().is_empty());
    let told = scene.world.logs.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.contains("redirect_uri of its own"), "{told:?}");
    // The other one names itself.
    browser.begin(&scene.hostile).await;

    let scene = Scene::with(&["honest"], |builder| builder.set("auth.strict", true)).await;
    scene.honest(Answers::NameNobody).await;
}

/// What the posture line says of two providers.
fn mix_up(sections: &str) -> String {
    let logs = Logs::capture();
    let text = shared(&fresh_secret(), "") + sections;
    Auth::builder().toml(&text).build().unwrap();
    let told = logs.everything();
    let (_, after) = told.split_once("mix_up=").unwrap();
    after.split(" values=").next().unwrap().to_owned()
}

#[test]
fn the_line_at_the_start_names_those_that_can_be_mixed_up() {
    const ID: &str = "client_id = \"an-id\"\nclient_secret = \"a-secret\"\n";
    let google = format!("[auth.google]\n{ID}");
    let partners = format!("[auth.partners]\npreset = \"google\"\n{ID}");
    let okta = format!("[auth.okta]\n{ID}domain = \"example.okta.com\"\n");
    let github = format!("[auth.github]\n{ID}");
    let own = format!("{github}redirect_uri = \"{SITE}/oauth2callback/github\"\n");
    for (sections, told) in [
        (google.clone(), "ruled out"),
        (google.clone() + &partners, "ruled out"),
        (google.clone() + &own, "ruled out"),
        (
            google.clone() + &okta,
            "possible with google, okta unless their answers have iss",
        ),
        (
            google.clone() + &github,
            "possible with github, and with google unless their answers have iss",
        ),
        (
            google + &okta + &own,
            "possible with google, okta unless their answers have iss",
        ),
    ] {
        assert_eq!(mix_up(&sections), told, "{sections}");
    }
}
