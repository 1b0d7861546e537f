//! What a complaint is about by name: the path, the flag, the port, the module.

use super::Trouble;
use super::rules::RULES;
use crate::analysis::text::words::{after, find, first_word, has_any, quoted};

/// The path, flag or name in the complaint.
pub(super) fn name_of(trouble: Trouble, record: &str) -> Option<String> {
    let line = record.lines().find(|line| {
        let lower = line.to_lowercase();
        RULES.iter().any(|(other, needles)| *other == trouble && has_any(&lower, needles))
            || trouble == Trouble::Schema && lower.contains("exist")
    })?;
    let found = match trouble {
        Trouble::MissingFile | Trouble::FilePermission | Trouble::ReadOnly | Trouble::NoSpace | Trouble::BadConfig => {
            path(line)
        }
        Trouble::BadFlag => flag(line).or_else(|| quoted(line)),
        Trouble::PortInUse => port(line),
        Trouble::MissingProgram => [
            "no module named ",
            "cannot find module ",
            "exec: ",
            "loading shared libraries: ",
            "jarfile ",
            "cannot find package ",
            "main class ",
        ]
        .iter()
        .find_map(|cue| after(line, cue))
        .map(first_word)
        .or_else(|| find(line, ": command not found").and_then(|at| line[..at].rsplit([' ', ':']).next()))
        .or_else(|| after(line, "stat ").map(first_word)),
        Trouble::MissingSetting => quoted(line),
        Trouble::Schema => quoted(line),
        Trouble::MissingEnv | Trouble::HeapExhausted | Trouble::ExecFormat | Trouble::TooManyFiles => None,
    };
    found.map(|name| crate::domain::text::line(name, 120)).filter(|name| !name.is_empty())
}

/// The first absolute path, or a file name with a configuration's ending.
fn path(line: &str) -> Option<&str> {
    let words = || {
        line.split(|c: char| c.is_whitespace() || "\"'`,;()[]{}=".contains(c))
            .map(|word| word.trim_end_matches([':', '.']))
    };
    let absolute = words().find(|word| word.starts_with('/') && word.len() > 2 && !word.starts_with("//"));
    let ends = [
        ".yaml",
        ".yml",
        ".json",
        ".toml",
        ".conf",
        ".ini",
        ".cfg",
        ".properties",
        ".xml",
        ".env",
        ".pem",
        ".crt",
        ".key",
        ".hcl",
    ];
    absolute
        .or_else(|| words().find(|word| ends.iter().any(|end| word.ends_with(end))))
        .map(|word| word.split(':').next().unwrap_or(word))
}

fn flag(line: &str) -> Option<&str> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;()[]".contains(c))
        .find(|word| word.len() > 1 && word.starts_with('-') && word.chars().any(char::is_alphabetic))
        .map(|word| word.trim_end_matches([':', '.']))
}

fn port(line: &str) -> Option<&str> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;()".contains(c)).find_map(|word| {
        let port = word.trim_end_matches(':').rsplit(':').next()?;
        (word.contains(':') && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())).then_some(port)
    })
}
