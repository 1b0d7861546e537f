//! The subject's containers with all that belongs to them, and everything that its programs wrote.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Scene, has_ended};
use crate::analysis::patterns::{Level, is_quiet};
use crate::analysis::text::complaint::complaint;
use crate::analysis::text::{network, root_line};
use crate::domain::cluster::{ContainerSpec, ContainerState, PodState, Termination, WorkloadState};
use crate::domain::evidence::{EvidenceId, Novelty};

/// Log lines of a crash stand this close to the end of the process.
pub(in crate::analysis) const LAST_SECONDS: TimeDelta = TimeDelta::seconds(20);

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
    /// Whether it is worse than before: new, or much more frequent; where nothing is known of before, whether it stands
    /// where something fails.
    pub worse: bool,
    /// Whether it is known how it was before.
    pub known: bool,
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
                known: true,
                complains: ending.exit_code != 0,
                warns: false,
                last_word: true,
                first: ending.finished_at,
                last: ending.finished_at,
            })
        });
        let containers = self.containers();
        let patterns = self.patterns().flat_map(|seen| {
            let containers = &containers;
            seen.data.patterns.iter().filter(|pattern| pattern.count > 0).map(move |pattern| {
                let level = pattern.level.as_deref().and_then(|level| Level::parse(level.as_bytes()));
                let text = if pattern.example.trim().is_empty() { &pattern.template } else { &pattern.example };
                let complains = level >= Some(Level::Error) || (!is_quiet(level) && complains(text));
                let known = seen.data.is_compared();
                Record {
                    id: seen.id,
                    text,
                    count: pattern.count,
                    new: pattern.novelty == Novelty::New,
                    worse: match known {
                        true => matches!(pattern.novelty, Novelty::New | Novelty::MoreFrequent),
                        false => complains && is_where_it_fails(containers, pattern.last),
                    },
                    known,
                    complains,
                    warns: level == Some(Level::Warn),
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

/// Whether a line of that time stands at the end of a container's run, or any of the containers is down.
fn is_where_it_fails(containers: &[Unit], last: Option<DateTime<Utc>>) -> bool {
    containers.iter().any(|unit| {
        let ends = || unit.ending().and_then(|ending| ending.finished_at);
        let is_last = || last.zip(ends()).is_some_and(|(last, end)| (end - last).abs() <= LAST_SECONDS);
        is_last() || !unit.state.init && !unit.state.ready && !has_ended(unit.pod)
    })
}

/// Whether the words complain: in general, or of something that is known by name.
fn complains(text: &str) -> bool {
    root_line::complains(text) || complaint(text).is_some() || network::failure(text).is_some()
}
