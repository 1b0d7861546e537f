//! What happens while a request is at work: kept for the response, and told to whoever streams.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::desk::Happened;

/// The steps so far. Turns, calls and evidence of one request are bounded, and so is what is kept here.
#[derive(Clone, Default)]
pub(super) struct Steps {
    kept: Arc<Mutex<Vec<Happened>>>,
    listener: Option<UnboundedSender<Happened>>,
}

impl Steps {
    /// Steps that `listener` hears of, too.
    pub(super) fn told_to(listener: UnboundedSender<Happened>) -> Self {
        Self { listener: Some(listener), ..Self::default() }
    }

    pub(super) fn note(&self, happened: Happened) {
        if let Some(listener) = &self.listener {
            // Whoever has hung up drops the work as well.
            let _ = listener.send(happened.clone());
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(happened);
    }

    pub(super) fn all(&self) -> Vec<Happened> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
