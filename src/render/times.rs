//! Instants, durations and counts as a person would say them.

use chrono::{DateTime, Utc};

use super::language::Language;
use super::words::Words;

/// `22:48:35 UTC`; with the date before it when `beside` is on another day.
pub(super) fn time(at: DateTime<Utc>, beside: Option<DateTime<Utc>>) -> String {
    let other_day = beside.is_some_and(|beside| beside.date_naive() != at.date_naive());
    at.format(if other_day { "%Y-%m-%d %H:%M:%S UTC" } else { "%H:%M:%S UTC" }).to_string()
}

/// `8 min 12 s`: the two largest parts.
pub(super) fn duration(seconds: i64, words: &Words) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = [(days, "day"), (hours, "hour"), (minutes, "minute"), (seconds % 60, "second")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    let said: Vec<String> = parts[first..]
        .iter()
        .take(2)
        .enumerate()
        .filter(|(place, (count, _))| *place == 0 || *count > 0)
        .map(|(_, (count, name))| format!("{count} {}", words.get(&format!("unit.{name}"))))
        .collect();
    said.join(" ")
}

/// `1,204`.
pub(super) fn number(n: i64, language: Language) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + 4);
    if n < 0 {
        out.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(language.thousands());
        }
        out.push(digit);
    }
    out
}

/// `1.5 cores` with the words of the language, `1.5 ядра`; symbols such as MiB stay.
pub(super) fn localised(said: &str, words: &Words) -> String {
    let parts: Vec<&str> = said.split(' ').map(|part| words.find(&format!("symbol.{part}")).unwrap_or(part)).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(number(1_234_567, Language::English), "1,234,567");
        assert_eq!(number(-999, Language::English), "-999");
        assert_eq!(number(1204, Language::Russian), "1\u{A0}204");
    }
}
