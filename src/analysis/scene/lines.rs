//! Which container a line of a chart is about: lines are called `pod/container`, `container` or `pod`.

use std::collections::BTreeSet;

use super::Scene;
use crate::analysis::metric_role::{MetricRole, Worst, metric_role};
use crate::analysis::shape;
use crate::domain::evidence::EvidenceId;
use crate::domain::series::{SeriesData, SeriesLine, Summary};
use crate::domain::unit::Unit;

/// What a chart tells of the memory of one container.
pub(in crate::analysis) struct ContainerMemory {
    /// By which evidence.
    pub id: EvidenceId,
    /// In bytes.
    pub summary: Summary,
    /// The chart's limit, where it is this container's.
    pub bound: Option<f64>,
}

impl<'a> Scene<'a> {
    /// The container that a line is about; where lines name none, the only one that there is.
    pub fn container_of(&self, line: &str) -> Option<&'a str> {
        let (regular, init) = self.container_names();
        let named = regular.iter().chain(&init).copied().find(|name| names(line, name));
        named.or_else(|| regular.first().copied().filter(|_| regular.len() == 1))
    }

    /// The memory of this container; `None` where a chart speaks of others, or of all of the pod's together.
    pub fn memory_of(&self, container: &str) -> Option<ContainerMemory> {
        let charts = || {
            self.series().filter(|seen| metric_role(seen.query) == MetricRole::Memory && seen.data.unit == Unit::Bytes)
        };
        let own = |data: &SeriesData| -> Vec<SeriesLine> {
            data.lines.iter().filter(|line| names(&line.name, container)).cloned().collect()
        };
        let named = charts().map(|seen| (seen, own(seen.data))).find(|(_, lines)| !lines.is_empty());
        let alone = || {
            let (regular, _) = self.container_names();
            let alone = regular.iter().all(|name| *name == container);
            charts().find(|_| alone).map(|seen| (seen, seen.data.lines.clone()))
        };
        let (seen, lines) = named.or_else(alone)?;
        let is_whole = lines.len() == seen.data.lines.len();
        let summary = seen.data.summary.clone().filter(|_| is_whole);
        let mut summary = summary.or_else(|| shape::summarise(&lines, &[], None, Worst::High))?;
        let trend = || lines.iter().find_map(|line| shape::trend(&line.points));
        summary.trend_per_second = summary.trend_per_second.or_else(trend);
        Some(ContainerMemory { id: seen.id, summary, bound: seen.data.bound().filter(|_| is_whole) })
    }

    /// Names of regular and of init containers. Sidecars that were injected stand in no template, only in the pods.
    fn container_names(&self) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let mut all: (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
        for seen in self.workloads() {
            let specs = seen.data.containers.iter().map(|spec| (spec.name.as_str(), spec.init));
            let states = seen.data.pods.iter().flat_map(|pod| &pod.containers);
            for (name, init) in specs.chain(states.map(|state| (state.name.as_str(), state.init))) {
                if init {
                    all.1.insert(name)
                } else {
                    all.0.insert(name)
                };
            }
        }
        all
    }
}

fn names(line: &str, container: &str) -> bool {
    line.split('/').any(|part| part == container)
}
