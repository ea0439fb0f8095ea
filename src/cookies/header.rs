//! The Cookie header, read byte by byte.
//!
//! General cookie parsers trim white space of every alphabet off a name, and then `\u{a0}__Host-x`,
//! which any page of a sibling host can set, passes for `__Host-x`. Here only the space and the tab
//! that RFC 6265 knows are trimmed, and a cookie that is not UTF-8 disturbs no other.

use http::header::{COOKIE, HeaderMap};

/// Every cookie of a request, as name and value.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .flat_map(|header| Pairs(Some(header.as_bytes())))
}

/// The values of the cookies of one name.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    pairs(headers)
        .filter(move |(found, _)| *found == name.as_bytes())
        .map(|(_, value)| value)
}

struct Pairs<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.0?;
            let pair = match memchr::memchr(b';', rest) {
                Some(end) => {
                    self.0 = Some(&rest[end + 1..]);
                    &rest[..end]
                }
                None => {
                    self.0 = None;
                    rest
                }
            };
            if let Some(equals) = memchr::memchr(b'=', pair) {
                return Some((trim(&pair[..equals]), trim(&pair[equals + 1..])));
            }
        }
    }
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair<'a> = (&'a [u8], &'a [u8]);

    fn found(header: &[u8]) -> Vec<Pair<'_>> {
        Pairs(Some(header)).collect()
    }

    #[test]
    fn cke_17_a_header_is_cut_at_semicolons_and_trimmed_of_space_and_tab_alone() {
        let table: [(&[u8], &[Pair<'_>]); 12] = [
            (b"", &[]),
            (b";;;", &[]),
            (b"name only", &[]),
            (b"a=b", &[(b"a", b"b")]),
            (b" a\t=\tb ", &[(b"a", b"b")]),
            (b"a=b; c=d", &[(b"a", b"b"), (b"c", b"d")]),
            (b"a=b;c=d;", &[(b"a", b"b"), (b"c", b"d")]),
            (b"a==b=", &[(b"a", b"=b=")]),
            (b"=b", &[(b"", b"b")]),
            (b"a=", &[(b"a", b"")]),
            (b"a=\"b; c\"=d", &[(b"a", b"\"b"), (b"c\"", b"d")]),
            (
                b"a=\xff; \xfe=b; c=d",
                &[(b"a", b"\xff"), (b"\xfe", b"b"), (b"c", b"d")],
            ),
        ];
        for (header, pairs) in table {
            assert_eq!(found(header), pairs, "{}", header.escape_ascii());
        }
    }

    #[test]
    fn cke_32_every_other_white_space_is_part_of_a_name() {
        // Some of these no server passes on; those that do are tried from outside, too.
        for byte in (0..=0xff).filter(|byte| !matches!(byte, b' ' | b'\t' | b';' | b'=')) {
            let header = [&[byte], &b"name=value"[..], &[byte]].concat();
            let name = [&[byte], &b"name"[..]].concat();
            let value = [&b"value"[..], &[byte]].concat();
            assert_eq!(found(&header), [(&name[..], &value[..])], "{byte}");
        }
    }
}
