//! The way to a provider: whom its certificate may come from, and the proxy to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Uri;
use memchr::memmem;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{PemObject, SectionKind};
use url::Url;

use super::diagnostic::{Mistake, Report};
use super::elsewhere::is_path;
use super::environment::Environment;
use super::location::Location;
use super::secret_file;
use super::seen::Seen;
use super::tree::Table;
use crate::secret::Secret;

/// The way to a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// Trusted besides the CAs of the system.
    pub(crate) ca_file: Option<Arc<CaFile>>,
    /// `None` is the proxy of the environment, if it names one.
    pub(crate) proxy: Option<Proxy>,
}

/// A company's own CA.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CaFile {
    pub(crate) path: String,
    /// At least one.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

/// What the settings say of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// This one, whatever the environment says.
    At {
        /// May hold a password.
        url: Secret,
        /// Its host and port, which everybody may see.
        host: String,
    },
    /// None, whatever the environment says.
    Unused,
}

impl Network {
    /// What `table` says of it, where that says anything, over what is said here.
    pub(super) fn overridden_by(
        &self,
        table: &Table,
        files: &mut CaFiles<'_>,
        report: &mut Report,
    ) -> Self {
        let own = Self {
            ca_file: files.named_in(table, "ca_file", report),
            proxy: proxy(table, report),
        };
        own.or(self)
    }

    /// This, where it says anything, over another.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            ca_file: self.ca_file.or_else(|| other.ca_file.clone()),
            proxy: self.proxy.or_else(|| other.proxy.clone()),
        }
    }
}

/// The CA files that were read, each of them once.
#[derive(Debug)]
pub(super) struct CaFiles<'a> {
    environment: &'a Environment,
    seen: &'a mut Seen,
    read: BTreeMap<String, Result<Arc<CaFile>, Box<Mistake>>>,
}

impl<'a> CaFiles<'a> {
    /// `seen` becomes those as well that are read.
    pub(super) fn new(environment: &'a Environment, seen: &'a mut Seen) -> Self {
        Self {
            environment,
            seen,
            read: BTreeMap::new(),
        }
    }

    /// The file whose path stands under `key`.
    pub(super) fn named_in(
        &mut self,
        table: &Table,
        key: &str,
        report: &mut Report,
    ) -> Option<Arc<CaFile>> {
        let path = table.text(key, report)?;
        let read = self.read.entry(path.to_owned());
        let file = || CaFile::read(&self.environment.locate(path), self.seen);
        match read.or_insert_with(file) {
            Ok(file) => Some(file.clone()),
            Err(mistake) => {
                report.error(table.mistake(key).quoting(*mistake.clone()));
                None
            }
        }
    }
}

impl CaFile {
    fn read(location: &Location, seen: &mut Seen) -> Result<Arc<Self>, Box<Mistake>> {
        let wrong = |what: &str, cure: &str| Err(Box::new(Mistake::new(what).cure(cure)));
        let path = location.to_string();
        if path.contains("-----BEGIN") {
            return wrong(
                "it is what stands in such a file",
                "write it into a file, and the path of that file here",
            );
        }
        seen.look(location.path());
        let bytes = match secret_file::read_bytes(location) {
            Ok((bytes, _)) => bytes,
            Err(mistake) if is_path(location) => return wrong(&mistake.to_string(), CURE),
            Err(_) => return wrong("the file that it names cannot be read", CURE),
        };
        match certificates(&bytes) {
            Ok(certificates) => Ok(Arc::new(Self { path, certificates })),
            Err((what, cure)) => wrong(&format!("{path} {what}"), cure),
        }
    }
}

const CURE: &str = "write the path of a PEM file with the CA's certificates, which the user that runs \
                    the app may read";

/// What is wrong with a file or a URL, and the cure.
type Objection = (&'static str, &'static str);

