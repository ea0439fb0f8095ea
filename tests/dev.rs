//! The development provider through its public surface, over real HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers belong to the tests"
)]

use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use keycard::Auth;
use keycard::dev::{
    AuthorizeError, Endpoint, Fault, Person, Provider, Request, SigningAlg, StartError,
};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Map, Value, json};
use url::Url;

const CALLBACK: &str = "http://localhost:8501/oauth2callback";
// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn builder() -> keycard::dev::Builder {
    Provider::builder("google")
        .signing_alg(SigningAlg::Es256)
        .person(
            Person::new("alice")
                .name("Alice Adams")
                .email("alice@example.com")
                .claim("groups", json!(["staff"])),
        )
        .person(Person::new("bob").unverified_email("bob@example.com"))
}

async fn provider() -> Provider {
    builder().start().await.unwrap()
}

fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

fn request_parameters(provider: &Provider) -> Vec<(&'static str, String)> {
    vec![
        ("client_id", provider.client_id().to_owned()),
        ("redirect_uri", CALLBACK.into()),
        ("response_type", "code".into()),
        ("scope", "openid profile email".into()),
        ("state", "s t&te".into()),
        ("nonce", "the-nonce".into()),
        ("code_challenge", CHALLENGE.into()),
        ("code_challenge_method", "S256".into()),
    ]
}

/// The authorization URL with some parameters changed; an empty value removes one.
fn authorization_url(provider: &Provider, changes: &[(&'static str, &str)]) -> String {
    let mut parameters = request_parameters(provider);
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        if !value.is_empty() {
            parameters.push((name, (*value).to_owned()));
        }
    }
    let base = format!("{}/authorize", provider.issuer());
    Url::parse_with_params(&base, parameters).unwrap().into()
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    let mut pairs = url.query_pairs();
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

#[track_caller]
fn code(callback: &str) -> String {
    parameter(callback, "code").expect("the callback holds a code")
}

#[track_caller]
fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let location = &response.headers()[header::LOCATION];
    location.to_str().unwrap().to_owned()
}

/// The one time is the other, or as much later as one request of our client may take: the second
/// may change between the two.
#[track_caller]
fn assert_follows(later: &Value, earlier: &Value) {
    let (later, earlier) = (later.as_i64().unwrap(), earlier.as_i64().unwrap());
    assert!((0..=5).contains(&(later - earlier)), "{earlier}, {later}");
}

async fn post_token(provider: &Provider, form: &[(&str, &str)]) -> Response {
    let url = format!("{}/token", provider.issuer());
    client().post(url).form(form).send().await.unwrap()
}

async fn redeem(provider: &Provider, code: &str) -> Response {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", provider.client_id()),
        ("client_secret", provider.client_secret()),
    ];
    post_token(provider, &form).await
}

async fn tokens_for(provider: &Provider, subject: &str, scope: &str) -> Value {
    let url = authorization_url(provider, &[("scope", scope)]);
    let callback = provider.authorize(&url, subject).unwrap();
    let response = redeem(provider, &code(&callback)).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn tokens(provider: &Provider) -> Value {
    tokens_for(provider, "alice", "openid profile email").await
}

async fn get(url: &str) -> Result<Response, reqwest::Error> {
    client().get(url).send().await
}

async fn get_json(url: &str) -> Value {
    get(url).await.unwrap().json().await.unwrap()
}

async fn userinfo(provider: &Provider, access_token: &Value) -> Response {
    let url = format!("{}/userinfo", provider.issuer());
    let request = client()
        .get(url)
        .bearer_auth(access_token.as_str().unwrap());
    request.send().await.unwrap()
}

fn part(token: &Value, index: usize) -> Value {
    let part = token.as_str().unwrap().split('.').nth(index).unwrap();
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn claims(answer: &Value) -> Value {
    part(&answer["id_token"], 1)
}

/// Verifies with a library of its own, against the key set as published.
fn verified(provider: &Provider, token: &str, jwks: &Value) -> Option<Value> {
    let header = jsonwebtoken::decode_header(token).unwrap();
    let set: JwkSet = serde_json::from_value(jwks.clone()).unwrap();
    let key = set.find(header.kid.as_deref()?)?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[provider.client_id()]);
    validation.set_issuer(&[provider.issuer()]);
    let key = DecodingKey::from_jwk(key).unwrap();
    let data = jsonwebtoken::decode::<Value>(token, &key, &validation).ok()?;
    Some(data.claims)
}

#[track_caller]
fn assert_error(answer: &Value, error: &str) {
    assert_eq!(answer["error"], error);
    assert!(answer["error_description"].is_string());
}

#[tokio::test]
async fn a_whole_login_works_in_a_browser_with_either_algorithm() {
    for (alg, expected) in [
        (SigningAlg::Es256, Algorithm::ES256),
        (SigningAlg::Rs256, Algorithm::RS256),
    ] {
        let provider = builder().signing_alg(alg).start().await.unwrap();

        let metadata = get_json(&provider.server_metadata_url()).await;
        assert_eq!(metadata["issuer"], provider.issuer());
        let jwks = get_json(metadata["jwks_uri"].as_str().unwrap()).await;
        assert_eq!(jwks, provider.jwks());
        let page = get(&authorization_url(&provider, &[])).await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);

        let endpoint = metadata["authorization_endpoint"].as_str().unwrap();
        let mut form = request_parameters(&provider);
        form.push(("dev_person", "alice".into()));
        let callback = location(&client().post(endpoint).form(&form).send().await.unwrap());
        assert!(callback.starts_with(CALLBACK));
        assert_eq!(parameter(&callback, "state").unwrap(), "s t&te");
        assert_eq!(parameter(&callback, "iss").unwrap(), provider.issuer());

        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code(&callback)),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let request = client()
            .post(metadata["token_endpoint"].as_str().unwrap())
            .basic_auth(provider.client_id(), Some(provider.client_secret()))
            .form(&form);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(answer["expires_in"], 3600);
        assert_eq!(answer["scope"], "openid profile email");
        assert!(answer.get("refresh_token").is_none());

        let token = answer["id_token"].as_str().unwrap();
        assert_eq!(jsonwebtoken::decode_header(token).unwrap().alg, expected);
        let claims = verified(&provider, token, &jwks).expect("the signature is right");
        assert_eq!(claims["sub"], "alice");
        assert_eq!(claims["nonce"], "the-nonce");
        assert_eq!(claims["email_verified"], true);
        assert_eq!(claims["groups"], json!(["staff"]));
        let access_token = answer["access_token"].as_str().unwrap();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access_token.as_bytes());
        let half = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&hash.as_ref()[..16]);
        assert_eq!(claims["at_hash"], half);
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, 3600);
        assert_follows(&claims["iat"], &claims["auth_time"]);

        let known = userinfo(&provider, &answer["access_token"]).await;
        let known: Value = known.json().await.unwrap();
        assert_eq!(known["sub"], "alice");
        assert_eq!(known["name"], "Alice Adams");
    }
}

