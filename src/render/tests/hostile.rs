//! Labels, log lines and names are written by strangers. Nothing in them may format, link, mention, hide or flood.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::escape::model;
use super::super::{Breaks, html_of, samples};
use super::{Language, renderer};
use crate::domain::evidence::{EvidenceData, EvidenceId, LogPattern, LogPatterns, Novelty};
use crate::domain::finding::{Finding, FindingKind, Role};
use crate::domain::incident::{Changed, IncidentId, Related, Relation};
use crate::domain::investigation::RunbookRef;
use crate::domain::subject::SubjectKind;

/// What a stranger might write.
fn hostile() -> Vec<String> {
    vec![
        "<script>alert(1)</script><img src=x onerror=alert(1)>".into(),
        "<!channel> <!here> <@U012AB3CD> @all @channel @here".into(),
        "[click](https://evil.example) ![p](https://evil.example/p.png) <https://evil.example|bank>".into(),
        "**bold** _it_ ~~no~~ `code` ``` # head\n# head\n- item\n> quote\n```\nfence".into(),
        "gpj.\u{202E}exe \u{200B}zero\u{2066}width\u{0}\u{1b}[31mred".into(),
        "{{ incident }} {% include 'root.md' %} {# x #}".into(),
        "x".repeat(64 * 1024),
        "`".repeat(9000),
    ]
}

/// Whether a chat that shows `post` shows only text.
fn assert_inert(post: &str, raw: &str) {
    let shown: String = raw.chars().take(60).collect();
    assert!(post.len() < 16_000, "{} bytes of {shown}", post.len());
    assert!(
        !post
            .chars()
            .any(|c| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{0}' | '\u{1b}')),
        "{shown}"
    );
    // Outside of code a mention is broken by a joiner, and a bracket is escaped.
    let mut prose = String::new();
    let mut is_fenced = false;
    for line in post.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    assert!(!is_fenced, "a fence stays open: {shown}");
    for mention in ["@all", "@channel", "@here", "<!channel", "<@U", "<https", "](https://evil"] {
        let at = prose.find(mention).filter(|at| !prose[..*at].ends_with('\\'));
        assert_eq!(at, None, "{mention} in {prose}");
    }
    let html = html_of(post, Breaks::Hard);
    for tag in ["<script", "<img", "evil.example\">", "<del>", "<blockquote>", "<em>", "<h3>"] {
        assert!(!html.contains(tag), "{tag} in {html}");
    }
}

#[test]
fn posts_stay_inert() {
    for language in [Language::English, Language::Russian] {
        let render = renderer(language);
        for raw in hostile() {
            let mut incident = samples::incident();
            incident.title = format!("{raw} on shop/web");
            incident.subject.name.clone_from(&raw);
            incident.subject.cluster = Some(raw.clone());
            incident.folded.insert(raw.clone(), 3);
            incident.related =
                vec![Related { id: IncidentId(raw.clone()), title: raw.clone(), relation: Relation::CausedBy }];
            let changed = Changed { new_names: vec![raw.clone()], fired: 1, ..Changed::default() };
            let mut investigation = samples::investigation(|data| render.excerpt(data));
            investigation.unavailable[0].reason.clone_from(&raw);
            investigation.runbooks = vec![RunbookRef { id: raw.clone(), title: raw.clone(), score: 0.5 }];
            for post in [
                render.root(&incident),
                render.status(&incident, &super::super::sources_of(&investigation, &[])),
                render.report(&incident, &investigation),
                render.update(&incident, &changed),
                render.related(&incident),
                render.resolved(&incident, &[]),
            ] {
                assert_inert(&post, &raw);
            }
        }
    }
}

#[test]
fn claims_stay_inert() {
    let render = renderer(Language::English);
    let about = samples::object(SubjectKind::Deployment, "web");
    for raw in hostile() {
        let mut findings: Vec<Finding> = render
            .phrase_keys()
            .into_iter()
            .filter_map(|key| {
                let finding =
                    Finding::new(FindingKind::CrashLoop, Role::Cause, 0.5, about.clone(), key, vec![EvidenceId(1)])?;
                let names = ["of", "container", "line", "message", "name", "text", "change", "series", "image", "node"];
                Some(names.into_iter().fold(finding, |finding, name| finding.fact(name, raw.as_str())))
            })
            .collect();
        render.claims(&mut findings);
        for finding in &findings {
            assert!(!finding.claim.is_empty(), "{}", finding.phrase);
            assert_inert(&finding.claim, &raw);
        }
    }
}

#[test]
fn evidence_stays_in_its_fence() {
    let render = renderer(Language::English);
    for raw in hostile() {
        let mut evidence = samples::evidence(|data| render.excerpt(data)).remove(1);
        evidence.title.clone_from(&raw);
        evidence.query.clone_from(&raw);
        let pattern = LogPattern {
            id: "x".into(),
            template: raw.clone(),
            level: Some(raw.chars().take(200).collect()),
            count: 1,
            baseline_count: 0,
            novelty: Novelty::New,
            first: None,
            last: None,
            example: format!("{raw}\n{raw}"),
        };
        let data = EvidenceData::Patterns(LogPatterns { lines: 1, patterns: vec![pattern], ..LogPatterns::default() });
        evidence.excerpt = render.excerpt(&data);
        assert!(evidence.excerpt.len() <= crate::domain::evidence::MAX_EXCERPT_BYTES);
        let post = render.evidence(&evidence);
        let html = html_of(&post, Breaks::Hard);
        assert_eq!(html.matches("<pre>").count(), 1, "{post}");
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(post.len() < 16_000);
    }
}

proptest! {
    #[test]
    fn a_models_answer_leads_nowhere(parts in vec(select(&[
        "[x](http://evil.example)", "<http://evil.example>", "![p](http://evil.example/p.png)", "[x][r]", "[r]: http://evil.example",
        "http://evil.example", "www.evil.example", "[E1]", "`", "``", "```", "````", "~~~", "\\", "\n", "\n\n", "    ", "> ",
        "- ", "1. ", " ", "word", "|", "---", "*", "_", "[", "]", "(", ")", "!", ":", "<b>", "&lt;",
    ][..]), 1..24)) {
        let raw = parts.concat();
        let told = model(&raw);
        for breaks in [Breaks::Hard, Breaks::Soft] {
            let html = html_of(&told, breaks);
            prop_assert!(!html.contains("href") && !html.contains("<b>") && !html.contains("<img"), "{raw:?} → {told:?} → {html}");
        }
        // What was cleaned is clean: nothing comes to life when it is told again.
        prop_assert!(!html_of(&model(&told), Breaks::Hard).contains("href"), "{raw:?} → {told:?}");
    }
}

#[test]
fn a_phrase_that_nobody_wrote_still_says_something() {
    for (language, said) in
        [(Language::English, "HTTP errors: `shop/payments`."), (Language::Russian, "Ошибки HTTP: `shop/payments`.")]
    {
        let mut findings = [samples::unknown_finding()];
        renderer(language).claims(&mut findings);
        assert_eq!(findings[0].claim, said);
    }
}
