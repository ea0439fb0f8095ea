//! Claims made small, for identities that would need a second cookie.
//!
//! Runs of quoted GUIDs, which is what Entra's groups are, become 16 bytes each; what then still
//! needs a second cookie is deflated if that helps. All of it is padded, so that its length tells
//! little. The length to inflate to is sealed in front, and inflating stops there.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::wire::Reader;

/// The most bytes that claims have before they are packed.
pub(super) const MAX: usize = 24 * 1024;

const PADDING: usize = 64;
const DEFLATE: u8 = 2;
const STORE: u8 = 1;

/// What stands before a run of GUIDs; JSON never holds this byte unescaped.
const RUN: u8 = 0x01;
/// `"01234567-89ab-cdef-0123-456789abcdef"`
const QUOTED_GUID: usize = 38;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Packs JSON as [`serde_json`] writes it, for a cookie that has room for so many bytes.
pub(super) fn pack(json: &[u8], room: usize) -> Vec<u8> {
    let shortened = shorten(json);
    let stored = packed(STORE, shortened.len(), &shortened);
    // Inflating takes longer than everything else that a request costs.
    if stored.len() <= room {
        return stored;
    }
    let deflated = packed(DEFLATE, shortened.len(), &compress_to_vec(&shortened, 9));
    if deflated.len() < stored.len() {
        deflated
    } else {
        stored
    }
}

fn packed(how: u8, length: usize, body: &[u8]) -> Vec<u8> {
    let mut packed = vec![how];
    put_length(&mut packed, length);
    put_length(&mut packed, body.len());
    packed.extend_from_slice(body);
    packed.resize(packed.len().next_multiple_of(PADDING), 0);
    packed
}

/// The JSON that was packed; `None` for anything that [`pack`] does not make.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(packed);
    let how = reader.byte()?;
    let length = length(&mut reader)?;
    let body_length = self::length(&mut reader)?;
    let body = reader.take(body_length)?;
    if length > MAX {
        return None;
    }
    let shortened = match how {
        DEFLATE => decompress_to_vec_with_limit(body, length).ok()?,
        STORE => body.to_vec(),
        _ => return None,
    };
    if shortened.len() != length {
        return None;
    }
    lengthen(&shortened)
}

fn shorten(json: &[u8]) -> Vec<u8> {
    let mut shortened = Vec::with_capacity(json.len());
    let mut at = 0;
    while at < json.len() {
        let guids = run(&json[at..]);
        if guids.is_empty() {
            shortened.push(json[at]);
            at += 1;
            continue;
        }
        at += guids.len() * (QUOTED_GUID + 1) - 1;
        shortened.push(RUN);
        put_length(&mut shortened, guids.len());
        shortened.extend_from_slice(&guids.concat());
    }
    shortened
}

fn lengthen(shortened: &[u8]) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(shortened.len() * 2);
    let mut reader = Reader(shortened);
    while let Some(between) = memchr::memchr(RUN, reader.0) {
        json.extend_from_slice(reader.take(between)?);
        reader.byte()?;
        for at in 0..length(&mut reader)? {
            if at > 0 {
                json.push(b',');
            }
            write_guid(&mut json, &reader.array()?);
        }
    }
    json.extend_from_slice(reader.0);
    (json.len() <= MAX).then_some(json)
}

/// The quoted GUIDs, parted by commas, at the beginning of `json`.
fn run(json: &[u8]) -> Vec<[u8; 16]> {
    let mut guids = Vec::new();
    let mut rest = json;
    while let Some(guid) = rest.get(..QUOTED_GUID).and_then(read_guid) {
        guids.push(guid);
        match &rest[QUOTED_GUID..] {
            [b',', after @ ..] => rest = after,
            _ => break,
        }
    }
    guids
}

