//! The runbook: one Markdown file that people read, retrieval finds, the model is shown and the investigator follows.
//!
//! Its YAML front matter says when it applies (`match`), what to measure (`metrics`, `logs`) and what may be proposed
//! (`actions`); its prose says what to look at, what it means and what to do. A file without front matter is knowledge:
//! it can be found and cited, and plans nothing.
//!
//! Everything here is pure. Reading files and searching live in `adapters::knowledge`.

pub mod front_matter;
pub mod markdown;
pub mod matching;
pub mod pattern;
pub mod predecessor;
pub mod query;
pub mod source;
pub mod template;

pub use super::action::ActionName;
pub use super::lint::{LintProblem, Severity};
pub use matching::RunbookMatch;
pub use pattern::Pattern;
pub use query::{Query, query_for};
pub use template::Template;

use super::unit::Unit;

/// One runbook, as loaded.
#[derive(Debug, Clone)]
pub struct Runbook {
    /// The file's name without its extension where that is unique in the library, else its path without extension.
    pub id: String,
    /// The file, relative to the directory it was loaded from, with `/` between folders.
    pub path: String,
    /// Whether it came with the program or from the operator's directory.
    pub origin: Origin,
    /// What people call it.
    pub title: String,
    /// When it applies by itself, without a search.
    pub matcher: Matcher,
    /// What to chart, in the order written.
    pub metrics: Vec<MetricQuery>,
    /// Which log lines to show.
    pub logs: Vec<LogQuery>,
    /// Which actions may be proposed. Empty means none.
    pub actions: Vec<ActionName>,
    /// The Markdown after the front matter.
    pub prose: String,
}

/// Where a runbook came from. The operator's own words win over ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Came with the program.
    Embedded,
    /// Came from the operator's directory.
    Directory,
}

/// The `match` section. `alerts` and `reasons` are alternatives; `labels` must all hold besides.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    /// Patterns over the alert's name.
    pub alerts: Vec<Pattern>,
    /// Label name and the pattern its value must fit.
    pub labels: Vec<(String, Pattern)>,
    /// Patterns over reasons seen in the cluster (`OOMKilled`, `ImagePullBackOff`).
    pub reasons: Vec<Pattern>,
}

/// One chart of the plan.
#[derive(Debug, Clone)]
pub struct MetricQuery {
    /// What the chart shows.
    pub title: String,
    /// PromQL with variables of the subject.
    pub query: Template,
    /// How to write its values.
    pub unit: Unit,
    /// A line to draw beside the series: what the values must stay below.
    pub limit: Option<Limit>,
    /// The value from which a person should worry.
    pub threshold: Option<f64>,
}

/// What a limit line is drawn from.
#[derive(Debug, Clone)]
pub enum Limit {
    /// A fixed value.
    Value(f64),
    /// PromQL that yields the value over time.
    Query(Template),
}

/// One log query of the plan.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// What the lines are about.
    pub title: String,
    /// A LogsQL filter over messages. The subject's namespace and pods are added by the adapter, because only it knows
    /// what the collector calls those fields.
    pub query: Template,
}
