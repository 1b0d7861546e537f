//! Plays the kept corpus of `fuzz/` and mutations of it, the same in every run, through the same readers that `scripts/fuzz`
//! attacks for longer: a reader that panics, swells or becomes slow fails here.

#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

use crate::checkout::root;

/// Mutations of each target's corpus.
const MUTATIONS: u64 = 100;
/// Longest mutation, in bytes.
const MAX_MUTATION_BYTES: usize = 16 * 1024;
/// As much of one piece as makes a reader slow that looks at all of it again and again.
const REPEATED_BYTES: usize = 32 * 1024;
/// How long one input may take in a build without optimisations on a busy machine. A reader that is linear takes a
/// hundredth of it.
const PATIENCE: Duration = Duration::from_secs(20);

fn fuzz() -> PathBuf {
    root().join("fuzz")
}

/// The kept inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(fuzz().join("corpus").join(target)).unwrap();
    let mut inputs: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            (path.display().to_string(), std::fs::read(path).unwrap())
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    inputs
}

/// Plays one input; what fails is kept where the message says, and belongs into the corpus.
fn play(name: &str, target: Target, origin: &str, input: &[u8]) {
    let began = Instant::now();
    let outcome = std::panic::catch_unwind(|| target(input));
    let took = began.elapsed();
    if outcome.is_err() || took > PATIENCE {
        let file = std::env::temp_dir().join(format!("holmes-bot-fuzz-{name}-{}", input.len()));
        std::fs::write(&file, input).unwrap();
        panic!("{name} failed on {origin} ({} bytes, {took:?}), kept in {}", input.len(), file.display());
    }
}

/// A generator of numbers that is the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Some part of `bytes`.
    fn part(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let (a, b) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
        a.min(b)..a.max(b)
    }
}

/// Pieces that mean something to one reader or another.
const PIECES: [&[u8]; 40] = [
    b"{",
    b"[",
    b"\"",
    b"\\",
    b"'",
    b"`",
    b"```",
    b"(",
    b"](",
    b"<",
    b"<!channel>",
    b"@all",
    b"*",
    b"_",
    b"~",
    b"> ",
    b"- ",
    b"| ",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"data: ",
    b"<think>",
    b"</think>",
    b"<tool_call>",
    b"</tool_call>",
    b"[TOOL_CALLS]",
    b"{\"a\":",
    b"[[",
    b"&a [*a, *a]\n",
    b"---\n",
    b"password=",
    b"eyJ",
    b"://u:p@",
    b"\x1b[",
    b"\xff",
    b"\xf0\x9f\x98\x80",
    b"\\ud800",
    b"1e999",
    b"-9223372036854775808",
];

fn mutated(corpus: &[(String, Vec<u8>)], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].1.clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        match random.below(8) {
            0 if !input.is_empty() => {
                let at = random.below(input.len());
                input[at] ^= 1 << random.below(8);
            }
            1 => input.truncate(at),
            2 => drop(input.drain(random.part(&input))),
            // Two inputs, the start of one and the end of the other.
            3 => {
                let other = &corpus[random.below(corpus.len())].1;
                input.truncate(at);
                input.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
            4 => {
                let part = input[random.part(&input)].to_vec();
                input.splice(at..at, part.repeat(1 + random.below(8)));
            }
            // One piece very often.
            5 => {
                let piece = PIECES[random.below(PIECES.len())];
                let times = MAX_MUTATION_BYTES / piece.len() / (1 + random.below(64));
                input.splice(at..at, piece.repeat(times));
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                input.splice(at..at, piece.iter().copied());
            }
        }
        input.truncate(MAX_MUTATION_BYTES);
    }
    input
}

#[test]
fn the_corpus_and_its_mutations_are_read() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        for (file, input) in &inputs {
            play(name, target, file, input);
        }
        let mut random = Random(name.len() as u64);
        for number in 0..MUTATIONS {
            let input = mutated(&inputs, &mut random);
            play(name, target, &format!("mutation {number}"), &input);
        }
    }
}

/// One piece over and over, which is what readers are slow at that begin again at every mark.
#[test]
fn what_repeats_takes_time_in_proportion() {
    for (name, target) in TARGETS {
        for piece in PIECES {
            let input = piece.repeat(REPEATED_BYTES / piece.len());
            play(name, target, &format!("{:?} repeated", String::from_utf8_lossy(piece)), &input);
        }
    }
}

#[test]
fn every_target_has_a_program_and_every_corpus_a_target() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
        let program = std::fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("targets::{name}(data)")), "{name} calls another target");
    }
    for folder in ["corpus", "fuzz_targets"] {
        for entry in std::fs::read_dir(fuzz().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy();
            assert!(TARGETS.iter().any(|(name, _)| *name == stem), "{folder}/{stem} has no target");
        }
    }
}
