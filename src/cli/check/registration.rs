//! Whether the provider knows `client_id` and `redirect_uri`: one authorization request that asks
//! nobody anything (`prompt=none`), with values that are thrown away.

use std::borrow::Cow;
use std::time::SystemTime;

use http::StatusCode;
use serde_json::Value;
use url::Url;

use super::words::{clean, visible};
use crate::clock::unix;
use crate::config::ProviderConfig;
use crate::error::{Error, Kind};
use crate::login_secrets::{LoginSecrets, Seed};
use crate::provider::pushed::{self, AuthorizationRequest};
use crate::provider::survey::{self, Answered};
use crate::provider::{Endpoints, Http};
use crate::random;

/// What the provider's answer tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Registration {
    /// It sent the browser to exactly our `redirect_uri` with our state: it knows both.
    Registered {
        /// What it answered there; empty for a code.
        error: String,
        /// The issuer that it named there (RFC 9207).
        issuer: Option<String>,
    },
    /// It will not have this client or this address, in its own words.
    Refused(String),
    /// Neither is proved.
    Unknown(String),
}

/// Asks the provider.
pub(super) async fn ask(
    http: &Http,
    config: &ProviderConfig,
    redirect_uri: &str,
    endpoints: &Endpoints,
) -> Result<Registration, Error> {
    let secrets = LoginSecrets::derive(&Seed(random::bytes()?))?;
    let nobody = [("prompt".to_owned(), "none".to_owned())];
    let request = AuthorizationRequest {
        redirect_uri,
        secrets: &secrets,
        parameters: &nobody,
        now: unix(SystemTime::now()),
    };
    let url = match pushed::authorization_url(http, config, endpoints, request).await {
        Ok(url) => url,
        Err(error) => return refused_push(error),
    };
    let Ok(url) = Url::parse(&url) else {
        return Ok(Registration::Unknown("its address is not a URL".to_owned()));
    };
    let answered = survey::visit(http, &url, config.timeout).await?;
    Ok(read(&answered, redirect_uri, secrets.state.expose()))
}

/// What a request that is pushed ahead of the browser comes back with (RFC 9126 §2.3).
fn refused_push(error: Error) -> Result<Registration, Error> {
    match error.kind() {
        Kind::ClientRefused => Ok(Registration::Refused(error.to_string())),
        Kind::ProviderRefused { error: code, .. }
            if is_about_a_client(code) || speaks_of(&error.to_string(), SURELY_ABOUT_A_CLIENT) =>
        {
            Ok(Registration::Refused(error.to_string()))
        }
        _ => Err(error),
    }
}

/// RFC 6749 §4.1.2.1, RFC 7591 §3.2.2: no person will change what these say.
fn is_about_a_client(code: &str) -> bool {
    matches!(
        code,
        "invalid_redirect_uri"
            | "invalid_scope"
            | "unauthorized_client"
            | "unsupported_response_type"
    )
}

fn read(answered: &Answered, redirect_uri: &str, state: &str) -> Registration {
    match &answered.location {
        Some(target) if is_ours(target, redirect_uri) => at_our_address(target, state),
        Some(target) => elsewhere(target),
        None => match posted(&answered.body, redirect_uri) {
            Some(target) => at_our_address(&target, state),
            None => page(answered.status, &answered.body),
        },
    }
}

/// Where a page with a form to our `redirect_uri` leads, as if by a redirect (OAuth 2.0 Form Post
/// Response Mode).
fn posted(body: &[u8], redirect_uri: &str) -> Option<Url> {
    let body = String::from_utf8_lossy(body);
    let plain = |text: &str| {
        text.replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#x2F;", "/")
            .replace("&amp;", "&")
    };
    let attribute = |tag: &str, name: &str| {
        let (_, after) = tag.split_once(&format!(" {name}=\""))?;
        Some(plain(after.split_once('"')?.0))
    };
    let tags = |name: &'static str| {
        let tags = body.split(name).skip(1);
        tags.filter_map(|tag| Some(tag.split_once('>')?.0))
    };
    let mut actions = tags("<form").filter_map(|tag| attribute(tag, "action"));
    actions.find(|action| action == redirect_uri)?;
    let mut url = Url::parse(redirect_uri).ok()?;
    let fields = tags("<input");
    let fields = fields.filter_map(|tag| attribute(tag, "name").zip(attribute(tag, "value")));
    url.query_pairs_mut().extend_pairs(fields);
    Some(url)
}

