//! Shapes: the sequences of tokens that messages become, and what each token tells about itself.

use std::hash::{Hash, Hasher};

use super::hash::{self, HashedMap};
use super::mask::WILDCARD;
use super::token::{Kind, Token, Tokens};

/// Stands for a token that varies.
pub const WILD: u64 = 0x5747_1a2b_3c4d_5e6f;

/// What a token's text alone says about whether it is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// Punctuation: the frame of a message, never a value.
    Mark,
    /// A word of a language.
    Plain,
    /// A word as programs name things: `kube-dns`, `a.b.C`, `camelCase`.
    Identifier,
    /// A word with a masked part.
    Partial,
    /// A value.
    Variable,
    /// A word that other shapes showed to be a value.
    Found,
    /// A value of any number of tokens.
    Run,
}

/// One token of a shape. Two are equal if their texts are, whatever the spaces before them.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Identity of the text; [`WILD`] for every value.
    pub hash: u64,
    /// What it seems to be.
    pub nature: Nature,
    /// Whether white space stands before it.
    pub spaced: bool,
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Piece {}

impl Hash for Piece {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The texts of the tokens, by hash: one after the other in one text, so that a new word costs no allocation.
#[derive(Debug, Default)]
pub struct Words {
    places: HashedMap<(u32, u32)>,
    text: String,
}

impl Words {
    /// Bytes of all texts.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Leaves only the texts of these hashes.
    pub fn keep(&mut self, hashes: impl Iterator<Item = u64>) {
        let mut kept = Self::default();
        kept.places.reserve(self.places.len() / 2);
        for hash in hashes {
            if let Some(word) = self.get(hash) {
                kept.note(hash, word.as_bytes());
            }
        }
        *self = kept;
    }

    fn note(&mut self, hash: u64, text: &[u8]) {
        let Self { places, text: all } = self;
        places.entry(hash).or_insert_with(|| {
            let from = all.len() as u32;
            all.push_str(&String::from_utf8_lossy(text));
            (from, all.len() as u32)
        });
    }

    fn get(&self, hash: u64) -> Option<&str> {
        let (from, to) = self.places.get(&hash)?;
        self.text.get(*from as usize..*to as usize)
    }
}

/// Identity of a message's shape: the spaces do not count.
pub fn identity(tokens: &Tokens) -> u64 {
    let own = |token: &Token| if token.kind == Kind::Variable { WILD } else { token.hash };
    tokens.list().iter().fold(0, |shape, token| hash::combine(shape, own(token)))
}

/// Identity of a shape, the same as that of the messages that have it.
pub fn identity_of(pieces: &[Piece]) -> u64 {
    pieces.iter().fold(0, |shape, piece| hash::combine(shape, piece.hash))
}

/// The shape of a message, its words noted in `words`.
pub fn pieces(tokens: &Tokens, words: &mut Words) -> Vec<Piece> {
    let piece = |token| {
        let text = tokens.text(token);
        let nature = match token.kind {
            Kind::Variable => return Piece { hash: WILD, nature: Nature::Variable, spaced: token.spaced },
            Kind::Mark => Nature::Mark,
            Kind::Partial => Nature::Partial,
            Kind::Word if is_identifier(text) => Nature::Identifier,
            Kind::Word => Nature::Plain,
        };
        words.note(token.hash, text);
        Piece { hash: token.hash, nature, spaced: token.spaced }
    };
    tokens.list().iter().map(piece).collect()
}

fn is_identifier(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'_' | b'.' | b'-' | b'/' | b'@' | b'$' | b'#'))
        || text.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// The template that people read.
pub fn render(pieces: &[Piece], words: &Words) -> String {
    let mut out = String::new();
    for piece in pieces {
        let word = match piece.hash {
            WILD => std::str::from_utf8(WILDCARD).unwrap_or_default(),
            hash => words.get(hash).unwrap_or_default(),
        };
        if piece.spaced && !out.is_empty() {
            // Values side by side are one value: their number varies as well.
            if piece.hash == WILD && out.as_bytes().ends_with(WILDCARD) {
                continue;
            }
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
