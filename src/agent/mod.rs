//! The agent: how a model is asked, and what is made of its answers.
//!
//! Evidence comes first and the model second: a prompt holds what was gathered and found, the model explains it and may
//! ask for the one or two things that are missing, through tools that can only read.

pub mod message;
pub mod repair;
pub mod tokens;