/// Whether a redirect goes to this very address, whatever its query.
fn is_ours(target: &Url, redirect_uri: &str) -> bool {
    let mut bare = target.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    Url::parse(redirect_uri).is_ok_and(|ours| ours == bare)
}

fn at_our_address(target: &Url, state: &str) -> Registration {
    let one = |name: &str| {
        let mut values = target.query_pairs().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value);
        value.filter(|_| values.next().is_none())
    };
    if one("state").as_deref() != Some(state) {
        return Registration::Unknown(
            "it sends people to redirect_uri, but with another state".to_owned(),
        );
    }
    let Some(error) = one("error") else {
        return match one("code") {
            Some(_) => registered("", one("iss")),
            None => Registration::Unknown(
                "it sends people to redirect_uri without an answer".to_owned(),
            ),
        };
    };
    let said = said(&error, one("error_description").as_deref());
    match &*error {
        code if is_about_a_client(code) => Registration::Refused(said),
        "invalid_request" | "server_error" | "temporarily_unavailable" => {
            Registration::Unknown(said)
        }
        _ => registered(&error, one("iss")),
    }
}

fn registered(error: &str, issuer: Option<Cow<'_, str>>) -> Registration {
    Registration::Registered {
        error: clean(error),
        issuer: issuer.map(Cow::into_owned),
    }
}

/// It goes on to a page of its own: to log in, or to say what is wrong.
fn elsewhere(target: &Url) -> Registration {
    let find = |name: &str| {
        target
            .query_pairs()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    };
    // Google's page of errors gets its words so.
    if let Some(packed) = find("authError") {
        return Registration::Refused(unpacked(&packed));
    }
    match find("error") {
        Some(error) if !is_about_a_person(&error) => {
            Registration::Refused(said(&error, find("error_description").as_deref()))
        }
        _ => Registration::Unknown(format!(
            "it sends people on to another address, at {}",
            clean(target.host_str().unwrap_or_default())
        )),
    }
}

/// Nobody was there to be asked (OpenID Connect Core §3.1.2.6).
fn is_about_a_person(error: &str) -> bool {
    matches!(
        error,
        "access_denied"
            | "account_selection_required"
            | "consent_required"
            | "interaction_required"
            | "login_required"
    )
}

