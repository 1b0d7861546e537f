//! Every phrase has its words in every language, and they are valid templates.

use std::collections::BTreeMap;

use crate::analysis::PHRASES;

/// Sections by name, each with its `claim` and its `check`.
fn sections(text: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut out: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    let mut current = "";
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => {
                assert!(out.insert(name, Vec::new()).is_none(), "{name} is there twice");
                current = name;
            }
            None => {
                let (key, value) = line.split_once(": ").expect("`claim: …` or `check: …`");
                assert!(["claim", "check"].contains(&key), "{line}");
                out.get_mut(current).expect("a section").push((key, value));
            }
        }
    }
    out
}

#[test]
fn every_phrase_in_every_language() {
    for text in [include_str!("../../../templates/en/findings.txt"), include_str!("../../../templates/ru/findings.txt")]
    {
        let sections = sections(text);
        let names: Vec<&str> = sections.keys().copied().collect();
        let mut expected = PHRASES.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
        for (name, lines) in sections {
            assert_eq!(lines.iter().filter(|(key, _)| *key == "claim").count(), 1, "{name}");
            for (_, template) in lines {
                let none = BTreeMap::<&str, &str>::new();
                if let Err(error) = minijinja::Environment::new().render_str(template, &none) {
                    panic!("{name}: {error:#}");
                }
            }
        }
    }
}
