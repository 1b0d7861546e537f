//! Integration tests: the adapters against real neighbours where Debian has them, and against fakes that refuse what
//! the real ones refuse. `scripts/test` installs the neighbours.

// The harness is test code, too: what is missing there must fail the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fakes;
mod fakes_logs;
mod http;
mod logs;
mod metrics;
mod neighbours;
