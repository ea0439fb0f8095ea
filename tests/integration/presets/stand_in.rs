//! A provider at its real host names that behaves as that provider does, as far as a login meets it.
//! What each does is said where it is made, from what is known of it and not from the presets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::support::{Internet, TestKey, base64url, now};

pub const CLIENT_ID: &str = "a-client";
pub const CLIENT_SECRET: &str = "a-client-secret";
const TOKEN: &str = "an-access-token";

/// One for all of them: it takes long to make.
static KEY: LazyLock<Arc<TestKey>> = LazyLock::new(|| Arc::new(TestKey::new("RS256")));

/// How a client may show its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    Basic,
    Either,
    Post,
    /// A JWT in the body, signed by the app with the key of `signer`.
    Signed,
}

/// What becomes of PKCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkce {
    Ignored,
    Refused,
    Required,
    Taken,
}

#[derive(Debug)]
pub struct StandIn {
    pub authorization: String,
    pub token: String,
    pub keys: String,
    /// Where the metadata document is, and what it says; an empty address has none.
    pub metadata_at: String,
    pub metadata: Value,
    pub key: Arc<TestKey>,
    /// What its key says besides.
    pub key_says: Value,
    /// The ID token's claims, besides those of every one; null where there is none.
    pub claims: Value,
    /// What an access token is told at an address, with its status.
    pub told: BTreeMap<String, (u16, Value)>,
    /// Members of the token answer besides the usual ones, or instead; null takes one out.
    pub token_says: Value,
    pub secret: Secret,
    /// What signs the client's secrets, and as whom.
    pub signer: Option<(Arc<TestKey>, &'static str)>,
    /// Whether people are sent back by a form.
    pub form_post: bool,
    /// What else stands in that form.
    pub posted_along: Vec<(&'static str, String)>,
    pub pkce: Pkce,
    pub echoes_nonce: bool,
    /// Whether the answer to the browser says `iss` (RFC 9207).
    pub says_issuer: bool,
    /// Whether the ID token has only those claims that the parameter `claims` asks for.
    pub only_asked: bool,
    /// Whether the token answer is JSON only for those who ask for it.
    pub json_if_asked: bool,
    /// The status of a token answer that is an error.
    pub refuses_with: u16,
    /// The values of `prompt` that are no error; empty where it is not looked at.
    pub prompts: &'static [&'static str],
    /// The scopes that are no error; empty where they are not looked at.
    pub scopes: &'static [&'static str],
    pub logins: Mutex<BTreeMap<String, Parameters>>,
}

type Parameters = BTreeMap<String, String>;

impl StandIn {
    /// An OpenID provider that does all that it should, with this issuer.
    pub fn openid(issuer: &str, metadata_at: &str) -> Self {
        let base = issuer.trim_end_matches('/');
        let endpoint = |path: &str| format!("{base}{path}");
        let mut stand_in = Self::oauth2(&endpoint("/authorize"), &endpoint("/token"));
        stand_in.keys = endpoint("/keys");
        metadata_at.clone_into(&mut stand_in.metadata_at);
        stand_in.metadata = json!({
            "issuer": issuer,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        });
        stand_in.claims = json!({ "iss": issuer });
        stand_in
    }

    /// One of OAuth 2 alone.
    pub fn oauth2(authorization: &str, token: &str) -> Self {
        Self {
            authorization: authorization.to_owned(),
            token: token.to_owned(),
            keys: String::new(),
            metadata_at: String::new(),
            metadata: json!({}),
            key: KEY.clone(),
            key_says: json!({}),
            claims: Value::Null,
            told: BTreeMap::new(),
            token_says: json!({}),
            secret: Secret::Either,
            signer: None,
            form_post: false,
            posted_along: Vec::new(),
            pkce: Pkce::Taken,
            echoes_nonce: true,
            says_issuer: false,
            only_asked: false,
            json_if_asked: false,
            refuses_with: 400,
            prompts: &[],
            scopes: &[],
            logins: Mutex::default(),
        }
    }

    /// With its endpoints at these addresses: authorization, token and keys.
    pub fn at(mut self, [authorization, token, keys]: [&str; 3]) -> Self {
        authorization.clone_into(&mut self.authorization);
        token.clone_into(&mut self.token);
        keys.clone_into(&mut self.keys);
        self
    }

    pub fn says(mut self, metadata: Value) -> Self {
        merge(&mut self.metadata, metadata);
        self
    }

    pub fn claims(mut self, claims: Value) -> Self {
        merge(&mut self.claims, claims);
        self
    }

    pub fn tells(self, url: &str, what: Value) -> Self {
        self.answers(url, 200, what)
    }

    pub fn answers(mut self, url: &str, status: u16, what: Value) -> Self {
        self.told.insert(url.to_owned(), (status, what));
        self
    }

    /// Tells this at its userinfo endpoint, which its metadata names.
    pub fn userinfo(self, url: &str, what: Value) -> Self {
        self.says(json!({ "userinfo_endpoint": url }))
            .tells(url, what)
    }

