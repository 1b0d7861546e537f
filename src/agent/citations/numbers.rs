//! Numbers in a claim, compared by value: `48 MiB`, `50331648` and `48Mi` are the same, and so are `0.97` and `97 %`.

/// A number with what its unit multiplies it by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    /// As it was written, with its unit.
    pub shown: String,
    value: f64,
    /// The value in bytes, seconds or ones, where a unit says so.
    scaled: f64,
    /// How far it may be off, by the digits that were written.
    slack: f64,
    /// `22:48`, a date: compared as text.
    is_time: bool,
}

/// Largest difference that is still the same number.
const SAME: f64 = 0.011;

/// Numbers of a claim that are worth checking: not 0 or 1, not the digits of a name.
pub(super) fn in_claim(text: &str) -> Vec<Number> {
    let list_marker = |at: usize, number: &Number| {
        text[..at].lines().next_back().is_none_or(|line| line.trim().is_empty())
            && text[at..].starts_with(&format!("{}.", number.shown))
    };
    read(text)
        .into_iter()
        .filter(|(at, number)| {
            number.is_time || (number.value > 1.0 || number.value.fract() != 0.0) && !list_marker(*at, number)
        })
        .map(|(_, number)| number)
        .collect()
}

/// All numbers of the evidence.
pub(super) fn in_text(text: &str) -> Vec<Number> {
    read(text).into_iter().map(|(_, number)| number).collect()
}

/// Whether `number` is one of `known`, by value, in bytes or seconds, or as a percentage.
pub(super) fn is_among(number: &Number, known: &[Number], hay: &str) -> bool {
    if number.is_time {
        return hay.contains(&number.shown.to_lowercase());
    }
    known.iter().any(|other| {
        let near = |a: f64, b: f64| (a - b).abs() <= (a.abs().max(b.abs()) * SAME).max(number.slack.min(a.abs() * 0.1));
        near(number.value, other.value)
            || near(number.scaled, other.scaled)
            || near(number.value, other.value * 100.0)
            || near(number.value * 100.0, other.value)
    })
}

fn read(text: &str) -> Vec<(usize, Number)> {
    let bytes = text.as_bytes();
    let is_followed = |at: usize| bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let from = at;
        while at < bytes.len() {
            let joins = match bytes[at] {
                b'0'..=b'9' => true,
                // `22:48-22:50` is two times, `2026-11-22` one date.
                b'-' => is_followed(at) && !bytes[from..at].contains(&b':'),
                b'.' | b',' | b':' | b'T' => is_followed(at),
                _ => false,
            };
            if !joins {
                break;
            }
            at += 1;
        }
        let part_of_name = from > 0
            && (bytes[from - 1].is_ascii_alphanumeric()
                || matches!(bytes[from - 1], b'_' | b'/' | b'@')
                || (bytes[from - 1] == b'-' && from > 1 && bytes[from - 2].is_ascii_alphanumeric()));
        let digits = &text[from..at];
        let after = &text[at..];
        let unit: String =
            after.trim_start_matches(' ').chars().take_while(|c| c.is_alphabetic() || *c == '%').collect();
        let glued = after.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if part_of_name || (glued && scale(&unit).is_none() && !is_time(digits)) {
            // The rest of the name goes with it.
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'-')) {
                at += 1;
            }
            continue;
        }
        if let Some(number) = number(digits, &unit, glued) {
            found.push((from, number));
        }
    }
    found
}

fn is_time(digits: &str) -> bool {
    digits.contains(':') || digits.matches('-').count() == 2
}

fn number(digits: &str, unit: &str, glued: bool) -> Option<Number> {
    if is_time(digits) {
        return Some(Number { shown: digits.to_owned(), value: 0.0, scaled: 0.0, slack: 0.0, is_time: true });
    }
    // An address or a version is a name.
    if digits.matches('.').count() > 1 || digits.contains('-') {
        return None;
    }
    let thousands = digits.split(',').skip(1).all(|group| group.len() == 3);
    let plain = if thousands { digits.replace(',', "") } else { digits.replace(',', ".") };
    let value: f64 = plain.parse().ok()?;
    let decimals = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let factor = scale(unit).unwrap_or(1.0);
    let shown = match (scale(unit), glued) {
        (Some(_), true) => format!("{digits}{unit}"),
        (Some(_), false) if !unit.is_empty() => format!("{digits} {unit}"),
        _ => digits.to_owned(),
    };
    let slack = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap_or(0));
    Some(Number { shown, value, scaled: value * factor, slack, is_time: false })
}

/// What a unit multiplies by; `None` for a word that is none.
fn scale(unit: &str) -> Option<f64> {
    let kibi = 1024f64;
    Some(match unit.to_lowercase().as_str() {
        "" | "%" | "x" | "b" | "bytes" | "s" | "sec" | "second" | "seconds" | "с" | "сек" => 1.0,
        "k" | "kb" => 1e3,
        "ki" | "kib" => kibi,
        "mb" => 1e6,
        "mi" | "mib" | "миб" | "мб" => kibi * kibi,
        "gb" => 1e9,
        "gi" | "gib" | "гиб" | "гб" => kibi * kibi * kibi,
        "ti" | "tib" => kibi.powi(4),
        "ms" | "мс" => 1e-3,
        "m" | "min" | "minute" | "minutes" | "мин" | "минут" | "минуты" => 60.0,
        "h" | "hour" | "hours" | "ч" | "часа" | "часов" => 3600.0,
        "d" | "day" | "days" | "дня" | "дней" => 86_400.0,
        _ => return None,
    })
}
