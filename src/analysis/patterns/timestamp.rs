//! Recognises the ways in which logs write the time.

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// Which kind of time stood there; syslog's is followed by a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `Jan  2 15:04:05`
    Syslog,
    /// Seconds since 1970, which a number in a message might be as well.
    Epoch,
    /// Anything else.
    Other,
}

/// Length of the time that `text` starts with, without brackets around it.
pub fn at_start(text: &[u8]) -> Option<(usize, Style)> {
    let first = *text.first()?;
    if first.is_ascii_digit() {
        let style = if matches!(digits(text), 10 | 13) { Style::Epoch } else { Style::Other };
        return numeric(text).map(|length| (length, style));
    }
    if first.is_ascii_alphabetic() {
        return named(text);
    }
    None
}

fn digits(text: &[u8]) -> usize {
    text.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count()
}

fn value(text: &[u8]) -> u64 {
    text.iter().fold(0, |value, byte| value * 10 + u64::from(byte - b'0'))
}

/// `15:04:05`, `15.04.05`, with a fraction and a zone.
fn clock(text: &[u8]) -> Option<usize> {
    let hour = digits(text);
    let separator = *text.get(hour)?;
    if !(1..=2).contains(&hour) || !matches!(separator, b':' | b'.') || value(&text[..hour]) > 24 {
        return None;
    }
    let minute = digits(&text[hour + 1..]);
    let second_at = hour + 1 + minute + 1;
    if !(1..=2).contains(&minute) || text.get(second_at - 1) != Some(&separator) {
        return None;
    }
    let second = digits(&text[second_at..]);
    if !(1..=2).contains(&second) || separator == b'.' && (minute, second) != (2, 2) {
        return None;
    }
    let mut end = second_at + second;
    if matches!(text.get(end), Some(b'.' | b',' | b':')) {
        let fraction = digits(&text[end + 1..]);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    Some(end + zone(&text[end..]))
}

fn zone(text: &[u8]) -> usize {
    let spaces = usize::from(text.first() == Some(&b' '));
    match &text[spaces..] {
        [b'Z', ..] if spaces == 0 => 1,
        [b'+' | b'-', rest @ ..] => {
            let hours = digits(rest);
            match rest.get(hours) {
                _ if hours == 4 => spaces + 5,
                Some(b':') if hours == 2 && digits(&rest[3..]) == 2 => spaces + 6,
                _ => 0,
            }
        }
        rest if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") => spaces + 3,
        _ => 0,
    }
}

/// Whether a token ends here, so that a longer word is not cut.
fn ends(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None => true,
        Some(b'.' | b':' | b'-' | b'/') => !text.get(at + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => !byte.is_ascii_alphanumeric() && *byte != b'_',
    }
}

fn numeric(text: &[u8]) -> Option<usize> {
    // Without a date only colons make a clock: `10.11.10.1` is an address.
    if text.get(1) != Some(&b'.')
        && text.get(2) != Some(&b'.')
        && let Some(end) = clock(text)
    {
        return ends(text, end).then_some(end);
    }
    let first = digits(text);
    let date = match (first, text.get(first)) {
        (10, _) if text[0] == b'1' => return epoch(text, first),
        (13, _) if text[0] == b'1' && ends(text, first) => return Some(first),
        // 20060102-15:04:05
        (8, Some(b'-' | b'T' | b' ')) if matches!(text[0], b'1' | b'2') => {
            let end = 9 + clock(&text[9..])?;
            return ends(text, end).then_some(end);
        }
        // 060102 150405
        (6, Some(b' ')) => {
            let time = &text[7..];
            let plausible = digits(time) == 6 && value(&time[..2]) < 24 && value(&time[2..4]) < 60;
            return (plausible && ends(text, 13)).then_some(13);
        }
        // 2006-01-02 and 06/01/02
        (4 | 2, Some(separator @ (b'-' | b'/' | b'.'))) => {
            let rest = &text[first + 1..];
            match month_name(rest) {
                // 02/Jan/2006:15:04:05 -0700
                Some(_) if rest.get(3) == Some(separator) => first + 1 + 4 + digits(&rest[4..]),
                Some(_) => return None,
                None => {
                    let month = digits(rest);
                    if !(1..=2).contains(&month) || value(&rest[..month]) > 31 {
                        return None;
                    }
                    if rest.get(month) == Some(separator) {
                        let day = digits(&rest[month + 1..]);
                        if day == 0 || day > 4 {
                            return None;
                        }
                        first + 1 + month + 1 + day
                    } else if first == 2 && month == 2 && rest.get(2) == Some(&b' ') {
                        // 01-02 15:04:05
                        let end = first + 1 + month;
                        clock(&text[end + 1..])?;
                        end
                    } else {
                        return None;
                    }
                }
            }
        }
        _ => return None,
    };
    // The clock behind the date, if it follows at once.
    let end = match text.get(date) {
        Some(b' ' | b'T' | b'-' | b'_' | b':' | b'@') => match clock(&text[date + 1..]) {
            Some(length) => date + 1 + length,
            None => date,
        },
        _ => date,
    };
    ends(text, end).then_some(end)
}

fn epoch(text: &[u8], length: usize) -> Option<usize> {
    let end = match text.get(length) {
        Some(b'.') if digits(&text[length + 1..]) > 0 => length + 1 + digits(&text[length + 1..]),
        _ => length,
    };
    ends(text, end).then_some(end)
}

fn month_name(text: &[u8]) -> Option<usize> {
    let name = lower(text)?;
    MONTHS.iter().position(|month| *month == name.as_slice())
}

/// `Jan  2 15:04:05`, `Mon Jan  2 15:04:05 2006`, `Mon, 02 Jan 2006 15:04:05 GMT`.
fn named(text: &[u8]) -> Option<(usize, Style)> {
    let mut at = 0;
    let weekday = lower(text)?;
    let has_weekday = DAYS.contains(&weekday.as_slice());
    if has_weekday {
        at = 3 + usize::from(text.get(3) == Some(&b','));
        at += spaces(&text[at..])?;
        let day = digits(&text[at..]);
        if (1..=2).contains(&day) {
            // 02 Jan 2006 15:04:05
            let mut end = at + day;
            end += spaces(&text[end..])?;
            month_name(&text[end..])?;
            end += 3;
            end += spaces(&text[end..])?;
            if digits(&text[end..]) != 4 {
                return None;
            }
            end += 4;
            end += spaces(&text[end..])?;
            end += clock(&text[end..])?;
            return Some((end, Style::Other));
        }
    }
    month_name(&text[at..])?;
    at += 3;
    at += spaces(&text[at..])?;
    let day = digits(&text[at..]);
    if !(1..=2).contains(&day) {
        return None;
    }
    at += day;
    at += spaces(&text[at..])?;
    // Some write the year before the clock.
    if digits(&text[at..]) == 4 {
        at += 4;
        at += spaces(&text[at..])?;
        at += clock(&text[at..])?;
        return Some((at, Style::Other));
    }
    at += clock(&text[at..])?;
    if has_weekday {
        // A zone may stand before the year: `15:04:05 PDT 2006`.
        let zone = match &text[at..] {
            [b' ', name @ ..] => match name.iter().take(5).take_while(|byte| byte.is_ascii_uppercase()).count() {
                length @ 2..=4 => 1 + length,
                _ => 0,
            },
            _ => 0,
        };
        if text.get(at + zone) == Some(&b' ') && digits(&text[at + zone + 1..]) == 4 {
            at += zone + 5;
        }
        return Some((at, Style::Other));
    }
    Some((at, Style::Syslog))
}

fn spaces(text: &[u8]) -> Option<usize> {
    let count = text.iter().take_while(|byte| **byte == b' ').count();
    (count > 0).then_some(count)
}

/// The first three letters in lower case.
fn lower(text: &[u8]) -> Option<[u8; 3]> {
    let letters: [u8; 3] = text.get(..3)?.try_into().ok()?;
    Some(letters.map(|byte| byte.to_ascii_lowercase()))
}
