//! From a wish to a verified fix and back, told as the people who click see it: the bot in this process on a simulated
//! cluster, with a clock that runs fast where it waits for minutes.

pub mod bot;
mod catalogue;
mod crash;
mod model;
mod refusals;
