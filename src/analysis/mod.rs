//! From evidence to findings: pure functions over what the neighbours said.

pub mod log_evidence;
pub mod patterns;
pub mod shape;
