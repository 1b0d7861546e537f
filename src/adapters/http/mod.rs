//! HTTP with a neighbour: one place that builds clients, bounds what is read and says in words what went wrong.
//!
//! [`Endpoint`] is a base address with credentials and time limits; [`body`] reads answers without trusting their
//! length; [`open_websocket`] begins with the same client; [`HttpError`] is what a person can act on. Addresses in errors
//! never carry credentials or queries.

pub mod body;
mod client;
mod endpoint;
mod error;
mod websocket;

pub use body::{excerpt, is_html, read_bounded, read_json, read_start};
pub use client::{ClientSettings, build_client};
pub use endpoint::{Auth, Endpoint, EndpointSettings, shown};
pub use error::HttpError;
pub use websocket::open_websocket;