    pub fn token_says(mut self, members: Value) -> Self {
        merge(&mut self.token_says, members);
        self
    }

    pub fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Puts it into the internet, at each host that it has.
    pub fn open(mut self, internet: &Internet) {
        if !self.metadata_at.is_empty() {
            let named = json!({
                "authorization_endpoint": self.authorization,
                "token_endpoint": self.token,
                "jwks_uri": self.keys,
            });
            merge(&mut self.metadata, named);
        }
        let own = [
            &self.authorization,
            &self.token,
            &self.keys,
            &self.metadata_at,
        ];
        let hosts: BTreeSet<_> = own
            .into_iter()
            .chain(self.told.keys())
            .filter(|url| !url.is_empty())
            .map(|url| host(url))
            .collect();
        let this = Arc::new(self);
        for host in hosts {
            let state = (this.clone(), host.clone());
            internet.host(&host, Router::new().fallback(answer).with_state(state));
        }
    }

    fn authorize(&self, asked: Parameters) -> Response {
        let has = |name: &str| asked.get(name).map_or("", String::as_str);
        assert_eq!(
            [has("response_type"), has("client_id")],
            ["code", CLIENT_ID]
        );
        let unknown = |known: &[&str], words: &str| {
            !known.is_empty() && words.split_whitespace().any(|word| !known.contains(&word))
        };
        let lacks_form_post = self.form_post
            && has("response_mode") != "form_post"
            && has("scope").split(' ').any(|scope| scope != "openid");
        let lacks_pkce = self.pkce == Pkce::Required && has("code_challenge_method") != "S256";
        let error = if unknown(self.prompts, has("prompt")) || lacks_form_post || lacks_pkce {
            Some("invalid_request")
        } else if unknown(self.scopes, has("scope")) {
            Some("invalid_scope")
        } else {
            None
        };
        let mut back: Url = asked["redirect_uri"].parse().unwrap();
        let mut logins = self.logins.lock().unwrap();
        let code = format!("code-{}", logins.len());
        let mut pairs = vec![match error {
            Some(error) => ("error", error),
            None => ("code", code.as_str()),
        }];
        pairs.push(("state", &asked["state"]));
        if self.says_issuer {
            pairs.push(("iss", self.metadata["issuer"].as_str().unwrap()));
        }
        let answer = if self.form_post && has("response_mode") == "form_post" {
            pairs.extend(
                self.posted_along
                    .iter()
                    .map(|(name, value)| (*name, &**value)),
            );
            page_that_posts(back.as_str(), &pairs)
        } else {
            back.query_pairs_mut().extend_pairs(pairs);
            Redirect::to(back.as_str()).into_response()
        };
        logins.insert(code, asked);
        answer
    }

    fn redeem(&self, parts: &Parts, form: &Parameters) -> Response {
        let has = |name: &str| form.get(name).map_or("", String::as_str);
        let pair = format!("{CLIENT_ID}:{CLIENT_SECRET}");
        let basic = format!(
            "Basic {}",
            base64_simd::STANDARD.encode_to_string(pair.as_bytes())
        );
        let by_header = parts
            .headers
            .get(AUTHORIZATION)
            .map(|it| it == basic.as_str());
        let by_body = form
            .contains_key("client_secret")
            .then(|| match &self.signer {
                Some((key, signer)) => {
                    has("client_id") == CLIENT_ID
                        && self.is_signed(key, signer, has("client_secret"))
                }
                None => [has("client_id"), has("client_secret")] == [CLIENT_ID, CLIENT_SECRET],
            });
        let may_be = match self.secret {
            Secret::Basic => [by_header, None],
            Secret::Post | Secret::Signed => [by_body, None],
            Secret::Either => [by_header, by_body],
        };
        let is_one = by_header.is_some() != by_body.is_some();
        if !is_one || !may_be.contains(&Some(true)) {
            return self.refuse("invalid_client");
        }
        if self.pkce == Pkce::Refused && form.contains_key("code_verifier") {
            return self.refuse("invalid_client");
        }
        let asked = self.logins.lock().unwrap().remove(has("code"));
        let Some(asked) = asked else {
            return self.refuse("invalid_grant");
        };
        if asked["redirect_uri"] != has("redirect_uri") || has("grant_type") != "authorization_code"
        {
            return self.refuse("invalid_grant");
        }
        let challenge = asked.get("code_challenge");
        let fits = challenge.is_none_or(|challenge| {
            base64url(digest(&SHA256, has("code_verifier").as_bytes())) == *challenge
        });
        if matches!(self.pkce, Pkce::Taken | Pkce::Required) && !fits {
            return self.refuse("invalid_grant");
        }
        let mut answer = json!({
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": 3600,
        });
        if !self.claims.is_null() {
            answer["id_token"] = self.id_token(&asked).into();
        }
        merge(&mut answer, self.token_says.clone());
        let members = answer.as_object_mut().unwrap();
        members.retain(|_, value| !value.is_null());
        let accepts = parts.headers.get(ACCEPT);
        let wants_json = accepts.is_some_and(|it| it.to_str().unwrap().contains("json"));
        if self.json_if_asked && !wants_json {
            return as_form(&answer);
        }
        Json(answer).into_response()
    }

