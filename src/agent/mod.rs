//! The agent: how a model is asked, and what is made of its answers.
//!
//! Evidence comes first and the model second: a prompt holds what was gathered and found, the model explains it and may
//! ask for the one or two things that are missing, through tools that can only read. All of it is pure: `flow` asks the
//! model and runs the tools.

pub mod citations;
pub mod document;
mod frame;
pub mod message;
pub mod pace;
pub mod pack;
pub mod prompt;
pub mod repair;
pub mod tokens;
pub mod tools;
pub mod turn;
