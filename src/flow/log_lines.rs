//! Questions to VictoriaLogs: what the subject's programs wrote, and which of it its runbooks ask for. Both are told as
//! patterns, compared with the Baseline.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::gather::{Gathered, Task};
use super::plan::{self, LogTask, Ranges};
use super::questions::{evidence_of, slot_of};
use super::{Context, pod_logs};
use crate::adapters::logs::{Filter, LogSelector, Logs, LogsError};
use crate::analysis::log_evidence;
use crate::domain::evidence::{Draft, EvidenceData, Source};
use crate::domain::log_line::LogBatch;
use crate::domain::runbook::Runbook;
use crate::domain::subject::{ObjectRef, Subject};
use crate::domain::window::Window;

/// Lines read from the Window and from the Baseline; patterns need many, memory bounds them (about 300 bytes a line).
const LOG_LINES: usize = 5_000;
/// Lines read for one query of a runbook: it names what it looks for, so fewer tell as much.
const RUNBOOK_LINES: usize = 1_000;
/// How much later than it should a read may come back with what it has, before it is given up.
const LATE: Duration = Duration::from_millis(50);
/// How long before its alert a trouble is taken to have begun where nothing else is known: most rules wait some minutes.
const NOTICED_AFTER: TimeDelta = TimeDelta::minutes(5);

/// Log patterns from VictoriaLogs; where it is absent, silent or fails, from the Kubernetes API.
pub fn of_subject(context: &Context, subject: Subject, ranges: Ranges) -> Task<'_> {
    Task::until(Source::Logs, "log lines", move |until| async move {
        let mut failed = None;
        let selector = LogSelector::of(&plan::variables(&subject));
        if let (Some(logs), Some(selector)) = (&context.sources.logs, &selector) {
            let (window, baseline) =
                (lines(logs, selector, ranges.window, until), lines(logs, selector, ranges.baseline, until));
            match in_time(window, baseline, until).await {
                (Ok(window), baseline) if !window.lines.is_empty() => {
                    let draft = draft(logs, subject.object(), window, baseline, &ranges);
                    return vec![Gathered::Evidence { slot: slot_of(&draft), draft: Box::new(draft) }];
                }
                (Ok(_), _) => {}
                (Err(error), _) => failed = Some(error),
            }
        }
        // What stands in is told beside the failure: without the Baseline it shows less.
        let fallback = pod_logs::patterns(context, &subject, &ranges, until).await;
        let fallback = fallback.map(|(query, patterns)| {
            evidence_of(Source::Logs, subject.object(), query, &ranges, EvidenceData::Patterns(patterns))
        });
        // One that holds nothing did not fail, where there are lines elsewhere.
        let failed = failed.filter(|error| *error != LogsError::NoLogs || fallback.is_none());
        let gap = failed.map(|error| Gathered::Gap { source: Source::Logs, reason: error.to_string() });
        fallback.into_iter().chain(gap).collect()
    })
}

/// The lines that `runbooks` ask for among those of the subject, each with its filter.
pub fn of_runbooks<'a>(
    context: &'a Context,
    subject: &Subject,
    ranges: &Ranges,
    runbooks: &[&Runbook],
) -> Vec<(String, Task<'a>)> {
    let variables = plan::variables(subject);
    let (Some(logs), Some(selector)) = (&context.sources.logs, LogSelector::of(&variables)) else { return Vec::new() };
    let tasks = plan::log_tasks(runbooks.iter().copied(), &variables);
    let ask = |task: LogTask| {
        let mut selector = selector.clone();
        selector.filters.push(Filter::LogsQl(task.filter.clone()));
        (task.filter.clone(), wanted(logs, subject.object(), selector, task, *ranges))
    };
    tasks.into_iter().map(ask).collect()
}

fn wanted(logs: &Logs, about: ObjectRef, selector: LogSelector, task: LogTask, ranges: Ranges) -> Task<'_> {
    Task::until(Source::Logs, "a runbook's lines", move |until| async move {
        let read = |range| logs.lines_until(&selector, range, RUNBOOK_LINES, Some(until));
        match in_time(read(ranges.window), read(ranges.baseline), until).await {
            // That nothing fits is what is to be hoped for, and no evidence.
            (Ok(window), _) if window.lines.is_empty() => Vec::new(),
            (Ok(window), baseline) => {
                let draft = Draft { title: task.title, ..draft(logs, about, window, baseline, &ranges) };
                vec![Gathered::Evidence { slot: task.slot, draft: Box::new(draft) }]
            }
            // The question about the subject's own lines says so.
            (Err(LogsError::NoLogs), _) => Vec::new(),
            (Err(error), _) => {
                vec![Gathered::Gap { source: Source::Logs, reason: format!("{}: {error}", task.title) }]
            }
        }
    })
}

type Lines = Result<LogBatch, LogsError>;

/// The lines of both ranges, as far as they come in time. Without a Baseline the Window is compared with its own
/// beginning: it is never waited for in vain.
async fn in_time(
    window: impl Future<Output = Lines>,
    baseline: impl Future<Output = Lines>,
    until: Instant,
) -> (Lines, Lines) {
    let baseline = tokio::time::timeout_at(until, baseline);
    let (window, baseline) = futures::join!(tokio::time::timeout_at(until + LATE, window), baseline);
    // Not even the first line came.
    let late = |_| Err(LogsError::Late);
    (window.unwrap_or_else(late), baseline.unwrap_or_else(late))
}

/// The patterns of what was read, without a title.
fn draft(logs: &Logs, about: ObjectRef, window: LogBatch, baseline: Lines, ranges: &Ranges) -> Draft {
    let patterns = match &baseline {
        Ok(baseline) if !baseline.lines.is_empty() => {
            log_evidence::summarise((&window, ranges.window), Some((baseline, ranges.baseline)))
        }
        _ => log_evidence::summarise_split(&window, ranges.window, ranges.onset - NOTICED_AFTER),
    };
    Draft {
        source: Source::Logs,
        about,
        title: String::new(),
        link: logs.link(&window.query, &ranges.window),
        query: window.query,
        window: ranges.window,
        data: EvidenceData::Patterns(patterns),
    }
}

/// The newest lines of a range, and where there are too many, those of the whole range that look like errors.
async fn lines(logs: &Logs, selector: &LogSelector, range: Window, until: Instant) -> Lines {
    let mut batch = logs.lines_until(selector, range, LOG_LINES, Some(until)).await?;
    let Some(oldest) = batch.lines.first().map(|line| line.time).filter(|_| batch.cut) else { return Ok(batch) };
    let earlier = Window::new(range.from, oldest);
    let errors = logs.error_lines_until(selector, earlier, LOG_LINES / 2, Some(until));
    // They are a help; what was read already is not given up for them.
    if let Ok(Ok(errors)) = tokio::time::timeout_at(until, errors).await {
        let earlier = errors.lines.into_iter().filter(|line| line.time < oldest);
        batch.lines.splice(0..0, earlier);
    }
    Ok(batch)
}
