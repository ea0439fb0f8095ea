//! OAuth 2 without OpenID Connect: who it is says the userinfo endpoint, to an access token that our
//! own code exchange brought a moment ago, and to no other.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use super::endpoints::Endpoints;
use super::http::Answer;
use super::json;
#[cfg(feature = "password")]
use super::password::Credentials;
use super::token::Tokens;
use super::{Party, Redemption, Refresh, Verified, userinfo};
use crate::config::OAuth2;
use crate::error::{Endpoint, Error, Kind};
use crate::pointer::Pointer;
use crate::presets::Emails;
use crate::secret::Secret;

/// The longest name that a provider may have for a person (as OpenID Connect Core §2 has it).
const MAX_SUBJECT: usize = 255;

/// A provider that speaks OAuth 2 alone.
#[derive(Debug)]
pub(super) struct OAuth2Provider {
    oauth2: OAuth2,
    endpoints: Arc<Endpoints>,
}

impl OAuth2Provider {
    pub(super) fn new(oauth2: &OAuth2) -> Self {
        let endpoints = Endpoints {
            issuer: oauth2.issuer(),
            authorization_endpoint: oauth2.authorization_endpoint.clone(),
            token_endpoint: oauth2.token_endpoint.clone(),
            pushed_requests: None,
            // RFC 6749 §2.3.1: every server that gives out passwords takes this.
            authentication: vec!["client_secret_basic".to_owned()],
            assertion_algorithms: None,
            answers_with_issuer: false,
            revocation: None,
            offers_offline_access: false,
            end_session: None,
            prompts: None,
        };
        Self {
            oauth2: oauth2.clone(),
            endpoints: Arc::new(endpoints),
        }
    }

    pub(super) fn endpoints(&self) -> Arc<Endpoints> {
        self.endpoints.clone()
    }

    pub(super) async fn exchange(
        &self,
        party: Party<'_>,
        redemption: &Redemption,
    ) -> Result<Verified, Error> {
        let tokens = party.redeem(&self.endpoints, redemption).await?;
        self.verified(party, &tokens).await
    }

    #[cfg(feature = "password")]
    pub(super) async fn log_in_with(
        &self,
        party: Party<'_>,
        credentials: &Credentials,
        now: i64,
    ) -> Result<Verified, Error> {
        let endpoints = &self.endpoints;
        let tokens = party.redeem_password(endpoints, credentials, now).await?;
        self.verified(party, &tokens).await
    }

    /// New tokens; who it is does not change with them.
    pub(super) async fn refresh(
        &self,
        party: Party<'_>,
        refresh: &Refresh,
    ) -> Result<Tokens, Error> {
        party.refresh(&self.endpoints, refresh).await
    }

    /// Who it is, by these tokens.
    async fn verified(&self, party: Party<'_>, tokens: &Tokens) -> Result<Verified, Error> {
        let token = &tokens.access_token;
        let mut claims = self.claims(party, token).await?;
        let subject = subject(&claims, &self.oauth2.subject)?;
        if let Some(list) = &self.oauth2.emails {
            // Only the list knows which of their addresses were seen to be theirs.
            claims.remove("email_verified");
            let answer = party
                .http
                .get(
                    Endpoint::Userinfo,
                    &list.endpoint,
                    Some(token),
                    party.config.timeout,
                )
                .await?;
            add_email(&mut claims, &answer, &list.emails, party)?;
        }
        self.add_picture(&mut claims);
        // There is no ID token that could say these: an app would take them for what one said.
        claims.retain(|name, _| name == "sub" || !userinfo::NEVER.contains(&name.as_str()));
        Ok(Verified {
            issuer: self.oauth2.issuer(),
            subject,
            auth_time: None,
            session_id: None,
            claims,
            tokens: Some(tokens.clone()),
        })
    }

    async fn claims(&self, party: Party<'_>, token: &Secret) -> Result<Map<String, Value>, Error> {
        let (endpoint, url) = (Endpoint::Userinfo, &self.oauth2.userinfo_endpoint);
        let timeout = party.config.timeout;
        let answer = party.http.get(endpoint, url, Some(token), timeout).await?;
        if answer.status != StatusCode::OK {
            return Err(refused(answer.status));
        }
        json::object(&answer.body).map_err(invalid)
    }

    fn add_picture(&self, claims: &mut Map<String, Value>) {
        let Some(template) = self.oauth2.picture else {
            return;
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let value = |name: &str| {
            let text = claims.get(name)?.as_str()?;
            (!text.is_empty() && text.chars().all(is_plain)).then_some(text)
        };
        if let Some(picture) = template.filled(value) {
            claims.insert("picture".to_owned(), picture.into());
        }
    }
}

/// The stable name of a person: text, or a whole number, whose digits are kept as they are.
fn subject(claims: &Map<String, Value>, pointers: &[Pointer]) -> Result<String, Error> {
    let subject = match pointers.iter().find_map(|pointer| pointer.find(claims)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        Some(_) => return Err(invalid("its subject is neither text nor a whole number")),
        None => return Err(invalid("it lacks the subject")),
    };
    let is_plain = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !(1..=MAX_SUBJECT).contains(&subject.len()) || !is_plain {
        return Err(invalid(
            "its subject is not 1 to 255 printable ASCII characters",
        ));
    }
    Ok(subject)
}

/// Adds the primary e-mail, and whether the provider has seen that it is theirs. Where it may not be
/// asked, because the scope was not granted, there is no more to say than before.
fn add_email(
    claims: &mut Map<String, Value>,
    answer: &Answer,
    emails: &Emails,
    party: Party<'_>,
) -> Result<(), Error> {
    // Where there is a list, it alone vouches.
    claims.remove("email_verified");
    match answer.status {
        StatusCode::OK => {}
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            let provider = party.config.name.escape_debug().to_string();
            tracing::warn!(
                provider,
                "the e-mails of a person were not to be had: the scope for them was not granted"
            );
            return Ok(());
        }
        status => return Err(refused(status)),
    }
    let answer = json::value(&answer.body).map_err(invalid)?;
    let Some(list) = answer.pointer(emails.list).and_then(Value::as_array) else {
        return Err(invalid("its e-mails are not a list"));
    };
    let is = |entry: &Value, name: &str| entry.get(name) == Some(&Value::Bool(true));
    let primary = list.iter().find(|entry| is(entry, emails.primary));
    let email = primary.and_then(|entry| Some((entry, entry.get(emails.email)?.as_str()?)));
    if let Some((entry, email)) = email {
        claims.insert("email".to_owned(), email.into());
        claims.insert(
            "email_verified".to_owned(),
            is(entry, emails.verified).into(),
        );
    }
    Ok(())
}

fn refused(status: StatusCode) -> Error {
    Kind::ProviderStatus {
        endpoint: Endpoint::Userinfo,
        status: status.as_u16(),
    }
    .into()
}

fn invalid(what: &str) -> Error {
    Kind::UserinfoInvalid {
        what: what.to_owned(),
    }
    .into()
}
