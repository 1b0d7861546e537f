//! What is wrong now and needs a person: told by `/readyz`, the console and `/holmes status`, and logged once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Troubles kept at once; a hundred archived channels are one trouble to whoever reads.
const MAX_TROUBLES: usize = 100;

/// Present troubles by what they are about, e.g. `slack:C024BE91L`.
#[derive(Debug, Default)]
pub struct Troubles {
    now: Mutex<BTreeMap<String, String>>,
}

impl Troubles {
    /// Notes a trouble; says whether it is news.
    pub fn begins(&self, about: &str, what: &str) -> bool {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.get(about).is_some_and(|known| known == what) {
            return false;
        }
        if now.len() < MAX_TROUBLES || now.contains_key(about) {
            now.insert(about.to_owned(), what.to_owned());
        }
        true
    }

    /// It is over; says whether there was one.
    pub fn ends(&self, about: &str) -> bool {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).remove(about).is_some()
    }

    /// All that there are, each with what it is about.
    pub fn all(&self) -> Vec<(String, String)> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.iter().map(|(about, what)| (about.clone(), what.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_news_once() {
        let troubles = Troubles::default();
        assert!(troubles.begins("slack", "token revoked"));
        assert!(!troubles.begins("slack", "token revoked"));
        assert!(troubles.begins("slack", "scope missing"));
        assert_eq!(troubles.all(), [("slack".to_owned(), "scope missing".to_owned())]);
        assert!(troubles.ends("slack"));
        assert!(!troubles.ends("slack"));
    }
}
