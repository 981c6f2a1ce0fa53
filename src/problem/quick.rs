//! Hash tables for joins of millions of rows: a multiplicative hash in place of the careful one of the standard library.
//!
//! Such tables are only asked, never walked, so the order that a hash makes shows nowhere. Words are mixed by the
//! folded product of 64-bit halves, which spreads texts and numbers alike.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

#[derive(Clone, Copy, Default)]
pub struct Quick(u64);

/// An odd number without pattern: the golden ratio in 64 bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Quick {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ FACTOR.rotate_left(32)) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::hash::Hash;

    #[test]
    fn neighbours_get_different_hashes_in_their_low_and_in_their_high_bits() {
        let hash = |value: &dyn Fn(&mut Quick)| {
            let mut hasher = Quick::default();
            value(&mut hasher);
            hasher.finish()
        };
        let texts = (0..4096).map(|k| hash(&|hasher| format!("b{k}").hash(hasher)));
        let numbers = (0..4096).map(|k| hash(&|hasher| (k as f64).to_bits().hash(hasher)));
        for hashes in [texts.collect::<Vec<u64>>(), numbers.collect()] {
            for shift in [0, 52] {
                let places: BTreeSet<u64> = hashes.iter().map(|hash| hash >> shift & 4095).collect();
                // A random function reaches 63 % of as many places.
                assert!(places.len() > 2300, "only {} of 4096 places from bit {shift} on", places.len());
            }
        }
    }
}
