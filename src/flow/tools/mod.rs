//! Runs the tools that a model called: checked, in parallel, each answer bounded, redacted and numbered as evidence.

mod cluster;
mod knowledge;
mod logs;
mod metrics;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::amend::{Besides, amend};
use super::look::enter;
use super::{Context, Sources};
use crate::agent::message::{ToolCall, ToolSpec};
use crate::agent::tools::{Available, Tool, specs};
use crate::agent::turn::ToolAnswer;
use crate::domain::evidence::{Draft, Evidence, EvidenceData, Source};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::investigation::{Investigation, TOOL_SLOT};
use crate::domain::subject::{ObjectRef, SubjectKind};
use crate::domain::text;
use crate::domain::window::Window;
use crate::ports::StoreError;
use crate::telemetry::trace;

/// Longest error that a model reads, in bytes.
const MAX_ERROR_BYTES: usize = 1_000;

/// Longest title made of a query, in bytes.
const MAX_TITLE_BYTES: usize = 160;

/// Where what tools bring is kept.
#[derive(Debug)]
pub enum Ledger {
    /// In the record of an incident.
    Incident(IncidentId),
    /// Nowhere: the asker keeps the conversation.
    Memory(Box<Investigation>),
}

/// What a tool brought: evidence, or words for the model (an error, or that there is nothing).
pub(super) enum Brought {
    Evidence(Box<Draft>),
    Words(String),
}

/// The tools, as far as there are neighbours for them.
pub struct Toolbox<'a> {
    context: &'a Context,
    ledger: Ledger,
    /// Who has notes written.
    author: String,
    /// When the tools look: now, or while a past incident lasted.
    at: DateTime<Utc>,
}

impl<'a> Toolbox<'a> {
    /// Tools that look back from `at`, for `author`.
    pub fn new(context: &'a Context, ledger: Ledger, author: &str, at: DateTime<Utc>) -> Self {
        Self { context, ledger, author: author.to_owned(), at }
    }

