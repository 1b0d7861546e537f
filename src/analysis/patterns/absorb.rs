//! Finds rare shapes that a well-founded template fits, although nothing alone shows that they are the same: the one
//! customer whose name has five words.

use super::hash::{self, HashedMap};
use super::shape::{self, Nature, Piece, WILD};

/// Different shapes that made a template which may take others in.
const MIN_MEMBERS: u32 = 8;

/// The template must have this many times the shapes of what it takes in.
const MIN_RATIO: u32 = 4;

/// Constant words of such a template.
const MIN_WORDS: usize = 2;

/// Tokens that a value of any length may have within a message, and at its end.
const MAX_RUN: usize = 12;
const MAX_TAIL: usize = 48;

/// Templates with the same first word that are tried.
const MAX_CANDIDATES: usize = 64;

/// Replaces the shapes that a template fits by that template.
pub fn fold(shapes: &mut [Vec<Piece>]) {
    let mut members: HashedMap<(u32, usize)> = HashedMap::default();
    for index in 0..shapes.len() {
        let (count, first) = members.entry(shape::identity_of(&shapes[index])).or_insert((0, index));
        *count += 1;
        // What is a value of any length in one of them is so in all.
        let (before, rest) = shapes.split_at_mut(index);
        if let (Some(first), [own, ..]) = (before.get_mut(*first), rest) {
            first.iter_mut().zip(own).for_each(|(first, own)| first.nature = first.nature.max(own.nature));
        }
    }
    let mut templates: HashedMap<Vec<(u32, usize)>> = HashedMap::default();
    for (count, index) in members.values() {
        let shape = &shapes[*index];
        let words = shape.iter().filter(|piece| piece.hash != WILD && piece.nature > Nature::Mark).count();
        if *count >= MIN_MEMBERS && words >= MIN_WORDS && shape.iter().any(|piece| piece.nature >= Nature::Found) {
            templates.entry(shape[0].hash).or_default().push((*count, *index));
        }
    }
    for candidates in templates.values_mut() {
        // The best founded first; equals in the order of their first lines.
        candidates.sort_unstable_by_key(|(count, index)| (u32::MAX - count, *index));
        candidates.truncate(MAX_CANDIDATES);
    }
    let mut taken: HashedMap<Option<usize>> = HashedMap::default();
    for index in 0..shapes.len() {
        let shape = &shapes[index];
        let Some(candidates) = shape.first().and_then(|first| templates.get(&first.hash)) else {
            continue;
        };
        let identity = shape::identity_of(shape);
        let own = members.get(&identity).map_or(0, |(count, _)| *count);
        let by = *taken.entry(identity).or_insert_with(|| {
            let fits =
                |(count, at): &&(u32, usize)| *count >= own.saturating_mul(MIN_RATIO) && fits(&shapes[*at], shape);
            candidates.iter().find(fits).map(|(_, at)| *at)
        });
        let by = by.or_else(|| members.get(&identity).map(|(_, first)| *first));
        if let Some(by) = by.filter(|by| *by != index) {
            shapes[index] = shapes[by].clone();
        }
    }
}

/// Whether a template's wildcards can stand for what the shape has in their places, where a [`Nature::Run`] stands for
/// any number of tokens.
pub fn fits(template: &[Piece], shape: &[Piece]) -> bool {
    let equals = hash::bytes(b"=");
    let single =
        |own: &Piece, other: &Piece| own.hash == other.hash || own.hash == WILD && other.nature != Nature::Mark;
    let (mut at, mut from) = (0, 0);
    // Where to go on if what follows a run does not fit: the place behind the run, the first token it took, and its end.
    let mut retry: Option<(usize, usize, usize)> = None;
    loop {
        let fitting = match (template.get(at), shape.get(from)) {
            (None, None) => return true,
            (Some(own), Some(_)) if own.nature == Nature::Run => {
                at += 1;
                retry = Some((at, from, from + 1));
                from += 1;
                continue;
            }
            (Some(own), Some(other)) => single(own, other),
            _ => false,
        };
        if fitting {
            at += 1;
            from += 1;
            continue;
        }
        let Some((behind, start, end)) = retry else {
            return false;
        };
        // Keys and values have a structure that is worth seeing.
        if shape.get(end).is_none_or(|piece| piece.hash == equals) {
            return false;
        }
        let most = if behind == template.len() { MAX_TAIL } else { MAX_RUN };
        if end + 1 - start > most {
            return false;
        }
        retry = Some((behind, start, end + 1));
        at = behind;
        from = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::Words;
    use super::super::token::Tokens;
    use super::*;

    /// `…` stands for a value of any length.
    fn shape(text: &str) -> Vec<Piece> {
        let mut tokens = Tokens::default();
        tokens.read(text);
        let run = hash::bytes("…".as_bytes());
        let mut pieces = shape::pieces(&tokens, &mut Words::default());
        for piece in pieces.iter_mut().filter(|piece| piece.hash == run) {
            *piece = Piece { hash: WILD, nature: Nature::Run, spaced: piece.spaced };
        }
        pieces
    }

    #[test]
    fn a_run_stands_for_one_or_more_tokens() {
        let cases = [
            ("user … logged in", "user al logged in", true),
            ("user … logged in", "user ann, the admin logged in", true),
            ("user … logged in", "user logged in", false),
            ("user … logged in", "user al logged out", false),
            ("from … to …", "from a to b to c d", true),
            ("from … to … done", "from a b to c done done", true),
            ("failed: …", "failed: x", true),
            ("failed: …", "failed:", false),
            ("read … of …", "read user=a id=b of c", false),
        ];
        for (template, text, fitting) in cases {
            assert_eq!(fits(&shape(template), &shape(text)), fitting, "{template} {text}");
        }
        assert!(!fits(&shape("user … logged in"), &shape(&format!("user {}logged in", "x y ".repeat(MAX_RUN)))));
    }
}
