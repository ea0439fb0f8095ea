//! TLS on loopback: a throw-away CA, and servers that show its certificates or somebody else's.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Somebody who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What may be wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    Expired,
    InForce,
    NotYet,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's side with a certificate for this host.
    pub fn server(&self, host: &str, term: Term) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        match term {
            Term::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Term::InForce => {}
            Term::NotYet => params.not_before = date_time_ymd(2999, 1, 1),
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        server(certificate.der().to_vec(), &key)
    }
}

/// A server's side with a certificate that vouches for itself.
pub fn self_signed(host: &str) -> Arc<ServerConfig> {
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    server(certificate.der().to_vec(), &key)
}

fn server(certificate: Vec<u8>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .unwrap();
    Arc::new(config)
}

/// Takes TLS off whatever comes and passes it on to `to`; returns the port it listens on.
pub async fn terminate(config: Arc<ServerConfig>, to: SocketAddr) -> u16 {
    let acceptor = TlsAcceptor::from(config);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut inside = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut inside).await;
        }
    })
    .await
}

/// Answers every ClientHello in TLS 1.1.
pub async fn tls_1_1() -> u16 {
    serve(async |mut stream: TcpStream| {
        let mut hello = [0; 2048];
        let _ = stream.read(&mut hello).await;
        let mut answer = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
        answer.extend([7; 32]);
        // No session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
        answer.extend([0, 0, 0x2f, 0]);
        let _ = stream.write_all(&answer).await;
        let _ = stream.read(&mut hello).await;
    })
    .await
}

/// A proxy for CONNECT that leads every name to this machine.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    /// What clients sent it.
    pub seen: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// On any port if it is 0.
    pub async fn open(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
        };
        let noted = proxy.seen.clone();
        serve_on(listener, move |client| pass_on(client, noted.clone()));
        proxy
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }
}

/// What a client says first, as far as the empty line.
pub async fn read_head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else {
            break;
        };
        head.push(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn pass_on(mut client: TcpStream, noted: Arc<Mutex<Vec<u8>>>) {
    let head = read_head(&mut client).await;
    noted.lock().unwrap().extend_from_slice(head.as_bytes());
    let target = head.split(' ').nth(1).unwrap_or_default();
    let port = target
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let (true, Some(port)) = (head.starts_with("CONNECT "), port) else {
        return;
    };
    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    });
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = from_client.read(&mut chunk).await {
        noted.lock().unwrap().extend_from_slice(&chunk[..length]);
        let _ = to_server.write_all(&chunk[..length]).await;
    }
    back.abort();
}

async fn serve<F>(each: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    serve_on(listener, each);
    port
}

fn serve_on<F>(listener: TcpListener, each: impl Fn(TcpStream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(stream));
        }
    });
}
