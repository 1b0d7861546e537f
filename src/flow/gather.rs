//! Asking the neighbours, all at once, under one deadline. What comes late or not at all costs its own evidence only.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::domain::evidence::{Draft, Source};
use crate::telemetry::{Counters, Ended, trace};

/// What one question brought.
#[derive(Debug)]
pub enum Gathered {
    /// Something to show; `slot` names it across runs.
    Evidence {
        /// Names it across runs.
        slot: String,
        /// Not yet numbered and cleaned.
        draft: Box<Draft>,
    },
    /// The neighbour did not give it, with a line that a person can act on.
    Gap {
        /// Which neighbour.
        source: Source,
        /// Why.
        reason: String,
    },
}

/// What a question brings, some time.
type Answer<'a> = Pin<Box<dyn Future<Output = Vec<Gathered>> + Send + 'a>>;

/// One question. It is told until when it may read, so that it can answer with what it has by then.
pub struct Task<'a> {
    source: Source,
    what: &'static str,
    ask: Box<dyn FnOnce(Instant) -> Answer<'a> + Send + 'a>,
}

impl<'a> Task<'a> {
    /// A question to `source` that is answered whole or not at all.
    pub fn new(source: Source, what: &'static str, answer: impl Future<Output = Vec<Gathered>> + Send + 'a) -> Self {
        Self { source, what, ask: Box::new(move |_| Box::pin(answer)) }
    }

    /// A question to `source` that reads until the instant it is given, and then answers with what it has.
    pub fn until<F>(source: Source, what: &'static str, ask: impl FnOnce(Instant) -> F + Send + 'a) -> Self
    where
        F: Future<Output = Vec<Gathered>> + Send + 'a,
    {
        Self { source, what, ask: Box::new(move |until| Box::pin(ask(until))) }
    }

    /// The answer alone, for a question that is part of another.
    pub async fn answer(self, until: Instant) -> Vec<Gathered> {
        (self.ask)(until).await
    }
}

/// The share of its time that a question keeps for making evidence of what it read, and the most it keeps.
const TO_FINISH: f64 = 0.1;
const MOST_TO_FINISH: Duration = Duration::from_secs(1);

/// How long answers are collected before they are shown together: below it nobody sees the difference.
const TOGETHER: Duration = Duration::from_millis(40);

/// A question's number and its answers.
type Answered<'a> = Pin<Box<dyn Future<Output = (usize, Vec<Gathered>)> + Send + 'a>>;

/// Questions under way, answered in the order they come.
pub struct Gathering<'a> {
    until: Instant,
    within: Duration,
    waiting: Vec<Question>,
    tasks: FuturesUnordered<Answered<'a>>,
    counters: &'a Counters,
}

/// A question under way.
struct Question {
    source: Source,
    /// What it is about; empty once it is answered.
    what: &'static str,
    span: Span,
}

impl Question {
    fn of(task: &Task<'_>, round: &Span) -> Self {
        let span = tracing::info_span!(
            parent: round,
            "query",
            otel.name = format!("query {}", task.source.as_str()),
            source = task.source.as_str(),
            what = task.what,
            result = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        Self { source: task.source, what: task.what, span }
    }
}

impl<'a> Gathering<'a> {
    /// Starts all questions; they have until `until`, which is `within` from the start.
    pub fn start(tasks: Vec<Task<'a>>, until: Instant, within: Duration, counters: &'a Counters) -> Self {
        // Ends with the last of its questions.
        let round = tracing::info_span!("gather", queries = tasks.len());
        let waiting: Vec<Question> = tasks.iter().map(|task| Question::of(task, &round)).collect();
        let spans: Vec<Span> = waiting.iter().map(|question| question.span.clone()).collect();
        let left = until.saturating_duration_since(Instant::now());
        let read_until = until - left.mul_f64(TO_FINISH).min(MOST_TO_FINISH);
        let tasks = tasks.into_iter().zip(spans).enumerate().map(|(index, (task, span))| {
            let answer = task.answer(read_until).instrument(span);
            Box::pin(async move { (index, answer.await) }) as Answered<'a>
        });
        Self { until, within, waiting, tasks: tasks.collect(), counters }
    }

    /// The next answers; `None` when all have come or the time is over. What is missing then is named as a gap.
    pub async fn next(&mut self) -> Option<Vec<Gathered>> {
        let mut answers = match tokio::time::timeout_at(self.until, self.tasks.next()).await {
            Ok(Some(answer)) => self.arrived(answer),
            Ok(None) => return None,
            Err(_) => return self.late(),
        };
        let together = (Instant::now() + TOGETHER).min(self.until);
        while let Ok(Some(answer)) = tokio::time::timeout_at(together, self.tasks.next()).await {
            answers.extend(self.arrived(answer));
        }
        Some(answers)
    }

    fn arrived(&mut self, (index, answers): (usize, Vec<Gathered>)) -> Vec<Gathered> {
        let failed = answers.iter().any(|answer| matches!(answer, Gathered::Gap { .. }));
        let question = &mut self.waiting[index];
        question.what = "";
        let (source, span) = (question.source, std::mem::replace(&mut question.span, Span::none()));
        self.ended(source, &span, if failed { "error" } else { "ok" });
        answers
    }

    /// Names what did not answer in time, once.
    fn late(&mut self) -> Option<Vec<Gathered>> {
        self.tasks.clear();
        let late: Vec<Question> = self.waiting.drain(..).filter(|question| !question.what.is_empty()).collect();
        for question in &late {
            self.ended(question.source, &question.span, "timeout");
        }
        let seconds = self.within.as_secs_f64();
        let gap = |Question { source, what, .. }| Gathered::Gap {
            source,
            reason: format!("{what}: no answer within {seconds:.0} s"),
        };
        (!late.is_empty()).then(|| late.into_iter().map(gap).collect())
    }

    fn ended(&self, source: Source, span: &Span, result: &'static str) {
        span.record("result", result);
        if result != "ok" {
            trace::failed(span, result);
        }
        self.counters.queries.get_or_create(&Ended { of: source.as_str().into(), result }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(reason: &str) -> Vec<Gathered> {
        vec![Gathered::Gap { source: Source::Logs, reason: reason.into() }]
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_is_named_and_the_rest_is_kept() {
        let counters = Counters::default();
        let tasks = vec![
            Task::new(Source::Logs, "log lines", async { gap("quick") }),
            Task::new(Source::Metrics, "charts", async {
                std::future::pending::<()>().await;
                Vec::new()
            }),
        ];
        let within = Duration::from_secs(10);
        let mut gathering = Gathering::start(tasks, Instant::now() + within, within, &counters);
        let mut reasons = Vec::new();
        while let Some(answers) = gathering.next().await {
            for answer in answers {
                let Gathered::Gap { reason, .. } = answer else { panic!("no evidence was given") };
                reasons.push(reason);
            }
        }
        assert_eq!(reasons, ["quick", "charts: no answer within 10 s"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_knows_the_time_answers_with_what_it_has() {
        let counters = Counters::default();
        let tasks = vec![Task::until(Source::Logs, "log lines", |until| async move {
            tokio::time::sleep_until(until).await;
            gap("so far")
        })];
        let within = Duration::from_secs(5);
        let mut gathering = Gathering::start(tasks, Instant::now() + within, within, &counters);
        let answers = gathering.next().await.unwrap();
        assert!(matches!(&answers[..], [Gathered::Gap { reason, .. }] if reason == "so far"), "{answers:?}");
        assert!(gathering.next().await.is_none());
    }
}
