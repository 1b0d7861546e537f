//! Evidence in words: plain text that a person reads beside the chart, and a model reads instead of it.

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::Renderer;
use super::posts::whole_lines;
use crate::domain::evidence::{EvidenceData, MAX_EXCERPT_BYTES};
use crate::domain::series::{SeriesData, SeriesLine};
use crate::domain::subject::ObjectRef;
use crate::domain::text;

/// A line of a chart without its points.
#[derive(Debug, Serialize)]
struct LineView<'a> {
    name: &'a str,
    now: Option<f64>,
    peak: Option<f64>,
}

impl<'a> LineView<'a> {
    fn of(line: &'a SeriesLine) -> Self {
        let peak = line.points.iter().map(|(_, value)| *value).reduce(f64::max);
        Self { name: &line.name, now: line.points.last().map(|(_, value)| *value), peak }
    }
}

impl Renderer {
    /// What `data` says, in a few lines; bounded by whole lines.
    pub fn excerpt(&self, data: &EvidenceData) -> String {
        let name = data.kind();
        let said = self.text(&format!("excerpt/{name}.txt"), values(data));
        let lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        whole_lines(&lines.join("\n"), MAX_EXCERPT_BYTES)
    }

    /// One line that names a piece of evidence; `asked` is the title of the query, where it has one.
    pub fn evidence_title(&self, data: &EvidenceData, about: &ObjectRef, asked: Option<&str>) -> String {
        let values = context! {
            data => values(data), about => about.to_string(), about_kind => about.kind.as_str(), asked,
            kind => data.kind(),
        };
        text::line(&self.text("excerpt/title.txt", values), 200)
    }
}

/// The data as templates see it. Series go without their points: a chart shows those, words do not.
pub(crate) fn values(data: &EvidenceData) -> Value {
    let EvidenceData::Series(series) = data else { return Value::from(Serde(data)) };
    let SeriesData { unit, lines, folded, limit, summary, partial } = series;
    let lines: Vec<LineView<'_>> = lines.iter().map(LineView::of).collect();
    context! {
        type => "series", unit => Serde(unit), lines => Serde(lines), folded, limit => Serde(limit),
        summary => Serde(summary), partial,
    }
}
