//! What the bot reads from others, as functions of bytes: `scripts/fuzz` feeds them with libFuzzer, `tests/it/fuzz.rs` with
//! the kept corpus and its mutations.

pub mod targets;
