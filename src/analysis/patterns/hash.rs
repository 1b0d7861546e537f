//! A fast hash for tokens. Identity of tokens and shapes rests on 64 bits: among a million of them two collide with a
//! probability of about 3 in 100 million. Not for tables whose keys an attacker must not choose.

use std::hash::{BuildHasherDefault, Hasher};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0xd6e8_feb8_6659_fd93;

const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Adds one value to a running hash; the order matters.
pub fn combine(hash: u64, value: u64) -> u64 {
    fold(hash.rotate_left(23) ^ value, STEP)
}

/// Hash of a token's text.
pub fn bytes(text: &[u8]) -> u64 {
    let mut hash = SEED ^ (text.len() as u64).wrapping_mul(STEP);
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), STEP);
    }
    let rest = chunks.remainder();
    let mut tail = 0;
    for &byte in rest {
        tail = tail << 8 | u64::from(byte);
    }
    fold(hash ^ tail, SEED | 1)
}

/// The same for a text of one byte.
pub const fn byte(byte: u8) -> u64 {
    fold(SEED ^ STEP ^ byte as u64, SEED | 1)
}

/// A hasher for keys that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = combine(self.0, self::bytes(bytes));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A map whose keys are hashes.
pub type HashedMap<V> = std::collections::HashMap<u64, V, BuildHasherDefault<Identity>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_a_text_of_one() {
        assert!((0..=255).all(|text| byte(text) == bytes(&[text])));
    }
}
