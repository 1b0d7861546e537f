//! The knowledge that the bot has in writing: runbooks, past incidents and notes, here and in Open WebUI.
//!
//! [`Library`] matches and ranks runbooks; [`passages`] finds pieces of anything written; [`Knowledge`] joins them with
//! what is remembered in the store and with Open WebUI's collections.

mod base;
pub mod directory;
pub mod embedded;
mod excerpt;
mod find;
mod full_text;
mod index;
pub mod library;
mod meaning;
mod notes;
mod outage;
pub mod passages;
mod past;
mod query_words;
mod rank;
mod share;
mod stemmers;
mod vocabulary;
mod words;

pub use base::{Knowledge, KnowledgeSettings};
pub use find::{Found, MAX_FOUND};
pub use library::{Base, Hit, Library};
pub use notes::{MAX_NOTES, NamedNote, Noted};
pub use past::MAX_PAST;
pub use share::ShareError;
