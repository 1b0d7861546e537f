//! Reading what programs, the kubelet and the scheduler wrote: from a line to what it says went wrong.
//!
//! Wordings differ by language, library and version, so every reader here looks for the few words that all of them
//! share and takes names out of the places where they stand. All of it works on strangers' text: nothing may panic.

pub mod complaint;
pub mod exit_code;
pub mod network;
pub mod pull;
pub mod record;
pub mod root_line;
pub mod scheduler;
pub mod words;
