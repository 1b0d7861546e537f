//! Every text in both languages, and what strangers' text may not do to it.

mod actions;
mod claims;
mod evidence;
mod hostile;
mod messages;
mod overrides;
mod story;

use super::{Language, Renderer};

fn renderer(language: Language) -> Renderer {
    Renderer::new(language, Vec::new()).unwrap()
}
