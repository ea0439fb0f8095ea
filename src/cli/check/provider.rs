//! Everything that is asked of one provider.

use std::sync::Arc;

use super::cookie::{self, Claims, Size};
use super::finding::{Finding, Point, Verdict};
use super::points;
use super::registration::{self, Registration};
use super::words::clean;
use crate::cli::terminal::Progress;
use crate::config::{OpenId, Protocol, ProviderConfig, Site};
use crate::cookies::{Keyring, Names};
use crate::provider::survey::{self, Document};
use crate::provider::{Endpoints, Http};

/// A provider, and what was found.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    /// None of OAuth 2, which has no metadata.
    pub(super) metadata_url: Option<String>,
    /// Where its logins come back to.
    pub(super) redirect_uri: String,
    pub(super) findings: Vec<Finding>,
    pub(super) cookie: Option<Size>,
}

impl Asked {
    pub(super) fn new(provider: &ProviderConfig, site: &Site) -> Self {
        let own = provider.redirect_uri.as_deref();
        Self {
            name: provider.name.clone(),
            metadata_url: provider
                .openid()
                .map(|openid| openid.metadata_url.to_string()),
            redirect_uri: own.unwrap_or(site.redirect_uri()).to_owned(),
            findings: points::preset(provider).into_iter().collect(),
            cookie: None,
        }
    }

    /// Asks what a login would, in its order, until something keeps the next step from being asked.
    pub(super) async fn ask(
        &mut self,
        http: &Http,
        provider: &ProviderConfig,
        progress: &Progress<'_>,
    ) {
        let metadata = match &provider.protocol {
            Protocol::OpenId(openid) => self.ask_metadata(http, provider, openid, progress).await,
            Protocol::OAuth2(oauth2) => {
                let text = "OAuth 2 without OpenID Connect, which has none";
                self.found(Finding::note(Point::Metadata, text));
                Some(survey::endpoints(oauth2))
            }
            // The command has no code of the app's.
            Protocol::Own(_) => None,
        };
        if let Some(endpoints) = metadata {
            progress.say("registration");
            self.ask_registration(http, provider, &endpoints).await;
        }
    }

    /// Asks the metadata and the keys.
    async fn ask_metadata(
        &mut self,
        http: &Http,
        provider: &ProviderConfig,
        openid: &OpenId,
        progress: &Progress<'_>,
    ) -> Option<Arc<Endpoints>> {
        progress.say("metadata");
        let document = match Document::fetch(http, openid, provider.timeout).await {
            Ok(document) => document,
            Err(error) => {
                let cure = "see that server_metadata_url opens from this machine";
                self.found(Finding::of(Point::Metadata, &error).cure(cure));
                return None;
            }
        };
        let metadata = document.read(openid);
        let (common, named) = document.algorithms(openid);
        self.found(points::readable(
            metadata.as_ref().err(),
            openid,
            !common.is_empty(),
        ));
        self.found(points::issuer(document.issuer(openid)));
        self.found(points::clock(
            document.clock,
            &document.wait,
            provider.leeway,
        ));
        self.found(points::pkce(&document));
        self.found(points::answer_issuer(&document, provider));
        self.found(points::logout(&document));
        if let Ok(metadata) = &metadata {
            self.found(points::authentication(&document, provider, metadata));
        }
        self.found(points::algorithms(&common, &named));
        let metadata = metadata.ok()?;
        progress.say("keys");
        self.found(points::keys(http, provider, &metadata).await);
        Some(metadata.endpoints)
    }

    async fn ask_registration(
        &mut self,
        http: &Http,
        provider: &ProviderConfig,
        endpoints: &Endpoints,
    ) {
        let asked = registration::ask(http, provider, &self.redirect_uri, endpoints).await;
        // It has nothing to do with what else works: a browser may fare better.
        let asked = asked.unwrap_or_else(|error| Registration::Unknown(error.to_string()));
        let point = Point::Registration;
        let finding = match asked {
            Registration::Registered { error, issuer } => {
                self.compare_answer(issuer.as_deref(), endpoints);
                let answer = if error.is_empty() { "a code" } else { &error };
                Finding::ok(
                    point,
                    format!("registered: {answer} came back to redirect_uri"),
                )
            }
            Registration::Refused(words) => {
                let cure = "compare client_id and the redirect URI below with the console";
                Finding::failure(point, format!("refused: {words}")).cure(cure)
            }
            Registration::Unknown(why) => {
                Finding::new(point, Verdict::Unknown, format!("cannot tell: {why}"))
                    .cure("try one login in a browser")
            }
        };
        self.found(finding);
    }

    /// The answer names the issuer as the metadata promises, or every login fails.
    fn compare_answer(&mut self, issuer: Option<&str>, endpoints: &Endpoints) {
        let text = match issuer {
            None if endpoints.answers_with_issuer => {
                "promised, but its answer has no iss".to_owned()
            }
            Some(named) if named != endpoints.issuer => {
                format!("its answer names another issuer, {}", clean(named))
            }
            _ => return,
        };
        let failure = Finding::failure(Point::AnswerIssuer, text)
            .cure("tell the provider: every login is refused (RFC 9207)");
        if let Some(finding) = self
            .findings
            .iter_mut()
            .find(|it| it.point == Point::AnswerIssuer)
        {
            *finding = failure;
        }
    }

    pub(super) fn size_cookie(
        &mut self,
        provider: &ProviderConfig,
        claims: &Claims,
        names: &Names,
        keyring: &Keyring,
    ) {
        let (finding, size) = cookie::size_cookie(provider, claims, names, keyring);
        self.found(finding);
        self.cookie = size;
    }

    fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}
