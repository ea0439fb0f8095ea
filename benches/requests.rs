//! A logged-in request, by the size of the identity and the number of providers, beside the floor:
//! the same bytes decoded, opened and parsed by hand in the handler.

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, Request, header::COOKIE};
use axum::routing::get;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use keycard::testing::{LogIn, Somebody};
use keycard_benches::{Site, ask, claims, me};
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn by_size(criterion: &mut Criterion) {
    let (runtime, site) = (runtime(), Site::new(1));
    let bare = Router::new().route("/me", get(async || me("Ada Lovelace")));
    let mut group = criterion.benchmark_group("a request by somebody");
    for bytes in [617, 2048, 8192] {
        let claims = claims(bytes);
        let cookie = site.cookie(&claims);
        let (by_hand, floor) = by_hand(&claims);
        for (name, app, cookie) in [
            ("bare", &bare, &cookie),
            ("floor", &by_hand, &floor),
            ("keycard", &site.app, &cookie),
        ] {
            group.bench_with_input(BenchmarkId::new(name, bytes), &bytes, |bencher, _| {
                bencher.iter(|| runtime.block_on(ask(app, "/me", cookie)));
            });
        }
    }
    let cookie = site.cookie(&claims(617));
    group.bench_function("the layer, nobody asks", |bencher| {
        bencher.iter(|| runtime.block_on(ask(&site.app, "/plain", &cookie)));
    });
}

/// A cookie of these claims that any key opens, and an app that opens it in its handler.
fn by_hand(claims: &Map<String, Value>) -> (Router, HeaderValue) {
    let key = || LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key"));
    let nonce = || Nonce::assume_unique_for_key([9; 12]);
    let mut sealed = Value::Object(claims.clone()).to_string().into_bytes();
    key()
        .seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed)
        .expect("sealed");
    let text = base64_simd::URL_SAFE_NO_PAD.encode_to_string(sealed);
    let cookie = HeaderValue::try_from(format!("user={text}")).expect("a header");
    let key = std::sync::Arc::new(key());
    let handler = async move |headers: HeaderMap| {
        let value = headers[COOKIE]
            .as_bytes()
            .strip_prefix(b"user=")
            .expect("ours");
        let mut sealed = base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(value)
            .expect("base64url");
        let opened = key
            .open_in_place(nonce(), Aad::empty(), &mut sealed)
            .expect("it opens");
        let claims: Map<String, Value> = serde_json::from_slice(opened).expect("claims");
        me(claims["name"].as_str().unwrap_or_default())
    };
    (Router::new().route("/me", get(handler)), cookie)
}

fn by_providers(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("a request with many providers");
    for providers in [1, 10, 1000] {
        let site = Site::new(providers);
        let cookie = site.cookie(&claims(617));
        group.bench_with_input(
            BenchmarkId::from_parameter(providers),
            &providers,
            |bencher, _| {
                bencher.iter(|| runtime.block_on(ask(&site.app, "/me", &cookie)));
            },
        );
    }
}

fn bad_cookies(criterion: &mut Criterion) {
    let (runtime, site) = (runtime(), Site::new(1));
    let stranger = Site::new(1);
    let mut group = criterion.benchmark_group("a cookie that does not open");
    for bytes in [617, 8192] {
        let good = site.cookie(&claims(bytes));
        let foreign = stranger.cookie(&claims(bytes));
        let text = good.to_str().expect("a cookie");
        let (start, end) = text.split_at(text.len() - 20);
        let changed = HeaderValue::try_from(format!("{start}AAAA{}", &end[4..])).expect("a header");
        for (name, cookie) in [
            ("good", good.clone()),
            ("foreign", foreign),
            ("changed", changed),
        ] {
            group.bench_with_input(BenchmarkId::new(name, bytes), &bytes, |bencher, _| {
                bencher.iter(|| runtime.block_on(ask(&site.app, "/me", &cookie)));
            });
        }
    }
}

fn sealing(criterion: &mut Criterion) {
    let site = Site::new(1);
    let mut group = criterion.benchmark_group("sealing an identity");
    for bytes in [617, 2048, 8192] {
        let claims = claims(bytes);
        let somebody = claims
            .iter()
            .fold(Somebody::new("s"), |somebody, (name, value)| {
                somebody.claim(name, value.clone())
            });
        group.bench_with_input(BenchmarkId::from_parameter(bytes), &bytes, |bencher, _| {
            bencher.iter(|| {
                let request = Request::get("/").body(()).expect("a request");
                black_box(
                    request
                        .logged_in_as(&site.auth, &somebody)
                        .expect("it fits"),
                );
            });
        });
    }
}

criterion_group!(benches, by_size, by_providers, bad_cookies, sealing);
criterion_main!(benches);
