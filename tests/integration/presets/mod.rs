//! The providers that keycard knows, each a stand-in at its real host names: `stand_in` is what they
//! have in common, `providers` what each of them does. Nothing here reads the presets.

mod apple;
mod docs;
mod elsewhere;
mod every;
mod logins;
mod oauth2;
mod providers;
mod refusals;
mod roles;
mod stand_in;
mod wrong;

use axum::Router;
use axum::routing::get;
use keycard::{Auth, Session, User};
use serde_json::{Value, json};

use self::stand_in::{CLIENT_ID, CLIENT_SECRET, StandIn};
use crate::support::{Answer, Browser, Internet, Logs, SITE, fresh_secret, routes, shared};

/// An app whose file has these sections, in an internet, with a browser in front of it.
struct Scene {
    internet: Internet,
    logs: Logs,
    browser: Browser,
}

impl Scene {
    /// With this provider alone.
    async fn with(stand_in: StandIn, sections: &str) -> Self {
        let internet = Internet::new().await;
        stand_in.open(&internet);
        Self::on(internet, sections)
    }

    #[track_caller]
    fn on(internet: Internet, sections: &str) -> Self {
        Self::at(SITE, internet, sections)
    }

    /// With the app at this origin.
    #[track_caller]
    fn at(origin: &str, internet: Internet, sections: &str) -> Self {
        let logs = Logs::capture();
        let more = format!("{}strict = false\n", internet.secrets());
        let text = shared(&fresh_secret(), &more).replace(SITE, origin) + sections;
        let auth = Auth::builder().toml(&text).build().unwrap();
        let app = telling(&auth);
        Self {
            browser: Browser::new(&app, origin).on(&internet),
            internet,
            logs,
        }
    }

    /// Presses the button of a provider, and goes on to the page at the end.
    async fn log_in(&mut self, name: &str) -> Answer {
        let path = format!("/auth/login?provider={name}");
        self.browser.travel(&path).await
    }

    async fn who(&mut self) -> Value {
        serde_json::from_str(&self.browser.get("/who").await.body).unwrap()
    }

    /// A login that works, and who that is.
    async fn logs_in(&mut self, name: &str) -> Value {
        let page = self.log_in(name).await;
        assert_eq!(page.code(), None, "{:?}", self.logs.complaints());
        self.who().await
    }

    /// A login that is refused with this code, and a line of the log that holds this.
    async fn refuses(&mut self, name: &str, code: &str, log: &str) {
        let page = self.log_in(name).await;
        let complaints = self.logs.complaints();
        assert_eq!(
            page.code().as_deref(),
            Some(code),
            "{page:?} {complaints:?}"
        );
        assert!(
            complaints[0].text.contains(log),
            "{log:?} in {complaints:?}"
        );
        assert_eq!(self.who().await["subject"], Value::Null);
    }
}

/// A section of that name, with id and secret, and these lines.
fn section(name: &str, lines: &str) -> String {
    format!(
        "[auth.{name}]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n{lines}\n"
    )
}

/// An app that tells at `/who` all that keycard says of whoever is logged in.
fn telling(auth: &Auth) -> Router {
    let who = async |user: User| {
        json!({
            "subject": user.subject(),
            "issuer": user.issuer(),
            "name": user.name(),
            "email": user.email(),
            "email_verified": user.email_verified(),
            "picture": user.picture(),
            "roles": user.roles(),
            "groups": user.groups(),
            "permissions": user.permissions(),
        })
        .to_string()
    };
    let id_token = async |session: Session| {
        let token = session.tokens().id()?;
        Ok::<_, keycard::Error>(token.expose().to_owned())
    };
    routes()
        .route("/who", get(who))
        .route("/id-token", get(id_token))
        .layer(auth.layer())
}

fn refused_at_start(sections: &str) -> String {
    let text = shared(&fresh_secret(), "strict = false") + sections;
    let built = Auth::builder().toml(&text).build();
    format!("{:#}", built.err().unwrap())
}
