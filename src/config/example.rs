//! The file to begin with, for those who have none.

use crate::random;

/// A whole file, with a cookie secret that nobody else has.
pub(super) fn example() -> String {
    let secret = random::secret();
    let secret = secret
        .as_deref()
        .unwrap_or("<32 random characters or more>");
    format!(
        "[auth]\n\
         redirect_uri = \"http://localhost:8501/oauth2callback\"\n\
         cookie_secret = \"{secret}\"\n\n\
         {PROVIDER}"
    )
}

/// A provider's section.
pub(super) const PROVIDER: &str = "\
[auth.google]
client_id = \"<from the provider>\"
client_secret = \"<from the provider>\"
server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"";
