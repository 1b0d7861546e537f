//! The documentation: the reference of variables is generated, links lead somewhere, and what is named exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use holmes_bot::commands::CommandLine;

use crate::checkout::{root, text};

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
    // What `TOKEN` or `CA_FILE` means is said once, for the first neighbour that has it.
    let mut by_ending: BTreeMap<&str, String> = BTreeMap::new();
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
            let ending = name.split_once('_').map_or(name, |(_, ending)| ending);
            if !comment.is_empty() {
                about = comment.join(" ");
                if !about.ends_with('.') {
                    about.push('.');
                }
                comment.clear();
            } else if let Some(same) = by_ending.get(ending) {
                about.clone_from(same);
            }
            by_ending.entry(ending).or_insert_with(|| about.clone());
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
    let mut pages = vec![root().join("README.md"), root().join("README.ru.md"), root().join("manifests/README.md")];
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

#[test]
fn commands_paths_and_variables_exist() {
    let line = CommandLine::command();
    let commands: BTreeSet<&str> = line.get_subcommands().map(|command| command.get_name()).collect();
    let command = regex::Regex::new(r"holmes-bot ([a-z]+)\b").unwrap();
    let path =
        regex::Regex::new(r"`((?:manifests|components|overlays|scripts|runbooks|docs|benches)/[A-Za-z0-9_./-]+)`")
            .unwrap();
    let variable =
        regex::Regex::new(r"\b(?:HOLMES|METRICS|LOGS|LLM|EMBEDDINGS|OPENWEBUI|OPENAI)_[A-Z_]+[A-Z]\b").unwrap();
    let documented = text(".env.example");
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
        for found in path.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()) {
            let below = [root(), root().join("manifests"), root().join("docs")];
            if !below.iter().any(|below: &PathBuf| Path::new(&below.join(found)).exists()) {
                wrong.push(format!("{at}: no `{found}`"));
            }
        }
        for found in variable.find_iter(&text).map(|found| found.as_str()) {
            if !documented.contains(&format!("{found}=")) && !text.contains(&format!("`{found}_")) {
                wrong.push(format!("{at}: no variable `{found}`"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
