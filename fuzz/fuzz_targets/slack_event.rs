//! See [`targets::slack_event`].
#![no_main]

use holmes_bot_fuzz::targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::slack_event(data));
