//! LogsQL for a selection of lines. Pure, and the only place where queries are put together.
//!
//! Words in LogsQL are case-sensitive and looked for in `_msg`; `:=` is exact; `:~` matches anywhere in the value, so
//! patterns are anchored; strings follow Go.

use super::fields::{DETAILS, FieldSet, LogFields, MESSAGES};
use crate::domain::query_template::{anchored, quoted};
use crate::domain::query_variables::{Variable, Variables};

/// Words of a line that a person on call would look for.
const ERROR_WORDS: [&str; 18] = [
    "error",
    "errors",
    "err",
    "fatal",
    "panic",
    "critical",
    "exception",
    "failed",
    "failure",
    "refused",
    "timeout",
    "denied",
    "unauthorized",
    "killed",
    "traceback",
    "segfault",
    "unable",
    "oom",
];
/// Words inside of words (`NullPointerException`, `ECONNREFUSED`) and of two words.
const ERROR_PATTERN: &str = "(?i)(exception|timed out|econn|enospc|out of memory|no space left)";
/// Levels that are errors, in any spelling.
const ERROR_LEVELS: &str = "(?i)^(err|error|fatal|crit|critical|panic|emerg|emergency|alert|severe)$";
/// Words that would end a list of fields or begin something else.
const KEYWORDS: [&str; 12] = ["and", "or", "not", "in", "by", "if", "as", "fields", "sort", "limit", "stats", "filter"];

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSelector {
    /// Of one namespace.
    pub namespace: Option<String>,
    /// Of some pods.
    pub pods: Pods,
    /// Of one container.
    pub container: Option<String>,
    /// All of these must hold.
    pub filters: Vec<Filter>,
}

/// Which pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pods {
    /// All.
    #[default]
    All,
    /// Exactly these.
    Named(Vec<String>),
    /// Those whose whole name matches a regular expression (RE2).
    Matching(String),
}

/// What a line must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Looks like an error.
    Errors,
    /// Has this text, in any case. Safe for text of strangers.
    Text(String),
    /// Fits a LogsQL filter written by a runbook's author.
    LogsQl(String),
}

impl LogSelector {
    /// Lines of the Subject's pods, or of its namespace; `None` when it has neither, for example a node: everybody's
    /// lines are nobody's evidence.
    pub fn of(variables: &Variables) -> Option<Self> {
        let text = |variable| variables.get(variable).map(str::to_owned);
        let namespace = text(Variable::Namespace);
        let pods = text(Variable::Pods).map_or(Pods::All, Pods::Matching);
        if namespace.is_none() && pods == Pods::All {
            return None;
        }
        Some(Self { namespace, pods, container: None, filters: Vec::new() })
    }
}

/// The filter part of the query, as a person can paste it.
pub fn select(selector: &LogSelector, fields: &FieldSet) -> String {
    let mut parts: Vec<String> = Vec::new();
    let styles: Vec<String> =
        fields.styles.iter().map(|style| of_style(selector, style)).filter(|style| !style.is_empty()).collect();
    match styles.as_slice() {
        [] => {}
        [one] => parts.push(one.clone()),
        many => parts.push(format!("(({}))", many.join(") or ("))),
    }
    for filter in &selector.filters {
        parts.push(match filter {
            Filter::Errors => errors(fields),
            Filter::Text(text) => format!("i({})", quoted(text)),
            Filter::LogsQl(filter) => format!("({filter})"),
        });
    }
    if parts.is_empty() { "*".into() } else { parts.join(" ") }
}

/// The fields that lines are made of; others stay on the server.
pub fn field_list(fields: &FieldSet) -> String {
    let mut names: Vec<&str> = vec!["_time"];
    for style in &fields.styles {
        names.extend([style.message.as_str(), &style.namespace, &style.pod]);
        names.extend(style.container.as_deref());
    }
    names.extend(fields.levels.iter().map(String::as_str));
    names.extend(MESSAGES);
    names.extend(DETAILS);
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names.into_iter().map(field).collect::<Vec<_>>().join(", ")
}

