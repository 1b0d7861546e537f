//! Tests of reading front matter.

use super::*;
use crate::domain::runbook::LintProblem;

fn lint(text: &str) -> (Contents, String) {
    let mut problems = Problems::of("r.md");
    let contents = read(text, &mut problems);
    let lines: Vec<String> = problems.into_sorted().iter().map(LintProblem::to_string).collect();
    (contents, lines.join("\n"))
}

const GOOD: &str = r#"---
title: Memory
match:
  alerts: ['KubePod(OOM)?Killed', Other]
  labels: {severity: critical|warning}
  reasons: [OOMKilled]
metrics:
  - title: In use
    query: 'up{namespace="{{ namespace }}"}'
    unit: bytes
    limit: 5.5
    threshold: 0.9
  - title: Block
    query: |
      up{
        pod=~"{{ pods }}"
      }
    limit: 'vector(1)'
logs:
  - title: Errors
    query: '~"error"'
actions: [scale, rollout_undo]
---
# Heading

Prose.
"#;

#[test]
fn a_whole_runbook_is_read() {
    let (contents, problems) = lint(GOOD);
    assert_eq!(problems, "");
    assert_eq!(contents.title.as_deref(), Some("Memory"));
    assert_eq!(contents.prose, "# Heading\n\nProse.");
    assert_eq!(contents.actions, [ActionName::Scale, ActionName::RolloutUndo]);
    assert!(contents.matcher.alerts[0].fits("KubePodKilled") && !contents.matcher.alerts[0].fits("XKubePodKilled"));
    assert!(contents.matcher.labels[0].1.fits("warning") && !contents.matcher.labels[0].1.fits("info"));
    let [first, second] = contents.metrics.as_slice() else { panic!("two metrics") };
    assert!(
        matches!(first.limit, Some(Limit::Value(5.5))) && first.threshold == Some(0.9) && first.unit == Unit::Bytes
    );
    assert!(matches!(second.limit, Some(Limit::Query(_))) && second.unit == Unit::Count);
}

#[test]
fn line_ends_and_marks_of_windows_change_nothing() {
    let (contents, problems) = lint(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n")));
    assert_eq!(problems, "");
    assert_eq!(contents.metrics.len(), 2);
}

#[test]
fn plain_and_foreign_files_are_knowledge() {
    let cases = [
        ("# Title\ntext", Some("Title"), "# Title\ntext"),
        ("text only", None, "text only"),
        ("---\n\nA rule above\n", None, "---\n\nA rule above"),
        ("---\ntitle: Hugo\nweight: 20\n---\n# H\n", Some("Hugo"), "# H"),
        ("---\ntitle: [a, b]\nweight: 20\n---\n# H\n", Some("H"), "# H"),
        ("+++\ntitle = \"Toml\"\n+++\ntext", Some("Toml"), "text"),
        ("---\n---\ntext", None, "text"),
    ];
    for (text, title, prose) in cases {
        let (contents, problems) = lint(text);
        assert_eq!(
            (contents.title.as_deref(), contents.prose.as_str(), problems.as_str()),
            (title, prose, ""),
            "{text:?}"
        );
    }
}

#[test]
fn each_fault_is_named_with_line_field_and_remedy() {
    let (contents, problems) = lint(
        r#"---
title: 5
owner: me
match:
  alerts: ['(open', Fine]
  alert: x
  labels: critical
metrics:
  - title: In use
    query: 'up{namespace="{{ nmespace }}"}'
    unit: bites
    treshold: 1
  - query: up
    title: No number
    threshold: high
  - title: No query
  - title: Block
    query: |
      up{
        pod="{{ pods }}"}
logs: here
actions: [rollout_restrat, exec]
---
prose
"#,
    );
    insta::assert_snapshot!(problems, @r#"
    r.md:2: title: a number where text is expected (put it in quotes)
    r.md:3: owner: warning: unknown key, ignored (use one of title, match, metrics, logs, actions)
    r.md:5: match.alerts[0]: `(open` is not a regular expression: unclosed group (look-around and back-references are not supported; write `\` in single quotes)
    r.md:6: match.alert: warning: unknown key, ignored (did you mean `alerts`?)
    r.md:7: match.labels: text where a mapping is expected (write indented `key: value` lines below it)
    r.md:10: metrics[0].query: unknown variable `nmespace` (use one of namespace, workload, pod, pods, container, node, service, ingress, pvc, job)
    r.md:11: metrics[0].unit: unknown unit `bites` (did you mean `bytes`?)
    r.md:12: metrics[0].treshold: warning: unknown key, ignored (did you mean `threshold`?)
    r.md:15: metrics[1].threshold: text where a number is expected (write a number like `0.8`)
    r.md:16: metrics[2].query: missing (add `query:`)
    r.md:20: metrics[3].query: `pods` is a regular expression (match it with `=~`)
    r.md:21: logs: text where a mapping is expected (write indented `key: value` lines below it)
    r.md:22: actions[0]: unknown action `rollout_restrat` (did you mean `rollout_restart`?)
    r.md:22: actions[1]: unknown action `exec` (use one of rollout_restart, rollout_undo, rollout_pause, rollout_resume, scale, set_resources, set_hpa_bounds, delete_pod, cordon, uncordon, drain, suspend_cronjob, resume_cronjob, rerun_job, create_silence, expire_silence)
    "#);
    assert_eq!(contents.prose, "prose");
    assert_eq!(contents.matcher.alerts.len(), 1);
    assert_eq!(contents.metrics.iter().map(|metric| metric.title.as_str()).collect::<Vec<_>>(), ["No number"]);
}

#[test]
fn broken_front_matter_leaves_the_prose() {
    let cases = [
        "---\nmatch:\n  alerts: [a\nmetrics: []\n---\nprose",
        "---\ntitle: a\nmatch: {}\nprose without an end",
        "---\n- a\n- b\n---\nprose",
        "---\ntitle: a\nmatch:\n\talerts: [x]\n---\nprose",
        "---\nmatches:\n  alerts: [x]\n---\nprose",
        "---\ntitle: 'a'\ntitle: 'b'\nmatch: {}\n---\nprose",
    ];
    let found = cases.map(|text| {
        let (contents, problems) = lint(text);
        assert!(contents.prose.contains("prose"), "{text:?}");
        problems
    });
    insta::assert_snapshot!(found.join("\n"), @r#"
    r.md:4: front matter: not YAML: illegal placement of ':' indicator (mend the line; put text with `:`, `#`, `{` or `\` in single quotes, and indent with spaces)
    r.md:1: front matter: the front matter is not closed (put a line `---` after its last field)
    r.md:2: front matter: a list where fields are expected (write `key: value` lines between the two `---`)
    r.md:4: front matter: not YAML: tabs disallowed within this context (block indentation) (mend the line; put text with `:`, `#`, `{` or `\` in single quotes, and indent with spaces)
    r.md:2: matches: warning: unknown key, ignored (did you mean `match`?)
    r.md:3: front matter: not YAML: duplicate mapping key: title (mend the line; put text with `:`, `#`, `{` or `\` in single quotes, and indent with spaces)
    "#);
}
