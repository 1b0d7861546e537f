//! Moves the timestamps inside JSON: whole strings in RFC 3339 are moved, text that merely contains one is left alone.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::Value;

/// Moves every RFC 3339 string in a JSON tree. The form (fraction digits, zone) is kept.
pub fn shift_json(value: &mut Value, by: TimeDelta) {
    for_each_string(value, &mut |text| {
        if let Some(moved) = shift_text(text, by) {
            *text = moved;
        }
    });
}

/// Sets back to `limit` every timestamp in the tree that lies between `limit` and `end`: it has not happened yet.
/// What lies after `end` was in the future when it was recorded (an expiry) and stays.
pub fn clamp_json(value: &mut Value, limit: DateTime<Utc>, end: DateTime<Utc>) {
    for_each_string(value, &mut |text| {
        if let Some(at) = parse(text)
            && at > limit
            && at <= end
        {
            *text = format_like(text, limit);
        }
    });
}

/// Moves one timestamp by whole seconds; `None` if the text is not one, or is the zero time of Go.
pub fn shift_text(text: &str, by: TimeDelta) -> Option<String> {
    parse(text)?;
    let (seconds, rest) = text.split_at(19);
    let moved = NaiveDateTime::parse_from_str(seconds, "%Y-%m-%dT%H:%M:%S").ok()?.checked_add_signed(by)?;
    Some(format!("{}{rest}", moved.format("%Y-%m-%dT%H:%M:%S")))
}

/// Reads a text that is nothing but a timestamp of our era.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    // Cheap refusal first: most strings of a Kubernetes object are not timestamps.
    if bytes.len() < 20 || bytes.len() > 40 || bytes[4] != b'-' || bytes[10] != b'T' || !text.is_ascii() {
        return None;
    }
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (at.timestamp() > 0).then_some(at)
}

/// Writes `at` with as many fraction digits as `model` has.
fn format_like(model: &str, at: DateTime<Utc>) -> String {
    let digits = model.get(20..).filter(|_| model.as_bytes()[19] == b'.');
    let digits = digits.map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let seconds = at.format("%Y-%m-%dT%H:%M:%S");
    if digits == 0 {
        return format!("{seconds}Z");
    }
    let nanos = format!("{:09}", at.timestamp_subsec_nanos());
    format!("{seconds}.{}Z", &nanos[..digits.min(9)])
}

fn for_each_string(value: &mut Value, act: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => act(text),
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_string(item, act)),
        Value::Object(map) => map.iter_mut().for_each(|(_, item)| for_each_string(item, act)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn timestamps_move_and_keep_their_form() {
        let hour = TimeDelta::hours(1);
        let cases = [
            ("2026-11-22T22:54:30Z", Some("2026-11-22T23:54:30Z")),
            ("2026-11-22T23:54:30.123456Z", Some("2026-11-23T00:54:30.123456Z")),
            ("2026-11-22T22:54:59.36115759Z", Some("2026-11-22T23:54:59.36115759Z")),
            ("2026-11-22T22:54:59+03:00", Some("2026-11-22T23:54:59+03:00")),
            ("0001-01-01T00:00:00Z", None),
            ("at 2026-11-22T22:54:30Z it failed", None),
            ("2026-11-22 22:54:30 some words", None),
            ("checkout-7464b59bfd-6rjrg", None),
        ];
        for (text, expected) in cases {
            assert_eq!(shift_text(text, hour).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_has_not_happened_is_set_back_but_an_expiry_is_not() {
        let mut object = json!({"a": "2026-11-22T22:54:30Z", "b": ["2026-11-22T22:54:30.5Z"], "c": "2026-11-22T22:00:00Z",
            "notAfter": "2027-01-01T00:00:00Z"});
        clamp_json(&mut object, parse("2026-11-22T22:50:00.25Z").unwrap(), parse("2026-11-22T23:00:00Z").unwrap());
        let expected = json!({"a": "2026-11-22T22:50:00Z", "b": ["2026-11-22T22:50:00.2Z"], "c": "2026-11-22T22:00:00Z",
            "notAfter": "2027-01-01T00:00:00Z"});
        assert_eq!(object, expected);
    }
}
