//! The code exchanges of just now. A double click or two tabs bring one code twice; it is good for
//! one try (RFC 6749 §4.1.2), so whoever comes with it gets what that one brought.

use std::time::Duration;

use super::recent::{Id, Recent, id_of};
use super::{Redemption, Verified};
use crate::error::Endpoint;

/// How long a login is kept: the second request of a double click is under way by then.
const KEPT: Duration = Duration::from_secs(5);
/// How many are kept at most.
const MOST: usize = 1000;

/// The logins of one provider whose codes are being redeemed, or were just now. A failure is
/// forgotten at once, since the code may still be good.
pub(super) fn exchanges() -> Recent<Verified> {
    Recent::new(Endpoint::Token, MOST, |outcome| match outcome {
        Ok(_) => KEPT,
        Err(_) => Duration::ZERO,
    })
}

/// The hash of state and code, or whatever else came back: whoever comes with both is in the same
/// login.
pub(super) fn id(redemption: &Redemption) -> Id {
    let parameters = redemption.parameters.iter();
    let parameters = parameters.flat_map(|(name, value)| [name.as_str(), value.expose()]);
    let (state, code) = (&redemption.secrets.state, &redemption.code);
    let parts = [state.expose(), code.expose()].into_iter();
    id_of(parts.chain(parameters).map(str::as_bytes))
}
