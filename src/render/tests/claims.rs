//! Findings as sentences.

use super::super::samples;
use super::{Language, renderer};
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::{Finding, FindingKind, Role};
use crate::domain::subject::SubjectKind;

fn said(language: Language, phrase: &str, facts: &[(&str, &str)]) -> String {
    let about = samples::object(SubjectKind::Deployment, "checkout");
    let finding = Finding::new(FindingKind::OomKilled, Role::Cause, 0.9, about, phrase, vec![EvidenceId(1)]).unwrap();
    let mut findings = [facts.iter().fold(finding, |finding, (name, value)| finding.fact(name, *value))];
    renderer(language).claims(&mut findings);
    let [finding] = findings;
    format!("{}\n{}", finding.claim, finding.check.unwrap_or_default())
}

#[test]
fn facts_fill_the_sentence_of_the_language() {
    let facts = [("container", "app"), ("limit", "48 MiB"), ("restarts", "7"), ("pods", "2"), ("rate", "1.4 MiB/s")];
    insta::assert_snapshot!(said(Language::English, "oom_at_limit", &facts), @r####"
Container app is killed for memory at its limit of 48 MiB; its memory grows by 1.4 MiB/s; 7 restarts in 2 pod(s).
See whether memory also grew under the previous version: if it did not, the code or its settings changed, not the load.
"####);
    insta::assert_snapshot!(said(Language::Russian, "oom_at_limit", &facts), @r####"
Контейнер app убит из-за нехватки памяти: лимит 48 MiB; память растёт на 1.4 MiB/s; перезапусков: 7, подов: 2.
Посмотрите, росла ли память в прежней версии: если нет, дело в коде или настройках, а не в нагрузке.
"####);
}

#[test]
fn a_log_line_in_backticks_is_code_whatever_it_holds() {
    let facts = [("line", "cannot open `a_b_c`: **no** <such> file"), ("count", "3")];
    insta::assert_snapshot!(said(Language::English, "heap_exhausted", &facts), @r####"
The process runs out of memory inside its own runtime: `cannot open ˋa_b_cˋ: **no** <such> file` (3 times).
Compare the heap size the runtime is given with the container limit, and see whether usage keeps growing.
"####);
}

#[test]
fn a_fact_that_is_absent_is_not_a_function_of_that_name() {
    let phrases = renderer(Language::English);
    for language in [Language::English, Language::Russian] {
        for phrase in phrases.phrase_keys() {
            let said = said(language, phrase, &[("line", "KeyError: 'DATABASE_URL'"), ("name", "DATABASE_URL")]);
            assert!(!said.contains("::"), "{phrase}: {said}");
        }
    }
}
