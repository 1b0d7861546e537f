//! The integration tests, in one binary: the bot's parts against real neighbours where Debian has them, and against fakes
//! that refuse what the real ones refuse. `scripts/test` installs the neighbours.

// The harness is test code, too: what is missing there must fail the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod bot;
mod console;
mod fakes;
mod fakes_logs;
mod http;
mod kill;
mod logs;
mod metrics;
mod neighbours;
mod patterns_properties;
mod process;
mod store_contract;
mod story;
mod tidy;
