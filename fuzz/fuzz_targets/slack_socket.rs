//! See [`targets::slack_socket`].
#![no_main]

use holmes_bot_fuzz::targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::slack_socket(data));
