//! Numbers that are the same for the same seed, on every machine and in every version of every library.

/// SplitMix64 (Steele, Lea, Flood 2014). Nothing here is a secret.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Numbers for one purpose: they do not depend on how many were drawn for another.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a.
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut random = Self(purpose.bytes().fold(0xcbf2_9ce4_8422_2325, hash) ^ seed);
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let drawn = self.next().checked_rem(bound as u64).unwrap_or_default();
        usize::try_from(drawn).unwrap_or_default()
    }

    /// One in so many times.
    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// One of several.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence_and_purposes_have_their_own() {
        let drawn = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            [random.next(), random.next()]
        };
        assert_eq!(drawn(1, "a"), drawn(1, "a"));
        assert_ne!(drawn(1, "a"), drawn(2, "a"));
        assert_ne!(drawn(1, "a"), drawn(1, "b"));
        let mut random = Random::new(1, "a");
        assert!((0..1000).map(|_| random.below(3)).all(|n| n < 3));
        assert_eq!((random.below(0), random.pick(&[0; 0])), (0, None));
    }
}
