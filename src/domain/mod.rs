//! The words of the product as types: what an alert, an incident, evidence and a finding *are*, and the rules that
//! need nothing but their arguments. No clock, no environment, no IO: time and randomness come in as values.

pub mod action;
pub mod alert;
pub mod audit;
pub mod cluster;
pub mod correlate;
pub mod event;
pub mod evidence;
pub mod finding;
pub mod incident;
pub mod investigation;
pub mod lint;
pub mod log_line;
pub mod note;
pub mod notification;
pub mod passage;
pub mod past_incident;
pub mod policy;
pub mod post;
pub mod proposal;
pub mod quantity;
pub mod query_template;
pub mod query_variables;
pub mod question;
pub mod redact;
pub mod relate;
pub mod report;
pub mod runbook;
pub mod series;
pub mod subject;
pub mod text;
pub mod unit;
pub mod window;
mod yaml;
