//! See [`targets::predecessor`].
#![no_main]

use holmes_bot_fuzz::targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::predecessor(data));
