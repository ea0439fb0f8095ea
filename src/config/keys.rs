//! Every key of the `[auth]` table, and which one was meant by a word that is none.

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// In `client_kwargs`.
    Kwargs,
    /// In `[auth.<name>]`, or in `[auth]` for the unnamed provider.
    Provider,
    /// In `[auth]` itself.
    Shared,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    ActedOn,
    /// Authlib's spelling, which Streamlit's files have, of something that is acted on.
    Authlib,
    /// Authlib knows it, and nothing comes of it here.
    Idle(&'static str),
}

/// A known key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) levels: &'static [Level],
    pub(super) effect: Effect,
}

impl Key {
    const fn new(name: &'static str, levels: &'static [Level]) -> Self {
        let effect = Effect::ActedOn;
        Self {
            name,
            levels,
            effect,
        }
    }

    const fn authlib(name: &'static str, effect: Effect) -> Self {
        let levels = PROVIDER;
        Self {
            name,
            levels,
            effect,
        }
    }

    /// Whether it may stand there. The keys of the unnamed provider stand in `[auth]` itself.
    pub(super) fn belongs(&self, level: Level) -> bool {
        self.levels.contains(&level)
            || (level == Level::Shared && self.levels.contains(&Level::Provider))
    }
}

const SHARED: &[Level] = &[Level::Shared];
const PROVIDER: &[Level] = &[Level::Provider];
const BOTH: &[Level] = &[Level::Shared, Level::Provider];
const KWARGS: &[Level] = &[Level::Kwargs];

const NO_API: &str = "write the whole address, as userinfo_endpoint";
const NO_OAUTH_1: &str = "it is for OAuth 1, which keycard does not speak";
const NO_PARAMETERS: &str = "keycard sends there what OpenID Connect asks for";
const NO_REFRESH: &str = "tokens are refreshed at the token endpoint";

pub(super) const KEYS: &[Key] = &[
    Key::new("allow_http", SHARED),
    Key::new("authorization_endpoint", PROVIDER),
    Key::new("ca_file", BOTH),
    Key::new("claims", BOTH),
    Key::new("client_id", PROVIDER),
    Key::new("client_kwargs", PROVIDER),
    Key::new("client_secret", PROVIDER),
    Key::new("client_secret_expires", PROVIDER),
    Key::new("clock_leeway", BOTH),
    Key::new("cookie_secret", SHARED),
    Key::new("cookie_secret_previous", SHARED),
    Key::new("cookie_secrets_accepted", SHARED),
    Key::new("development", PROVIDER),
    Key::new("end_session_endpoint", PROVIDER),
    Key::new("expiry_days", SHARED),
    Key::new("expose_tokens", BOTH),
    Key::new("grant", PROVIDER),
    Key::new("id_token_signed_response_alg", PROVIDER),
    Key::new("issuer", PROVIDER),
    Key::new("jwks_uri", PROVIDER),
    Key::new("key_id", PROVIDER),
    Key::new("label", PROVIDER),
    Key::new("preset", PROVIDER),
    Key::new("private_key", PROVIDER),
    Key::new("provider_logout", BOTH),
    Key::new("proxy", BOTH),
    Key::new("redirect_uri", BOTH),
    Key::new("require_pushed_authorization_requests", PROVIDER),
    Key::new("response_mode", PROVIDER),
    Key::new("server_metadata_url", PROVIDER),
    Key::new("sessions_valid_from", SHARED),
    Key::new("strict", SHARED),
    Key::new("subject_key", PROVIDER),
    Key::new("timeout", BOTH),
    Key::new("token_endpoint", PROVIDER),
    Key::new("token_endpoint_auth_signing_alg", PROVIDER),
    Key::new("user_key", PROVIDER),
    Key::new("userinfo_endpoint", PROVIDER),
    // Those of presets.
    Key::new("allowed_tenants", PROVIDER),
    Key::new("audience", PROVIDER),
    Key::new("authorization_server", PROVIDER),
    Key::new("connection", PROVIDER),
    Key::new("domain", PROVIDER),
    Key::new("flow", PROVIDER),
    Key::new("host", PROVIDER),
    Key::new("hosted_domain", PROVIDER),
    Key::new("organization", PROVIDER),
    Key::new("project_id", PROVIDER),
    Key::new("realm", PROVIDER),
    Key::new("region", PROVIDER),
    Key::new("slug", PROVIDER),
    Key::new("team", PROVIDER),
    Key::new("team_id", PROVIDER),
    Key::new("tenant", PROVIDER),
    Key::new("user_pool_id", PROVIDER),
    // Authlib's own.
    Key::authlib("access_token_params", Effect::Idle(NO_PARAMETERS)),
    Key::authlib("access_token_url", Effect::Authlib),
    Key::authlib("api_base_url", Effect::Idle(NO_API)),
    Key::authlib("authorize_params", Effect::Authlib),
    Key::authlib("authorize_url", Effect::Authlib),
    Key::authlib("code_challenge_method", Effect::Authlib),
    Key::authlib("refresh_token_params", Effect::Idle(NO_REFRESH)),
    Key::authlib("refresh_token_url", Effect::Idle(NO_REFRESH)),
    Key::authlib("request_token_params", Effect::Idle(NO_OAUTH_1)),
    Key::authlib("request_token_url", Effect::Idle(NO_OAUTH_1)),
    Key::authlib("token_endpoint_auth_method", Effect::Authlib),
    // Whatever else stands in client_kwargs is sent, so only what is often there is known.
    Key::new("acr_values", KWARGS),
    Key::new("code_challenge_method", KWARGS),
    Key::new("login_hint", KWARGS),
    Key::new("max_age", KWARGS),
    Key::new("prompt", KWARGS),
    Key::new("proxy", KWARGS),
    Key::new("response_type", KWARGS),
    Key::new("scope", KWARGS),
    Key::new("timeout", KWARGS),
    Key::new("token_endpoint_auth_method", KWARGS),
    Key::new("ui_locales", KWARGS),
    Key::new("verify", KWARGS),
];

