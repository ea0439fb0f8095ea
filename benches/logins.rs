//! A whole login: its start, the way back with one code exchange, and the first page. The provider
//! runs on a thread of its own, so the CPU time is the app's alone.
//! `cargo bench --bench logins`.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use keycard_benches::{Sample, Site, thread_time};
use tower::ServiceExt;

fn main() {
    let (rounds, logins) = if cfg!(debug_assertions) {
        (1, 3)
    } else {
        (15, 200)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    println!("{rounds} rounds of {logins} logins, medians of the app's CPU per login\n");
    for providers in [1, 10, 1000] {
        let site = Site::new(providers);
        runtime.block_on(log_in(&site));
        let (mut start, mut whole) = (Sample::default(), Sample::default());
        for _ in 0..rounds {
            let before = thread_time();
            runtime.block_on(async {
                for _ in 0..logins {
                    begin(&site.app).await;
                }
            });
            start.add(thread_time() - before, logins);
            let before = thread_time();
            runtime.block_on(async {
                for _ in 0..logins {
                    log_in(&site).await;
                }
            });
            whole.add(thread_time() - before, logins);
        }
        let (start, whole) = (start.median() / 1000.0, whole.median() / 1000.0);
        println!("{providers:4} providers: {start:6.1} µs to begin, {whole:6.1} µs for all of it");
    }
}

/// Where the browser is sent, and the cookie that it keeps.
async fn begin(app: &Router) -> (String, String) {
    navigate(app, "/auth/login?provider=first", "").await
}

async fn log_in(site: &Site) {
    let (url, pending) = begin(&site.app).await;
    let callback = site.provider.authorize(&url, "ada").expect("somebody");
    let callback = callback.parse::<url::Url>().expect("a URL");
    let (goal, _) = navigate(&site.app, &callback[url::Position::BeforePath..], &pending).await;
    assert_eq!(goal, "/");
}

async fn navigate(app: &Router, path: &str, cookie: &str) -> (String, String) {
    let request = Request::get(path)
        .header("sec-fetch-site", "none")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("host", "localhost:8501")
        .header("cookie", cookie);
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let text = |name| answer.headers()[name].to_str().expect("text");
    let pair = text(header::SET_COOKIE)
        .split(';')
        .next()
        .unwrap_or_default();
    (text(header::LOCATION).to_owned(), pair.to_owned())
}
