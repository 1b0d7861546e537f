//! Log patterns: what the lines of a log have in common, how often each pattern occurs, and above all which patterns are
//! new or much more frequent than in quiet times.
//!
//! A line goes through these rooms, in this order:
//!
//! 1. [`joiner`] keeps the lines of one record together, per stream: stack traces, pretty printed JSON ([`continuation`]).
//! 2. [`record`] takes the message and the level out of whatever surrounds them: colours, JSON and logfmt
//!    ([`structured`]), access logs ([`access`]), times and other headers ([`header`], [`timestamp`], [`level`]).
//! 3. [`token`] cuts the message into tokens and replaces what varies by nature ([`mask`]).
//! 4. [`miner`] counts the distinct sequences of tokens, the [`shape`]s; one seen before is one look into a hash map.
//! 5. [`fold`] finds, over all shapes, the words that only lines side by side betray as variables, and merges: single
//!    words, texts in quotes and brackets ([`enclosed`]), texts between words ([`spans`]); rare shapes join the template
//!    that fits them ([`absorb`]). It runs when patterns are asked for, and whenever the miner is full; [`tree`] then
//!    matches new lines with what was merged.
//! 6. [`mod@compare`] holds the patterns ([`template`]) of a window against those of a baseline.
//!
//! Pure: no clock, no IO; time comes with the lines.

pub mod absorb;
pub mod access;
pub mod compare;
pub mod continuation;
pub mod enclosed;
pub mod fold;
pub mod hash;
pub mod header;
pub mod joiner;
pub mod level;
pub mod mask;
pub mod miner;
pub mod record;
pub mod shape;
pub mod spans;
pub mod structured;
pub mod template;
pub mod timestamp;
pub mod token;
pub mod tree;

pub use compare::{Novelty, PatternChange, Spans, compare};
pub use joiner::{Joined, Joiner};
pub use level::{Level, is_quiet};
pub use miner::{Mined, Miner, Settings, Side, Slot};
pub use record::{Record, read_line};
pub use template::{Pattern, PatternId};