/// The certificates of a PEM file, as they are trusted.
fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Objection> {
    // Nobody but the CA has the key, and every app on the machine may read this file.
    if memmem::find(bytes, b"PRIVATE KEY-----").is_some() {
        let cure = "leave the certificates alone in it; a key that others could read is no secret";
        return Err(("holds a private key", cure));
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut trusted = RootCertStore::empty();
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let certificate = match section {
            Ok((SectionKind::Certificate, der)) => CertificateDer::from(der),
            Ok(_) => continue,
            Err(_) => return Err(DAMAGED),
        };
        trusted.add(certificate.clone()).map_err(|_| DAMAGED)?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        let cure = "give the CA's certificate as PEM, which begins with -----BEGIN CERTIFICATE-----: \
                    `openssl x509 -inform der -in ca.cer -out ca.pem` makes it of another";
        return Err(("holds no certificate as PEM", cure));
    }
    Ok(certificates)
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const DAMAGED: Objection = (
    "holds a certificate that is damaged",
    "copy the file once more",
);

/// The proxy under `proxy`; empty is none at all.
pub(super) fn proxy(table: &Table, report: &mut Report) -> Option<Proxy> {
    let key = "proxy";
    let refuse = |found: &str, cure: &str| table.mistake(key).found(found).cure(cure);
    if table.boolean(key, &mut Report::default()).is_some() {
        let cure = "write proxy = \"\" for none, or \"http://…\" for one";
        report.error(refuse("expected a string, found a boolean", cure));
        return None;
    }
    match table.text(key, report)? {
        "" => Some(Proxy::Unused),
        written => match Proxy::at(written) {
            Ok(proxy) => Some(proxy),
            Err((found, cure)) => {
                report.error(refuse(found, cure));
                None
            }
        },
    }
}

impl Proxy {
    fn at(written: &str) -> Result<Self, Objection> {
        let example = "write \"http://proxy.example:3128\", with your own host and port";
        if written.contains(char::is_whitespace) {
            return Err(("it has white space", "take it out"));
        }
        if written.contains(['{', '}', '<', '>']) {
            let cure = "replace what stands in { } or < > with your own; in a password write %7B, \
                        %7D, %3C, %3E for them";
            return Err(("a part of it is not filled in", cure));
        }
        let url = Url::parse(written).map_err(|_| ("it is not a URL", example))?;
        match url.scheme() {
            "http" | "https" => {}
            "socks4" | "socks4a" | "socks5" | "socks5h" => {
                let cure = "give the address of an HTTP proxy, which has CONNECT";
                return Err(("keycard does not speak SOCKS", cure));
            }
            _ => return Err(("it is neither http nor https", example)),
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            let cure = "leave out what stands behind the port; in a password write %2F for /, %3F \
                        for ? and %23 for #";
            return Err(("it has more than user, host and port", cure));
        }
        // What is no URL to the client would be no proxy to it, without a word.
        let is_known = url.as_str().parse::<Uri>().is_ok();
        let (true, Some(host), Some(port)) =
            (is_known, url.host_str(), url.port_or_known_default())
        else {
            return Err(("it is not a URL", example));
        };
        Ok(Self::At {
            host: format!("{host}:{port}"),
            url: Secret::new(url.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_told_by_its_host_and_what_is_none_is_refused() {
        for (written, host) in [
            ("http://proxy.example:3128", "proxy.example:3128"),
            ("http://proxy.example:3128/", "proxy.example:3128"),
            ("HTTP://PROXY.example", "proxy.example:80"),
            ("https://proxy.example", "proxy.example:443"),
            ("http://[::1]:3128", "[::1]:3128"),
            ("http://me:p%40ss%2Fword@10.0.0.1:3128", "10.0.0.1:3128"),
            ("http://me:p|ss`^word@10.0.0.1:3128", "10.0.0.1:3128"),
            ("http://me@proxy.example:3128", "proxy.example:3128"),
        ] {
            let proxy = Proxy::at(written);
            let Ok(Proxy::At { host: shown, .. }) = &proxy else {
                panic!("{written}: {proxy:?}");
            };
            assert_eq!(shown, host);
            let debug = format!("{proxy:?}");
            assert!(!debug.contains("me") && !debug.contains("word"), "{debug}");
        }
        for (written, found) in [
            ("proxy.example:3128", "it is neither http nor https"),
            ("proxy.example", "it is not a URL"),
            ("10.0.0.1:3128", "it is not a URL"),
            ("http://", "it is not a URL"),
            ("http://proxy.example:99999", "it is not a URL"),
            ("ftp://proxy.example", "it is neither http nor https"),
            (
                "socks5://proxy.example:1080",
                "keycard does not speak SOCKS",
            ),
            ("socks5h://proxy.example", "keycard does not speak SOCKS"),
            (
                "http://proxy.example/path",
                "it has more than user, host and port",
            ),
            ("http://me:pass/word@proxy.example", "it is not a URL"),
            (
                "http://me:#word@proxy.example",
                "it has more than user, host and port",
            ),
            (
                "http://proxy.example?a=b",
                "it has more than user, host and port",
            ),
            ("http://<host>:3128", "a part of it is not filled in"),
            ("http://proxy.example:3128 ", "it has white space"),
        ] {
            let refused = Proxy::at(written).map_err(|(found, _)| found);
            assert_eq!(refused, Err(found), "{written}");
        }
    }
}
