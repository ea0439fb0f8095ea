//! Reading a secrets file, by the number of its providers: all that `Auth::builder().build()` does.
//! `cargo bench --bench secrets`.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use keycard::{Auth, dev};
use keycard_benches::Site;

fn loading(criterion: &mut Criterion) {
    let shared = dev::secrets(8501, &[&Site::new(1).provider]);
    let mut group = criterion.benchmark_group("reading a secrets file");
    for providers in [1, 10, 200] {
        let mut text = shared.clone();
        for at in 1..providers {
            let _ = write!(
                text,
                "\n[auth.provider-{at}]\nclient_id = \"client-{at}\"\nclient_secret = \"\"\n\
                 server_metadata_url = \"https://p{at}.example/.well-known/openid-configuration\"\n\
                 client_kwargs = {{ scope = \"openid email\", prompt = \"login\" }}\n"
            );
        }
        group.bench_with_input(
            BenchmarkId::from_parameter(providers),
            &text,
            |bencher, text| {
                bencher
                    .iter(|| black_box(Auth::builder().toml(text).build().expect("a good file")));
            },
        );
    }
}

criterion_group!(secrets, loading);
criterion_main!(secrets);
