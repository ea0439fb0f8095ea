//! The code exchanges under way. A double click brings one code twice; it is good for one try
//! (RFC 6749 §4.1.2), so both wait for that one. What has landed is forgotten.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use super::flight::{Flight, Outcome};
use super::{Redemption, Verified};
use crate::error::Endpoint;

/// The logins of one provider whose codes are being redeemed.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Mutex<HashMap<Id, Flight<Verified>>>);

/// The hash of state and code: whoever comes with both is in the same login.
type Id = [u8; 32];

impl Exchanges {
    /// What the exchange brings, or the one for the same login that is under way.
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
            let mut under_way = self.lock();
            under_way
                .get(&id)
                .and_then(Flight::join)
                .unwrap_or_else(|| {
                    let (exchange, exchanges) = (exchange(), self.clone());
                    let flight = Flight::begin(Endpoint::Token, async move {
                        let outcome = exchange.await;
                        exchanges.lock().remove(&id);
                        outcome
                    });
                    under_way.extend(flight.join().map(|flight| (id, flight)));
                    flight
                })
        };
        flight.landed().await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Flight<Verified>>> {
        // Nothing that holds the lock leaves the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(redemption: &Redemption) -> Id {
    let mut context = Context::new(&SHA256);
    for part in [&redemption.secrets.state, &redemption.code] {
        context.update(&(part.expose().len() as u64).to_be_bytes());
        context.update(part.expose().as_bytes());
    }
    let mut id = Id::default();
    id.copy_from_slice(context.finish().as_ref());
    id
}
