//! An operator's own words.

use super::super::{Language, Renderer, samples};

fn with(language: Language, path: &str, source: &str) -> Result<Renderer, String> {
    Renderer::new(language, vec![(path.into(), source.into())]).map_err(|error| error.to_string())
}

#[test]
fn a_file_takes_the_place_of_the_built_in_one() {
    let render = with(Language::English, "en/root.md", "{{ incident.severity|upper }} {{ incident.title }}").unwrap();
    assert_eq!(render.root(&samples::incident()), "CRITICAL KubePodCrashLooping on shop/checkout");
}

#[test]
fn a_key_takes_the_place_of_the_built_in_one_and_the_others_stay() {
    let render = with(Language::Russian, "ru/words.txt", "severity.critical = ПОЖАР").unwrap();
    assert_eq!(render.word("severity.critical"), "ПОЖАР");
    assert_eq!(render.word("severity.info"), "сведения");
    // Only English has it.
    assert_eq!(render.word("mark.critical"), "🔴");
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    for (path, source, problem) in [
        ("en/root.md", "fine\n{% if %}", "en/root.md:2: syntax error"),
        ("en/root.md", "a\nb\n{{ incident.title|shout }}", "en/root.md:3: unknown filter"),
        ("en/findings.txt", "[x]\nclaim: {{ a", "en/findings.txt:2: syntax error"),
        ("en/findings.txt", "claim: x", "en/findings.txt:1: stands before the first `[key]`"),
        ("en/words.txt", "x", "en/words.txt:1: is not `key = text`"),
        ("en/rot.md", "", "en/rot.md:0: no such template; there are: console/"),
    ] {
        let error = with(Language::English, path, source).err().unwrap();
        assert!(error.starts_with(problem), "{error}");
    }
}

#[test]
fn a_template_that_fails_on_a_value_gives_way_to_the_built_in_one() {
    let render = with(Language::English, "en/root.md", "{{ incident.title + 1 }}").unwrap();
    assert!(render.root(&samples::incident()).contains("**KubePodCrashLooping on shop/checkout**"));
}

#[test]
fn russian_has_every_english_key_and_no_other() {
    let keys = |language: &str, file: &str| {
        let path = format!("templates/{language}/{file}");
        let source = std::fs::read_to_string(path).unwrap();
        let separator = if file == "words.txt" { '=' } else { ']' };
        let mut keys: Vec<String> = source
            .lines()
            .filter(|line| {
                !line.starts_with(['#', 'c', ' ']) || line.starts_with("confidence") || line.starts_with("change")
            })
            .filter_map(|line| line.split_once(separator).map(|(key, _)| key.trim().to_owned()))
            .filter(|key| !["mark.", "exit.", "symbol."].iter().any(|start| key.starts_with(start)))
            .collect();
        keys.sort();
        keys
    };
    for file in ["words.txt", "findings.txt"] {
        assert_eq!(keys("en", file), keys("ru", file), "{file}");
    }
}
