//! A line chart as a PNG: what a metric did around an alert, to be read at a glance in a thread and on a phone.
//!
//! The layout is ours, on an antialiasing rasteriser: scales pick round ticks in the metric's own unit, lines
//! break where samples are missing, and labels keep out of each other's way. Nothing here can fail on what the series
//! hold: infinities and holes are drawn as holes, and hostile names are cleaned before they are drawn.

mod canvas;
mod draw;
mod legend;
mod png;
mod series;
mod text;
mod theme;
mod ticks;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::domain::unit::Unit;

pub use theme::Theme;

/// Width of the picture in pixels: 900 points at double density.
pub const WIDTH: u32 = 1800;
/// Height of the picture in pixels: 360 points at double density.
pub const HEIGHT: u32 = 720;

/// One series. Time is in milliseconds since the epoch; the order does not matter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// What the legend calls it.
    pub name: String,
    /// Milliseconds and value.
    pub points: Vec<(i64, f64)>,
}

/// The level to compare with: a memory limit, an alert's threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitLine {
    /// What is written at the line.
    pub label: String,
    /// In the chart's unit.
    pub value: f64,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    /// Written above.
    pub title: &'a str,
    /// How values are written.
    pub unit: Unit,
    /// First and last moment of the time axis.
    pub window: (DateTime<Utc>, DateTime<Utc>),
    /// The most important first. More than [`MAX_LINES`] are counted rather than drawn.
    pub series: &'a [Line],
    /// The level that must not be reached, drawn in red.
    pub limit: Option<LimitLine>,
    /// When the alert began, marked by a line across.
    pub alert_start: Option<DateTime<Utc>>,
    /// When it ended.
    pub resolved: Option<DateTime<Utc>>,
    /// How many series the caller left out.
    pub folded: usize,
    /// Light or dark.
    pub theme: Theme,
    /// What it says in words of its own.
    pub words: ChartWords,
}

/// The words of a chart that are not its data's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartWords {
    /// At the moment the alert began.
    pub alert: String,
    /// At the moment it ended.
    pub resolved: String,
    /// Where there is nothing to draw.
    pub no_data: String,
    /// How many series are not named; `{n}` is their number.
    pub more: String,
}

impl Default for ChartWords {
    fn default() -> Self {
        Self {
            alert: "alert".to_owned(),
            resolved: "resolved".to_owned(),
            no_data: "no data".to_owned(),
            more: "+{n} more".to_owned(),
        }
    }
}

/// How many lines can be told apart: the colours of the palette.
pub const MAX_LINES: usize = 8;

/// Why there is no picture. None of these depends on the data.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The font that came with the program is damaged.
    #[error("the embedded font does not parse")]
    Font,
    /// The picture cannot be allocated.
    #[error("no memory for the picture")]
    Canvas,
    /// The PNG encoder failed.
    #[error("the picture does not encode: {0}")]
    Encode(#[from] ::png::EncodingError),
}

/// Draws the chart and encodes it as a PNG of [`WIDTH`] × [`HEIGHT`].
///
/// # Errors
/// When the picture cannot be allocated or encoded.
pub fn render_png(chart: &Chart<'_>) -> Result<Vec<u8>, ChartError> {
    let mut canvas = canvas::Canvas::new(WIDTH, HEIGHT, theme::colours(chart.theme).background)?;
    draw::chart(&mut canvas, chart);
    png::encode(&canvas.into_pixmap())
}
