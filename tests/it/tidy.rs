//! Keeps true what the documentation says about the tree: the directions between layers, and the environment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use holmes_bot::config::VARIABLES;

use crate::checkout::{documented_variables, files, root};

fn sources(below: &Path) -> Vec<PathBuf> {
    let is_rust = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "rs");
    let sources: Vec<PathBuf> = files(below).into_iter().filter(is_rust).collect();
    assert!(!sources.is_empty(), "{} has no source", below.display());
    sources
}

/// Whether a file below `src` is compiled for tests only, by the names that such files have here.
fn is_for_tests(file: &Path) -> bool {
    // Below the checkout: where that is says nothing.
    let text = file.strip_prefix(root()).unwrap().to_string_lossy();
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    text.contains("/tests/")
        || text.contains("/samples/")
        || name.ends_with("tests")
        || ["testing", "fake"].contains(&name.as_str())
}

/// The lines outside of `#[cfg(test)]` modules, which stand at the end of a file.
fn production_code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
}

/// What each layer may not name. The order is the design's: `domain` ← `analysis`, `render` ← `adapters` ← `flow` ← `app`.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    (
        "domain",
        &[
            "crate::analysis",
            "crate::render",
            "crate::adapters",
            "crate::flow",
            "crate::web",
            "crate::app",
            "crate::config",
            "crate::ports",
            "tokio",
            "reqwest",
            "axum",
            "kube::",
            "redb",
            "std::env",
            "std::fs",
            "Utc::now",
            "SystemTime::now",
            "Instant::now",
        ],
    ),
    (
        "analysis",
        &[
            "crate::render",
            "crate::adapters",
            "crate::flow",
            "crate::web",
            "crate::app",
            "crate::config",
            "crate::ports",
            "tokio",
            "reqwest",
            "axum",
            "kube::",
            "std::env",
            "std::fs",
            "Utc::now",
            "SystemTime::now",
            "Instant::now",
        ],
    ),
    (
        "render",
        &[
            "crate::adapters",
            "crate::flow",
            "crate::web",
            "crate::app",
            "crate::ports",
            "tokio",
            "reqwest",
            "axum",
            "std::env",
            "std::fs",
            "Utc::now",
            "SystemTime::now",
            "Instant::now",
        ],
    ),
    ("adapters", &["crate::flow", "crate::web", "crate::app", "crate::demo", "crate::render", "std::env"]),
    ("flow", &["crate::web", "crate::app", "crate::demo", "std::env", "axum", "Utc::now"]),
    (
        "web",
        &[
            "crate::flow",
            "crate::app",
            "crate::demo",
            "std::env",
            "crate::adapters::metrics",
            "crate::adapters::logs",
            "crate::adapters::cluster",
            "crate::adapters::store",
        ],
    ),
    ("demo", &["crate::flow", "crate::web", "crate::app", "crate::adapters", "std::env"]),
];

/// The one file of `web` that may know `flow`: HolmesGPT's API answers in the response, so it has to wait for a use case.
const ANSWERS_AT_ONCE: &str = "src/web/holmesgpt/desk.rs";

#[test]
fn layers_know_only_what_is_below_them() {
    let mut broken = Vec::new();
    for (layer, forbidden) in FORBIDDEN {
        for file in sources(&root().join("src").join(layer)).into_iter().filter(|file| !is_for_tests(file)) {
            let code = production_code(&file);
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for name in forbidden.iter().filter(|name| line.contains(*name)) {
                    if !(file.ends_with(ANSWERS_AT_ONCE) && *name == "crate::flow") {
                        broken.push(format!("{}: names {name}: {}", file.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_agent_is_pure() {
    let impure = ["crate::adapters", "crate::flow", "crate::web", "crate::app", "crate::config", "tokio", "reqwest"];
    let clocks = ["std::env", "std::fs", "Utc::now", "SystemTime::now", "Instant::now"];
    let mut broken = Vec::new();
    for file in sources(&root().join("src/agent")).into_iter().filter(|file| !is_for_tests(file)) {
        let code = production_code(&file);
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for name in impure.iter().chain(&clocks).filter(|name| line.contains(*name)) {
                broken.push(format!("{}: names {name}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_variable_is_documented_and_every_documented_one_is_read() {
    let read: BTreeSet<String> = VARIABLES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(documented_variables(), read);
}

#[test]
fn only_main_reads_the_environment() {
    for file in sources(&root().join("src")).into_iter().filter(|file| !is_for_tests(file)) {
        let reads = production_code(&file).contains("env::var");
        assert!(!reads || file.ends_with("src/main.rs"), "{} reads the environment", file.display());
    }
}

/// What changes the cluster is named where it is configured, built and used, and nowhere a model's choice could reach.
#[test]
fn few_know_the_actuator() {
    const KNOW: [&str; 7] = [
        "src/adapters/",
        "src/app/",
        "src/config/actuator.rs",
        "src/commands/check.rs",
        "src/commands/demo.rs",
        "src/flow/execute.rs",
        "src/flow/propose.rs",
    ];
    for file in sources(&root().join("src")).into_iter().filter(|file| !is_for_tests(file)) {
        let below = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let knows = KNOW.iter().any(|known| below.starts_with(known));
        assert!(knows || !production_code(&file).contains("adapters::actuator"), "{below} names the actuator");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in sources(&root().join("src")).into_iter().chain(sources(&root().join("tests"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} has no module documentation", file.display());
    }
}
