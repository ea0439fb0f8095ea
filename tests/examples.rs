//! The example programs as they are for somebody who starts them for the first time, and the
//! example of a secrets file.
//!
//! The programs are those that `cargo test` has built beside this test.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "examples/api_tokens.rs"]
mod api_tokens;
#[path = "examples/dashboard.rs"]
mod dashboard;
#[path = "secrets/key.rs"]
mod key;
#[path = "examples/live.rs"]
mod live;
/// Its own tests run here, too.
#[path = "../examples/testing.rs"]
mod testing;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use keycard::{Auth, ConfigError, dev};
use rand::{TryRng, rngs::SysRng};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use url::Url;

use self::key::fresh_pem;

const SECRETS: &str = include_str!("../.streamlit-example/secrets.toml");

#[tokio::test]
async fn login_buttons_logs_somebody_in_and_out_with_no_secrets_file() {
    let program = Running::start("login_buttons", &empty_directory("journey"));
    let mut browser = Browser::new(&program.address);

    let (_, start) = browser.get("/").await;
    assert!(start.contains("Log in with google"), "{start}");
    assert!(start.contains("Log in with microsoft"), "{start}");

    let (leaving, _) = browser.post("/login/google").await;
    let callback = be_somebody(&leaving.expect("a redirect"), "ada", "Ada Example").await;
    let (home, _) = browser.get(&callback).await;
    assert_eq!(home.as_deref(), Some("/"));

    let (_, account) = browser.get("/").await;
    for text in [
        "<h1>Ada Example</h1>",
        "ada@example.com",
        "verified",
        "/picture.svg",
        "<b>google</b>",
        "preferred_username",
        "Log out",
    ] {
        assert!(account.contains(text), "{text} in {account}");
    }
    assert!(!account.contains("not verified"), "{account}");

    // Over the provider, whose session ends as well.
    let (leaving, _) = browser.post("/logout").await;
    let leaving = leaving.expect("a redirect");
    assert!(leaving.contains("/end_session?"), "{leaving}");
    let (home, _) = browser.get("/oauth2callback").await;
    assert_eq!(home.as_deref(), Some("/"));
    let (_, start) = browser.get("/").await;
    assert!(start.contains("Log in with google"), "{start}");
    assert!(!start.contains("Ada"), "{start}");
    // What is left says which provider it was.
    let left: Vec<_> = browser.cookies.keys().collect();
    assert!(matches!(*left, [name] if name.ends_with("-l")), "{left:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn leak_12_a_running_app_has_no_secret_in_its_arguments_environment_or_files() {
    let google = dev::Provider::builder("google")
        .person(dev::Person::new("ada").name("Ada Example"))
        .start()
        .await
        .unwrap();
    let directory = empty_directory("leftovers");
    let temporary = directory.join("temporary");
    fs::create_dir_all(directory.join(".streamlit")).unwrap();
    fs::create_dir(&temporary).unwrap();
    let port = free_port();
    let secrets = dev::secrets(port, &[&google]);
    fs::write(directory.join(".streamlit/secrets.toml"), &secrets).unwrap();
    let (_, cookie_secret) = secrets.split_once("cookie_secret = \"").unwrap();
    let cookie_secret = cookie_secret.split('"').next().unwrap();

    let mut command = command("login_buttons", &directory, port);
    let program = Running::of(command.env("TMPDIR", &temporary));
    let mut browser = Browser::new(&program.address);
    let (leaving, _) = browser.post("/login/google").await;
    let callback = be_somebody(&leaving.expect("a redirect"), "ada", "Ada Example").await;
    browser.get(&callback).await;
    assert!(browser.get("/").await.1.contains("<h1>Ada Example</h1>"));

    let of_process = |name: &str| {
        let bytes = fs::read(format!("/proc/{}/{name}", program.child.id())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let around = of_process("cmdline") + &of_process("environ");
    assert!(around.contains("login_buttons") && around.contains("TMPDIR="));
    let identities = browser.cookies.values().map(String::as_str);
    for secret in identities.chain([cookie_secret, google.client_secret()]) {
        assert!(!around.contains(secret), "{around}");
    }
    let files = |folder: &Path| fs::read_dir(folder).unwrap().count();
    assert_eq!(files(&temporary), 0);
    assert_eq!(files(&directory), 2, "the secrets and the temporary files");
}

#[tokio::test]
async fn login_buttons_escapes_what_a_provider_says() {
    let program = Running::start("login_buttons", &empty_directory("escaping"));
    let mut browser = Browser::new(&program.address);
    let (leaving, _) = browser.post("/login/microsoft").await;
    let described = [
        ("dev_other", "other"),
        ("dev_subject", "mallory"),
        ("dev_name", "<script>alert(1)</script>"),
        ("dev_email", "mallory@example.com"),
        ("dev_claims", r#"{"picture": "javascript:alert(1)"}"#),
    ];
    let callback = decide(&leaving.expect("a redirect"), &described).await;
    browser.get(&callback).await;

    let (_, account) = browser.get("/").await;

    assert!(account.contains("<h1>&lt;script&gt;"), "{account}");
    assert!(!account.contains("<script"), "{account}");
    assert!(!account.contains("src=\"javascript"), "{account}");
    assert!(account.contains("not verified"), "{account}");
}

#[tokio::test]
async fn own_provider_lets_in_whoever_has_the_code_of_the_terminal_and_nobody_else() {
    let mut program = Running::start("own_provider", &empty_directory("own-provider"));
    let mut browser = Browser::new(&program.address);
    let (_, start) = browser.get("/").await;
    assert!(start.contains("Log in with a code"), "{start}");

    // The code of another login is none.
    let (_, page) = browser.post("/login").await;
    let (state, other) = (state_in(&page), program.says("The code for this login: "));
    let (_, page) = browser.post("/login").await;
    let code = program.says("The code for this login: ");
    assert!(!page.contains(&code), "{page}");
    let callback = |state: &str, code: &str| format!("/oauth2callback?state={state}&code={code}");
    let (_, refused) = browser.get(&callback(&state, &code)).await;
    assert!(refused.contains("own_provider_refused"), "{refused}");
    assert_ne!(code, other);

    let (home, _) = browser.get(&callback(&state_in(&page), &code)).await;
    assert_eq!(home.as_deref(), Some("/"));
    let (_, account) = browser.get("/").await;
    assert!(account.contains("Hello, The operator"), "{account}");
    browser.post("/logout").await;
    assert!(browser.get("/").await.1.contains("Log in with a code"));
}

#[tokio::test]
async fn testing_serves_the_app_that_its_tests_are_about() {
    let program = Running::start("testing", &empty_directory("testing"));
    let mut browser = Browser::new(&program.address);
    assert_eq!(browser.get("/").await.1, "Hello, stranger");

    let (login, _) = browser.get("/notes").await;
    let (leaving, _) = browser.get(&login.expect("a redirect")).await;
    let callback = be_somebody(&leaving.expect("a redirect"), "ada", "Ada Example").await;
    assert_eq!(browser.get(&callback).await.0.as_deref(), Some("/notes"));
    assert_eq!(browser.get("/notes").await.1, "Notes of ada");
}

#[tokio::test]
async fn custom_pages_shows_pages_of_its_own_and_lets_in_whom_keycards_would() {
    let program = Running::start("custom_pages", &empty_directory("custom-pages"));
    let mut browser = Browser::new(&program.address);
    let (chooser, _) = browser.get("/lamp").await;
    let chooser = chooser.expect("a redirect");
    let (_, page) = browser.get(&chooser).await;
    assert!(page.contains("<h1>Which key is yours?</h1>"), "{page}");
    let back = "name=\"return_to\" value=\"/lamp\"";
    assert!(page.contains(back), "{page}");
    assert!(!page.contains("last used"), "{page}");

    let island = format!("{chooser}&provider=island");
    for (subject, name, sees) in [
        ("eve", "Eve", "<h1>The door stays shut</h1>"),
        ("ada", "Ada", "It burns."),
    ] {
        let (leaving, _) = browser.get(&island).await;
        let callback = be_somebody(&leaving.expect("a redirect"), subject, name).await;
        let (home, _) = browser.get(&callback).await;
        assert_eq!(home.as_deref(), Some("/lamp"));
        let (_, lamp) = browser.get("/lamp").await;
        assert!(lamp.contains(sees), "{lamp}");
    }

    browser.post("/logout").await;
    let (_, page) = browser.get("/auth/login").await;
    assert!(page.contains("island <small>last used</small>"), "{page}");
    let (_, page) = browser.get("/auth/login?provider=ireland").await;
    assert!(page.contains("<header>The Lighthouse</header>"), "{page}");
    assert!(page.contains("unknown_provider"), "{page}");
}

/// The state in the form of a page.
fn state_in(page: &str) -> String {
    let (_, after) = page.split_once("name=\"state\" value=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

#[test]
fn login_buttons_says_in_one_sentence_that_its_port_is_taken() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();

    let output = ended("login_buttons", &empty_directory("taken"), port);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(&format!("Port {port}: ")), "{said}");
    assert!(said.ends_with("; set PORT to another.\n"), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn login_buttons_prints_what_is_wrong_with_the_secrets_file_as_it_is() {
    let directory = empty_directory("broken");
    fs::create_dir(directory.join(".streamlit")).unwrap();
    let broken = format!(
        "[auth]\n\
         redirect_uri = \"http://localhost:8501/oauth2callback\"\n\
         cookie_secret = \"{}\"\n\
         [auth.google]\n\
         client_id = \"an-id\"\n\
         client_secret = \"\"\n\
         sever_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n",
        fresh_secret()
    );
    let path = directory.join(".streamlit/secrets.toml");
    fs::write(&path, broken).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    let output = ended("login_buttons", &directory, free_port());

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(
        said,
        "one mistake in the settings of keycard\n\n  \
         missing key `auth.google.server_metadata_url` in .streamlit/secrets.toml:7:1: \
         `auth.google.sever_metadata_url` is not a key\n    \
         rename it to server_metadata_url\n"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn quickstart_without_a_secrets_file_says_what_to_write_into_one() {
    let output = ended("quickstart", &empty_directory("quickstart"), free_port());

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("no secrets file at .streamlit/secrets.toml"),
        "{said}"
    );
    assert!(said.contains("[auth.google]"), "{said}");
}

#[test]
fn a_program_reads_the_users_file_and_those_that_the_environment_lists() {
    let directory = empty_directory("environment");
    fs::create_dir_all(directory.join("home/.streamlit")).unwrap();
    fs::write(
        directory.join("home/.streamlit/secrets.toml"),
        "[auth]\nexpiry_days = 99\n",
    )
    .unwrap();
    let listed = directory.join("listed.toml");
    fs::write(&listed, "[auth]\nclock_leeway = 999\n").unwrap();

    let output = command("quickstart", &directory, free_port())
        .env("HOME", directory.join("home"))
        .env("KEYCARD_SECRETS_FILES", &listed)
        .output()
        .unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("home/.streamlit/secrets.toml:2:15: a number that is not above 0"),
        "{said}"
    );
    let place = format!("`auth.clock_leeway` in {}:2:16", listed.display());
    assert!(said.contains(&place), "{said}");
    assert!(
        !said.contains('\u{1b}'),
        "no colour where it is no terminal: {said}"
    );
}

#[test]
fn quickstart_is_the_program_of_the_readme() {
    let program = include_str!("../examples/quickstart.rs");
    let code = program.trim_start_matches(|c| c != '\n');
    let (_, code) = code.split_once("\n\n").unwrap();

    assert!(include_str!("../README.md").contains(code), "{code}");
}

#[test]
fn the_example_of_a_secrets_file_is_right_once_it_is_filled_in() {
    let (streamlit, ours) = filled_in();

    let plain = strict(&[&streamlit]).unwrap();
    let ca_file = certificate("example");
    let ours = ours.replace("company-ca.pem", ca_file.to_str().unwrap());
    // The one that needs https is none for localhost.
    let (before, apple) = ours.split_once("[auth.apple]").unwrap();
    let (apple, after) = apple.split_once("[auth.forge]").unwrap();
    let ours = format!("{before}[auth.forge]{after}");
    let with_apple = Auth::builder()
        .toml(&streamlit)
        .toml(&format!("[auth.apple]{apple}"))
        .set("auth.redirect_uri", "https://app.example/oauth2callback")
        .set("auth.strict", true)
        .build()
        .unwrap();
    let with_ours = strict(&[&streamlit, &ours]).unwrap();
    std::fs::remove_file(ca_file).unwrap();

    assert_eq!(names(&plain), ["google", "microsoft"]);
    assert_eq!(names(&with_apple), ["apple", "google", "microsoft"]);
    assert_eq!(
        names(&with_ours),
        [
            "auth0",
            "authentik",
            "cognito",
            "descope",
            "entra",
            "forge",
            "github",
            "google",
            "internal",
            "keycloak",
            "microsoft",
            "okta",
            "pretend",
            "slack",
            "workspace"
        ]
    );
}

#[test]
fn the_example_of_a_secrets_file_is_refused_as_it_is_where_others_can_reach_the_app() {
    let refusal = Auth::builder()
        .toml(SECRETS)
        .set("auth.redirect_uri", "https://app.example/oauth2callback")
        .build()
        .unwrap_err()
        .to_string();

    assert!(
        refusal.contains("invalid `auth.cookie_secret`")
            && refusal.contains("a placeholder, not a secret"),
        "{refusal}"
    );
    assert!(
        refusal.contains("a part of it is not filled in"),
        "{refusal}"
    );
}

/// The two parts of the example, plain Streamlit and keycard's own, as somebody fills them in.
fn filled_in() -> (String, String) {
    let mut text = SECRETS.to_owned();
    for (placeholder, value) in [
        ("<from the provider>", fresh_secret()),
        (
            "<tenant id>",
            "00000000-0000-0000-0000-000000000000".to_owned(),
        ),
        ("<organization id>", "an-organization".to_owned()),
        ("<project id>", "a-project".to_owned()),
        ("<team id>", "a-team".to_owned()),
        ("<key id>", "a-key".to_owned()),
        ("<identifier of the Services ID>", "an-app".to_owned()),
        (
            "<replace with 32 random characters or more>",
            fresh_secret(),
        ),
        ("<an older cookie_secret>", fresh_secret()),
        (
            "{ file = \"/run/secrets/key.pem\" }",
            format!("{:?}", fresh_pem()),
        ),
        (
            "{ file = \"/run/secrets/apple.p8\" }",
            format!("{:?}", fresh_pem()),
        ),
    ] {
        assert!(text.contains(placeholder), "{placeholder}");
        text = text.replace(placeholder, &value);
    }
    let (streamlit, ours) = text
        .split_once("# From here on it is keycard's own.")
        .unwrap();
    // A line without a space behind its # is one to take the # off.
    let lines = ours
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' '));
    let ours = lines.fold("[auth]\n".to_owned(), |text, line| text + line + "\n");
    (streamlit.to_owned(), ours)
}

/// A file with the certificate of a throw-away CA.
fn certificate(name: &str) -> std::path::PathBuf {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let file = format!("keycard-{}-{name}.pem", std::process::id());
    let path = std::env::temp_dir().join(file);
    std::fs::write(&path, certificate.pem()).unwrap();
    path
}

/// An `Auth` from these texts, for which a warning is an error.
fn strict(texts: &[&str]) -> Result<Auth, ConfigError> {
    let builder = texts
        .iter()
        .fold(Auth::builder(), |builder, text| builder.toml(text));
    builder.set("auth.strict", true).build()
}

fn names(auth: &Auth) -> Vec<String> {
    auth.providers().into_iter().map(|it| it.name).collect()
}

/// A program that runs until this is dropped.
struct Running {
    child: Child,
    address: String,
    said: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts an example and waits until it says where it is.
    fn start(name: &str, directory: &Path) -> Self {
        Self::of(&mut command(name, directory, free_port()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(address) = behind("Open ", &mut said) else {
            let output = child.wait_with_output().unwrap();
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        };
        Self {
            child,
            address,
            said,
        }
    }

    /// What it says next behind these words.
    fn says(&mut self, words: &str) -> String {
        behind(words, &mut self.said).unwrap()
    }
}

fn behind(words: &str, said: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    let mut lines = said.map_while(Result::ok);
    lines.find_map(|line| Some(line.trim().strip_prefix(words)?.to_owned()))
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an example says that ends by itself.
fn ended(name: &str, directory: &Path, port: u16) -> Output {
    command(name, directory, port).output().unwrap()
}

fn command(name: &str, directory: &Path, port: u16) -> Command {
    // The test is target/debug/deps/examples-…, the program target/debug/examples/….
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap().parent().unwrap().join("examples");
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "no {}: `cargo test` builds it, and so does `cargo build --examples`",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .current_dir(directory)
        .env("PORT", port.to_string())
        .env("HOME", directory)
        .env_remove("KEYCARD_SECRETS_FILES")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn empty_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("examples-{name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn fresh_secret() -> String {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// A browser in front of one app, which keeps its cookies by hand.
struct Browser {
    client: Client,
    address: Url,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(address: &str) -> Self {
        Self {
            client: client(),
            address: address.parse().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    async fn get(&mut self, path: &str) -> (Option<String>, String) {
        self.send(Method::GET, path).await
    }

    /// Presses a button on the app's own page.
    async fn post(&mut self, path: &str) -> (Option<String>, String) {
        self.send(Method::POST, path).await
    }

    /// Where the app sends on to, and what it says.
    async fn send(&mut self, method: Method, path: &str) -> (Option<String>, String) {
        let url = self.address.join(path).unwrap();
        assert_eq!(url.origin(), self.address.origin());
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = self.client.request(method.clone(), url);
        if method == Method::POST {
            request = request.header(ORIGIN, self.address.origin().ascii_serialization());
        }
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let response = request.header(ACCEPT, "text/html").send().await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let mut parts = line.to_str().unwrap().split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            if parts.any(|attribute| attribute == "Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response.headers().get(LOCATION);
        let location = location.map(|location| location.to_str().unwrap().to_owned());
        (location, response.text().await.unwrap())
    }
}

/// Presses somebody's button on the development provider's page: the callback URL.
async fn be_somebody(authorization_url: &str, subject: &str, name: &str) -> String {
    let page = client().get(authorization_url).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains(name));
    decide(authorization_url, &[("dev_person", subject)]).await
}

/// Sends a form of the development provider's page: the callback URL.
async fn decide(authorization_url: &str, fields: &[(&str, &str)]) -> String {
    let mut url: Url = authorization_url.parse().unwrap();
    let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let fields = fields.iter();
    form.extend(fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    url.set_query(None);
    let answer = client().post(url).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()[LOCATION].to_str().unwrap().to_owned()
}

fn client() -> Client {
    let builder = Client::builder().no_proxy().redirect(Policy::none());
    builder.timeout(Duration::from_secs(10)).build().unwrap()
}
