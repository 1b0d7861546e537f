//! The outside comes in here: verify, parse, enqueue, read. Nothing else is done, which is what makes it quick.

pub mod alertmanager;
pub mod api;
pub mod console;
pub mod health;
pub mod knowledge;
pub mod verify;
