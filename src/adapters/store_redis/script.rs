//! A script that runs in Redis, atomic; each stands beside the function that runs it, and begins with `lua/prelude.lua`.

use std::sync::OnceLock;

/// See the module.
pub(super) struct Script {
    source: &'static str,
    whole: OnceLock<(String, String)>,
}

impl Script {
    /// A script of this source.
    pub(super) const fn new(source: &'static str) -> Self {
        Self { source, whole: OnceLock::new() }
    }

    /// The name (SHA-1) that Redis keeps it under, and its code.
    pub(super) fn named(&self) -> (&str, &str) {
        let (name, code) = self.whole.get_or_init(|| {
            let code = format!("{}\n{}", include_str!("lua/prelude.lua"), self.source);
            (redis::Script::new(&code).get_hash().to_owned(), code)
        });
        (name, code)
    }
}
