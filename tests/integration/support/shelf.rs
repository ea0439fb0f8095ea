//! A server on loopback that answers every request with what was put on it: a key set of the
//! test's own, or a host that must never be asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;

/// The server. It ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Shelf {
    port: u16,
    lying: Arc<Mutex<Lying>>,
    next: Arc<Mutex<Option<Lying>>>,
    calls: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
struct Lying {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Lying {
    fn new(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            status,
            headers: headers.iter().map(owned).collect(),
            body,
        }
    }
}

impl Shelf {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shelf = Self {
            port: listener.local_addr().unwrap().port(),
            lying: Arc::new(Mutex::new(Lying {
                status: 404,
                headers: Vec::new(),
                body: Vec::new(),
            })),
            next: Arc::default(),
            calls: Arc::default(),
        };
        let answering = shelf.clone();
        let router = Router::new().fallback(async move || answering.answer());
        tokio::spawn(axum::serve(listener, router).into_future());
        shelf
    }

    /// With this document on it.
    pub async fn with(document: &Value) -> Self {
        let shelf = Self::open().await;
        shelf.put(document);
        shelf
    }

    pub fn put(&self, document: &Value) {
        self.put_answer(200, &[], document.to_string());
    }

    pub fn put_answer(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        *self.lying.lock().unwrap() = Lying::new(status, headers, body.into());
    }

    /// What lies there after the next answer.
    pub fn then(&self, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        *self.next.lock().unwrap() = Some(Lying::new(200, headers, body.into()));
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// An address on it, under the name of this host: `127.0.0.1` or `localhost`.
    pub fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/document", self.port)
    }

    /// How often it was asked for anything.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn answer(&self) -> Response {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let lying = self.lying.lock().unwrap().clone();
        if let Some(next) = self.next.lock().unwrap().take() {
            *self.lying.lock().unwrap() = next;
        }
        let mut response = Response::builder().status(lying.status);
        for (name, value) in lying.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(lying.body)).unwrap()
    }
}
