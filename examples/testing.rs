//! An app and its tests: `cargo test --example testing` runs them, with no network but loopback, and
//! `cargo run --example testing` serves the app, with a provider that it starts.
#![allow(clippy::print_stdout, reason = "a terminal")]

use axum::{Router, routing::get, routing::post};
use keycard::{Auth, Identity, User, dev, rule::has_role};

fn app(auth: &Auth) -> Router {
    Router::new()
        .route(
            "/",
            get(async |user: User| format!("Hello, {}", user.name().unwrap_or("stranger"))),
        )
        .route(
            "/notes",
            get(async |who: Identity| format!("Notes of {}", who.subject())),
        )
        .route(
            "/notes/new",
            post(async |note: String| format!("Kept: {note}")),
        )
        .nest(
            "/admin",
            Router::new()
                .route("/", get(async || "All users"))
                .layer(auth.require(has_role("admin"))),
        )
        .layer(auth.require_login().except("/"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").map_or(Ok(8501), |port| port.parse())?;
    let company = dev::Provider::builder("company").start().await?;
    let auth = Auth::builder()
        .toml(&dev::secrets(port, &[&company]))
        .build()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("\n  Open http://localhost:{port}/notes\n");
    Ok(axum::serve(listener, app(&auth)).await?)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
    use axum::http::{HeaderMap, Request};
    use keycard::dev::{Fault, Person, Provider, SigningAlg};
    use keycard::testing::{Clock, LogIn, SentBy, Somebody};
    use tower::ServiceExt;

    use super::*;

    /// The app, with a provider and a clock for tests to turn.
    struct World {
        auth: Auth,
        clock: Clock,
        provider: Provider,
    }

    impl World {
        async fn new() -> Self {
            let provider = Provider::builder("company").signing_alg(SigningAlg::Es256);
            let provider = provider
                .person(Person::new("ada").name("Ada"))
                .start()
                .await
                .unwrap();
            let (clock, secrets) = (Clock::default(), dev::secrets(8501, &[&provider]));
            let auth = Auth::builder()
                .toml(&secrets)
                .clock(clock.reader())
                .build()
                .unwrap();
            Self {
                auth,
                clock,
                provider,
            }
        }

        /// The status, the headers and the text of what the app answers.
        async fn ask(&self, request: Request<Body>) -> (u16, HeaderMap, String) {
            let (head, body) = app(&self.auth).oneshot(request).await.unwrap().into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
            (
                head.status.as_u16(),
                head.headers,
                String::from_utf8(body).unwrap(),
            )
        }

        /// A whole login of Ada's: what the app answers when she comes back from the provider.
        async fn log_in(&self) -> (u16, HeaderMap, String) {
            let begin = page("/auth/login").sent_by_own_page(&self.auth);
            let (_, headers, _) = self.ask(begin).await;
            let address = headers[LOCATION].to_str().unwrap();
            let mut back = page(&self.provider.authorize(address, "ada").unwrap());
            let cookie = headers[SET_COOKIE]
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap();
            back.headers_mut().insert(COOKIE, cookie.parse().unwrap());
            self.ask(back).await
        }
    }

    fn page(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn notes_are_for_whoever_is_logged_in() {
        let world = World::new().await;
        let ada = page("/notes")
            .logged_in_as(&world.auth, &Somebody::new("ada"))
            .unwrap();
        assert_eq!(world.ask(ada).await.2, "Notes of ada");

        let (status, headers, _) = world
            .ask(page("/notes").sent_by_own_page(&world.auth))
            .await;
        assert_eq!(status, 303);
        assert!(
            headers[LOCATION]
                .to_str()
                .unwrap()
                .starts_with("/auth/login")
        );
    }

    #[tokio::test]
    async fn who_is_no_admin_is_denied() {
        let world = World::new().await;
        for (role, status) in [("admin", 200), ("editor", 403)] {
            let somebody = Somebody::new("eve").roles([role]);
            let request = page("/admin").logged_in_as(&world.auth, &somebody).unwrap();
            assert_eq!(world.ask(request).await.0, status, "{role}");
        }
    }

    #[tokio::test]
    async fn a_note_that_another_site_sends_is_refused() {
        let world = World::new().await;
        let note = || {
            let note = Request::post("/notes/new")
                .body(Body::from("milk"))
                .unwrap();
            note.logged_in_as(&world.auth, &Somebody::new("ada"))
                .unwrap()
        };
        assert_eq!(
            world.ask(note().sent_by_own_page(&world.auth)).await.2,
            "Kept: milk"
        );
        assert_eq!(world.ask(note().sent_by_another_site()).await.0, 403);
    }

    #[tokio::test]
    async fn nobody_is_logged_in_by_a_forged_token() {
        let world = World::new().await;
        world.provider.misbehave(Fault::SignedByAnotherKey);
        let (status, _, text) = world.log_in().await;
        assert_eq!(status, 502);
        assert!(text.contains("id_token_refused"), "{text}");

        world.provider.behave();
        assert_eq!(world.log_in().await.0, 303);
    }

    #[tokio::test]
    async fn a_login_is_over_after_thirty_days() {
        let world = World::new().await;
        let ada = Somebody::new("ada").name("Ada");
        let visit = page("/").logged_in_as(&world.auth, &ada).unwrap();
        let mut later = page("/"); // With the same cookies.
        later.headers_mut().clone_from(visit.headers());

        assert_eq!(world.ask(visit).await.2, "Hello, Ada");
        world.clock.turn(30 * 24 * 60 * 60);
        assert_eq!(world.ask(later).await.2, "Hello, stranger");
    }
}