#[tokio::test]
async fn the_discovery_document_names_everything() {
    let provider = provider().await;

    let metadata = get_json(&provider.server_metadata_url()).await;

    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["subject_types_supported"], json!(["public"]));
    assert_eq!(
        metadata["id_token_signing_alg_values_supported"],
        json!(["ES256"])
    );
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    assert_eq!(
        metadata["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
    assert_eq!(
        metadata["prompt_values_supported"],
        json!(["none", "login", "select_account", "consent"])
    );
    for (name, path) in [
        ("userinfo_endpoint", "/userinfo"),
        ("end_session_endpoint", "/end_session"),
        ("jwks_uri", "/jwks"),
    ] {
        assert_eq!(metadata[name], format!("{}{path}", provider.issuer()));
    }
}

#[tokio::test]
async fn the_page_offers_each_person_and_says_that_nothing_is_real() {
    let provider = Provider::builder("google")
        .signing_alg(SigningAlg::Es256)
        .start()
        .await
        .unwrap();

    let url = authorization_url(
        &provider,
        &[("login_hint", "BEN@example.net"), ("x", "<script>")],
    );
    let page = get(&url).await.unwrap();

    let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(!policy.contains("form-action"));
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
    let page = page.text().await.unwrap();
    for text in [
        "Ada Example",
        "Ben Newcomer",
        "Zoë",
        "Who do you want to be?",
        "Cancel",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("Development provider <b>google</b>: nothing here is real"));
    assert!(
        page.find("Ben Newcomer") < page.find("Ada Example"),
        "the hint comes first"
    );
    assert!(!page.contains("<script"));
    let picture = get(&format!("{}/picture.svg", provider.issuer()))
        .await
        .unwrap();
    assert_eq!(picture.headers()[header::CONTENT_TYPE], "image/svg+xml");
}

#[tokio::test]
async fn its_pages_answer_to_names_of_this_machine_only() {
    let provider = provider().await;
    let port = Url::parse(provider.issuer()).unwrap().port().unwrap();
    for path in ["/authorize", "/end_session"] {
        let url = format!("{}{path}", provider.issuer());
        let usual = get(&url).await.unwrap().status();
        for (host, answered) in [
            (format!("127.0.0.1:{port}"), true),
            (format!("localhost:{port}"), true),
            (format!("app.localhost:{port}"), true),
            (format!("[::1]:{port}"), true),
            ("LocalHost".to_owned(), true),
            (format!("evil.example:{port}"), false),
            (format!("localhost.evil.example:{port}"), false),
            (format!("127.0.0.1.evil.example:{port}"), false),
            (format!("localhost@evil.example:{port}"), false),
            (format!("evil.example@localhost:{port}"), false),
            ("localhost#".to_owned(), false),
            ("192.168.1.5".to_owned(), false),
            ("0.0.0.0".to_owned(), false),
            (String::new(), false),
        ] {
            let request = client().get(&url).header(header::HOST, &host);
            let status = request.send().await.unwrap().status();
            let expected = if answered {
                usual
            } else {
                StatusCode::MISDIRECTED_REQUEST
            };
            assert_eq!(status, expected, "{path} of {host:?}");
        }
    }
    // The usual one and the five that are answered; the refused are not counted.
    assert_eq!(provider.calls(Endpoint::Authorization), 6);
}

#[tokio::test]
async fn somebody_else_can_be_described_on_the_page() {
    let provider = provider().await;
    let endpoint = format!("{}/authorize", provider.issuer());
    let describe = async |further: &str| {
        let mut form = request_parameters(&provider);
        for (name, value) in [
            ("dev_other", "other"),
            ("dev_subject", "carol"),
            ("dev_name", "Carol"),
            ("dev_email", "carol@example.com"),
            ("dev_claims", further),
        ] {
            form.push((name, value.to_owned()));
        }
        client().post(&endpoint).form(&form).send().await.unwrap()
    };

    let mistaken = describe("{\"groups\": [}").await;
    assert_eq!(mistaken.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = mistaken.text().await.unwrap();
    assert!(page.contains("The further claims are not JSON from line 1, column 13 on."));
    assert!(page.contains("value=\"carol\""), "what was typed stays");

    let callback = location(&describe("{\"groups\": [\"guests\"]}").await);
    let answer: Value = redeem(&provider, &code(&callback))
        .await
        .json()
        .await
        .unwrap();
    let claims = claims(&answer);
    assert_eq!(claims["sub"], "carol");
    assert_eq!(claims["email_verified"], false);
    assert_eq!(claims["groups"], json!(["guests"]));
}

#[tokio::test]
async fn a_request_by_post_without_a_decision_shows_the_page() {
    let provider = provider().await;

    let endpoint = format!("{}/authorize", provider.issuer());
    let form = request_parameters(&provider);
    let page = client().post(endpoint).form(&form).send().await.unwrap();

    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("Alice Adams"));
}

#[tokio::test]
async fn cancel_sends_back_with_access_denied() {
    let provider = provider().await;

    let mut form = request_parameters(&provider);
    form.push(("dev_cancel", "cancel".into()));
    let endpoint = format!("{}/authorize", provider.issuer());
    let pressed = location(&client().post(endpoint).form(&form).send().await.unwrap());
    let denied = provider.deny(&authorization_url(&provider, &[])).unwrap();

    assert_eq!(parameter(&denied, "error").unwrap(), "access_denied");
    assert_eq!(parameter(&denied, "state").unwrap(), "s t&te");
    assert_eq!(pressed, denied);
}

#[tokio::test]
async fn a_wrong_client_or_redirect_uri_is_never_redirected() {
    let provider = provider().await;
    for change in [
        ("client_id", "another"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1.evil.example/"),
        ("redirect_uri", "http://localhost@evil.example/"),
        ("redirect_uri", "http://localhost/#fragment"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", ""),
    ] {
        let url = authorization_url(&provider, &[change]);

        let page = get(&url).await.unwrap();

        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{change:?}");
        assert!(page.headers().get(header::LOCATION).is_none());
        let refused = provider.authorize(&url, "alice");
        assert!(matches!(refused, Err(AuthorizeError::Refused { .. })));
    }
    let twice = format!("{}&state=2", authorization_url(&provider, &[]));
    assert_eq!(get(&twice).await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_mistakes_are_sent_back_to_the_app() {
    let provider = provider().await;
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("request", "e30"), "request_not_supported"),
        (
            ("request_uri", "https://example.com"),
            "request_uri_not_supported",
        ),
        (("prompt", "none"), "login_required"),
        (("prompt", "none login"), "invalid_request"),
    ] {
        let url = authorization_url(&provider, &[change]);

        let callback = location(&get(&url).await.unwrap());

        assert_eq!(parameter(&callback, "error").unwrap(), error, "{change:?}");
        assert_eq!(parameter(&callback, "state").unwrap(), "s t&te");
        assert_eq!(provider.authorize(&url, "alice").unwrap(), callback);
    }
}

#[tokio::test]
async fn authorize_says_why_it_could_not() {
    let provider = provider().await;
    let url = authorization_url(&provider, &[]);

    let nobody = provider.authorize(&url, "nobody").unwrap_err();
    let elsewhere = provider
        .authorize("https://accounts.example/authorize", "alice")
        .unwrap_err();
    let nameless = provider.authorize_as(&url, Map::new()).unwrap_err();

    assert_eq!(nobody.to_string(), "nobody here has the subject `nobody`");
    assert_eq!(
        elsewhere.to_string(),
        format!(
            "not a URL of this provider's authorization endpoint, {}/authorize",
            provider.issuer()
        )
    );
    assert_eq!(
        nameless.to_string(),
        "the claims have no `sub` that is a non-empty string"
    );
    assert_eq!(provider.calls(Endpoint::Authorization), 0);
}

#[tokio::test]
async fn authorize_as_takes_any_claims() {
    let provider = provider().await;
    let claims_of_dave = json!({ "sub": "dave", "deep": { "er": [1, null] } });
    let Value::Object(claims_of_dave) = claims_of_dave else {
        unreachable!()
    };

    let url = authorization_url(&provider, &[]);
    let callback = provider.authorize_as(&url, claims_of_dave).unwrap();
    let answer: Value = redeem(&provider, &code(&callback))
        .await
        .json()
        .await
        .unwrap();

    assert_eq!(claims(&answer)["sub"], "dave");
    assert_eq!(claims(&answer)["deep"], json!({ "er": [1, null] }));
    assert_eq!(provider.calls(Endpoint::Authorization), 1);
}

#[tokio::test]
async fn scopes_decide_what_is_shown() {
    let provider = provider().await;

    let bare = claims(&tokens_for(&provider, "alice", "openid").await);
    let email = claims(&tokens_for(&provider, "bob", "openid email").await);

    assert!(bare.get("name").is_none() && bare.get("email").is_none());
    assert_eq!(bare["groups"], json!(["staff"]));
    assert_eq!(email["email_verified"], false);
}

#[tokio::test]
async fn claims_can_be_only_at_userinfo() {
    let provider = builder().claims_only_at_userinfo().start().await.unwrap();

    let answer = tokens(&provider).await;
    let known = userinfo(&provider, &answer["access_token"]).await;

    let claims = claims(&answer);
    assert_eq!(claims["sub"], "alice");
    assert!(claims.get("name").is_none() && claims.get("groups").is_none());
    assert_eq!(
        known.json::<Value>().await.unwrap()["groups"],
        json!(["staff"])
    );
}

#[tokio::test]
async fn a_wrong_code_verifier_or_redirect_uri_is_refused() {
    let provider = provider().await;
    for (name, value) in [
        (
            "code_verifier",
            "another-verifier-of-at-least-43-characters-",
        ),
        ("code_verifier", ""),
        ("redirect_uri", "http://localhost:8501/elsewhere"),
    ] {
        let callback = provider
            .authorize(&authorization_url(&provider, &[]), "alice")
            .unwrap();
        let code = code(&callback);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", provider.client_id()),
            ("client_secret", provider.client_secret()),
        ];
        form.retain(|(known, _)| *known != name);
        form.push((name, value));

        let response = post_token(&provider, &form).await;

        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_error(&response.json().await.unwrap(), "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_works_once_and_its_reuse_takes_the_tokens_back() {
    let provider = provider().await;
    let callback = provider
        .authorize(&authorization_url(&provider, &[]), "alice")
        .unwrap();
    let first: Value = redeem(&provider, &code(&callback))
        .await
        .json()
        .await
        .unwrap();

    let second = redeem(&provider, &code(&callback)).await;

    assert_eq!(second.status(), StatusCode::BAD_REQUEST);
    assert_error(&second.json().await.unwrap(), "invalid_grant");
    let known = userinfo(&provider, &first["access_token"]).await;
    assert_eq!(known.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_client_that_does_not_authenticate_is_refused_with_401() {
    let provider = provider().await;
    let url = format!("{}/token", provider.issuer());
    let form = [("grant_type", "authorization_code"), ("code", "x")];
    let basic = client()
        .post(&url)
        .basic_auth(provider.client_id(), Some("wrong"));
    let post = [
        ("client_id", provider.client_id()),
        ("client_secret", "wrong"),
    ];

    for response in [
        basic.form(&form).send().await.unwrap(),
        post_token(&provider, &post).await,
        post_token(&provider, &form).await,
    ] {
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let challenge = &response.headers()[header::WWW_AUTHENTICATE];
        assert!(challenge.to_str().unwrap().starts_with("Basic "));
        assert_error(&response.json().await.unwrap(), "invalid_client");
    }

    let both = client()
        .post(&url)
        .basic_auth(provider.client_id(), Some(provider.client_secret()))
        .form(&[("client_secret", provider.client_secret())]);
    let both = both.send().await.unwrap();
    assert_eq!(both.status(), StatusCode::BAD_REQUEST);
    assert_error(&both.json().await.unwrap(), "invalid_request");
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// An assertion of the client's with some of it changed, signed with the key; `null` removes.
fn assertion(provider: &Provider, key: &EcdsaKeyPair, header: Value, claims: Value) -> String {
    let now = now();
    let id = provider.client_id();
    let mut whole = [
        json!({ "alg": "ES256", "kid": "mine", "typ": "JWT" }),
        json!({
            "iss": id, "sub": id, "aud": provider.issuer(), "jti": format!("{claims}"),
            "iat": now, "exp": now + 60,
        }),
    ];
    for (part, changes) in whole.iter_mut().zip([header, claims]) {
        let part = part.as_object_mut().unwrap();
        part.extend(changes.as_object().unwrap().clone());
        part.retain(|_, value| !value.is_null());
    }
    let base64url = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
    let [header, claims] = whole.map(|part| base64url(part.to_string().as_bytes()));
    let message = format!("{header}.{claims}");
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", base64url(signature.as_ref()))
}

#[tokio::test]
async fn a_client_with_a_key_shows_itself_with_a_fresh_assertion_and_nothing_else() {
    let generate = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let [key, other] = [generate(), generate()];
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|it| base64_simd::URL_SAFE_NO_PAD.encode_to_string(it));
    let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "mine" });
    let provider = builder().client_key(public.clone()).start().await.unwrap();
    let metadata = get_json(&provider.server_metadata_url()).await;
    assert_eq!(
        metadata["token_endpoint_auth_methods_supported"],
        json!(["private_key_jwt"])
    );
    assert_eq!(
        metadata["token_endpoint_auth_signing_alg_values_supported"],
        json!(["ES256", "ES384"])
    );
    assert!(!provider.secrets().contains("client_secret"));

    let good = assertion(&provider, &key, json!({}), json!({}));
    let made = |header, claims| assertion(&provider, &key, header, claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let now = now();
    let secret = provider.client_secret();
    let form = |parameters: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let given = parameters
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        given
            .chain([("grant_type", "password".to_owned())])
            .collect()
    };
    let with = |assertion: &str| {
        form(&[
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ])
    };
    for (parameters, error) in [
        // Who it is has been accepted when only the grant is wrong.
        (with(&good), "unsupported_grant_type"),
        (with(&good), "invalid_client"),
        (
            with(&assertion(
                &provider,
                &other,
                json!({}),
                json!({ "jti": "1" }),
            )),
            "invalid_client",
        ),
        (
            with(&made(json!({ "alg": "none" }), json!({ "jti": "2" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({ "alg": "ES384" }), json!({ "jti": "3" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({ "alg": "HS256" }), json!({ "jti": "4" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({ "kid": "other" }), json!({ "jti": "5" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({ "kid": null }), json!({ "jti": "6" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "iss": "other" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "sub": "other" }))),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "aud": [provider.issuer()] }))),
            "invalid_client",
        ),
        (
            with(&made(
                json!({}),
                json!({ "aud": metadata["token_endpoint"] }),
            )),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "exp": now - 1 }))),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "exp": now + 3600 }))),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "exp": null }))),
            "invalid_client",
        ),
        (
            with(&made(json!({}), json!({ "jti": null }))),
            "invalid_client",
        ),
        (with("x.y"), "invalid_client"),
        (with("x"), "invalid_client"),
        (
            form(&[("client_assertion", &made(json!({}), json!({ "jti": "7" })))]),
            "invalid_request",
        ),
        (
            form(&[
                ("client_assertion_type", kind),
                ("client_assertion", &made(json!({}), json!({ "jti": "8" }))),
                ("client_id", "other"),
            ]),
            "invalid_client",
        ),
        (
            form(&[
                ("client_assertion_type", kind),
                ("client_assertion", &made(json!({}), json!({ "jti": "9" }))),
                ("client_secret", secret),
            ]),
            "invalid_request",
        ),
        (
            form(&[
                ("client_id", provider.client_id()),
                ("client_secret", secret),
            ]),
            "invalid_client",
        ),
    ] {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let answer = post_token(&provider, &parameters).await;
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], error, "{parameters:?}: {answer}");
    }

    for wrong in [
        json!({}),
        json!("key"),
        json!({ "kty": "EC", "crv": "P-256", "x": x }),
        json!({ "kty": "oct", "k": x }),
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "d": x }),
    ] {
        let refused = builder().client_key(wrong.clone()).start().await;
        assert!(matches!(refused, Err(StartError::ClientKey)), "{wrong}");
    }
    let by_secret = self::provider().await;
    let answer = post_token(
        &by_secret,
        &[
            ("client_assertion_type", kind),
            (
                "client_assertion",
                &assertion(&by_secret, &key, json!({}), json!({})),
            ),
        ],
    )
    .await;
    assert_error(&answer.json().await.unwrap(), "invalid_client");
}

