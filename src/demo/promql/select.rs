//! The store of recorded series, and selectors over it.

use std::collections::HashMap;

use promql_parser::label::{Matcher, Matchers};
use promql_parser::parser::VectorSelector;

use super::labels::NAME;
use crate::demo::world::Series;

/// The recorded series, with an index by metric name.
#[derive(Debug, Default)]
pub(in crate::demo) struct Store {
    series: Vec<Series>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Store {
    /// Takes the series over.
    pub fn new(series: Vec<Series>) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, one) in series.iter().enumerate() {
            by_name.entry(one.labels.get(NAME).cloned().unwrap_or_default()).or_default().push(index);
        }
        Self { series, by_name }
    }

    /// Every series.
    pub fn all(&self) -> impl Iterator<Item = &Series> {
        self.series.iter()
    }

    /// The series that a selector means, in the order of their labels.
    pub fn select(&self, selector: &VectorSelector) -> Vec<&Series> {
        let Matchers { matchers, or_matchers } = &selector.matchers;
        let exact = selector.name.as_deref().or_else(|| exact_name(matchers));
        let candidates: Vec<&Series> = match exact {
            Some(name) => self.by_name.get(name).into_iter().flatten().map(|index| &self.series[*index]).collect(),
            None => self.series.iter().collect(),
        };
        let wanted = |series: &&Series| {
            all_match(matchers, series)
                && (or_matchers.is_empty() || or_matchers.iter().any(|group| all_match(group, series)))
        };
        candidates.into_iter().filter(wanted).collect()
    }
}

fn exact_name(matchers: &[Matcher]) -> Option<&str> {
    let exact =
        matchers.iter().find(|matcher| matcher.name == NAME && matcher.op == promql_parser::label::MatchOp::Equal);
    exact.map(|matcher| matcher.value.as_str())
}

/// A label that a series lacks matches as an empty one.
fn all_match(matchers: &[Matcher], series: &Series) -> bool {
    matchers.iter().all(|matcher| matcher.is_match(series.labels.get(&matcher.name).map_or("", String::as_str)))
}
