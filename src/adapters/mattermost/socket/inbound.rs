//! Whom a post speaks to, as far as the post itself tells.

use super::super::api::{Post, User};

/// To whom something was said.
#[derive(Debug, PartialEq, Eq)]
pub enum Addressed {
    /// To us, by our name or in a direct message: its words without the name.
    Us(String),
    /// To nobody by name.
    Nobody(String),
    /// To somebody else.
    SomebodyElse,
}

/// To whom a person said something; `None` for what no person said: our own posts, those of other bots, webhooks and the
/// server, and what was deleted.
pub fn addressed(post: &Post, channel_type: &str, me: &User) -> Option<Addressed> {
    let is_by_machine = ["from_bot", "from_webhook", "from_plugin", "from_oauth_app"];
    if post.user_id == me.id
        || post.delete_at != 0
        || !post.kind.is_empty()
        || is_by_machine.iter().any(|prop| post.is_marked(prop))
    {
        return None;
    }
    let words = post.message.trim();
    let (is_to_us, rest) = without(words, &me.username);
    if is_to_us || channel_type == "D" {
        return Some(Addressed::Us(rest));
    }
    if words.is_empty() {
        return None;
    }
    if words.starts_with('@') { Some(Addressed::SomebodyElse) } else { Some(Addressed::Nobody(words.to_owned())) }
}

/// Whether `@name` is among the words, and the words without it.
fn without(words: &str, name: &str) -> (bool, String) {
    let mut found = false;
    let mut rest = String::with_capacity(words.len());
    let mut left = words;
    while let Some(at) = left.find('@') {
        let (before, after) = (&left[..at], &left[at + 1..]);
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let starts_word = !before.chars().next_back().is_some_and(is_name_char);
        let end = after.find(|c| !is_name_char(c)).unwrap_or(after.len());
        // A full stop or dash behind a name is punctuation.
        let mentioned = after[..end].trim_end_matches(['.', '-', '_']);
        rest.push_str(before);
        if starts_word && mentioned.eq_ignore_ascii_case(name) {
            found = true;
            left = &after[mentioned.len()..];
        } else {
            rest.push('@');
            left = after;
        }
    }
    rest.push_str(left);
    (found, rest.trim().trim_start_matches([',', ':']).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> User {
        serde_json::from_value(serde_json::json!({ "id": "bot", "username": "holmes", "is_bot": true })).unwrap()
    }

    fn post(extra: serde_json::Value) -> Post {
        let mut post = serde_json::json!({
            "id": "p1", "user_id": "alice", "channel_id": "c1", "root_id": "r1", "message": "why is it slow?",
            "type": "", "props": {}, "create_at": 1, "delete_at": 0,
        });
        for (name, value) in extra.as_object().unwrap() {
            post[name] = value.clone();
        }
        serde_json::from_value(post).unwrap()
    }

    #[test]
    fn people_speak_to_us_or_to_others() {
        let us = |words: &str| Some(Addressed::Us(words.to_owned()));
        for (message, kind, expected) in [
            ("why is it slow?", "O", Some(Addressed::Nobody("why is it slow?".into()))),
            ("@holmes why is it slow?", "O", us("why is it slow?")),
            ("@Holmes, why?", "O", us("why?")),
            ("why, @holmes?", "O", us("why, ?")),
            ("ask @holmes.", "O", us("ask .")),
            ("@alice look", "O", Some(Addressed::SomebodyElse)),
            ("@holmesia look", "O", Some(Addressed::SomebodyElse)),
            ("mail x@holmes", "O", Some(Addressed::Nobody("mail x@holmes".into()))),
            ("dm to bot", "D", us("dm to bot")),
            ("@holmes", "O", us("")),
            ("", "O", None),
        ] {
            assert_eq!(addressed(&post(serde_json::json!({ "message": message })), kind, &me()), expected, "{message}");
        }
    }

    #[test]
    fn machines_are_not_answered() {
        for extra in [
            serde_json::json!({ "user_id": "bot" }),
            serde_json::json!({ "props": { "from_bot": "true" } }),
            serde_json::json!({ "props": { "from_webhook": "true" } }),
            serde_json::json!({ "props": { "from_webhook": true } }),
            serde_json::json!({ "type": "system_join_channel" }),
            serde_json::json!({ "delete_at": 5 }),
        ] {
            assert_eq!(addressed(&post(extra.clone()), "D", &me()), None, "{extra}");
        }
        assert!(addressed(&post(serde_json::json!({ "props": null })), "O", &me()).is_some());
    }
}
