//! The code exchanges of just now. A double click or two tabs bring one code twice; it is good for
//! one try (RFC 6749 §4.1.2), so whoever comes with it gets what that one brought.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use super::flight::{Flight, Outcome};
use super::{Redemption, Verified};
use crate::error::Endpoint;

/// How long an outcome is kept: the second request of a double click is under way by then.
const KEPT: Duration = Duration::from_secs(5);
/// How many are kept at most; what lands beyond is forgotten at once.
const MOST: usize = 1000;

/// The logins of one provider whose codes are being redeemed, or were just now.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Mutex<HashMap<Id, Flight<Verified>>>);

/// The hash of state and code, or whatever else came back: whoever comes with both is in the same
/// login.
type Id = [u8; 32];

impl Exchanges {
    /// What the exchange brings, or brought just now for the same login.
    pub(super) async fn once<F>(
        self: &Arc<Self>,
        redemption: &Redemption,
        exchange: impl FnOnce() -> F,
    ) -> Outcome<Verified>
    where
        F: Future<Output = Outcome<Verified>> + Send + 'static,
    {
        let id = id(redemption);
        let flight = {
            let mut exchanges = self.lock();
            let flight = exchanges.get(&id).and_then(Flight::join);
            flight.unwrap_or_else(|| {
                let (exchange, landed) = (exchange(), self.clone());
                let flight = Flight::begin(Endpoint::Token, async move {
                    let outcome = exchange.await;
                    landed.forget(id, outcome.is_ok());
                    outcome
                });
                exchanges.extend(flight.join().map(|flight| (id, flight)));
                flight
            })
        };
        flight.landed().await
    }

    /// Forgets an exchange that has landed: a login a little later, a failure at once, since the
    /// code may still be good.
    fn forget(self: Arc<Self>, id: Id, is_login: bool) {
        let mut exchanges = self.lock();
        if !is_login || exchanges.len() > MOST {
            exchanges.remove(&id);
            return;
        }
        drop(exchanges);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            self.lock().remove(&id);
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Flight<Verified>>> {
        // Nothing that holds the lock leaves the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(redemption: &Redemption) -> Id {
    let mut context = Context::new(&SHA256);
    let parameters = redemption.parameters.iter();
    let parameters = parameters.flat_map(|(name, value)| [name.as_str(), value.expose()]);
    let (state, code) = (&redemption.secrets.state, &redemption.code);
    for part in [state.expose(), code.expose()]
        .into_iter()
        .chain(parameters)
    {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut id = Id::default();
    id.copy_from_slice(context.finish().as_ref());
    id
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::Map;

    use super::*;
    use crate::login_secrets::{LoginSecrets, Seed};
    use crate::secret::Secret;

    /// The login with this code, and whether its exchange had to be begun.
    async fn log_in(exchanges: &Arc<Exchanges>, code: usize) -> bool {
        let redemption = Redemption {
            code: Secret::new(code.to_string()),
            parameters: Vec::new(),
            remembered: Secret::new(""),
            secrets: LoginSecrets::derive(&Seed([0; 32])).unwrap(),
            max_age: None,
            now: 0,
        };
        let verified = Verified {
            issuer: String::new(),
            subject: code.to_string(),
            auth_time: None,
            session_id: None,
            claims: Map::new(),
        };
        let begun = Arc::new(AtomicUsize::new(0));
        let count = begun.clone();
        let exchange = || async move {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(verified))
        };
        let outcome = exchanges.once(&redemption, exchange).await;
        assert_eq!(outcome.unwrap().subject, code.to_string());
        begun.load(Ordering::Relaxed) == 1
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_outcomes_are_kept_for_five_seconds_and_no_more() {
        let exchanges = Arc::new(Exchanges::default());
        for code in 0..MOST + 10 {
            assert!(log_in(&exchanges, code).await, "{code} is new");
        }

        assert_eq!(exchanges.lock().len(), MOST);
        for (code, is_begun_anew) in [
            (0, false),
            (MOST - 1, false),
            (MOST, true),
            (MOST + 9, true),
        ] {
            assert_eq!(log_in(&exchanges, code).await, is_begun_anew, "{code}");
        }

        tokio::time::sleep(KEPT + Duration::from_millis(1)).await;
        assert!(exchanges.lock().is_empty());
        assert!(log_in(&exchanges, 0).await);
    }
}
