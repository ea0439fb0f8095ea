//! What the browser keeps for us, sealed: pending logins, identities, and the mark that tells a
//! login that goes in circles.
//!
//! Lowest first: `wire` writes and reads fields; `names` and `header` know cookies as browsers do;
//! `seal` encrypts; `parts` cuts what is too long for one cookie; `packing` makes claims small,
//! `members` lets one be read without the others; `mark`, `last_used`, `pending`, `identity`, `updates`
//! and `tokens`, `rest`, `detour` and `farewell` are the things kept.

mod detour;
mod farewell;
mod header;
mod identity;
mod last_used;
mod mark;
mod members;
mod names;
mod packing;
mod parts;
mod pending;
mod rest;
mod seal;
mod tokens;
mod updates;
#[cfg(test)]
mod vectors;
mod wire;

pub(crate) use detour::{Detour, Wants};
pub(crate) use farewell::{Farewell, LIFE as FAREWELL_LIFE};
pub(crate) use header::{pairs, values};
pub(crate) use identity::{Head, IdentityCookie, SKEW};
pub(crate) use last_used::{LIFE as LAST_USED_LIFE, LastUsed};
pub(crate) use mark::{LIFE as MARK_LIFE, Mark};
pub(crate) use names::{Names, size};
pub(crate) use parts::{Cut, MAINS};
pub(crate) use pending::{LIFE as PENDING_LIFE, Pending, state_hash};
pub(crate) use rest::{Follower, Rest};
pub(crate) use seal::Keyring;
#[cfg(any(fuzzing, test))]
pub(crate) use seal::Purpose;
pub(crate) use tokens::{KeptTokens, room_beside, room_in};
pub(crate) use updates::Updates;

/// What an identity, its tokens, the mark of its login and its provider's name make a browser send, in
/// bytes, names and separators counted: nginx answers 400 from 8 KB on, and the app has cookies of its
/// own.
pub(crate) const IDENTITY_BUDGET: usize = 5632;
/// The share of pending logins, beside [`IDENTITY_BUDGET`].
pub(crate) const PENDING_BUDGET: usize = 1024;
/// The most bytes that Set-Cookie and Location have together: nginx's default buffer holds 4 KB of
/// headers, and the app adds its own.
pub(crate) const MAX_HEAD: usize = 3584;
