//! Randomness, from the operating system alone.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::error::{Error, Kind};

/// `N` bytes of the operating system's randomness.
///
/// # Errors
///
/// When the operating system has none to give: there is no fallback to a clock or a counter.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    #[cfg(test)]
    if tests::fails() {
        return Err(Error::from(Kind::RandomUnavailable));
    }
    let mut bytes = [0; N];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| Error::from(Kind::RandomUnavailable))?;
    Ok(bytes)
}

/// A new cookie secret: 256 random bits in 43 characters.
pub(crate) fn secret() -> Option<String> {
    let bytes = bytes::<32>().ok()?;
    Some(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        static FAILS: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn fails() -> bool {
        FAILS.get()
    }

    /// Takes the operating system's randomness away from this thread until it is dropped.
    pub(crate) struct Exhausted;

    impl Exhausted {
        pub(crate) fn now() -> Self {
            FAILS.set(true);
            Self
        }
    }

    impl Drop for Exhausted {
        fn drop(&mut self) {
            FAILS.set(false);
        }
    }
}
