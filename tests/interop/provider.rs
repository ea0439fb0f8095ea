//! The development provider by itself, for apps in other processes.
//!
//! `NAME` is its name, `PORT` its port on 127.0.0.1. `PEOPLE` may name a file with a JSON array of
//! the claims of the people one can be. `CLAIMS_ONLY_AT_USERINFO=1` leaves them out of the ID token.
//! `SIGNING_ALG` is ES256, or RS256 as if it is not said. It prints its table for a secrets file, then
//! an empty line.
#![allow(clippy::print_stdout, reason = "whoever starts it reads its table")]

use std::{env, error::Error, fs, future};

use keycard::dev::{Person, Provider, SigningAlg};
use serde_json::{Map, Value};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::var("PORT")?.parse()?;
    let mut builder = Provider::builder(env::var("NAME")?).port(port);
    if let Ok(path) = env::var("PEOPLE") {
        let people: Vec<Map<String, Value>> = serde_json::from_str(&fs::read_to_string(path)?)?;
        for claims in people {
            builder = builder.person(person(&claims));
        }
    }
    if env::var_os("CLAIMS_ONLY_AT_USERINFO").is_some() {
        builder = builder.claims_only_at_userinfo();
    }
    builder = builder.signing_alg(match env::var("SIGNING_ALG").as_deref() {
        Ok("ES256") => SigningAlg::Es256,
        Ok("RS256") | Err(_) => SigningAlg::Rs256,
        Ok(other) => return Err(format!("SIGNING_ALG is {other}").into()),
    });
    let provider = builder.start().await?;
    println!("{}", provider.secrets());
    future::pending().await
}

fn person(claims: &Map<String, Value>) -> Person {
    let subject = claims
        .get("sub")
        .and_then(Value::as_str)
        .unwrap_or_default();
    claims
        .iter()
        .fold(Person::new(subject), |person, (name, value)| {
            person.claim(name.as_str(), value.clone())
        })
}
