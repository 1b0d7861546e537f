//! The chart of a piece of evidence, as a PNG.

use super::Renderer;
use super::chart::{Chart, ChartError, ChartWords, LimitLine, Line, render_png};

use crate::domain::evidence::{Evidence, EvidenceData};
use crate::domain::incident::Incident;
use crate::domain::text;

pub use super::chart::{HEIGHT, Theme, WIDTH};

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Only series are drawn.
    #[error("{0} is no series, so it has no chart")]
    NoSeries(crate::domain::evidence::EvidenceId),
    /// It could not be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

impl Renderer {
    /// Draws the chart of `evidence`, with the moment the alerts of `incident` began.
    ///
    /// # Errors
    /// [`PictureError::NoSeries`] for evidence that is not made of series.
    pub fn chart(&self, evidence: &Evidence, incident: &Incident, theme: Theme) -> Result<Vec<u8>, PictureError> {
        let words = &self.texts.words;
        let EvidenceData::Series(series) = &evidence.data else { return Err(PictureError::NoSeries(evidence.id)) };
        let lines: Vec<Line> =
            series.lines.iter().map(|line| Line { name: line.name.clone(), points: line.points.clone() }).collect();
        Ok(render_png(&Chart {
            title: &text::line(&evidence.title, 120),
            unit: series.unit.clone(),
            window: (evidence.window.from, evidence.window.to),
            series: &lines,
            limit: series
                .limit
                .as_ref()
                .map(|limit| LimitLine { label: words.label(&limit.label), value: limit.value }),
            alert_start: Some(incident.started_at).filter(|at| evidence.window.contains(*at)),
            resolved: incident.resolved_at.filter(|at| evidence.window.contains(*at)),
            folded: series.folded,
            theme,
            words: ChartWords {
                alert: words.get("chart.alert").to_owned(),
                resolved: words.get("chart.resolved").to_owned(),
                no_data: words.get("chart.no_data").to_owned(),
                more: words.get("chart.more").to_owned(),
            },
        })?)
    }
}
