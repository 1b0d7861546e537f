//! Bringing incidents into a chat that fails in every way.

mod fake;
mod harness;
mod properties;
mod replicas;
mod storm;
mod troubles;
mod threads;
