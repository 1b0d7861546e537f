//! How the outside gets in: handlers that verify, parse, enqueue and read, and do nothing else.

pub mod console;