/// Tables of parameters in a section: what stands in them is the provider's own.
pub(super) const PARAMETER_TABLES: &[&str] = &["authorize_params", "client_kwargs"];

/// The keys of which a section has at least one when it is a provider.
pub(super) const MARKS: &[&str] = &[
    "api_base_url",
    "authorization_endpoint",
    "authorize_url",
    "client_id",
    "preset",
    "server_metadata_url",
];

/// The keys that the section of a provider of the app's own may have: the others are code's to say.
pub(super) const OF_OWN_PROVIDER: &[&str] =
    &["claims", "label", "redirect_uri", "timeout", "user_key"];

/// The known key of that name, the one for that place if there are two.
pub(super) fn find(name: &str, level: Level) -> Option<&'static Key> {
    let named = || KEYS.iter().filter(|key| key.name == name);
    named()
        .find(|key| key.belongs(level))
        .or_else(|| named().next())
}

/// The known key that `name` was meant to be, first of all one that belongs where it stands.
pub(super) fn nearest(name: &str, level: Level) -> Option<&'static Key> {
    KEYS.iter()
        .map(|key| (distance(name, key.name), !key.belongs(level), key))
        .filter(|(distance, _, key)| *distance <= allowed(key.name))
        .min_by_key(|(distance, elsewhere, _)| (*distance, *elsewhere))
        .map(|(_, _, key)| key)
}

/// The key that Panel has under this name, for a provider of OAuth 2.
pub(super) fn of_panel(name: &str) -> Option<&'static Key> {
    let ours = match name {
        "AUTHORIZE_URL" => "authorization_endpoint",
        "TOKEN_URL" => "token_endpoint",
        "USER_KEY" => "user_key",
        "USER_URL" => "userinfo_endpoint",
        _ => return None,
    };
    find(ours, Level::Provider)
}

/// Whether `name` is `wanted`, but for typing errors.
pub(super) fn is_near(name: &str, wanted: &str) -> bool {
    distance(name, wanted) <= allowed(wanted)
}

/// Whether a word is a key of ours, or the name of our table, but for typing errors.
pub(super) fn is_familiar(word: &str) -> bool {
    is_near(word, "auth") || KEYS.iter().any(|key| is_near(word, key.name))
}

/// Typing errors apart: `Client-ID` is `client_id`.
fn distance(name: &str, known: &str) -> usize {
    // No closer than their lengths are, which is soon told.
    let apart = name.len().abs_diff(known.len());
    if apart > allowed(known) {
        return apart;
    }
    let name = name.to_ascii_lowercase().replace(['-', ' '], "_");
    strsim::damerau_levenshtein(&name, known)
}

fn allowed(known: &str) -> usize {
    (known.len() / 4).clamp(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    #[test]
    fn each_parameter_of_a_preset_is_a_key_of_a_provider() {
        for preset in presets::all() {
            for parameter in preset.parameters {
                let key = KEYS.iter().find(|key| key.name == parameter.name).unwrap();
                assert_eq!(
                    (key.levels, key.effect),
                    (PROVIDER, Effect::ActedOn),
                    "{}",
                    key.name
                );
            }
        }
    }

    #[test]
    fn the_example_of_a_secrets_file_has_every_key_that_is_acted_on_and_no_other() {
        let example = include_str!("../../.streamlit-example/secrets.toml");
        let written: Vec<_> = example
            .lines()
            .filter_map(|line| line.trim_start_matches('#').split_once(" = "))
            .map(|(name, _)| name)
            .collect();

        for key in KEYS.iter().filter(|key| key.levels != KWARGS) {
            let acted_on = key.effect == Effect::ActedOn;
            assert_eq!(written.contains(&key.name), acted_on, "{}", key.name);
        }
    }
}
