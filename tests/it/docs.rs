//! The documentation: the reference of variables is generated, links lead somewhere, and what is named exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use holmes_bot::commands::CommandLine;

use crate::checkout::{documented_variables, files, root, text};

/// `docs/configuration.md`, made of `.env.example`.
fn configuration(example: &str) -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         Every variable that the bot reads. This page is generated from [`.env.example`](../.env.example): \
         `UPDATE_DOCS=1 cargo test --test it docs::`.\n\n\
         All problems of a configuration are reported at once, before a port is opened. A secret that is set and empty is an \
         error. `holmes-bot check` tries what is configured.\n",
    );
    let mut about = String::new();
    let mut comment = Vec::new();
    for line in example.lines().skip_while(|line| !line.starts_with("# ---")) {
        let written = line.strip_prefix('#').unwrap_or(line);
        let variable = written.split_once('=').filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        });
        if let Some(title) = line.strip_prefix("# --- ") {
            let title = title.trim_end_matches('-').trim();
            let mut letters = title.chars();
            let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
            out += &format!("\n## {first}{}\n\n| variable | default | |\n|---|---|---|\n", letters.as_str());
            about.clear();
        } else if let Some((name, value)) = variable {
            // Those of a group stand together below one comment.
            if !comment.is_empty() {
                about = comment.join(" ");
                if !about.ends_with('.') {
                    about.push('.');
                }
                comment.clear();
            }
            assert!(!about.is_empty(), "{name} has no comment");
            let unset = line.starts_with('#');
            let default = if unset { String::new() } else { format!("`{value}`") };
            let example = if unset && !value.is_empty() { format!(" For example `{value}`.") } else { String::new() };
            let row = format!("{default} | {about}{example}");
            out += &format!(
                "| `{name}` | {} |\n",
                row.replacen(" | ", "\u{0}", 1).replace('|', "\\|").replace('\u{0}', " | ")
            );
        } else if let Some(text) = line.strip_prefix("# ") {
            comment.push(text);
        } else {
            about.clear();
        }
    }
    out
}

#[test]
fn the_reference_of_variables_is_generated() {
    let made = configuration(&text(".env.example"));
    let file = root().join("docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == made,
        "docs/configuration.md is not what .env.example says: UPDATE_DOCS=1 cargo test --test it docs::"
    );
    for variable in holmes_bot::config::VARIABLES {
        assert!(made.contains(&format!("| `{variable}` |")), "{variable} is missing");
    }
}

/// Every page that people read.
fn pages() -> Vec<PathBuf> {
    const PAGES: [&str; 7] = [
        "README.md",
        "README.ru.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "manifests/README.md",
        "benches/README.md",
    ];
    let mut pages: Vec<PathBuf> = PAGES.iter().map(|page| root().join(page)).collect();
    pages.extend(std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages
}

fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for found in link.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()) {
            if found.starts_with("http") {
                continue;
            }
            let (path, anchor) = found.split_once('#').unwrap_or((found, ""));
            let file = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let there = file.exists()
                && (anchor.is_empty() || anchors(&std::fs::read_to_string(&file).unwrap()).contains(anchor));
            if !there {
                broken.push(format!("{}: {found}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A command line's words, the program's name first: up to a comment, a pipe or where its output goes.
fn words(typed: &str) -> Vec<String> {
    let mut words = vec!["holmes-bot".to_owned()];
    let mut quoted = None;
    let mut word = String::new();
    let end = [" #", " | ", " >"].into_iter().filter_map(|end| typed.find(end)).min().unwrap_or(typed.len());
    for letter in typed[..end].chars() {
        match (letter, quoted) {
            (_, Some(quote)) if letter == quote => quoted = None,
            ('"' | '\'', None) => quoted = Some(letter),
            (' ', None) => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(letter),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn commands_paths_and_variables_exist() {
    let line = CommandLine::command();
    let commands: BTreeSet<&str> = line.get_subcommands().map(|command| command.get_name()).collect();
    let command = regex::Regex::new(r"holmes-bot ([a-z]+)\b").unwrap();
    let shown = regex::Regex::new(r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )?holmes-bot (.*)$").unwrap();
    let path =
        regex::Regex::new(r"`((?:manifests|components|overlays|scripts|runbooks|docs|benches)/[A-Za-z0-9_./-]+)`")
            .unwrap();
    let documented = documented_variables();
    let prefixes: BTreeSet<String> =
        documented.iter().filter_map(|name| Some(name.split_once('_')?.0.to_owned())).collect();
    let prefixes = prefixes.into_iter().collect::<Vec<_>>().join("|");
    let variable = regex::Regex::new(&format!(r"\b(?:{prefixes})_[A-Z_]*[A-Z]\b")).unwrap();
    // What tests and scripts read is theirs.
    let theirs: String = ["tests/it", "scripts"]
        .into_iter()
        .flat_map(|below| files(&root().join(below)))
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .collect();
    let mut wrong = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let at = page.strip_prefix(root()).unwrap().display().to_string();
        for code in text.lines().filter(|line| line.contains('`') || line.starts_with(['$', ' ', 'k', 'h'])) {
            for found in command.captures_iter(code).map(|found| found.get(1).unwrap().as_str()) {
                let is_prose = !code.contains(&format!("`holmes-bot {found}")) && !code.starts_with(['$', 'k', 'h']);
                if !is_prose && !commands.contains(found) {
                    wrong.push(format!("{at}: no command `{found}`"));
                }
            }
        }
        // A command as one types it, in a block of code; a line that ends in a backslash goes on in the next.
        for code in text.replace("\\\n", " ").lines() {
            let Some(typed) = shown.captures(code).map(|found| found.get(1).unwrap().as_str()) else { continue };
            if let Err(error) = CommandLine::command().try_get_matches_from(words(typed))
                && !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
            {
                wrong.push(format!("{at}: `{typed}`: {error}"));
            }
        }
        for found in path.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()) {
            let below = [root(), root().join("manifests"), root().join("docs")];
            if !below.iter().any(|below: &PathBuf| Path::new(&below.join(found)).exists()) {
                wrong.push(format!("{at}: no `{found}`"));
            }
        }
        for found in variable.find_iter(&text).map(|found| found.as_str()) {
            let known = documented.contains(found) || theirs.contains(found);
            if !known && !text.contains(&format!("`{found}_")) {
                wrong.push(format!("{at}: no variable `{found}`"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
