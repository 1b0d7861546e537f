//! Which configuration values may be shown: `off → eager` tells the cause, `postgres://app:hunter2@db` tells a secret.
//!
//! The rule is a list of what is allowed. What is not recognised is "changed", without its value.

use std::sync::LazyLock;

use regex::Regex;

/// Parts of names that sound secret, and names whose values are addresses that may carry credentials.
const SECRET_NAMES: [&str; 24] = [
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "dsn", "private", "cert", "salt", "sign", "cookie",
    "session", "webhook", "url", "uri", "conn", "license", "pin", "otp", "seed", "jwt", "login",
];

/// Booleans, numbers with a unit, versions, and one to three short words.
static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^(?:
            [+-]?\d{1,9}(?:\.\d{1,6})?\ ?(?:%|[a-zA-Z]{1,3})?   # 64, 0.5, 30s, 512Mi, 80%
          | v?\d{1,4}(?:\.\d{1,6}){1,3}(?:[-+][a-z0-9.]{1,12})? # 1.9.0, v2.1-rc.1
          | (?:[a-z]{1,14}|[A-Z]{1,14}|[A-Z][a-z]{1,13})        # eager, INFO, True
            (?:[-_][a-z]{1,12}){0,2}                            # read-only
        )$",
    )
    .ok()
});

/// `value` of the setting `name`, if it may be shown.
pub(super) fn shown<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    if SECRET_NAMES.iter().any(|part| name.contains(part)) {
        return None;
    }
    if value.is_empty() {
        return Some("(empty)");
    }
    let plain = VALUE.as_ref().is_some_and(|pattern| pattern.is_match(value));
    (plain && !is_random(value)).then_some(value)
}

/// Words have vowels: five letters without one are more likely drawn than written.
fn is_random(value: &str) -> bool {
    let mut run = 0;
    value.chars().any(|c| {
        let consonant = c.is_ascii_alphabetic() && !"aeiouyAEIOUY".contains(c);
        run = if consonant { run + 1 } else { 0 };
        run >= 5
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_shown_and_secrets_are_not() {
        for (name, value) in [
            ("CACHE_WARMUP", "eager"),
            ("VERSION", "1.9.0"),
            ("DEBUG", "true"),
            ("LOG_LEVEL", "INFO"),
            ("WORKERS", "64"),
            ("TIMEOUT", "30s"),
            ("HEAP", "512Mi"),
            ("MODE", "read-only"),
            ("RATIO", "0.25"),
        ] {
            assert_eq!(shown(name, value), Some(value), "{name}={value}");
        }
        for (name, value) in [
            ("DB_PASSWORD", "hunter"),
            ("API_TOKEN", "1"),
            ("DATABASE_URL", "off"),
            ("ENDPOINT", "http://user:pw@db"),
            ("ENDPOINT", "db:5432"),
            ("X", "dGhpcyBpcyBh"),
            ("X", "deadbeefdeadbeef"),
            ("X", "qzxkvbnm"),
            ("X", "12345678901234567890"),
            ("X", "a7f3k9"),
        ] {
            assert_eq!(shown(name, value), None, "{name}={value}");
        }
    }
}
