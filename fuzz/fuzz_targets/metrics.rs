//! See [`targets::metrics`].
#![no_main]

use holmes_bot_fuzz::targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::metrics(data));
