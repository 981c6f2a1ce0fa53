//! Equal texts of a column share one allocation.
//!
//! Most texts of large tables are short keys. Those are looked up by their bytes as one number, which needs no look at the
//! texts that are known, wherever those are in memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

#[derive(Default)]
pub struct Interner<'t> {
    short: HashMap<u128, Arc<str>, BuildHasherDefault<Folded>>,
    long: HashMap<Cow<'t, str>, Arc<str>>,
}

impl<'t> Interner<'t> {
    pub fn get(&mut self, text: Cow<'t, str>) -> Arc<str> {
        if let Some(key) = short(&text) {
            return self.short.entry(key).or_insert_with(|| (&*text).into()).clone();
        }
        if let Some(known) = self.long.get(&text) {
            return known.clone();
        }
        let shared: Arc<str> = (&*text).into();
        self.long.insert(text, shared.clone());
        shared
    }
}

/// The bytes of a text of at most 15, and their number.
fn short(text: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    bytes.get_mut(..text.len()).filter(|_| text.len() < 16)?.copy_from_slice(text.as_bytes());
    bytes[15] = text.len() as u8;
    Some(u128::from_le_bytes(bytes))
}

/// A multiplicative hash of one number: such tables are only asked, never walked, so the order shows nowhere.
#[derive(Clone, Copy, Default)]
struct Folded(u64);

/// An odd number without pattern: the golden ratio in 64 bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folded {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ FACTOR.rotate_left(32)) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.mix(u64::from(*byte)));
    }

    fn write_u128(&mut self, value: u128) {
        self.mix(value as u64);
        self.mix((value >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_and_others_do_not() {
        let texts =
            ["", "a", "b", "a\0", "é", "fifteen letters", "sixteen letters!", "a longer text than that", "n199999"];
        let mut interner = Interner::default();
        let first: Vec<Arc<str>> = texts.iter().map(|text| interner.get((*text).into())).collect();
        for (text, known) in texts.iter().zip(&first) {
            let again = interner.get(Cow::Owned(text.to_string()));
            assert!(Arc::ptr_eq(&again, known) && **known == **text, "{text}");
        }
        assert!(first.iter().enumerate().all(|(k, a)| first[..k].iter().all(|b| !Arc::ptr_eq(a, b))));
    }
}
