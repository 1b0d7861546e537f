//! Every text in both languages.

use super::samples;
use super::*;

#[test]
fn built_in_templates_compile_in_both_languages() {
    for language in [Language::English, Language::Russian] {
        Renderer::new(language, Vec::new()).unwrap();
    }
}

#[test]
fn print_all() {
    for language in [Language::English, Language::Russian] {
        let render = Renderer::new(language, Vec::new()).unwrap();
        let investigation = samples::investigation(|data| render.excerpt(data));
        for post in [
            render.root(&samples::incident()),
            render.root(&samples::resolved()),
            render.root(&samples::storm()),
            render.status(&samples::incident(), &sources_of(&investigation, &[])),
            render.report(&samples::incident(), &investigation),
            render.runbook("Container killed", "oom-killed", 0.912, "Look <b>here</b> **now** @all"),
            render.related(&samples::incident()),
            render.resolved(&samples::resolved(), &[]),
        ] {
            println!("{post}\n--------");
        }
        for evidence in &investigation.evidence {
            println!("{}\n--------", render.evidence(evidence));
            println!("{}\n--------", render.evidence_title(&evidence.data, &evidence.about, None));
        }
    }
}
