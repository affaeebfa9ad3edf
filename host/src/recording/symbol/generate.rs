//! Deterministic pseudo-random values for this module's property tests.

/// A xorshift generator; equal seeds give equal values.
pub(in crate::recording) struct Generator(u64);

impl Generator {
    pub(in crate::recording) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(in crate::recording) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `most`, which is not 0.
    pub(in crate::recording) fn below(&mut self, most: usize) -> usize {
        (self.next() >> 11) as usize % most
    }

    pub(in crate::recording) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Like a UUID.
    pub(in crate::recording) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            a >> 32,
            a & 0xffff,
            (a >> 16) & 0xfff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }

    pub(in crate::recording) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
