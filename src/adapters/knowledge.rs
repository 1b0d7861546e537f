//! The knowledge that the bot has in writing: runbooks, embedded and the operator's own, matched and searched.

pub mod directory;
pub mod embedded;
mod excerpt;
mod index;
pub mod library;
pub mod passages;
mod query_words;
mod rank;
mod vocabulary;
mod words;

pub use library::{Base, Hit, Library};
