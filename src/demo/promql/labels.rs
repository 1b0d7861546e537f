//! Labels as keys: which ones two series are matched or grouped by.

use promql_parser::parser::LabelModifier;

use crate::demo::world::Labels;

/// The label that holds a metric's name.
pub(super) const NAME: &str = "__name__";

/// The labels without the metric's name, which most operations drop.
pub(super) fn without_name(labels: &Labels) -> Labels {
    labels.iter().filter(|(name, _)| *name != NAME).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The labels that a `by (…)` or `without (…)` leaves.
pub(super) fn grouped(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    let keep = |name: &String| match modifier {
        None => false,
        Some(LabelModifier::Include(list)) => list.labels.contains(name),
        Some(LabelModifier::Exclude(list)) => name != NAME && !list.labels.contains(name),
    };
    labels.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The labels by which two sides of an operator are matched.
pub(super) fn matched(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => without_name(labels),
        some => {
            let mut key = grouped(labels, some);
            key.remove(NAME);
            key
        }
    }
}
