//! The neighbours, each behind one struct of its own that can be pointed at any address.

pub mod check;
pub mod http;
pub mod links;
pub mod logs;
pub mod metrics;
