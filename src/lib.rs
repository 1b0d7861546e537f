//! holmes-bot: from an alert to an investigated thread.
//!
//! In reading order: [`domain`] holds the words and rules; [`analysis`] turns evidence into findings; [`render`] turns
//! both into text and pictures; [`agent`] asks a model to explain them; [`ports`] names what has two implementations;
//! [`adapters`] speak with the neighbours; [`flow`] holds the use cases; [`web`] lets the outside in; [`config`] and [`app`]
//! put it together; [`telemetry`] says of the bot itself how it is; [`commands`] is the command line; [`demo`] is a recorded
//! cluster to try it on.
//!
//! What never happens: the pure layers (`domain`, `analysis`, `render`) read no clock, no environment and no network;
//! `web` handlers do nothing but verify, parse, enqueue and read; nobody but `config` reads the environment.

pub mod adapters;
pub mod agent;
pub mod analysis;
pub mod app;
pub mod commands;
pub mod config;
pub mod demo;
pub mod domain;
pub mod flow;
pub mod ports;
pub mod render;
pub mod telemetry;
pub mod web;
