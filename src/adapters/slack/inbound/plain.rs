//! Slack's text as plain words: escapes undone, references by name.

/// `<@U1>` and the like as words, `&amp;` as `&`.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        out.push_str(&unescaped(&rest[..start]));
        out.push_str(&unescaped(&reference(&rest[start + 1..start + length])));
        rest = &rest[start + length + 1..];
    }
    out.push_str(&unescaped(rest));
    out
}

/// What stands between angle brackets, as a person would write it.
fn reference(inside: &str) -> String {
    let (target, label) = inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(label)));
    let label = label.filter(|label| !label.is_empty());
    match target.chars().next() {
        Some('@') => format!("@{}", label.unwrap_or(&target[1..]).trim_start_matches('@')),
        Some('#') => format!("#{}", label.unwrap_or(&target[1..])),
        Some('!') => {
            format!("@{}", label.unwrap_or(target[1..].split('^').next().unwrap_or_default()).trim_start_matches('@'))
        }
        _ => match label {
            Some(label) if label != target => format!("{label} ({target})"),
            _ => target.to_owned(),
        },
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The ids that a text begins by calling: `<@U1> <@U2> why` → `U1`, `U2`, and what follows.
pub fn addressed(text: &str) -> (Vec<&str>, &str) {
    let mut called = Vec::new();
    let mut rest = text.trim_start();
    while let Some(after) = rest.strip_prefix("<@") {
        let Some((id, tail)) = after.split_once('>') else { break };
        called.push(id.split('|').next().unwrap_or_default());
        rest = tail.trim_start_matches([' ', ',', ':', '\u{a0}']);
    }
    (called, rest)
}
