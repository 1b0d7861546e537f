//! The few strokes that a chart is made of.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point, Rect,
    Shader, SpreadMode, Stroke, StrokeDash, Transform,
};

use super::ChartError;
use super::text::{Fonts, Weight};
use super::theme::Rgb;

/// How a text sits at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

/// Size, weight and colour of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) colour: Rgb,
}

/// A rectangle by its edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

impl Area {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// The picture being drawn.
pub(super) struct Canvas {
    pixmap: Pixmap,
    pub(super) fonts: Fonts,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, background: Rgb) -> Result<Self, ChartError> {
        let mut pixmap = Pixmap::new(width, height).ok_or(ChartError::Canvas)?;
        pixmap.fill(colour(background, 255));
        Ok(Self { pixmap, fonts: Fonts::new()? })
    }

    pub(super) fn into_pixmap(self) -> Pixmap {
        self.pixmap
    }

    /// Writes the text with its baseline at `y` and returns where it stands.
    pub(super) fn text(&mut self, text: &str, x: f32, y: f32, align: Align, style: Style) -> Area {
        let width = self.fonts.width(text, style.size, style.weight);
        let left = match align {
            Align::Left => x,
            Align::Middle => x - width / 2.0,
            Align::Right => x - width,
        };
        if let Some(path) = self.fonts.outline(text, left, y, style.size, style.weight) {
            self.pixmap.fill_path(&path, &paint(style.colour, 255), FillRule::Winding, Transform::identity(), None);
        }
        Area { left, top: y - style.size, right: left + width, bottom: y + style.size * 0.3 }
    }

    /// A plain rectangle.
    pub(super) fn rect(&mut self, area: Area, fill: Rgb, alpha: u8) {
        let Some(rect) = Rect::from_ltrb(area.left, area.top, area.right, area.bottom) else {
            return;
        };
        self.pixmap.fill_rect(rect, &paint(fill, alpha), Transform::identity(), None);
    }

    /// A dot.
    pub(super) fn disc(&mut self, x: f32, y: f32, radius: f32, fill: Rgb) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.pixmap.fill_path(&path, &paint(fill, 255), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// A straight line; `dash` is the length of dashes and gaps.
    pub(super) fn rule(&mut self, from: (f32, f32), to: (f32, f32), width: f32, ink: Rgb, dash: Option<f32>) {
        let Some(path) = line_path(&[from, to]) else {
            return;
        };
        let dash = dash.and_then(|length| StrokeDash::new(vec![length, length * 0.8], 0.0));
        let stroke = Stroke { width, dash, ..Stroke::default() };
        self.pixmap.stroke_path(&path, &paint(ink, 255), &stroke, Transform::identity(), None);
    }

    /// A line through all points.
    pub(super) fn line(&mut self, points: &[(f32, f32)], width: f32, ink: Rgb) {
        let Some(path) = line_path(points) else {
            return;
        };
        let stroke = Stroke { width, line_join: LineJoin::Round, line_cap: LineCap::Round, ..Stroke::default() };
        self.pixmap.stroke_path(&path, &paint(ink, 255), &stroke, Transform::identity(), None);
    }

    /// The inside of an outline.
    pub(super) fn shape(&mut self, outline: &[(f32, f32)], ink: Rgb, alpha: u8) {
        if let Some(path) = line_path(outline) {
            self.pixmap.fill_path(&path, &paint(ink, alpha), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// The inside of an outline, fading downwards from the first height to the second.
    pub(super) fn fading_shape(&mut self, outline: &[(f32, f32)], (top, floor): (f32, f32), ink: Rgb, alpha: u8) {
        let Some(path) = line_path(outline) else {
            return;
        };
        let stops = vec![GradientStop::new(0.0, colour(ink, alpha)), GradientStop::new(1.0, colour(ink, 6))];
        let (from, to) = (Point::from_xy(0.0, top), Point::from_xy(0.0, floor));
        let gradient = LinearGradient::new(from, to, stops, SpreadMode::Pad, Transform::identity());
        // No gradient between equal heights: then there is nothing to see either.
        let Some(shader) = gradient else { return };
        let paint = Paint { shader, anti_alias: true, ..Paint::default() };
        self.pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    }
}

fn line_path(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first.0, first.1);
    for (x, y) in rest {
        path.line_to(*x, *y);
    }
    path.finish()
}

fn colour([red, green, blue]: Rgb, alpha: u8) -> Color {
    Color::from_rgba8(red, green, blue, alpha)
}

fn paint(ink: Rgb, alpha: u8) -> Paint<'static> {
    Paint { shader: Shader::SolidColor(colour(ink, alpha)), anti_alias: true, ..Paint::default() }
}
