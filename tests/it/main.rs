//! The integration tests, in one binary.

mod kill;
mod process;
mod store_contract;
mod tidy;
