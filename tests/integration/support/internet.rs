//! A stand-in internet: hosts by their real names, each of them a router, with no network but
//! loopback. The app reaches them through a proxy and trusts the CA of their certificates; a browser
//! is led to the same routers.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::{self, Next};
use axum::serve::Listener;
use http::header::{ACCEPT, HOST};
use http::{HeaderMap, Method, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;
use url::Url;

use super::browser::{Answer, relative};
use super::tls::{Authority, Term, read_head};

/// Hosts that answer to https, each by its router, and nothing else. It ends with the test's
/// runtime.
#[derive(Clone)]
pub struct Internet(Arc<Inner>);

struct Inner {
    port: u16,
    authority: Authority,
    ca_file: PathBuf,
    hosts: Mutex<BTreeMap<String, Host>>,
    sent: Mutex<Vec<Sent>>,
    refused: Mutex<Vec<String>>,
}

struct Host {
    router: Router,
    tls: TlsAcceptor,
    lines: UnboundedSender<Line>,
}

type Line = TlsStream<TcpStream>;

/// A request that the app sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: Method,
    pub host: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Internet {
    /// With no host in it.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = Authority::new("The stand-in internet's");
        let internet = Self(Arc::new(Inner {
            port: listener.local_addr().unwrap().port(),
            ca_file: file_with(&authority.pem()),
            authority,
            hosts: Mutex::default(),
            sent: Mutex::default(),
            refused: Mutex::default(),
        }));
        let proxy = internet.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = proxy.clone();
                tokio::spawn(async move { proxy.let_in(client).await });
            }
        });
        internet
    }

    /// Lets this router answer for a host, such as `github.com`, from here on.
    pub fn host(&self, name: &str, router: Router) {
        let (lines, arriving) = unbounded_channel();
        let (internet, host) = (self.clone(), name.to_owned());
        let record = move |request: Request<Body>, next: Next| {
            let (internet, host) = (internet.clone(), host.clone());
            async move { next.run(internet.record(host, request).await).await }
        };
        let recorded = router.clone().layer(middleware::from_fn(record));
        tokio::spawn(axum::serve(Lines(arriving), recorded).into_future());
        let host = Host {
            router,
            tls: TlsAcceptor::from(self.0.authority.server(name, Term::InForce)),
            lines,
        };
        self.0.hosts.lock().unwrap().insert(name.to_owned(), host);
    }

    /// The lines of `[auth]`, or of one provider's section, that lead an app here.
    pub fn secrets(&self) -> String {
        format!(
            "proxy = \"http://127.0.0.1:{}\"\nca_file = '{}'\n",
            self.0.port,
            self.0.ca_file.display()
        )
    }

    /// What the app has sent so far, first of all the earliest.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.sent.lock().unwrap().clone()
    }

    /// The one request that the app has sent to this path of a host.
    #[track_caller]
    pub fn sent_to(&self, host: &str, path: &str) -> Sent {
        let mut sent = self.sent();
        sent.retain(|it| it.host == host && it.path == path);
        match <[Sent; 1]>::try_from(sent) {
            Ok([only]) => only,
            Err(sent) => panic!("{} requests to {host}{path}: {:?}", sent.len(), self.sent()),
        }
    }

    /// What the proxy was asked for and did not lead to, as `host:port`.
    pub fn refused(&self) -> Vec<String> {
        self.0.refused.lock().unwrap().clone()
    }

    /// A browser opens an address.
    pub async fn visit(&self, url: &Url) -> Answer {
        assert_eq!((url.scheme(), url.port()), ("https", None), "{url}");
        let host = url.host_str().unwrap();
        let router = self
            .0
            .hosts
            .lock()
            .unwrap()
            .get(host)
            .map(|it| it.router.clone());
        let request = Request::get(relative(url.as_str()))
            .header(HOST, host)
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .body(Body::empty());
        let router = router.unwrap_or_else(|| panic!("no host {host}"));
        Answer::read(router.oneshot(request.unwrap()).await.unwrap()).await
    }

    async fn let_in(&self, mut client: TcpStream) {
        let head = read_head(&mut client).await;
        let mut words = head.split(' ');
        let (method, target) = (words.next(), words.next().unwrap_or_default());
        let host = target
            .strip_suffix(":443")
            .filter(|_| method == Some("CONNECT"));
        let found = host.and_then(|host| {
            let hosts = self.0.hosts.lock().unwrap();
            hosts.get(host).map(|it| (it.tls.clone(), it.lines.clone()))
        });
        let Some((tls, lines)) = found else {
            self.0.refused.lock().unwrap().push(target.to_owned());
            let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
            return;
        };
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        if let Ok(line) = tls.accept(client).await {
            let _ = lines.send(line);
        }
    }

    /// Notes a request, and gives it back whole.
    async fn record(&self, host: String, request: Request<Body>) -> Request<Body> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        self.0.sent.lock().unwrap().push(Sent {
            method: parts.method.clone(),
            host,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        Request::from_parts(parts, Body::from(body))
    }
}

impl fmt::Debug for Internet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.0.hosts.lock().unwrap();
        f.debug_set().entries(hosts.keys()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.ca_file);
    }
}

impl Sent {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A parameter of the form that was sent, or else of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = |text: &str| {
            let mut pairs = url::form_urlencoded::parse(text.as_bytes());
            let value = pairs.find(|(it, _)| it == name);
            value.map(|(_, value)| value.into_owned())
        };
        pairs(&self.body).or_else(|| pairs(&self.query))
    }
}

/// The connections to a host, as its server sees them.
struct Lines(UnboundedReceiver<Line>);

impl Listener for Lines {
    type Io = Line;
    type Addr = ();

    async fn accept(&mut self) -> (Line, ()) {
        match self.0.recv().await {
            Some(line) => (line, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

fn file_with(pem: &str) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("internets");
    fs::create_dir_all(&folder).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("{}-{number}.pem", std::process::id()));
    fs::write(&path, pem).unwrap();
    path
}
