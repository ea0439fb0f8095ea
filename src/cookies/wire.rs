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
