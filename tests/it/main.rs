//! The integration tests, in one binary: the bot's parts against real neighbours where Debian has them, and against fakes
//! that refuse what the real ones refuse. `scripts/test` installs the neighbours.

// The harness is test code, too: what is missing there must fail the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actuator;
mod ask;
mod attacks;
mod audit;
mod bot;
mod captures;
mod chats;
mod checkout;
mod console;
mod docs;
mod failing_store;
mod fake_embeddings;
mod fake_mattermost;
mod fake_model;
mod fake_openwebui;
mod fake_slack;
mod fakes;
mod fakes_logs;
mod fuzz;
mod holmesgpt;
mod http;
mod kill;
mod knowledge;
mod knowledge_api;
mod knowledge_fakes;
mod knowledge_sync;
mod logs;
mod manifests;
mod mattermost;
mod metrics;
mod model;
mod model_captures;
mod model_real;
mod neighbours;
mod patterns_properties;
mod process;
mod redis_server;
mod redis_store;
mod refusals;
mod remedy;
mod runbooks;
mod slack;
mod store_contract;
mod storm;
mod story;
mod tcp_proxy;
mod tidy;
mod traces;
mod wait;
mod worlds;
