//! From evidence to findings: pure functions over what the neighbours said.

pub mod shape;
