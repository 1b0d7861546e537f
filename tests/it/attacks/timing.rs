//! Guessing a secret letter by letter from how long a refusal takes. Time cannot be asserted; that there is one way to
//! compare can be.

use std::collections::BTreeSet;

use crate::checkout::{files, root, text};

/// Files that may read a secret's letters, and what for.
const READ: [(&str, &str); 13] = [
    ("src/config/secret.rs", "the one comparison"),
    ("src/config/console.rs", "splitting a list of tokens"),
    ("src/config/mattermost.rs", "splitting a list of tokens"),
    ("src/web/console/session.rs", "an HMAC"),
    ("src/web/slack/signature.rs", "an HMAC"),
    ("src/adapters/mattermost/seal.rs", "an HMAC"),
    ("src/adapters/mattermost/socket/connection.rs", "sending it"),
    ("src/adapters/mattermost/setup.rs", "printing it once"),
    ("src/adapters/http/endpoint.rs", "sending it"),
    ("src/adapters/slack/api.rs", "sending it"),
    ("src/telemetry/collector.rs", "sending it"),
    ("src/commands/demo.rs", "sending it"),
    ("src/commands/audit.rs", "sending it"),
];

#[test]
fn secrets_are_compared_in_one_way() {
    let root = root();
    let mut readers = BTreeSet::new();
    for file in files(&root.join("src")) {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        if code.contains("expose_secret(") {
            readers.insert(name.clone());
        }
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let compares =
                line.contains("==") || line.contains("!=") || line.contains(".eq(") || line.contains("starts_with");
            assert!(!(compares && line.contains("expose_secret(")), "{name} compares a secret: {line}");
            // What is refused or let in at the door is decided by `is_secret` or by an HMAC's own comparison.
            let names = ["token", "secret", "signature", "password"];
            let at_the_door = name.starts_with("src/web/") && !name.ends_with("tests.rs");
            let letter = |c: char| c.is_alphanumeric() || c == '_';
            let compared = line.replace("!=", "==");
            let sides: Vec<&str> = compared.split("==").collect();
            let named = |pair: &[&str]| {
                let left = pair[0].trim_end_matches(|c| !letter(c)).rsplit(|c| !letter(c)).next();
                let right = pair[1].trim_start_matches(|c| !letter(c)).split(|c| !letter(c)).next();
                left.is_some_and(|word| names.contains(&word)) || right.is_some_and(|word| names.contains(&word))
            };
            assert!(!(at_the_door && sides.windows(2).any(named)), "{name} compares a secret: {line}");
        }
    }
    // Those that read no longer are off the list, or it would let them begin again unseen.
    assert_eq!(readers, READ.iter().map(|(file, _)| (*file).to_owned()).collect());
    let config = text("src/config/secret.rs");
    let comparison = config.split("pub fn is_secret(").nth(1).unwrap().split("\n}").next().unwrap();
    assert!(comparison.contains("ct_eq") && !comparison.contains("=="), "{comparison}");
    for (file, constant) in [
        ("src/web/slack/signature.rs", "verify_slice"),
        ("src/web/console/session.rs", "ct_eq"),
        ("src/adapters/mattermost/seal.rs", "verify_slice"),
    ] {
        assert!(text(file).contains(constant), "{file} does not compare by {constant}");
    }
}
