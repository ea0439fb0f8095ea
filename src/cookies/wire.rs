//! Fields as bytes: integers big-endian, everything else with its length in front.

/// Appends fields.
pub(super) trait Write {
    fn put_bytes(&mut self, bytes: &[u8]);
    fn put_i64(&mut self, number: i64);
}

impl Write for Vec<u8> {
    /// A length of two bytes and the bytes. No field comes near 64 KB; a longer one is cut.
    fn put_bytes(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.extend_from_slice(&length.to_be_bytes());
        self.extend_from_slice(&bytes[..usize::from(length)]);
    }

    fn put_i64(&mut self, number: i64) {
        self.extend_from_slice(&number.to_be_bytes());
    }
}

/// Takes fields off the front, in the order in which they were put there.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<usize> {
        self.array().map(u16::from_be_bytes).map(usize::from)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_off_as_they_were_put() {
        let mut bytes = vec![7];
        bytes.put_i64(i64::MIN);
        bytes.put_bytes("é".as_bytes());
        bytes.put_bytes(b"");
        bytes.put_i64(-1);

        let mut reader = Reader(&bytes);
        assert_eq!(reader.byte(), Some(7));
        assert_eq!(reader.i64(), Some(i64::MIN));
        assert_eq!(reader.text(), Some("é"));
        assert_eq!(reader.bytes(), Some(&b""[..]));
        assert_eq!(reader.array(), Some([0xff; 8]));
        assert_eq!(reader.byte(), None);
        assert_eq!(reader.take(0), Some(&b""[..]));
    }

    #[test]
    fn what_is_too_short_or_no_text_is_nothing() {
        assert_eq!(Reader(&[0; 7]).i64(), None);
        assert_eq!(Reader(&[0]).u16(), None);
        assert_eq!(Reader(&[0, 2, b'a']).bytes(), None);
        assert_eq!(Reader(&[0xff, 0xff]).bytes(), None);
        assert_eq!(Reader(&[0, 1, 0xff]).text(), None);
        assert_eq!(Reader(&[]).array::<1>(), None);
    }
}