/// The words in base64 of a binary message: its runs of printable characters.
fn unpacked(packed: &str) -> String {
    let packed = packed
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    let bytes = base64_simd::STANDARD_NO_PAD
        .decode_to_vec(packed)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let runs = text.split(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    let words: Vec<_> = runs.filter(|run| run.len() > 3).collect();
    if words.is_empty() {
        return "it sends people on to its page for errors".to_owned();
    }
    clean(&words.join(" "))
}

/// It answers with a page: one to log in at, or one that says what is wrong.
fn page(status: StatusCode, body: &[u8]) -> Registration {
    let body = String::from_utf8_lossy(body);
    let words = words(&body);
    let refuses = match status.as_u16() {
        400 | 401 => speaks_of(&words, ABOUT_A_CLIENT) || speaks_of(&words, SURELY_ABOUT_A_CLIENT),
        // A page to log in at speaks of clients and applications, too, and so does a firewall.
        _ => speaks_of(&words, SURELY_ABOUT_A_CLIENT),
    };
    let shown = match clean(&words) {
        shown if shown.is_empty() => String::new(),
        shown => format!(": {shown}"),
    };
    if refuses {
        Registration::Refused(format!("status {}{shown}", status.as_u16()))
    } else if status.is_success() {
        Registration::Unknown("it answers with a page, as it does for people".to_owned())
    } else {
        Registration::Unknown(format!("it answers with status {}{shown}", status.as_u16()))
    }
}

const SURELY_ABOUT_A_CLIENT: &[&str] = &[
    "aadsts",
    "callback url mismatch",
    "invalid_client",
    "invalid_redirect_uri",
    "redirect_uri",
    "unauthorized_client",
    "unknown client",
];
const ABOUT_A_CLIENT: &[&str] = &["application", "client", "redirect"];

/// What a page says, from where it says what is wrong, if that can be told.
fn words(body: &str) -> String {
    if let Ok(Value::Object(members)) = serde_json::from_str(body)
        && let Some(error) = members.get("error").and_then(Value::as_str)
    {
        let description = members.get("error_description").and_then(Value::as_str);
        return said(error, description);
    }
    // Entra keeps the words of its page in a script.
    if let Some(at) = body.find("AADSTS") {
        let end = body[at..].find(['"', '<', '\\', '\n']);
        return body[at..end.map_or(body.len(), |end| at + end)].to_owned();
    }
    let visible = visible(body);
    let lines = || visible.lines().filter(|line| !line.trim().is_empty());
    // What is wrong, without the greetings around it.
    let telling: Vec<_> = lines()
        .filter(|line| speaks_of(line, ABOUT_A_CLIENT) || speaks_of(line, SURELY_ABOUT_A_CLIENT))
        .collect();
    if telling.is_empty() {
        return visible;
    }
    telling.join(" ")
}

fn speaks_of(text: &str, names: &[&str]) -> bool {
    // Google's pages call the browser so.
    let text = text.to_ascii_lowercase().replace("your client", "");
    names.iter().any(|name| text.contains(name))
}

fn said(error: &str, description: Option<&str>) -> String {
    match description {
        Some(description) => clean(&format!("{error}: {description}")),
        None => clean(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "http://localhost:8501/oauth2callback";

    fn answered(status: u16, location: &str, body: &str) -> Registration {
        let endpoint = Url::parse("https://id.example/authorize").unwrap();
        let answered = Answered {
            status: StatusCode::from_u16(status).unwrap(),
            location: (!location.is_empty()).then(|| endpoint.join(location).unwrap()),
            body: body.as_bytes().to_vec(),
        };
        read(&answered, OURS, "our-state")
    }

    /// How it is with a redirect to this address.
    fn redirected(location: &str) -> Registration {
        answered(302, location, "")
    }

    fn refused(words: &str) -> Registration {
        Registration::Refused(words.to_owned())
    }

    fn is_unknown(registration: &Registration) -> bool {
        matches!(registration, Registration::Unknown(_))
    }

    #[test]
    fn a_page_that_posts_to_our_very_address_proves_a_registration_too() {
        let page = |to: &str, state: &str| {
            let fields = format!(
                "<input type=\"hidden\" name=\"error\" value=\"login_required\"/>\
                 <input type=\"hidden\" name=\"state\" value=\"{state}\"/>"
            );
            answered(
                200,
                "",
                &format!("<form method=\"post\" action=\"{to}\">{fields}</form>"),
            )
        };
        let registered = Registration::Registered {
            error: "login_required".to_owned(),
            issuer: None,
        };
        assert_eq!(page(OURS, "our-state"), registered);
        assert_eq!(page(&OURS.replace('/', "&#x2F;"), "our-state"), registered);
        assert!(is_unknown(&page(OURS, "another-state")));
        assert!(is_unknown(&page(
            "http://localhost:8501/other",
            "our-state"
        )));
    }

    #[test]
    fn only_our_very_address_with_our_state_proves_a_registration() {
        for answer in [
            "error=login_required",
            "error=interaction_required",
            "error=access_denied",
            "code=x",
        ] {
            let registration = redirected(&format!("{OURS}?{answer}&state=our-state"));
            assert!(
                matches!(registration, Registration::Registered { .. }),
                "{answer}"
            );
        }
        for location in [
            format!("{OURS}?error=login_required"),
            format!("{OURS}?error=login_required&state=another"),
            format!("{OURS}?error=login_required&state=our-state&state=our-state"),
            format!("{OURS}?error=login_required&error=x&state=our-state"),
            format!("{OURS}?state=our-state"),
            format!("{OURS}#error=login_required&state=our-state"),
            format!("{OURS}/?error=login_required&state=our-state"),
            format!("{OURS}?error=server_error&state=our-state"),
            format!("{OURS}?error=invalid_request&state=our-state"),
            "http://localhost:8502/oauth2callback?state=our-state&code=x".to_owned(),
            "https://localhost:8501/oauth2callback?state=our-state&code=x".to_owned(),
            "http://127.0.0.1:8501/oauth2callback?state=our-state&code=x".to_owned(),
            "/login?state=our-state&code=x".to_owned(),
        ] {
            assert!(is_unknown(&redirected(&location)), "{location}");
        }
    }

    #[test]
    fn the_issuer_that_comes_along_is_kept() {
        let registration = redirected(&format!(
            "{OURS}?error=login_required&state=our-state&iss=https://id.example"
        ));
        let Registration::Registered { error, issuer } = registration else {
            panic!("{registration:?}");
        };
        assert_eq!(
            (error.as_str(), issuer.as_deref()),
            ("login_required", Some("https://id.example"))
        );
    }

    #[test]
    fn a_refusal_has_the_providers_words() {
        let entra = "<title>Sign in</title><script>{\"strServiceExceptionMessage\":\"AADSTS700016: \
                     Application was not found.\"}</script>";
        for (registration, words) in [
            (
                redirected(&format!(
                    "{OURS}?error=unauthorized_client&error_description=no%0Acode&state=our-state"
                )),
                "unauthorized_client: no code",
            ),
            (
                redirected(
                    "/error?error=invalid_request&error_description=The+redirect+URI+is+wrong",
                ),
                "invalid_request: The redirect URI is wrong",
            ),
            (
                redirected(
                    "/signin/oauth/error?authError=ChVyZWRpcmVjdF91cmlfbWlzbWF0Y2gSC0FjY2VzcyBiYWQu",
                ),
                "redirect_uri_mismatch Access bad.",
            ),
            (
                answered(
                    400,
                    "",
                    "{\"error\":\"invalid_client\",\"error_description\":\"no\\u001b[2J such\"}",
                ),
                "status 400: invalid_client: no [2J such",
            ),
            (
                answered(
                    400,
                    "",
                    "<h1>We are sorry</h1><p>Invalid parameter: redirect_uri</p>",
                ),
                "status 400: Invalid parameter: redirect_uri",
            ),
            (
                answered(403, "", "<h1>Oops!</h1><p>Callback URL mismatch."),
                "status 403: Callback URL mismatch.",
            ),
            (
                answered(200, "", entra),
                "status 200: AADSTS700016: Application was not found.",
            ),
        ] {
            assert_eq!(registration, refused(words));
        }
    }

    #[test]
    fn what_may_mean_something_else_proves_nothing() {
        for (status, body) in [
            (
                200,
                "<h1>Log in</h1><p>to continue to this application, our client",
            ),
            (200, ""),
            (400, "Bad Request"),
            (
                400,
                "Your client has issued a malformed or illegal request.",
            ),
            (403, "<h1>Are you a robot?</h1><p>Client 127.0.0.1"),
            (403, "Your client does not have permission"),
            (404, "not found"),
            (429, "slow down"),
            (500, "the client broke it"),
            (503, "<p>down for maintenance</p>"),
        ] {
            let registration = answered(status, "", body);
            assert!(
                is_unknown(&registration),
                "{status} {body}: {registration:?}"
            );
        }
    }
}
