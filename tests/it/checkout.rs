//! Where the checkout under test is. Asked when a test runs, not when it is compiled: a target directory outlives a clone, and
//! a second clone may use it.

use std::path::PathBuf;

/// The directory that holds `Cargo.toml`. Cargo names it to each test it runs; a test that is started by hand runs in it.
pub fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