async fn push(provider: &Provider, changes: &[(&'static str, &str)]) -> Response {
    let mut form = request_parameters(provider);
    form.push(("client_secret", provider.client_secret().to_owned()));
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, (*value).to_owned()));
        }
    }
    let url = format!("{}/par", provider.issuer());
    client().post(url).form(&form).send().await.unwrap()
}

/// The authorization URL of a request that was pushed.
async fn pushed_url(provider: &Provider, changes: &[(&'static str, &str)]) -> String {
    let response = push(provider, changes).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["expires_in"], 60);
    let reference = answer["request_uri"].as_str().unwrap();
    assert!(reference.starts_with("urn:ietf:params:oauth:request_uri:"));
    let pairs = [
        ("client_id", provider.client_id()),
        ("request_uri", reference),
    ];
    let base = format!("{}/authorize", provider.issuer());
    Url::parse_with_params(&base, pairs).unwrap().into()
}

#[tokio::test]
async fn a_request_that_was_pushed_is_answered_once_and_within_a_minute() {
    let provider = provider().await;
    let metadata = get_json(&provider.server_metadata_url()).await;
    let endpoint = format!("{}/par", provider.issuer());
    assert_eq!(metadata["pushed_authorization_request_endpoint"], endpoint);
    assert_eq!(metadata["require_pushed_authorization_requests"], false);

    let url = pushed_url(&provider, &[]).await;
    let callback = provider.authorize(&url, "alice").unwrap();
    assert_eq!(parameter(&callback, "state").as_deref(), Some("s t&te"));
    let redeemed = redeem(&provider, &code(&callback)).await;
    assert_eq!(redeemed.status(), StatusCode::OK);

    let used = provider.authorize(&url, "alice").unwrap_err();
    let late = pushed_url(&provider, &[]).await;
    provider.turn_clock(60);
    let late = provider.authorize(&late, "alice").unwrap_err();
    let unknown = provider.authorize(&format!("{url}x"), "alice").unwrap_err();
    let nobodys = url.replace("client_id", "client");
    let nobodys = provider.authorize(&nobodys, "alice").unwrap_err();
    for refused in [used, late, unknown, nobodys] {
        assert!(
            matches!(refused, AuthorizeError::Refused { .. }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn the_page_for_a_pushed_request_carries_its_reference_and_nothing_of_it() {
    let provider = provider().await;
    let url = pushed_url(&provider, &[("login_hint", "bob")]).await;
    // What stands beside the reference counts for nothing.
    let url = format!("{url}&login_hint=alice&state=another");

    let page = get(&url).await.unwrap().text().await.unwrap();
    assert!(page.find("bob@example.com").unwrap() < page.find("alice@example.com").unwrap());
    assert!(page.contains("request_uri") && !page.contains("the-nonce"));
    let fields: Vec<_> = Url::parse(&url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    let mut form = fields.clone();
    form.push(("dev_person".into(), "bob".into()));
    let endpoint = format!("{}/authorize", provider.issuer());
    let answer = client().post(endpoint).form(&form).send().await.unwrap();
    assert_eq!(
        parameter(&location(&answer), "state").as_deref(),
        Some("s t&te")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_pushed_request_is_told_to_whoever_pushes_it() {
    let provider = provider().await;
    for (change, status, error) in [
        (("client_secret", "wrong"), 401, "invalid_client"),
        (("client_secret", ""), 401, "invalid_client"),
        (("client_id", "other"), 401, "invalid_client"),
        (("request_uri", "urn:x"), 400, "invalid_request"),
        (
            ("redirect_uri", "https://app.example/oauth2callback"),
            400,
            "invalid_request",
        ),
        (("redirect_uri", ""), 400, "invalid_request"),
        (("response_type", "token"), 400, "unsupported_response_type"),
        (("scope", "email"), 400, "invalid_scope"),
        (("code_challenge", ""), 400, "invalid_request"),
    ] {
        let response = push(&provider, &[change]).await;
        assert_eq!(response.status(), status, "{change:?}");
        assert_error(&response.json().await.unwrap(), error);
    }
    let endpoint = format!("{}/par", provider.issuer());
    assert_eq!(
        get(&endpoint).await.unwrap().status(),
        StatusCode::METHOD_NOT_ALLOWED
    );

    // Nobody is logged in, which only the browser's request is told.
    let url = pushed_url(&provider, &[("prompt", "none")]).await;
    let callback = provider.authorize(&url, "alice").unwrap();
    assert_eq!(
        parameter(&callback, "error").as_deref(),
        Some("login_required")
    );
}

#[tokio::test]
async fn a_provider_that_requires_pushed_requests_takes_no_others() {
    let provider = builder().require_pushed_requests().start().await.unwrap();
    let metadata = get_json(&provider.server_metadata_url()).await;
    assert_eq!(metadata["require_pushed_authorization_requests"], true);

    let callback = provider
        .authorize(&authorization_url(&provider, &[]), "alice")
        .unwrap();
    assert_eq!(
        parameter(&callback, "error").as_deref(),
        Some("invalid_request")
    );
    let url = pushed_url(&provider, &[]).await;
    code(&provider.authorize(&url, "alice").unwrap());

    provider.misbehave(Fault::PushedRequest(json!({ "request_uri": null })));
    let answer: Value = push(&provider, &[]).await.json().await.unwrap();
    assert_eq!(answer, json!({ "expires_in": 60 }));
}

#[tokio::test]
async fn basic_credentials_are_form_decoded() {
    let provider = provider().await;
    let encoded = provider.client_id().replace('-', "%2D");
    let secret = provider.client_secret().replace('_', "%5F");

    let url = format!("{}/token", provider.issuer());
    let request = client().post(url).basic_auth(encoded, Some(secret));
    let response = request
        .form(&[("grant_type", "password")])
        .send()
        .await
        .unwrap();

    assert_error(&response.json().await.unwrap(), "unsupported_grant_type");
}

#[tokio::test]
async fn a_refresh_token_rotates() {
    let provider = provider().await;
    let first = tokens_for(&provider, "alice", "openid email offline_access").await;
    let refresh = async |token: &Value, scope: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.as_str().unwrap()),
            ("scope", scope),
            ("client_id", provider.client_id()),
            ("client_secret", provider.client_secret()),
        ];
        post_token(&provider, &form)
            .await
            .json::<Value>()
            .await
            .unwrap()
    };

    assert_error(
        &refresh(&first["refresh_token"], "profile").await,
        "invalid_scope",
    );
    let second = refresh(&first["refresh_token"], "openid").await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["scope"], "openid");
    assert_eq!(claims(&second)["sub"], "alice");
    assert!(claims(&second).get("nonce").is_none());
    assert_eq!(claims(&second)["auth_time"], claims(&first)["auth_time"]);
    assert_error(&refresh(&first["refresh_token"], "").await, "invalid_grant");
    let third = refresh(&second["refresh_token"], "").await;
    assert_eq!(third["scope"], "openid email offline_access");
}

#[tokio::test]
async fn a_token_that_was_given_back_is_worth_nothing() {
    let provider = provider().await;
    let post = async |path: &str, form: &[(&str, &str)]| {
        let url = format!("{}{path}", provider.issuer());
        let who = [
            ("client_id", provider.client_id()),
            ("client_secret", provider.client_secret()),
        ];
        let form: Vec<_> = form.iter().copied().chain(who).collect();
        client().post(url).form(&form).send().await.unwrap()
    };
    let tokens = tokens_for(&provider, "alice", "openid offline_access").await;
    let (access, refresh) = (&tokens["access_token"], &tokens["refresh_token"]);
    let refresh = refresh.as_str().unwrap();

    let unknown = post("/revoke", &[("token", "unknown")]).await;
    let nothing = post("/revoke", &[]).await;
    assert_eq!(unknown.status(), StatusCode::OK, "RFC 7009 §2.2");
    assert_eq!(nothing.status(), StatusCode::BAD_REQUEST);
    assert_eq!(userinfo(&provider, access).await.status(), StatusCode::OK);

    let given_back = post("/revoke", &[("token", refresh)]).await;
    assert_eq!(given_back.status(), StatusCode::OK);
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let again = post("/token", &again).await;
    assert_error(&again.json().await.unwrap(), "invalid_grant");
    let access = userinfo(&provider, access).await;
    assert_eq!(access.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn userinfo_takes_a_bearer_header_only() {
    let provider = provider().await;
    let answer = tokens(&provider).await;
    let token = answer["access_token"].as_str().unwrap();

    let url = format!("{}/userinfo?access_token={token}", provider.issuer());
    let in_query = get(&url).await.unwrap();
    let unknown = userinfo(&provider, &json!("unknown")).await;

    assert_eq!(in_query.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        in_query.headers()[header::WWW_AUTHENTICATE],
        "Bearer realm=\"development provider\""
    );
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    let challenge = unknown.headers()[header::WWW_AUTHENTICATE]
        .to_str()
        .unwrap();
    assert!(challenge.ends_with("error=\"invalid_token\""));
}

#[tokio::test]
async fn end_session_sends_back_to_loopback_only() {
    let provider = provider().await;
    let answer = tokens(&provider).await;
    let hint = answer["id_token"].as_str().unwrap();
    let leave = async |parameters: &[(&str, &str)]| {
        let base = format!("{}/end_session", provider.issuer());
        get(Url::parse_with_params(&base, parameters).unwrap().as_str())
            .await
            .unwrap()
    };
    let back = ("post_logout_redirect_uri", "http://localhost:8501/?bye=1");

    let page = leave(&[]).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("You are signed out"));

    for proof in [("client_id", provider.client_id()), ("id_token_hint", hint)] {
        let left = leave(&[back, proof, ("state", "x y")]).await;
        assert_eq!(location(&left), "http://localhost:8501/?bye=1&state=x+y");
    }
    let evil = ("post_logout_redirect_uri", "https://evil.example/");
    for refused in [
        vec![back],
        vec![back, ("client_id", "another")],
        vec![back, ("id_token_hint", "a.e30.c")],
        vec![evil, ("client_id", provider.client_id())],
    ] {
        assert_eq!(leave(&refused).await.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn requests_are_counted_and_remembered() {
    let provider = provider().await;
    assert_eq!(provider.calls(Endpoint::Token), 0);
    assert!(provider.last_request(Endpoint::Token).is_none());

    let answer = tokens(&provider).await;
    userinfo(&provider, &answer["access_token"]).await;

    let token = provider.last_request(Endpoint::Token).unwrap();
    assert_eq!(provider.calls(Endpoint::Token), 1);
    assert_eq!(token.parameter("code_verifier"), Some(VERIFIER));
    assert_eq!(
        token.parameters()[0],
        ("grant_type".into(), "authorization_code".into())
    );
    assert_eq!(
        token.header("Content-Type"),
        Some("application/x-www-form-urlencoded")
    );
    let userinfo = provider.last_request(Endpoint::Userinfo).unwrap();
    assert!(userinfo.authorization().unwrap().starts_with("Bearer "));
    let authorization = provider.last_request(Endpoint::Authorization).unwrap();
    assert_eq!(authorization.parameter("nonce"), Some("the-nonce"));
}

#[tokio::test]
async fn the_clock_can_be_turned() {
    let provider = provider().await;
    let honest = claims(&tokens(&provider).await);

    provider.turn_clock(-7200);
    let early = claims(&tokens(&provider).await);
    let turned_back = early["iat"].as_i64().unwrap() + 7200;
    assert_follows(&json!(turned_back), &honest["iat"]);
    assert_follows(&early["iat"], &early["auth_time"]);

    let callback = provider
        .authorize(&authorization_url(&provider, &[]), "alice")
        .unwrap();
    provider.turn_clock(-7200 + 61);
    let late = redeem(&provider, &code(&callback)).await;
    assert_error(&late.json().await.unwrap(), "invalid_grant");
}

#[tokio::test]
async fn keys_rotate_at_once() {
    let provider = provider().await;
    let old_id = provider.signing_key_id();
    let old_set = provider.jwks();

    provider.rotate_keys();

    assert_ne!(provider.signing_key_id(), old_id);
    let set = get_json(&format!("{}/jwks", provider.issuer())).await;
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
    assert_eq!(set["keys"][0]["kid"], provider.signing_key_id());
    let answer = tokens(&provider).await;
    let token = answer["id_token"].as_str().unwrap();
    assert!(verified(&provider, token, &set).is_some());
    assert!(verified(&provider, token, &old_set).is_none());
}

#[tokio::test]
async fn sign_signs_exactly_what_is_given() {
    let provider = provider().await;
    let token = provider.sign(json!({ "alg": "none" }), json!(["not", "claims"]));
    assert_eq!(part(&json!(token), 0), json!({ "alg": "none" }));
    assert_eq!(part(&json!(token), 1), json!(["not", "claims"]));

    let header = json!({ "alg": "ES256", "kid": provider.signing_key_id() });
    let claims = json!({
        "iss": provider.issuer(), "aud": provider.client_id(), "exp": u32::MAX,
    });
    let token = provider.sign(header, claims.clone());
    assert_eq!(verified(&provider, &token, &provider.jwks()), Some(claims));
}

#[tokio::test]
async fn secrets_are_the_table_of_the_secrets_file() {
    let provider = provider().await;
    assert_eq!(
        provider.secrets(),
        format!(
            "[auth.google]\nclient_id = \"google-development\"\nclient_secret = \"{}\"\n\
             server_metadata_url = \"{}/.well-known/openid-configuration\"\ndevelopment = true\n",
            provider.client_secret(),
            provider.issuer(),
        )
    );
    assert_eq!(provider.client_secret().len(), 43);

    let odd = Provider::builder("my \"own\"").signing_alg(SigningAlg::Es256);
    let odd = odd.start().await.unwrap();
    assert!(
        odd.secrets()
            .starts_with("[auth.\"my \\\"own\\\"\"]\nclient_id = \"my--own--development\"")
    );
}

#[tokio::test]
async fn a_whole_secrets_file_is_what_an_app_starts_with() {
    let [google, microsoft] = ["google", "microsoft"].map(|name| {
        Provider::builder(name)
            .signing_alg(SigningAlg::Es256)
            .start()
    });
    let (google, microsoft) = (google.await.unwrap(), microsoft.await.unwrap());

    let text = keycard::dev::secrets(8502, &[&google, &microsoft]);

    let secret = text
        .lines()
        .find_map(|line| line.strip_prefix("cookie_secret = \"")?.strip_suffix('"'))
        .unwrap();
    assert_eq!(secret.len(), 43, "256 bits");
    assert_eq!(
        text,
        format!(
            "[auth]\n\
             redirect_uri = \"http://localhost:8502/oauth2callback\"\n\
             cookie_secret = \"{secret}\"\n\
             \n{}\n{}",
            google.secrets(),
            microsoft.secrets()
        )
    );
    assert!(
        !keycard::dev::secrets(8502, &[]).contains(secret),
        "another secret each time"
    );
    // Without a single warning, which `strict` would not let pass.
    let auth = Auth::builder()
        .toml(&text)
        .set("auth.strict", true)
        .build()
        .unwrap();
    let names: Vec<_> = auth.providers().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["google", "microsoft"]);
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let provider = provider().await;
    let answer = tokens(&provider).await;
    let code = provider.last_request(Endpoint::Token).unwrap();
    let fault = Fault::IdToken(answer["id_token"].as_str().unwrap().into());
    let answer_fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status: 200,
        headers: vec![("x-secret".into(), "hush".into())],
        body: b"hush".to_vec(),
    };
    let all = format!("{provider:?} {code:?} {fault:?} {answer_fault:?}");
    for secret in [
        provider.client_secret(),
        VERIFIER,
        answer["access_token"].as_str().unwrap(),
        answer["id_token"].as_str().unwrap(),
        "hush",
        "client_secret\": \"",
    ] {
        assert!(!all.contains(secret), "{all}");
    }
    assert!(all.contains("IdToken"));
    let empty: Request = Request::default();
    assert_eq!(
        format!("{empty:?}"),
        "Request { headers: [], parameters: [] }"
    );
}

#[tokio::test]
async fn start_says_what_is_wrong() {
    let provider = provider().await;
    let port = Url::parse(provider.issuer()).unwrap().port().unwrap();

    let taken = builder().port(port).start().await.unwrap_err();
    let twins = builder()
        .person(Person::new("bob"))
        .start()
        .await
        .unwrap_err();

    assert!(matches!(taken, StartError::PortTaken { .. }));
    assert_eq!(
        taken.to_string(),
        format!("port {port} of 127.0.0.1 is taken by another program")
    );
    assert_eq!(twins.to_string(), "two people have the subject `bob`");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_ends_with_its_last_clone() {
    let provider = provider().await;
    let url = provider.server_metadata_url();
    let client = client();
    let clone = provider.clone();
    drop(provider);
    assert!(client.get(&url).send().await.is_ok());

    drop(clone);

    assert!(
        client.get(&url).send().await.is_err(),
        "an open connection ends as well"
    );
    assert!(get(&url).await.is_err());
}

#[tokio::test]
async fn a_wrong_method_or_path_is_refused() {
    let provider = provider().await;
    let token = get(&format!("{}/token", provider.issuer())).await.unwrap();
    let elsewhere = get(&format!("{}/admin", provider.issuer())).await.unwrap();
    assert_eq!(token.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(token.headers()[header::ALLOW], "POST");
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn answer_and_redirect_stand_in_for_the_real_answer() {
    let provider = provider().await;
    provider.misbehave(Fault::Answer {
        endpoint: Endpoint::Keys,
        status: 503,
        headers: vec![("retry-after".into(), "7".into())],
        body: b"later".to_vec(),
    });
    let url = format!("{}/jwks", provider.issuer());
    let answer = get(&url).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "7");
    assert_eq!(answer.text().await.unwrap(), "later");
    assert!(
        get(&provider.server_metadata_url())
            .await
            .unwrap()
            .status()
            .is_success()
    );

    provider.misbehave(Fault::Redirect {
        endpoint: Endpoint::Keys,
        status: 302,
        location: "http://127.0.0.1:1/".into(),
    });
    let answer = get(&url).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(answer.headers()[header::LOCATION], "http://127.0.0.1:1/");

    provider.behave();
    assert!(get(&url).await.unwrap().status().is_success());
    assert_eq!(provider.calls(Endpoint::Keys), 3);
}

#[tokio::test]
async fn slow_and_broken_answers_are_slow_and_broken() {
    let provider = provider().await;
    let endpoint = Endpoint::Metadata;
    let url = provider.server_metadata_url();
    let real = get(&url).await.unwrap().bytes().await.unwrap();
    let hasty = Client::builder()
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();

    provider.misbehave(Fault::Hang { endpoint });
    assert!(hasty.get(&url).send().await.unwrap_err().is_timeout());

    provider.misbehave(Fault::Trickle { endpoint });
    let head = hasty.get(&url).send().await.unwrap();
    assert_eq!(head.content_length(), Some(real.len() as u64));
    assert!(head.bytes().await.unwrap_err().is_timeout());

    provider.misbehave(Fault::Endless {
        endpoint,
        bytes: 3_000_000,
    });
    let endless = get(&url).await.unwrap();
    assert_eq!(endless.content_length(), None);
    assert_eq!(endless.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(endless.bytes().await.unwrap().len(), 3_000_000);

    provider.misbehave(Fault::Cut { endpoint });
    let mut cut = get(&url).await.unwrap();
    assert_eq!(cut.content_length(), Some(real.len() as u64 + 64));
    assert_eq!(cut.chunk().await.unwrap().unwrap(), real);
    assert!(cut.chunk().await.is_err());

    let delay = Duration::from_millis(50);
    provider.misbehave(Fault::Late { endpoint, delay });
    let start = Instant::now();
    assert_eq!(get(&url).await.unwrap().bytes().await.unwrap(), real);
    assert!(start.elapsed() >= delay);
}

#[tokio::test(flavor = "multi_thread")]
async fn off_duty_refuses_connections_until_it_behaves() {
    let provider = provider().await;
    let url = provider.server_metadata_url();
    let client = client();
    for _ in 0..20 {
        assert!(client.get(&url).send().await.unwrap().status().is_success());

        provider.misbehave(Fault::OffDuty);
        assert!(
            client.get(&url).send().await.is_err(),
            "the pooled connection is cut"
        );
        assert!(get(&url).await.unwrap_err().is_connect());

        provider.behave();
    }
    provider.misbehave(Fault::OffDuty);
    provider.misbehave(Fault::NoIdToken);
    assert!(client.get(&url).send().await.unwrap().status().is_success());
    assert_eq!(provider.calls(Endpoint::Metadata), 21);
}

#[tokio::test]
async fn documents_are_patched() {
    let provider = provider().await;
    let url = provider.server_metadata_url();

    provider.misbehave(Fault::Metadata(
        json!({ "issuer": "https://x", "jwks_uri": null }),
    ));
    let metadata = get_json(&url).await;
    assert_eq!(metadata["issuer"], "https://x");
    assert!(metadata.get("jwks_uri").is_none());
    assert!(metadata.get("token_endpoint").is_some());

    provider.misbehave(Fault::Keys(json!({ "keys": [] })));
    let keys = get_json(&format!("{}/jwks", provider.issuer())).await;
    assert_eq!(keys, json!({ "keys": [] }));

    provider.misbehave(Fault::Token(
        json!({ "token_type": "mac", "expires_in": null }),
    ));
    let answer = tokens(&provider).await;
    assert_eq!(answer["token_type"], "mac");
    assert!(answer.get("expires_in").is_none());

    provider.misbehave(Fault::Userinfo(json!({ "sub": "mallory" })));
    let known = userinfo(&provider, &answer["access_token"]).await;
    assert_eq!(known.json::<Value>().await.unwrap()["sub"], "mallory");

    let patch = json!({ "state": null, "iss": ["a", "b"], "extra": 1 });
    provider.misbehave(Fault::Callback(patch));
    let callback = provider
        .authorize(&authorization_url(&provider, &[]), "alice")
        .unwrap();
    assert!(parameter(&callback, "state").is_none());
    assert!(callback.contains("iss=a&iss=b"));
    assert_eq!(parameter(&callback, "extra").unwrap(), "1");
}

#[tokio::test]
async fn id_tokens_are_spoilt_in_every_way() {
    let provider = provider().await;
    let jwks = provider.jwks();
    let verifies = |answer: &Value| {
        let token = answer["id_token"].as_str().unwrap();
        verified(&provider, token, &jwks).is_some()
    };

    provider.misbehave(Fault::IdTokenClaims(json!({ "nonce": null, "sub": 7 })));
    let answer = tokens(&provider).await;
    assert!(verifies(&answer), "signed after the patch");
    assert!(claims(&answer).get("nonce").is_none());
    assert_eq!(claims(&answer)["sub"], 7);

    provider.misbehave(Fault::IdTokenHeader(json!({ "alg": "none", "typ": null })));
    let header = part(&tokens(&provider).await["id_token"], 0);
    assert_eq!(
        header,
        json!({ "alg": "none", "kid": provider.signing_key_id() })
    );

    provider.misbehave(Fault::IdToken("not.a.token".into()));
    assert_eq!(tokens(&provider).await["id_token"], "not.a.token");

    provider.misbehave(Fault::NoIdToken);
    assert!(tokens(&provider).await.get("id_token").is_none());

    provider.misbehave(Fault::SignedByAnotherKey);
    let answer = tokens(&provider).await;
    assert_eq!(
        part(&answer["id_token"], 0)["kid"],
        provider.signing_key_id()
    );
    assert!(!verifies(&answer));

    provider.misbehave(Fault::UnknownKeyId);
    let answer = tokens(&provider).await;
    assert_ne!(
        part(&answer["id_token"], 0)["kid"],
        provider.signing_key_id()
    );
    assert!(!verifies(&answer));

    provider.behave();
    assert!(verifies(&tokens(&provider).await));
}
