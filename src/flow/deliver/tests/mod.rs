//! Bringing incidents into a chat that fails in every way.

pub mod fake;
mod harness;
mod properties;
mod replicas;
mod storm;
mod threads;
mod troubles;