fn of_style(selector: &LogSelector, style: &LogFields) -> String {
    let mut parts = Vec::new();
    if let Some(namespace) = &selector.namespace {
        parts.push(format!("{}:={}", field(&style.namespace), quoted(namespace)));
    }
    match &selector.pods {
        Pods::All => {}
        Pods::Named(names) => {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            parts.push(format!("{}:in({})", field(&style.pod), names.join(",")));
        }
        Pods::Matching(pattern) => parts.push(format!("{}:~{}", field(&style.pod), quoted(&anchored(pattern)))),
    }
    if let (Some(container), Some(name)) = (&selector.container, &style.container) {
        parts.push(format!("{}:={}", field(name), quoted(container)));
    }
    parts.join(" ")
}

fn errors(fields: &FieldSet) -> String {
    let words = ERROR_WORDS.iter().map(|word| format!("i({word})"));
    let levels = fields.levels.iter().map(|level| format!("{}:~{}", field(level), quoted(ERROR_LEVELS)));
    let pattern = std::iter::once(format!("~{}", quoted(ERROR_PATTERN)));
    format!("({})", words.chain(pattern).chain(levels).collect::<Vec<_>>().join(" or "))
}

/// A field's name, quoted where its letters or its meaning need it.
pub(super) fn field(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let keyword = KEYWORDS.contains(&name.to_ascii_lowercase().as_str());
    if plain && !keyword && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vlagent() -> FieldSet {
        FieldSet::detect(
            ["kubernetes.pod_namespace", "kubernetes.pod_name", "kubernetes.container_name", "level"].into_iter(),
        )
        .unwrap()
    }

    #[test]
    fn a_selection_in_the_servers_language() {
        let mut selector = LogSelector {
            namespace: Some("shop".into()),
            pods: Pods::Matching("web-[0-9]+|web-1\\.2".into()),
            container: Some("app".into()),
            filters: vec![Filter::Text("a \"b\"\n) or *".into()), Filter::LogsQl("timeout".into())],
        };
        insta::assert_snapshot!(select(&selector, &vlagent()), @r#"kubernetes.pod_namespace:="shop" kubernetes.pod_name:~"^(?:web-[0-9]+|web-1\\.2)$" kubernetes.container_name:="app" i("a \"b\"\n) or *") (timeout)"#);
        selector.pods = Pods::Named(vec!["web-1".into(), "web\"2".into()]);
        selector.filters = vec![];
        let two = FieldSet::detect(["namespace", "pod", "k8s.namespace.name", "k8s.pod.name"].into_iter()).unwrap();
        insta::assert_snapshot!(select(&selector, &two), @r#"((k8s.namespace.name:="shop" k8s.pod.name:in("web-1","web\"2")) or (namespace:="shop" pod:in("web-1","web\"2")))"#);
        assert_eq!(select(&LogSelector::default(), &two), "*");
    }

    #[test]
    fn a_node_without_pods_selects_nothing() {
        let mut variables = Variables::default();
        variables.set(Variable::Node, "n1");
        assert_eq!(LogSelector::of(&variables), None);
        variables.set(Variable::Pods, "web-1");
        assert_eq!(LogSelector::of(&variables).map(|of| of.pods), Some(Pods::Matching("web-1".into())));
    }

    #[test]
    fn errors_in_words_inside_words_and_in_levels() {
        let selector = LogSelector { filters: vec![Filter::Errors], ..LogSelector::default() };
        let query = select(&selector, &vlagent());
        assert!(query.starts_with("(i(error) or i(errors) or "), "{query}");
        assert!(
            query
                .ends_with(r#" or level:~"(?i)^(err|error|fatal|crit|critical|panic|emerg|emergency|alert|severe)$")"#)
        );
    }

    #[test]
    fn unusual_field_names_are_quoted() {
        assert_eq!(field("kubernetes.labels.app.kubernetes.io/name"), "\"kubernetes.labels.app.kubernetes.io/name\"");
        assert_eq!((field("limit").as_str(), field("a.b_c").as_str()), ("\"limit\"", "a.b_c"));
        assert!(field_list(&vlagent()).starts_with("_time, _msg, kubernetes.pod_namespace, kubernetes.pod_name, "));
    }
}
