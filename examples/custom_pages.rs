//! An app whose chooser, error and denied pages look like itself: `cargo run --example custom_pages`.
//! With no `.streamlit/secrets.toml` it starts two providers.
#![allow(clippy::print_stdout, reason = "a terminal")]

use std::{env, error::Error, fs, net::SocketAddr};

use axum::{Router, response::IntoResponse, routing::get, routing::post};
use keycard::dev::{self, Person};
use keycard::own_pages::{ChooserPage, FailurePage, Html, Pages};
use keycard::{Auth, Session, User, rule::has_role};
use maud::{DOCTYPE, Markup, html};

const STYLE: &str = include_str!("custom_pages.css");

/// The pages of our own; all others stay keycard's.
struct Lighthouse;

impl Pages for Lighthouse {
    fn chooser(&self, page: &ChooserPage) -> Html {
        let form = html! { form method=(page.form().method()) action=(page.form().action()) {
            @for (name, value) in page.form().fields() {
                input type="hidden" name=(name) value=(value);
            }
            @for choice in page.choices() {
                button name=(page.button_name()) value=(choice.name()) {
                    (choice.label()) @if choice.is_last_used() { " " small { "last used" } }
                }
            }
        } };
        our_page("Which key is yours?", &form)
    }

    fn error(&self, page: &FailurePage) -> Html {
        let shown = html! {
            p { (page.what_happened()) " " (page.cure()) }
            nav { @if let Some(link) = page.way_on() { a href=(link.url()) { (link.label()) } }
                a href=(page.home()) { "Back to the shore" } }
            @for detail in page.details() { p { small { (detail) } } }
            footer { (page.code()) " · " (page.request_id()) }
        };
        our_page(page.title(), &shown)
    }

    fn denied(&self, page: &FailurePage) -> Html {
        let other = page.way_on().map_or(page.home(), |link| link.url());
        let shown = html! {
            p { "Only keepers climb up to the lamp." }
            nav { a href=(other) { "Come as somebody else" } a href=(page.home()) { "Go back" } }
        };
        our_page("The door stays shut", &shown)
    }
}

fn our_page(title: &str, shown: &Markup) -> Html {
    let body = inside(title, shown); // maud has escaped all that is in it.
    Html::new(title).style(STYLE).trusted_markup(body)
}

fn inside(title: &str, shown: &Markup) -> Markup {
    html! { header { "The Lighthouse" } main { h1 { (title) } (shown) } }
}

async fn shore(user: User) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let links = html! { nav { a href="/lamp" { "The lamp" } a href="/auth/login" { "Log in" } }
    @if user.is_logged_in() { form method="post" action="/logout" { button { "Log out" } } } };
    let page = html! { (DOCTYPE) html lang="en" { head {
        meta name="viewport" content="width=device-width, initial-scale=1";
        link rel="stylesheet" href="/style.css"; title { "The Lighthouse" }
    } body { (inside(user.name().unwrap_or("Welcome"), &links)) } } };
    ([("content-security-policy", policy)], page)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::var("PORT").unwrap_or("8501".to_owned()).parse()?;
    let roles = vec!["keeper"].into();
    let ada = Person::new("ada").name("Ada").claim("roles", roles);
    let eve = Person::new("eve").name("Eve");
    let island = dev::Provider::builder("island").person(ada).person(eve);
    let mainland = dev::Provider::builder("mainland");
    let providers = [island.start().await?, mainland.start().await?];
    let settings = match fs::exists(".streamlit/secrets.toml")? {
        true => Auth::builder().secrets(),
        false => Auth::builder().toml(&dev::secrets(port, &providers.each_ref())),
    };
    let auth = settings.pages(Lighthouse).build()?;
    let log_out = async |session: Session| session.logout().await;
    let app = Router::new()
        .route("/lamp", get("It burns."))
        .layer(auth.require(has_role("keeper"))) // Everything above.
        .route("/", get(shore))
        .route("/logout", post(log_out))
        .route("/style.css", get(([("content-type", "text/css")], STYLE)))
        .layer(auth.layer());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("\n  Open http://localhost:{port}\n");
    Ok(axum::serve(listener, app).await?)
}
