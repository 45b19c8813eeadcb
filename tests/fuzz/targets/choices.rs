//! Bytes as choices: what makes something that is sound, one way or another.

use bytes::Bytes;

/// Choices that are left; when there are none, each is the first.
pub(super) struct Choices<'a>(pub(super) &'a [u8]);

impl Choices<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// Below `bound`, at most 256.
    pub(super) fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound.max(1)
    }

    pub(super) fn flip(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Small ones often, and any at all.
    pub(super) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => u64::from(small),
            200..=219 => u64::from(self.byte()) << (self.byte() % 64),
            220..=229 => u64::MAX - u64::from(self.byte()),
            _ => (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte())),
        }
    }

    /// One of a few short ones.
    pub(super) fn name(&mut self) -> Bytes {
        let length = 1 + usize::from(self.below(3));
        let letters = (0..length).map(|_| b"ab\0\xff"[usize::from(self.below(4))]);
        letters.collect()
    }

    pub(super) fn value(&mut self) -> Bytes {
        match self.below(4) {
            0 => Bytes::from_static(b"7"),
            1 => Bytes::new(),
            2 => Bytes::from(vec![b'v'; usize::from(self.byte()) * 4]),
            _ => self.name(),
        }
    }

    pub(super) fn id(&mut self) -> [u8; 16] {
        [self.below(4) + 1; 16]
    }
}