    /// What the tools are used in.
    pub(super) fn context(&self) -> &'a Context {
        self.context
    }

    /// What may be called about an incident, or about anything; notes only where a person asked. Of another cluster no
    /// neighbour knows: what a name means there, it does not mean here.
    pub fn offered(sources: &Sources, about: Option<&Incident>, notes: bool) -> Vec<ToolSpec> {
        let here = about.is_none_or(|incident| sources.elsewhere(&incident.subject).is_none());
        specs(Available {
            metrics: here && sources.metrics.is_some(),
            logs: here && sources.logs.is_some(),
            kubernetes: here && sources.cluster.is_some(),
            notes,
        })
    }

    /// What was kept.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Runs calls at once and answers each, in their order.
    ///
    /// # Errors
    /// When what they brought cannot be stored.
    pub async fn call(&mut self, calls: &[ToolCall]) -> Result<Vec<ToolAnswer>, StoreError> {
        let brought = join_all(calls.iter().map(|call| self.run(call))).await;
        let mut answers: Vec<ToolAnswer> = Vec::new();
        let mut drafts = Vec::new();
        for (call, brought) in calls.iter().zip(brought) {
            let text = match brought {
                Brought::Evidence(draft) => {
                    // The same question again brings the same number, with what is seen now.
                    drafts.push((answers.len(), format!("{TOOL_SLOT}{} {}", call.name, call.arguments), draft));
                    String::new()
                }
                Brought::Words(words) => {
                    let words = self.context.redactor.redact(&words).into_owned();
                    text::bounded(text::plain(&words).as_ref(), MAX_ERROR_BYTES).into_owned()
                }
            };
            answers.push(ToolAnswer { text, evidence: None });
        }
        let slots: Vec<(String, Draft)> =
            drafts.iter().map(|(_, slot, draft)| (slot.clone(), (**draft).clone())).collect();
        let recorded = self.record(slots).await?;
        for ((at, ..), evidence) in drafts.into_iter().zip(recorded) {
            answers[at].evidence = Some(evidence);
        }
        Ok(answers)
    }

    async fn run(&self, call: &ToolCall) -> Brought {
        let tool = match Tool::parse(&call.name, &call.arguments) {
            Ok(tool) => tool,
            Err(error) => return Brought::Words(format!("error: {error}")),
        };
        let span = tracing::info_span!(
            "execute_tool",
            otel.name = format!("execute_tool {}", tool.name()),
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = tool.name(),
            otel.status_code = Empty,
            error.type = Empty,
        );
        let asked = tokio::time::timeout(self.context.deadline, self.ask(&tool)).instrument(span.clone()).await;
        asked.unwrap_or_else(|_| {
            trace::failed(&span, "timeout");
            let seconds = self.context.deadline.as_secs_f64();
            Brought::Words(format!("error: {}: no answer within {seconds:.0} s; ask for less", tool.name()))
        })
    }

    async fn ask(&self, tool: &Tool) -> Brought {
        match tool {
            Tool::QueryMetrics { query } => self.metric(query).await,
            Tool::QueryMetricsRange { query, since } => self.metric_range(query, *since).await,
            Tool::QueryLogs { scope, filter } => self.log_lines(scope, filter.as_deref()).await,
            Tool::QueryErrorLogs { scope } => self.error_patterns(scope).await,
            Tool::SearchLogs { text, scope } => self.log_lines(scope, Some(text)).await,
            Tool::ListLogStreams { namespace, since } => self.log_streams(namespace.as_deref(), *since).await,
            Tool::LogsStats { scope } => self.log_stats(scope).await,
            Tool::KubernetesGet { kind, name, namespace } => {
                self.get(kind, name.as_deref(), namespace.as_deref()).await
            }
            Tool::KubernetesEvents { namespace, name } => self.events(namespace, name.as_deref()).await,
            Tool::KubernetesLogs { namespace, pod, container, previous, lines } => {
                self.pod_log(namespace, pod, container.as_deref(), *previous, *lines).await
            }
            Tool::KubernetesRollouts { namespace, workload } => self.rollouts(namespace, workload).await,
            Tool::SearchRunbooks { .. } | Tool::SearchIncidentHistory { .. } | Tool::SearchKnowledge { .. } => {
                self.search(tool).await
            }
            Tool::AddNote { content, tags } => self.note(content, tags).await,
        }
    }

    /// Numbers what was brought, and keeps it.
    async fn record(&mut self, drafts: Vec<(String, Draft)>) -> Result<Vec<Evidence>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let context = self.context;
        match &mut self.ledger {
            Ledger::Memory(record) => Ok(enter(context, record, &drafts)),
            Ledger::Incident(id) => {
                let mut entered = Vec::new();
                amend(context, id, None, |_, record| {
                    entered = enter(context, record, &drafts);
                    Some(Besides::default())
                })
                .await?;
                Ok(entered)
            }
        }
    }

    fn window(&self, since: i64) -> Window {
        Window::new(self.at - TimeDelta::seconds(since), self.at)
    }

    fn evidence(&self, source: Source, about: ObjectRef, query: String, window: Window, data: EvidenceData) -> Brought {
        // What was read as it is has no better name than what was asked.
        let title =
            if let EvidenceData::Text { .. } = data { text::line(&query, MAX_TITLE_BYTES) } else { String::new() };
        Brought::Evidence(Box::new(Draft { source, about, title, query, window, data, link: None }))
    }
}

/// What evidence of a whole namespace, or of the cluster, is about.
fn about_namespace(namespace: Option<&str>) -> ObjectRef {
    match namespace {
        Some(namespace) => ObjectRef {
            kind: SubjectKind::Namespace,
            namespace: Some(namespace.to_owned()),
            name: namespace.to_owned(),
        },
        None => ObjectRef { kind: SubjectKind::Alert, namespace: None, name: "cluster".to_owned() },
    }
}
