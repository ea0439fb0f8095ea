//! A whole secrets file for an app that knows development providers only.

use super::{keys::random_text, provider::Provider};

/// The text of a secrets file for an app on this port of localhost whose providers are these: an
/// `[auth]` table with a `cookie_secret` made at this moment, then each provider's section.
///
/// The names of the providers differ, or the text holds one section twice and is no TOML. The
/// providers are as new as the secret, so whoever is logged in is logged out when the app starts
/// again.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use keycard::{Auth, dev};
///
/// let google = dev::Provider::builder("google").start().await?;
/// let auth = Auth::builder().toml(&dev::secrets(8501, &[&google])).build()?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn secrets(port: u16, providers: &[&Provider]) -> String {
    let mut text = format!(
        "[auth]\n\
         redirect_uri = \"http://localhost:{port}/oauth2callback\"\n\
         cookie_secret = \"{}\"\n",
        random_text(32),
    );
    for provider in providers {
        text.push('\n');
        text.push_str(&provider.secrets());
    }
    text
}
