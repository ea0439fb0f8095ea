//! What the provider has handed out: codes, access tokens and refresh tokens, and to whom.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use super::{keys::random_text, request::Request};

/// What one authorization gave the app.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) claims: Arc<Map<String, Value>>,
    pub(super) scopes: Vec<String>,
    pub(super) auth_time: i64,
    pub(super) nonce: Option<String>,
}

/// What has to fit before a code is redeemed.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) grant: Grant,
    pub(super) redirect_uri: String,
    pub(super) code_challenge: String,
    pub(super) issued_at: i64,
}

/// The tokens of one answer.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
}

/// Everything that is valid, or was.
#[derive(Default)]
pub(super) struct Grants {
    codes: HashMap<String, Code>,
    spent_codes: HashMap<String, i64>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    pushed: HashMap<String, Pushed>,
}

struct Pushed {
    request: Request,
    at: i64,
}

struct Access {
    grant: Grant,
    code: String,
    expires_at: i64,
}

struct Refresh {
    grant: Grant,
    code: String,
}

impl Grants {
    pub(super) fn issue_code(&mut self, code: Code) -> String {
        let now = code.issued_at;
        self.codes.retain(|_, code| now - code.issued_at < KEPT_FOR);
        self.spent_codes
            .retain(|_, spent_at| now - *spent_at < KEPT_FOR);
        self.access
            .retain(|_, access| now - access.expires_at < KEPT_FOR);
        let text = random_text(32);
        self.codes.insert(text.clone(), code);
        text
    }

    /// Keeps a pushed request, and gives its `request_uri`.
    pub(super) fn keep_pushed(&mut self, request: Request, now: i64) -> String {
        self.pushed.retain(|_, it| now - it.at < KEPT_FOR);
        let uri = format!("{PUSHED}{}", random_text(32));
        let at = now;
        self.pushed.insert(uri.clone(), Pushed { request, at });
        uri
    }

    /// The request of this `request_uri`, unless it is used or too old.
    pub(super) fn pushed(&self, uri: &str, now: i64) -> Option<Request> {
        let pushed = self.pushed.get(uri)?;
        (now - pushed.at < PUSHED_LIFETIME).then(|| pushed.request.clone())
    }

    /// RFC 9126 §4: a `request_uri` is for one login.
    pub(super) fn spend_pushed(&mut self, uri: &str) {
        self.pushed.remove(uri);
    }

    /// Takes the code out, whether or not the rest of the request turns out to be right.
    pub(super) fn take_code(&mut self, code: &str, now: i64) -> Option<Code> {
        if self.spent_codes.contains_key(code) {
            // RFC 6749 §4.1.2: a code used twice has leaked, and so may have its tokens.
            self.access.retain(|_, access| access.code != code);
            self.refresh.retain(|_, refresh| refresh.code != code);
        }
        let taken = self.codes.remove(code)?;
        self.spent_codes.insert(code.to_owned(), now);
        (now - taken.issued_at < CODE_LIFETIME).then_some(taken)
    }

    /// Hands out tokens for what was redeemed with this code.
    pub(super) fn issue_tokens(&mut self, grant: &Grant, code: &str, now: i64) -> Tokens {
        let access = self.issue_access(grant, code, now);
        let lasts = grant.scopes.iter().any(|scope| scope == "offline_access");
        let refresh = lasts.then(|| self.issue_refresh(grant.clone(), code.to_owned()));
        Tokens { access, refresh }
    }

    pub(super) fn access(&self, token: &str, now: i64) -> Option<&Grant> {
        let access = self.access.get(token)?;
        (now < access.expires_at).then_some(&access.grant)
    }

    pub(super) fn refresh(&self, token: &str) -> Option<&Grant> {
        Some(&self.refresh.get(token)?.grant)
    }

    /// Replaces a refresh token; the access token may show less than was granted.
    pub(super) fn rotate(&mut self, token: &str, narrowed: &Grant, now: i64) -> Option<Tokens> {
        let Refresh { grant, code } = self.refresh.remove(token)?;
        let access = self.issue_access(narrowed, &code, now);
        let refresh = Some(self.issue_refresh(grant, code));
        Some(Tokens { access, refresh })
    }

    /// Forgets a token, and with a refresh token all that came of the same login (RFC 7009 §2.1).
    pub(super) fn revoke(&mut self, token: &str) {
        self.access.remove(token);
        if let Some(Refresh { code, .. }) = self.refresh.remove(token) {
            self.access.retain(|_, access| access.code != code);
            self.refresh.retain(|_, refresh| refresh.code != code);
        }
    }

    fn issue_access(&mut self, grant: &Grant, code: &str, now: i64) -> String {
        let token = random_text(32);
        let access = Access {
            grant: grant.clone(),
            code: code.to_owned(),
            expires_at: now + ACCESS_TOKEN_LIFETIME,
        };
        self.access.insert(token.clone(), access);
        token
    }

    fn issue_refresh(&mut self, grant: Grant, code: String) -> String {
        let token = random_text(32);
        self.refresh.insert(token.clone(), Refresh { grant, code });
        token
    }
}

/// What the `request_uri` of a pushed request begins with (RFC 9126 §2.2).
pub(super) const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";
pub(super) const PUSHED_LIFETIME: i64 = 60;
pub(super) const ACCESS_TOKEN_LIFETIME: i64 = 3600;
const CODE_LIFETIME: i64 = 60;
const KEPT_FOR: i64 = 24 * 3600;
