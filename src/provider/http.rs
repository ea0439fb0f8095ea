//! The HTTP clients: no redirects, no cookies, a deadline and a size limit for every answer.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};
use url::Url;

use crate::config::{Network, Proxy};
use crate::error::{Endpoint, Error, Kind};
use crate::secret::Secret;

/// The longest body that is read of any answer.
const MAX_BODY: usize = 256 * 1024;
/// The most bytes that its headers may have.
const MAX_HEADERS: usize = 64 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The clients that are in use: one for each way to the network, however many providers take it.
#[derive(Debug)]
pub(crate) struct Clients {
    known: Vec<(Network, Http)>,
    /// For http, which only goes to this machine or to an allowed intranet host: a proxy would
    /// read the client secret.
    direct: reqwest::Client,
}

/// The client that a provider is asked with.
#[derive(Clone)]
pub(crate) struct Http {
    /// For https: through a proxy, if there is one, inside TLS.
    network: reqwest::Client,
    direct: reqwest::Client,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Clients {
    /// None yet but the one for http, which is that of `former`.
    pub(crate) fn after(former: Option<&Self>) -> Result<Self, Error> {
        Ok(Self {
            known: Vec::new(),
            direct: match former {
                Some(former) => former.direct.clone(),
                // It speaks no TLS, and to read the system's certificates takes milliseconds.
                None => builder()
                    .no_proxy()
                    .tls_certs_only([])
                    .build()
                    .map_err(unbuildable)?,
            },
        })
    }

    /// The client for this way, which is one that is known here or in `former` if there is one: a
    /// client takes milliseconds to build, and has its connections.
    pub(crate) fn client(
        &mut self,
        network: &Network,
        former: Option<&Self>,
    ) -> Result<Http, Error> {
        if let Some(http) = self.find(network) {
            return Ok(http.clone());
        }
        let http = match former.and_then(|former| former.find(network)) {
            Some(http) => http.clone(),
            None => Http {
                network: client(network)?,
                direct: self.direct.clone(),
            },
        };
        self.known.push((network.clone(), http.clone()));
        Ok(http)
    }

    fn find(&self, network: &Network) -> Option<&Http> {
        let mut known = self.known.iter();
        known.find(|(it, _)| it == network).map(|(_, http)| http)
    }
}

/// A client for https that goes this way.
fn client(network: &Network) -> Result<reqwest::Client, Error> {
    let mut builder = builder();
    if let Some(file) = &network.ca_file {
        let certificates = file.certificates.iter().map(|it| Certificate::from_der(it));
        let certificates = certificates.collect::<Result<Vec<_>, _>>();
        builder = builder.tls_certs_merge(certificates.map_err(unbuildable)?);
    }
    builder = match &network.proxy {
        None => builder,
        Some(Proxy::Unused) => builder.no_proxy(),
        Some(Proxy::At { url, .. }) => {
            builder.proxy(reqwest::Proxy::https(url.expose()).map_err(unbuildable)?)
        }
    };
    builder.build().map_err(unbuildable)
}

fn builder() -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("keycard/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
}

fn unbuildable(_: reqwest::Error) -> Error {
    Error::from(Kind::AnswerUnwritable {
        what: "requests, for want of TLS",
    })
}

impl Http {
    pub(super) async fn get(
        &self,
        endpoint: Endpoint,
        url: &Url,
        token: Option<&Secret>,
        deadline: Duration,
    ) -> Result<Answer, Error> {
        let mut request = Request::get(url.as_str()).header(ACCEPT, "application/json");
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| unreachable_because(endpoint, "its access token is no header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Vec::new())
            .map_err(|_| unreachable_because(endpoint, "its address is not a URL"))?;
        self.send(endpoint, request, deadline).await
    }

    pub(super) async fn send(
        &self,
        endpoint: Endpoint,
        mut request: Request<Vec<u8>>,
        deadline: Duration,
    ) -> Result<Answer, Error> {
        if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        let client = match request.uri().scheme_str() {
            Some("https") => &self.network,
            _ => &self.direct,
        };
        let request = reqwest::Request::try_from(request)
            .map_err(|_| unreachable_because(endpoint, "its address is not a URL"))?;
        match tokio::time::timeout(deadline, answer(client, request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Trouble::TooLarge(why))) => Err(unreachable_because(endpoint, why)),
            Ok(Err(Trouble::Failed(error))) if error.is_timeout() => {
                Err(Kind::ProviderTimeout { endpoint }.into())
            }
            Ok(Err(Trouble::Failed(error))) => Err(unreachable_because(endpoint, why(&error))),
            Err(_) => Err(Kind::ProviderTimeout { endpoint }.into()),
        }
    }
}

/// A client may show the password of its proxy.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

enum Trouble {
    Failed(reqwest::Error),
    TooLarge(&'static str),
}

async fn answer(client: &reqwest::Client, request: reqwest::Request) -> Result<Answer, Trouble> {
    let mut response = client.execute(request).await.map_err(Trouble::Failed)?;
    let length = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    if response.headers().iter().map(length).sum::<usize>() > MAX_HEADERS {
        return Err(Trouble::TooLarge(
            "the headers of its answer are over 64 KB",
        ));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Trouble::Failed)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Trouble::TooLarge("its answer is over 256 KB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// In our own words: the client's hold the whole URL.
fn why(error: &reqwest::Error) -> &'static str {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return why_io(cause, error.is_connect());
        }
        if error.is_connect()
            && let Some(why) = why_proxy(cause)
        {
            return why;
        }
        source = cause.source();
    }
    if error.is_connect() {
        "no connection could be made"
    } else {
        "the answer broke off"
    }
}

/// What a proxy is to blame for. The client has no names for it that others could match.
fn why_proxy(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let said = error.to_string();
    Some(match said.strip_prefix("tunnel error: ")? {
        "failed to create underlying connection" => "the proxy cannot be reached",
        "proxy authorization required" => "the proxy wants a user and a password",
        "unsuccessful" => "the proxy refuses the way to it",
        _ => "the proxy broke off",
    })
}

fn why_io(error: &io::Error, connecting: bool) -> &'static str {
    let inner = error.get_ref();
    // The client wraps what TLS says once more.
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<io::Error>()) {
        return why_io(inner, connecting);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::InvalidData => {
            let about_certificate =
                |inner: &_| ToString::to_string(inner).starts_with("invalid peer certificate");
            if inner.is_some_and(about_certificate) {
                "its TLS certificate was not accepted"
            } else {
                "no TLS could be agreed on"
            }
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            "the connection was closed early"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no route to it"
        }
        _ if connecting => "its name cannot be resolved",
        _ => "the connection broke",
    }
}

fn unreachable_because(endpoint: Endpoint, why: &'static str) -> Error {
    Kind::ProviderUnreachable { endpoint, why }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn clients_show_no_password_of_a_proxy() {
        let proxy = Proxy::At {
            url: Secret::new("http://ca11ary:ca11ary@proxy.example:3128/"),
            host: "proxy.example:3128".to_owned(),
        };
        let network = Network {
            ca_file: None,
            proxy: Some(proxy),
        };
        let mut clients = Clients::after(None).unwrap();
        let http = clients.client(&network, None).unwrap();
        let shown = format!("{http:?}{clients:?}");
        assert!(!shown.contains("ca11ary"), "{shown}");
    }
}
