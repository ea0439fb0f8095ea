//! A form that the client posts in its own name, as the token endpoint would have it.

use base64_simd::STANDARD;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::endpoints::Endpoints;
use super::token::{self, Proof};
use crate::config::ProviderConfig;
use crate::error::{Error, Kind};

/// The request with these fields, and with what the client shows to be who it is.
pub(super) fn post(
    config: &ProviderConfig,
    endpoints: &Endpoints,
    address: &Url,
    mut form: Serializer<'_, String>,
    now: i64,
) -> Result<Request<Vec<u8>>, Error> {
    let mut request = Request::post(address.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    match token::authentication(config, endpoints)? {
        // RFC 6749 §2.3.1.
        Proof::Basic(secret) => {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = [&config.client_id, secret.expose()].map(encoded).join(":");
            let value = format!("Basic {}", STANDARD.encode_to_string(pair));
            request = request.header(AUTHORIZATION, value);
        }
        Proof::None => {}
        Proof::Post(secret) => {
            form.append_pair("client_secret", secret.expose());
        }
        Proof::PrivateKeyJwt(_) | Proof::SignedSecret(_) => {
            let signed = token::signed(config, endpoints, now)?;
            form.extend_pairs(signed.iter().map(|(name, value)| (*name, value.expose())));
        }
    }
    let request = request.body(form.finish().into_bytes());
    request.map_err(|_| {
        let what = "a request to the provider";
        Kind::AnswerUnwritable { what }.into()
    })
}
