//! The integration tests, in one binary: the bot's parts against real neighbours where Debian has them, and against fakes
//! that refuse what the real ones refuse. `scripts/test` installs the neighbours.

// The harness is test code, too: what is missing there must fail the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actuator;
mod ask;
mod audit;
mod bot;
mod captures;
mod console;
mod fake_embeddings;
mod fake_mattermost;
mod fake_model;
mod fake_openwebui;
mod fakes;
mod fakes_logs;
mod holmesgpt;
mod http;
mod kill;
mod knowledge;
mod knowledge_api;
mod knowledge_fakes;
mod knowledge_sync;
mod logs;
mod mattermost;
mod metrics;
mod model;
mod model_captures;
mod model_real;
mod neighbours;
mod patterns_properties;
mod process;
mod remedy;
mod store_contract;
mod story;
mod tidy;
mod worlds;