fn read_guid(quoted: &[u8]) -> Option<[u8; 16]> {
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut guid = [0; 16];
    let mut digits = 0;
    for (at, byte) in inner.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            // Capitals are left as they are, for they would not come back.
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        guid[digits / 2] = guid[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(guid)
}

pub(super) fn write_guid(json: &mut Vec<u8>, guid: &[u8; 16]) {
    json.push(b'"');
    for (at, byte) in guid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            json.push(b'-');
        }
        json.extend_from_slice(&[byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
    }
    json.push(b'"');
}

/// Lengths here are at most [`MAX`], so two bytes hold them.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

fn length(reader: &mut Reader<'_>) -> Option<usize> {
    reader.u16()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GUID: &str = "\"0f8fad5b-d9cb-469f-a165-70867728950e\"";

    #[test]
    fn what_is_packed_comes_back_byte_for_byte() {
        let upper = GUID.to_uppercase();
        let run = [GUID; 5].join(",");
        for json in [
            "",
            "{}",
            GUID,
            &run,
            &format!("[{run}]"),
            &format!("[{run},{upper},{run}]"),
            &format!("[{run}, {run}]"),
            &format!("{{{GUID}:{GUID},\"a\":[{GUID}]}}"),
            &format!("{GUID},"),
            &format!("{GUID}{GUID}"),
            &GUID[..37],
            &GUID.replace('-', "_"),
            &GUID.replace('f', "g"),
            &format!("\"\\{GUID}"),
            &" ".repeat(MAX),
        ] {
            for room in [0, usize::MAX] {
                let packed = pack(json.as_bytes(), room);
                assert_eq!(unpack(&packed).as_deref(), Some(json.as_bytes()), "{json}");
            }
        }
    }

    #[test]
    fn a_guid_takes_sixteen_bytes_and_what_repeats_takes_next_to_none() {
        let hash = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let guids: Vec<_> = (1..=200)
            .map(|at| {
                format!(
                    "\"{:08x}-0000-4000-8000-{:012x}\"",
                    hash(at) >> 32,
                    hash(at) >> 16
                )
            })
            .collect();
        assert!(pack(guids.join(",").as_bytes(), 0).len() <= 200 * 16 + 2 * PADDING);
        assert!(pack(&[b'a'; MAX], 0).len() <= 2 * PADDING);
    }

    #[test]
    fn nothing_is_deflated_that_fits_as_it_is() {
        let json = [b'a'; 1000];
        assert_eq!(pack(&json, 1023)[0], DEFLATE);
        let stored = pack(&json, 1024);
        assert_eq!((stored[0], stored.len()), (STORE, 1024));
    }

    #[test]
    fn cke_25_packed_lengths_are_multiples_of_sixty_four() {
        let mut lengths = std::collections::BTreeSet::new();
        for length in 0..400 {
            let noise: String = (0..length)
                .map(|at: u32| char::from(b'a' + (at.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
                .collect();
            let packed = pack(noise.as_bytes(), 0).len();
            assert_eq!(packed % 64, 0);
            lengths.insert(packed);
        }
        assert!(lengths.len() <= 7, "{lengths:?}");
    }

    #[test]
    fn inflating_stops_at_the_length_in_front() {
        let bomb = compress_to_vec(&vec![0; 10 << 20], 9);
        let claimed = |length: usize| {
            let mut packed = vec![DEFLATE];
            put_length(&mut packed, length);
            put_length(&mut packed, bomb.len());
            packed.extend_from_slice(&bomb);
            unpack(&packed)
        };
        for length in [0, 1, 100, MAX, MAX + 1, 65535] {
            assert_eq!(claimed(length), None, "{length}");
        }
    }

    #[test]
    fn a_run_that_says_more_than_it_has_is_nothing() {
        let stored = |body: &[u8]| {
            let mut packed = vec![STORE];
            put_length(&mut packed, body.len());
            put_length(&mut packed, body.len());
            packed.extend_from_slice(body);
            unpack(&packed)
        };
        assert_eq!(stored(b"{}").as_deref(), Some(&b"{}"[..]));
        assert_eq!(stored(&[RUN]), None);
        assert_eq!(stored(&[RUN, 0, 1]), None);
        assert_eq!(stored(&[&[RUN, 0, 2][..], &[0; 31]].concat()), None);
        // Sixteen bytes become thirty-nine: more than there may be is refused.
        let most = [&[RUN, 5, 0][..], &[0; 16 * 1280]].concat();
        assert_eq!(stored(&most), None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(
            text in proptest::collection::vec(any::<char>(), 0..600),
            room in 0..2000_usize,
        ) {
            // JSON has no such byte outside an escape.
            let json: String = text.into_iter().filter(|c| *c >= ' ').collect();
            let packed = pack(json.as_bytes(), room);
            prop_assert_eq!(unpack(&packed), Some(json.into_bytes()));
        }

        #[test]
        fn any_bytes_unpack_to_something_or_nothing(
            how in 0..4_u8,
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let _ = unpack(&bytes);
            let unpacked = unpack(&[&[how], &bytes[..]].concat());
            prop_assert!(unpacked.is_none_or(|unpacked| unpacked.len() <= MAX));
        }
    }
}
