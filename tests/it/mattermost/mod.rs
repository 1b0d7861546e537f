//! The bot and Mattermost: what it writes there, what people do with it, how it is set up.
//!
//! What needs only the API also runs against a real server, where `MATTERMOST_TEST_URL`, `MATTERMOST_TEST_TOKEN` (a bot's)
//! and `MATTERMOST_TEST_CHANNEL` (`team/channel`, the bot in it) name one.

mod bench;
mod callbacks;
mod chat;
mod recorded;
mod replies;
mod setup;
mod troubles;
