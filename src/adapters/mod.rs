//! One room per neighbour: everything that is said to it and understood of it.

pub mod cluster;
pub mod files;
pub mod store_embedded;
