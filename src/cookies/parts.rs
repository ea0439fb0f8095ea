//! An identity, or its tokens, too long for one cookie: cut into parts and put together again.
//!
//! It is sealed once and then cut, so parts of two logins never make one identity. Its first byte
//! says how many parts there are, so nobody has to guess.

use std::fmt;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use http::HeaderMap;

use super::header::values;
use super::seal::{Keyring, OVERHEAD, Purpose};
use crate::error::Error;

/// The longest text of one part: with its name and attributes, and with all else that the answer
/// to a callback sets or clears, it stays below the 3.5 KB that nginx passes on with its default
/// buffers. A multiple of four, so that each part is base64 by itself.
const PART: usize = 2848;

/// The most plain bytes that one cookie has room for when they are sealed.
pub(super) const ROOM: usize = PART / 4 * 3 - OVERHEAD;

/// The most values of one name that are looked at.
pub(crate) const MAINS: usize = 4;
const OTHERS: usize = 2;

/// A sealed identity, or its tokens, as the texts of its cookies.
#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) first: String,
    pub(crate) second: Option<String>,
}

impl Cut {
    /// Seals this under the name of its first cookie, and cuts it.
    ///
    /// # Errors
    ///
    /// When it cannot be sealed.
    pub(super) fn seal(
        keyring: &Keyring,
        purpose: Purpose,
        name: &str,
        plain: &[u8],
    ) -> Result<Self, Error> {
        let count = u8::try_from(count(text_length(plain.len()))).unwrap_or(u8::MAX);
        let sealed = keyring.seal(purpose, name, count, plain)?;
        Ok(Self::new(&sealed))
    }

    pub(super) fn new(sealed: &[u8]) -> Self {
        let mut first = URL_SAFE_NO_PAD.encode_to_string(sealed);
        let second = (first.len() > PART).then(|| first.split_off(PART));
        Self { first, second }
    }
}

// Whoever has them is logged in.
impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cut([redacted])")
    }
}

/// How many characters this many plain bytes take when they are sealed.
pub(super) fn text_length(plain: usize) -> usize {
    ((OVERHEAD + plain) * 4).div_ceil(3)
}

/// How many cookies that many characters take.
pub(super) fn count(text_length: usize) -> usize {
    text_length.div_ceil(PART)
}

/// Every sealed value that the parts in a request's cookies can make, the likeliest first.
pub(crate) fn join<'a>(
    headers: &'a HeaderMap,
    names: &'a [String; 3],
) -> impl Iterator<Item = Vec<u8>> + 'a {
    let [first, second, third] = names;
    // The parts that follow under a name: each that is there, or none where none belongs.
    let follow = move |name: &'a str, belongs: bool| {
        let there = values(headers, name).take(if belongs { OTHERS } else { 0 });
        there.map(Some).chain((!belongs).then_some(None))
    };
    values(headers, first).take(MAINS).flat_map(move |main| {
        let count = parts(main).filter(|count| (1..=3).contains(count));
        count.into_iter().flat_map(move |count| {
            follow(second, count > 1).flat_map(move |second| {
                follow(third, count > 2).filter_map(move |third| decode(main, second, third))
            })
        })
    })
}

/// How many parts the first one says there are.
fn parts(text: &[u8]) -> Option<u8> {
    let mut bytes = [0; 3];
    let bytes = URL_SAFE_NO_PAD
        .decode(text.get(..4)?, bytes.as_mut_slice().as_out())
        .ok()?;
    bytes.first().copied()
}

fn decode(main: &[u8], second: Option<&[u8]>, third: Option<&[u8]>) -> Option<Vec<u8>> {
    if second.is_none() {
        return URL_SAFE_NO_PAD.decode_to_vec(main).ok();
    }
    let whole = [main, second.unwrap_or_default(), third.unwrap_or_default()].concat();
    URL_SAFE_NO_PAD.decode_to_vec(whole).ok()
}

#[cfg(test)]
mod tests {
    use http::header::{COOKIE, HeaderValue};

    use super::super::names::Names;
    use super::super::vectors::site;
    use super::*;

    fn joined(cookies: &[(&String, &str)]) -> Vec<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for (name, value) in cookies {
            let line = format!("{name}={value}");
            headers.append(COOKIE, HeaderValue::try_from(line).unwrap());
        }
        join(&headers, Names::new(&site()).identity()).collect()
    }

    #[test]
    fn a_value_is_cut_where_it_has_to_be_and_joined_again() {
        let names = Names::new(&site());
        let [first, second, _] = names.identity();
        for length in [OVERHEAD, 2000, 2135, 2136, 2137, 4000, 4272] {
            let mut sealed: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let text = text_length(length - OVERHEAD);
            sealed[0] = count(text) as u8;
            let cut = Cut::new(&sealed);
            let whole = cut.first.len() + cut.second.as_ref().map_or(0, String::len);
            assert_eq!(whole, text, "{length}");
            assert_eq!(cut.second.is_some(), count(text) == 2, "{length}");
            assert!(cut.first.len() <= PART && PART.is_multiple_of(4));
            let mut cookies = vec![(first, cut.first.as_str())];
            cookies.extend(cut.second.as_deref().map(|value| (second, value)));
            assert_eq!(joined(&cookies), [sealed]);
        }
    }

    #[test]
    fn one_cookie_has_room_for_just_so_much() {
        assert_eq!(count(text_length(ROOM)), 1);
        assert_eq!(count(text_length(ROOM + 1)), 2);
    }

    #[test]
    fn cke_10_a_count_is_one_to_three_or_nothing_is_tried() {
        let names = Names::new(&site());
        let [first, second, third] = names.identity();
        let part = |count: u8| URL_SAFE_NO_PAD.encode_to_string([count, 0, 0]);
        for (count, tried) in [(0, 0), (1, 1), (2, 2), (3, 4), (4, 0), (255, 0)] {
            let value = part(count);
            let mut cookies = vec![(first, value.as_str())];
            // However many there are, few are looked at.
            cookies.extend([(second, "AAAA"); 50]);
            cookies.extend([(third, "AAAA"); 50]);
            assert_eq!(joined(&cookies).len(), tried, "{count}");
        }
        let value = part(3);
        let crowd: Vec<_> = [first, second, third]
            .into_iter()
            .flat_map(|name| [(name, value.as_str()); 50])
            .collect();
        assert_eq!(joined(&crowd).len(), MAINS * OTHERS * OTHERS);
    }
}
