//! The languages people are spoken to in.

use std::str::FromStr;

/// A language of the templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English, and what every other language falls back to.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// The folder of its templates and its tag in HTML.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    /// What its speakers call it.
    pub fn endonym(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "русский",
        }
    }

    /// Which of the forms of a noun follows `n`: two forms in English, three in Russian.
    pub(super) fn plural_form(self, n: u64) -> usize {
        match self {
            Self::English => usize::from(n != 1),
            Self::Russian => match (n % 10, n % 100) {
                (_, 11..=14) => 2,
                (1, _) => 0,
                (2..=4, _) => 1,
                _ => 2,
            },
        }
    }

    /// What stands between thousands. A no-break space keeps the number on one line.
    pub(super) fn thousands(self) -> char {
        match self {
            Self::English => ',',
            Self::Russian => '\u{A0}',
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "en" | "english" => Ok(Self::English),
            "ru" | "russian" => Ok(Self::Russian),
            other => Err(format!("`{}` is not a language: use en or ru", crate::domain::text::bounded(other, 20))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_counts_as_russians_do() {
        for (n, form) in [(0, 2), (1, 0), (2, 1), (4, 1), (5, 2), (11, 2), (12, 2), (21, 0), (111, 2), (122, 1)] {
            assert_eq!(Language::Russian.plural_form(n), form, "{n}");
        }
    }
}
