//! What Slack accepts at most, from its reference, and cutting to it.
//!
//! Lengths are counted in UTF-16 units: never fewer than characters, so a text that fits by one count fits by the other.

/// Blocks of one message.
pub const BLOCKS: usize = 50;
/// Text of one section.
pub const SECTION: usize = 3000;
/// Text of one message over all its sections; Slack says `msg_blocks_too_long` somewhere above 13,000.
pub const MESSAGE: usize = 12_000;
/// Elements of one actions block.
pub const ELEMENTS: usize = 25;
/// A button's or an option's label.
pub const LABEL: usize = 75;
/// A button's value.
pub const VALUE: usize = 2000;
/// An option's value.
pub const OPTION_VALUE: usize = 150;
/// Options of a menu.
pub const OPTIONS: usize = 100;
/// A menu's text before a choice.
pub const PLACEHOLDER: usize = 150;
/// The address of a button.
pub const URL: usize = 3000;
/// A confirmation's title.
pub const CONFIRM_TITLE: usize = 100;
/// A confirmation's text.
pub const CONFIRM_TEXT: usize = 300;
/// A confirmation's buttons.
pub const CONFIRM_BUTTON: usize = 30;
/// A picture's title and its description.
pub const PICTURE_TEXT: usize = 2000;
/// A modal's title and its buttons.
pub const FORM_TITLE: usize = 24;
/// What stands above and below a modal's field, and beside it where it is wrong.
pub const FORM_LABEL: usize = 2000;
/// What notifications show; more than 4,000 is refused in edits, and nobody reads that on a lock screen.
pub const FALLBACK: usize = 500;

/// Length as Slack may count it.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// `text` cut to `max`, with `…` where something was left out.
pub fn fit(text: &str, max: usize) -> String {
    if units(text) <= max {
        return text.to_owned();
    }
    let mut left = max.saturating_sub(1);
    let mut out = String::new();
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.len_utf16()) else { break };
        left = rest;
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_limit_and_not_before() {
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
        // Two units a piece.
        assert_eq!(fit("🔥🔥", 4), "🔥🔥");
        assert_eq!(fit("🔥🔥🔥", 4), "🔥…");
    }
}
