//! The app whose doors are tried: one secrets file, with secrets that are made when the process
//! starts.

use std::sync::OnceLock;

use crate::config::{Config, Given, ProviderConfig, Seen, Source};
use crate::cookies::{Keyring, Names};
use crate::own_paths::OwnPaths;
use crate::random;

/// An app on https with one provider for each way in which an issuer and its addresses are bound.
pub(super) struct App {
    pub(super) config: Config,
    pub(super) keyring: Keyring,
    pub(super) names: Names,
    pub(super) own_paths: OwnPaths,
}

impl App {
    pub(super) fn new() -> Self {
        let secret = || random::secret().expect("the operating system gives randomness");
        let file = format!(
            r#"
            [auth]
            redirect_uri = "https://app.example.com/oauth2callback"
            cookie_secret = "{}"
            allow_http = ["intranet.example:8080"]

            [auth.https]
            client_id = "client"
            client_secret = "{}"
            server_metadata_url = "https://provider.example/.well-known/openid-configuration"

            [auth.loopback]
            client_id = "client"
            client_secret = "{}"
            server_metadata_url = "http://localhost:9000/.well-known/openid-configuration"

            [auth.confirmed]
            client_id = "client"
            client_secret = "{}"
            server_metadata_url = "https://confirmed.example/.well-known/openid-configuration"
            issuer = "https://issuer.example/{{tenant}}"
            "#,
            secret(),
            secret(),
            secret(),
            secret(),
        );
        let given = Given {
            sources: vec![Source::Text {
                name: "secrets.toml",
                text: file.into(),
            }],
            port: Some(8501),
            ..Given::default()
        };
        let config = Config::load(&given, &mut Seen::default()).expect("the file is right");
        let keyring = Keyring::new(&config.cookie_secrets, &config.site);
        Self {
            keyring: keyring.expect("keys are derived from any secret"),
            names: Names::new(&config.site),
            own_paths: OwnPaths::new(&config.site, []),
            config,
        }
    }

    /// The one app of this process.
    pub(super) fn of_this_process() -> &'static Self {
        static APP: OnceLock<App> = OnceLock::new();
        APP.get_or_init(Self::new)
    }

    pub(super) fn providers(&self) -> &[ProviderConfig] {
        &self.config.providers
    }
}
