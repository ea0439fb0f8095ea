//! A provider for which the test signs the ID tokens itself, with a key that is published.

use http::StatusCode;
use keycard::AuthBuilder;
use keycard::dev::Fault;
use serde_json::{Value, json};

use super::browser::{Browser, relative};
use super::shelf::Shelf;
use super::signing::TestKey;
use super::world::{Ending, World, provider, who};

/// An app whose provider publishes a key of the test's own besides its own one.
#[derive(Debug)]
pub struct Forge {
    pub world: World,
    pub key: TestKey,
    pub shelf: Shelf,
    /// Where somebody else is logged in, and stays so.
    pub browser: Browser,
}

impl Forge {
    pub async fn new() -> Self {
        let mut forge = Self::anonymous("ES256", |builder| builder).await;
        forge.browser = forge.world.logged_in("bob").await;
        forge
    }

    /// With a key for this algorithm, and nobody logged in.
    pub async fn anonymous(
        algorithm: &'static str,
        change: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        let key = TestKey::new(algorithm);
        let provider = provider("google").await;
        let mut keys = provider.jwks();
        keys["keys"].as_array_mut().unwrap().push(key.jwk());
        let shelf = Shelf::with(&keys).await;
        let world = World::around(provider, |builder| {
            change(builder.set("auth.google.jwks_uri", shelf.url("127.0.0.1")))
        });
        let browser = world.browser();
        Self {
            world,
            key,
            shelf,
            browser,
        }
    }

    /// Lets the provider's metadata say this about its algorithms from here on.
    pub async fn advertise(&mut self, algorithms: Value) {
        let patch = json!({ "id_token_signing_alg_values_supported": algorithms });
        self.world.provider.misbehave(Fault::Metadata(patch));
        self.world.browser().begin(&self.world.provider).await;
        self.world.provider.behave();
    }

    /// A token that the check of this name refuses.
    pub async fn refuses(
        &mut self,
        check: &str,
        make: impl FnOnce(&TestKey, Value, Value) -> String,
    ) {
        let log = format!("the ID token was refused: {check}: expected ");
        self.refuses_as("id_token_refused", &log, make).await;
    }

    pub async fn refuses_as(
        &mut self,
        code: &str,
        log: &str,
        make: impl FnOnce(&TestKey, Value, Value) -> String,
    ) {
        let Self {
            world,
            key,
            browser,
            ..
        } = self;
        let status = if code == "provider_unreachable" {
            503
        } else {
            502
        };
        let ending = Ending {
            status,
            code,
            log,
            calls: [1, 0],
        };
        let mut token = String::new();
        let spoil = |url: &str| {
            token = make(key, key.header(), world.claims(url));
            Fault::IdToken(token.clone())
        };
        world.refuses_spoilt(browser, spoil, &ending).await;
        let everything = world.logs.everything();
        for segment in token.split('.').filter(|segment| segment.len() > 40) {
            assert!(!everything.contains(segment), "a token in {everything}");
        }
    }

    /// A token that logs Alice in.
    pub async fn accepts(&self, make: impl FnOnce(&TestKey, Value, Value) -> String) -> Browser {
        self.accepts_fault(|key, header, claims| Fault::IdToken(make(key, header, claims)))
            .await
    }

    pub async fn accepts_fault(
        &self,
        make: impl FnOnce(&TestKey, Value, Value) -> Fault,
    ) -> Browser {
        let Self { world, key, .. } = self;
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        world
            .provider
            .misbehave(make(key, key.header(), world.claims(&url)));
        let callback = world.provider.authorize(&url, "alice").unwrap();
        let answer = browser.follow(&relative(&callback)).await;
        world.provider.behave();
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{:?}",
            world.logs.complaints()
        );
        let who = who(&mut browser).await;
        let expected = format!("alice of {} by google at ", world.provider.issuer());
        assert!(who.starts_with(&expected), "{who}");
        browser
    }
}

/// The right token.
#[allow(
    clippy::needless_pass_by_value,
    reason = "a test that spoils a token takes both by value"
)]
pub fn honest(key: &TestKey, header: Value, claims: Value) -> String {
    key.sign(&header, &claims)
}
