//! The neighbours, each behind one struct of its own that can be pointed at any address.

pub mod cluster;
