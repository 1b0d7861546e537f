//! One room per neighbour: everything that is said to it and understood of it.

pub mod action_form;
pub mod actuator;
pub mod alertmanager;
pub mod backoff;
pub mod check;
pub mod cluster;
pub mod embeddings;
pub mod files;
pub mod hearing;
pub mod http;
pub mod knowledge;
mod kubernetes;
pub mod links;
pub mod logs;
pub mod mattermost;
pub mod metrics;
pub mod model;
pub mod openwebui;
pub mod permission;
pub mod slack;
pub mod store_embedded;
pub mod store_redis;
mod unreadable;
