//! The subject's containers with all that belongs to them, and everything that its programs wrote.

use chrono::{DateTime, Utc};

use super::Scene;
use crate::analysis::text::complaint::complaint;
use crate::analysis::text::{network, root_line};
use crate::domain::cluster::{ContainerSpec, ContainerState, PodState, Termination, WorkloadState};
use crate::domain::evidence::{EvidenceId, Novelty};

/// Something that a program wrote: a log pattern's example or a termination message.
#[derive(Clone, Copy)]
pub(in crate::analysis) struct Record<'a> {
    /// By which evidence.
    pub id: EvidenceId,
    /// The text.
    pub text: &'a str,
    /// How many lines like it; 1 for a termination message.
    pub count: u64,
    /// Whether it was not there before.
    pub new: bool,
    /// Whether it is worse than before: new, or much more frequent.
    pub worse: bool,
    /// Whether its level or its words complain.
    pub complains: bool,
    /// Whether it only warns.
    pub warns: bool,
    /// Whether it was a container's last word.
    pub last_word: bool,
    /// First and last time, where known.
    pub first: Option<DateTime<Utc>>,
    /// Last time.
    pub last: Option<DateTime<Utc>>,
}

/// A container of a pod with all that belongs to it.
#[derive(Clone, Copy)]
pub(in crate::analysis) struct Unit<'a> {
    /// By which evidence.
    pub id: EvidenceId,
    /// The workload.
    pub workload: &'a WorkloadState,
    /// The pod.
    pub pod: &'a PodState,
    /// The container.
    pub state: &'a ContainerState,
    /// Its template, where the current one still has it.
    pub spec: Option<&'a ContainerSpec>,
}

impl<'a> Unit<'a> {
    /// How it last ended.
    pub fn ending(&self) -> Option<&'a Termination> {
        self.state.terminated.as_ref().or(self.state.last_termination.as_ref())
    }

    /// The reason it waits for.
    pub fn waits(&self) -> &'a str {
        self.state.waiting.as_ref().map_or("", |waiting| waiting.reason.as_str())
    }
}

impl<'a> Scene<'a> {
    /// Every container of the subject's pods that is not on its way out.
    pub fn containers(&self) -> Vec<Unit<'a>> {
        let mut units = Vec::new();
        for seen in self.workloads() {
            for pod in seen.data.pods.iter().filter(|pod| pod.deleting_since.is_none()) {
                for state in &pod.containers {
                    let spec = seen.data.containers.iter().find(|spec| spec.name == state.name);
                    units.push(Unit { id: seen.id, workload: seen.data, pod, state, spec });
                }
            }
        }
        units
    }

    /// Since when the container has been failing: the run that ended last is the newest of many, so the pod's own
    /// readiness and the first back-off are asked, too. `None` where all of that is another story.
    pub fn failing_since(&self, unit: &Unit) -> Option<DateTime<Utc>> {
        let run = unit.ending().and_then(|ending| ending.started_at);
        let ready =
            unit.pod.conditions.iter().find(|condition| condition.kind == "Ready" && condition.status != "True");
        let object = format!("Pod {}", unit.pod.name);
        let events = self.events();
        let back_off = events.iter().filter(|(_, event)| event.object == object && event.reason == "BackOff");
        let times = run.into_iter().chain(ready.and_then(|ready| ready.since));
        let times = times.chain(back_off.filter_map(|(_, event)| event.first));
        times.filter(|at| self.weight(Some(*at)) > 0.5).min()
    }

    /// Everything that the subject's programs wrote, last words first.
    pub fn records(&self) -> Vec<Record<'a>> {
        let words = self.containers().into_iter().filter_map(|unit| {
            let ending = unit.ending().filter(|ending| !ending.message.trim().is_empty())?;
            (self.weight(ending.finished_at) > 0.5).then_some(Record {
                id: unit.id,
                text: &ending.message,
                count: 1,
                new: false,
                worse: true,
                complains: ending.exit_code != 0,
                warns: false,
                last_word: true,
                first: ending.finished_at,
                last: ending.finished_at,
            })
        });
        let patterns = self.patterns().flat_map(|seen| {
            seen.data.patterns.iter().filter(|pattern| pattern.count > 0).map(move |pattern| {
                let level = pattern.level.as_deref().unwrap_or_default();
                let text = if pattern.example.trim().is_empty() { &pattern.template } else { &pattern.example };
                let bad = matches!(
                    level,
                    "error" | "err" | "fatal" | "critical" | "crit" | "panic" | "emerg" | "alert" | "severe"
                );
                let quiet = matches!(level, "info" | "debug" | "trace" | "notice");
                Record {
                    id: seen.id,
                    text,
                    count: pattern.count,
                    new: pattern.novelty == Novelty::New,
                    worse: matches!(pattern.novelty, Novelty::New | Novelty::MoreFrequent),
                    complains: bad || (!quiet && complains(text)),
                    warns: matches!(level, "warn" | "warning"),
                    last_word: false,
                    first: pattern.first,
                    last: pattern.last,
                }
            })
        });
        let mut records: Vec<Record> = words.collect();
        for record in patterns {
            // A runbook's query brings lines that the subject's own reading brings as well: they are told once, as the
            // worse of the two, because few lines may not suffice to call one new.
            let same = |known: &&mut Record| {
                !known.last_word && known.id != record.id && known.text.lines().next() == record.text.lines().next()
            };
            let telling = |record: &Record| (record.worse, record.new, record.text.len());
            match records.iter_mut().find(same) {
                Some(known) if telling(&record) > telling(known) => *known = record,
                Some(_) => {}
                None => records.push(record),
            }
        }
        records
    }
}

/// Whether the words complain: in general, or of something that is known by name.
fn complains(text: &str) -> bool {
    root_line::complains(text) || complaint(text).is_some() || network::failure(text).is_some()
}