    /// Whether it is a JWT for this provider that this key has signed, good for half a year at most.
    fn is_signed(&self, key: &TestKey, signer: &str, jwt: &str) -> bool {
        let decoded = |text: &str| base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok();
        let object = |text: &str| serde_json::from_slice::<Value>(&decoded(text)?).ok();
        let read = || {
            let (message, signature) = jwt.rsplit_once('.')?;
            let (header, claims) = message.split_once('.')?;
            Some((
                message,
                decoded(signature)?,
                object(header)?,
                object(claims)?,
            ))
        };
        let Some((message, signature, header, claims)) = read() else {
            return false;
        };
        let [_, point] = key.public_der();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let until = claims["exp"].as_i64().unwrap_or_default();
        header["alg"] == "ES256"
            && header["kid"] == key.id
            && claims["iss"] == signer
            && claims["sub"] == CLIENT_ID
            && claims["aud"] == self.metadata["issuer"]
            && claims["iat"].as_i64().is_some_and(|at| at <= now())
            && (now()..now() + 15_777_000).contains(&until)
            && public.verify(message.as_bytes(), &signature).is_ok()
    }

    fn id_token(&self, asked: &Parameters) -> String {
        let mut claims = json!({
            "aud": CLIENT_ID,
            "iat": now(),
            "exp": now() + 3600,
        });
        if self.echoes_nonce
            && let Some(nonce) = asked.get("nonce")
        {
            claims["nonce"] = nonce.as_str().into();
        }
        let mut own = self.claims.clone();
        if self.only_asked {
            let wanted = asked.get("claims").map_or("{}", String::as_str);
            let wanted: Value = serde_json::from_str(wanted).unwrap();
            let claims = own.as_object_mut().unwrap();
            claims.retain(|name, _| {
                ["iss", "sub"].contains(&name.as_str()) || wanted["id_token"].get(name).is_some()
            });
        }
        merge(&mut claims, own);
        self.key.sign(&self.key.header(), &claims)
    }

    fn refuse(&self, error: &str) -> Response {
        let body = json!({ "ok": false, "error": error });
        let status = StatusCode::from_u16(self.refuses_with).unwrap();
        (status, Json(body)).into_response()
    }
}

/// As GitHub answers those who do not ask for JSON.
pub fn as_form(answer: &Value) -> Response {
    let members = answer.as_object().unwrap().iter();
    let pairs = members.map(|(name, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), value)
    });
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let body = form.extend_pairs(pairs).finish();
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    ([(CONTENT_TYPE, kind)], body).into_response()
}

/// What the browser posts to this address by itself.
fn page_that_posts(to: &str, pairs: &[(&str, &str)]) -> Response {
    let field = |(name, value): &(&str, &str)| {
        let value = value.replace('&', "&amp;").replace('"', "&quot;");
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
    };
    let fields: String = pairs.iter().map(field).collect();
    let form = format!("<form method=\"post\" action=\"{to}\">{fields}</form>");
    axum::response::Html(format!(
        "<body onload=\"document.forms[0].submit()\">{form}"
    ))
    .into_response()
}

async fn answer(
    State((this, host)): State<(Arc<StandIn>, String)>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let url = format!("https://{host}{}", parts.uri.path());
    if url == this.metadata_at {
        return Json(this.metadata.clone()).into_response();
    }
    if url == this.keys {
        let mut key = this.key.jwk();
        merge(&mut key, this.key_says.clone());
        return Json(json!({ "keys": [key] })).into_response();
    }
    if url == this.authorization {
        return this.authorize(parameters(parts.uri.query().unwrap_or_default().as_bytes()));
    }
    if url == this.token {
        return this.redeem(&parts, &parameters(&body));
    }
    let url = format!("https://{host}{}", parts.uri);
    let Some((status, told)) = this.told.get(&url) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let bearer = format!("Bearer {TOKEN}");
    let is_ours = parts
        .headers
        .get(AUTHORIZATION)
        .is_some_and(|it| it == bearer.as_str());
    if !is_ours {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let status = StatusCode::from_u16(*status).unwrap();
    match told {
        Value::String(text) => (status, text.clone()).into_response(),
        told => (status, Json(told.clone())).into_response(),
    }
}

/// Each parameter stands once (RFC 6749 §3.1).
fn parameters(text: &[u8]) -> Parameters {
    let mut parameters = Parameters::new();
    for (name, value) in url::form_urlencoded::parse(text) {
        let before = parameters.insert(name.to_string(), value.to_string());
        assert_eq!(before, None, "{name} stands twice");
    }
    parameters
}

fn host(url: &str) -> String {
    let url: Url = url.parse().unwrap();
    url.host_str().unwrap().to_owned()
}

#[track_caller]
fn merge(into: &mut Value, over: Value) {
    let Value::Object(over) = over else {
        panic!("no object: {over}");
    };
    into.as_object_mut().unwrap().extend(over);
}
