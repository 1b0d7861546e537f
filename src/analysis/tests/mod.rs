//! Realistic evidence and what must be found in it.

mod charts;
mod cluster;
mod fixtures;
mod hops;
mod hostile;
mod remedies;
mod shapes;
mod templates;
mod workloads;
