//! The client secret that is a JWT: the app signs it anew for each request, so that nobody has to make
//! a new one twice a year.

use serde_json::json;

use crate::config::SignedSecret;
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// How long one counts, in seconds: it is sent at once, but two clocks differ.
const LIFE: i64 = 300;

/// A secret for one request of this client, at this time in seconds since 1970.
pub(super) fn signed_secret(
    signed: &SignedSecret,
    client_id: &str,
    now: i64,
) -> Result<Secret, Error> {
    let claims = json!({
        "iss": signed.signer,
        "sub": client_id,
        "aud": signed.audience,
        "iat": now,
        "exp": now.saturating_add(LIFE),
    });
    let algorithm = signed.key.algorithms()[0];
    let jwt = signed.key.sign(algorithm, &claims).map(Secret::new);
    jwt.map_err(|_| {
        let what = "the client secret, which its private_key does not sign";
        Kind::AnswerUnwritable { what }.into()
    })
}
