//! Where the checkout under test is. Asked when a test runs, not when it is compiled: a target directory outlives a clone, and
//! a second clone may use it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The directory that holds `Cargo.toml`. Cargo names it to each test it runs; a test that is started by hand runs in it.
pub fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// The text of a file, by its path below [`root`].
pub fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every variable that `.env.example` documents.
pub fn documented_variables() -> BTreeSet<String> {
    let text = text(".env.example");
    let names = text.lines().filter_map(|line| line.trim_start_matches('#').split_once('=')).map(|(name, _)| name);
    let is_variable = |name: &&str| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    names.filter(is_variable).map(str::to_owned).collect()
}

/// All files below a directory.
pub fn files(below: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
