//! Puts a chart together: measures what is written around the plot, then draws from the back to the front.

use crate::domain::unit::format;

use super::canvas::{Align, Area, Canvas, Style};
use super::legend::{self, Entry};
use super::series::{self, Stretch};
use super::text::Weight;
use super::theme::{self, Colours, Rgb};
use super::ticks::{self, Scale};
use super::{Chart, HEIGHT, LimitLine, MAX_LINES, WIDTH};

const MARGIN: f32 = 40.0;
const TITLE_SIZE: f32 = 32.0;
const LABEL_SIZE: f32 = 23.0;
/// Room for the title and for the labels of marks between it and the plot.
const TITLE_ROOM: f32 = 84.0;
const MARK_ROOM: f32 = 36.0;
const TIME_ROOM: f32 = 50.0;
const LINE_WIDTH: f32 = 4.0;

/// Maps time and value to pixels.
struct Plot {
    area: Area,
    from: i64,
    to: i64,
    scale: Scale,
}

impl Plot {
    fn x(&self, at: i64) -> f32 {
        let share = (at as f64 - self.from as f64) / (self.to as f64 - self.from as f64).max(1.0);
        self.area.left + (share.clamp(0.0, 1.0) as f32) * (self.area.right - self.area.left)
    }

    fn y(&self, value: f64) -> f32 {
        // Halved, so that the difference of two huge values stays finite.
        let share = (value / 2.0 - self.scale.low / 2.0) / (self.scale.high / 2.0 - self.scale.low / 2.0);
        self.area.bottom - (share.clamp(0.0, 1.0) as f32) * (self.area.bottom - self.area.top)
    }

    fn shows(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// Draws everything.
pub(super) fn chart(canvas: &mut Canvas, chart: &Chart<'_>) {
    let colours = theme::colours(chart.theme);
    let (from, to) = window(chart);
    let lines: Vec<Vec<Stretch>> =
        chart.series.iter().take(MAX_LINES).map(|line| series::stretches(&line.points, from, to)).collect();
    let folded = chart.folded.saturating_add(chart.series.len().saturating_sub(MAX_LINES));
    let entries = entries(canvas, chart, &lines, colours);
    let room = WIDTH as f32 - 2.0 * MARGIN;
    let plan = legend::plan(canvas, &entries, room, folded > 0);
    let legend_room = if entries.is_empty() { 0.0 } else { legend::height(&plan) + 16.0 };

    let scale = value_scale(chart, &lines);
    let empty = lines.iter().all(Vec::is_empty);
    let mut labels: Vec<String> = scale.ticks.iter().map(|tick| format(*tick, &chart.unit)).collect();
    // Steps finer than what a person would say are drawn without repeating it.
    for index in (1..labels.len()).rev() {
        if labels[index] == labels[index - 1] {
            labels[index].clear();
        }
    }
    let widest = labels.iter().map(|label| canvas.fonts.width(label, LABEL_SIZE, Weight::Regular)).fold(0.0, f32::max);
    let marked = chart.alert_start.is_some() || chart.resolved.is_some();
    let area = Area {
        left: MARGIN + widest.clamp(56.0, 260.0) + 18.0,
        top: TITLE_ROOM + if marked { MARK_ROOM } else { 12.0 },
        right: WIDTH as f32 - MARGIN,
        bottom: HEIGHT as f32 - 24.0 - legend_room - TIME_ROOM,
    };
    let plot = Plot { area, from, to, scale };

    title(canvas, chart, colours);
    grid(canvas, &plot, if empty { &[] } else { &labels }, colours);
    times(canvas, &plot, colours);
    // Behind the lines: the time since the alert, and the moments.
    moments(canvas, chart, &plot, colours);
    if empty {
        no_data(canvas, &plot, &chart.words.no_data, colours);
    } else {
        fills(canvas, &plot, &lines, colours);
        for (index, stretches) in lines.iter().enumerate().rev() {
            strokes(canvas, &plot, stretches, colours.lines[index % MAX_LINES]);
        }
        limit(canvas, chart, &plot, &lines, colours);
    }
    if !entries.is_empty() {
        let top = area.bottom + TIME_ROOM + 8.0;
        legend::draw(canvas, &plan, &entries, (folded, &chart.words.more), (MARGIN, top), room, colours);
    }
}

/// The window in milliseconds, the right way round and never empty.
fn window(chart: &Chart<'_>) -> (i64, i64) {
    let (a, b) = (chart.window.0.timestamp_millis(), chart.window.1.timestamp_millis());
    let (from, to) = (a.min(b), a.max(b));
    (from, to.max(from.saturating_add(1000)))
}

fn entries(canvas: &Canvas, chart: &Chart<'_>, lines: &[Vec<Stretch>], colours: &Colours) -> Vec<Entry> {
    chart
        .series
        .iter()
        .zip(lines)
        .enumerate()
        .map(|(index, (line, stretches))| {
            let name = canvas.fonts.cleaned(&line.name);
            Entry {
                colour: colours.lines[index % MAX_LINES],
                name: if name.is_empty() { format!("series {}", index + 1) } else { name },
                value: series::last_value(stretches)
                    .map_or_else(|| chart.words.no_data.clone(), |last| format(last, &chart.unit)),
            }
        })
        .collect()
}

/// Holds every sample and the limit.
fn value_scale(chart: &Chart<'_>, lines: &[Vec<Stretch>]) -> Scale {
    let samples = lines.iter().flatten().flatten().map(|(_, value)| *value);
    let limit = chart.limit.iter().map(|limit| limit.value).filter(|value| value.is_finite());
    let (low, high) = samples
        .chain(limit)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    // Headroom, so that a line at its peak does not run along the edge.
    let headroom = (high / 2.0 - low / 2.0) * 0.08;
    ticks::scale(low, high + headroom, &chart.unit)
}

fn title(canvas: &mut Canvas, chart: &Chart<'_>, colours: &Colours) {
    let clean = canvas.fonts.cleaned(chart.title);
    let room = WIDTH as f32 - 2.0 * MARGIN;
    let text = canvas.fonts.fitted(&clean, TITLE_SIZE, Weight::SemiBold, room);
    let style = Style { size: TITLE_SIZE, weight: Weight::SemiBold, colour: colours.title };
    canvas.text(&text, MARGIN, 60.0, Align::Left, style);
}

fn grid(canvas: &mut Canvas, plot: &Plot, labels: &[String], colours: &Colours) {
    let style = Style { size: LABEL_SIZE, weight: Weight::Regular, colour: colours.faint };
    for (index, tick) in plot.scale.ticks.iter().enumerate() {
        let y = plot.y(*tick).round();
        let base = index == 0;
        let ink = if base { colours.axis } else { colours.grid };
        canvas.rect(Area { left: plot.area.left, top: y - 1.0, right: plot.area.right, bottom: y + 1.0 }, ink, 255);
        if let Some(label) = labels.get(index) {
            canvas.text(label, plot.area.left - 18.0, y + LABEL_SIZE * 0.36, Align::Right, style);
        }
    }
}

fn times(canvas: &mut Canvas, plot: &Plot, colours: &Colours) {
    let style = Style { size: LABEL_SIZE, weight: Weight::Regular, colour: colours.faint };
    let y = plot.area.bottom + 36.0;
    canvas.text("UTC", plot.area.left - 18.0, y, Align::Right, style);
    let (moments, pattern) = ticks::times(plot.from, plot.to, 9);
    let mut taken = f32::NEG_INFINITY;
    for at in moments {
        let x = plot.x(at).round();
        let label = ticks::time_label(at, pattern);
        let half = canvas.fonts.width(&label, LABEL_SIZE, Weight::Regular) / 2.0;
        canvas.rect(
            Area { left: x - 1.0, top: plot.area.bottom, right: x + 1.0, bottom: plot.area.bottom + 8.0 },
            colours.axis,
            255,
        );
        let inside = x - half > plot.area.left - 12.0 && x + half < WIDTH as f32 - 4.0;
        if inside && x - half > taken + 16.0 {
            canvas.text(&label, x, y, Align::Middle, style);
            taken = x + half;
        }
    }
}

/// The alert's beginning and its end, labelled above the plot where they do not collide.
fn moments(canvas: &mut Canvas, chart: &Chart<'_>, plot: &Plot, colours: &Colours) {
    let mut taken: Vec<Area> = Vec::new();
    if let Some(at) = chart.alert_start.map(|at| at.timestamp_millis()).filter(|at| plot.shows(*at)) {
        let x = plot.x(at).round();
        canvas.rect(Area { left: x, ..plot.area }, colours.alert, 14);
        canvas.rect(
            Area { left: x - 1.5, top: plot.area.top - 8.0, right: x + 1.5, bottom: plot.area.bottom },
            colours.alert,
            255,
        );
        moment_label(canvas, plot, x, &chart.words.alert, Weight::SemiBold, colours.alert, &mut taken);
    }
    if let Some(at) = chart.resolved.map(|at| at.timestamp_millis()).filter(|at| plot.shows(*at)) {
        let x = plot.x(at).round();
        canvas.rule((x, plot.area.top - 8.0), (x, plot.area.bottom), 2.0, colours.resolved, Some(4.0));
        moment_label(canvas, plot, x, &chart.words.resolved, Weight::Regular, colours.resolved, &mut taken);
    }
}

/// A label over its moment, moved inside the picture; left out if another one is there already.
fn moment_label(
    canvas: &mut Canvas,
    plot: &Plot,
    x: f32,
    label: &str,
    weight: Weight,
    ink: Rgb,
    taken: &mut Vec<Area>,
) {
    let width = canvas.fonts.width(label, LABEL_SIZE, weight);
    let baseline = plot.area.top - 16.0;
    let around = |left: f32| Area {
        left: left - 14.0,
        top: baseline - LABEL_SIZE,
        right: left + width + 14.0,
        bottom: baseline,
    };
    let inside = |left: f32| left.clamp(MARGIN, (plot.area.right - width).max(MARGIN));
    // Over the moment, else as near beside the other labels as there is room.
    let beside = taken.iter().flat_map(|other| [other.left - width - 15.0, other.right + 15.0]);
    let near = |left: &f32| (left + width / 2.0 - x).abs() < width / 2.0 + 80.0;
    let places: Vec<f32> = std::iter::once(x - width / 2.0).chain(beside.filter(near)).map(inside).collect();
    let Some(left) = places.into_iter().find(|left| !taken.iter().any(|other| other.overlaps(&around(*left)))) else {
        return;
    };
    canvas.text(label, left, baseline, Align::Left, Style { size: LABEL_SIZE, weight, colour: ink });
    taken.push(around(left));
}

fn pixels(plot: &Plot, stretch: &Stretch) -> Vec<(f32, f32)> {
    stretch.iter().map(|(at, value)| (plot.x(*at), plot.y(*value))).collect()
}

/// A faint area under a lone line gives it weight; under many it would only be mud.
fn fills(canvas: &mut Canvas, plot: &Plot, lines: &[Vec<Stretch>], colours: &Colours) {
    const MOST: usize = 3;
    if lines.len() > MOST {
        return;
    }
    let floor = plot.y(0.0);
    for (stretches, ink) in lines.iter().zip(colours.lines) {
        for stretch in stretches.iter().filter(|stretch| stretch.len() > 1) {
            let mut outline = pixels(plot, stretch);
            if is_dense(&outline) {
                continue;
            }
            let (first, last) = (outline[0].0, outline[outline.len() - 1].0);
            outline.extend([(last, floor), (first, floor)]);
            if lines.len() == 1 {
                canvas.fading_shape(&outline, (plot.area.top, floor), ink, 52);
            } else {
                canvas.shape(&outline, ink, 14);
            }
        }
    }
}

fn strokes(canvas: &mut Canvas, plot: &Plot, stretches: &[Stretch], ink: Rgb) {
    for stretch in stretches {
        let points = pixels(plot, stretch);
        match points.as_slice() {
            [(x, y)] => canvas.disc(*x, *y, LINE_WIDTH * 1.4, ink),
            points if is_dense(points) => canvas.shape(&series::envelope(points, LINE_WIDTH), ink, 255),
            points => canvas.line(points, LINE_WIDTH, ink),
        }
    }
}

/// Whether samples are nearer to each other than the line is wide.
fn is_dense(points: &[(f32, f32)]) -> bool {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return false;
    };
    points.len() > 100 && points.len() as f32 * LINE_WIDTH > (last.0 - first.0) * 2.0
}

/// The limit, labelled at the side where the data leaves room.
fn limit(canvas: &mut Canvas, chart: &Chart<'_>, plot: &Plot, lines: &[Vec<Stretch>], colours: &Colours) {
    let shown = |line: &&LimitLine| line.value >= plot.scale.low && line.value <= plot.scale.high;
    let Some(line) = chart.limit.as_ref().filter(shown) else { return };
    let y = plot.y(line.value).round();
    canvas.rule((plot.area.left, y), (plot.area.right, y), 3.0, colours.limit, Some(14.0));
    let name = canvas.fonts.cleaned(&line.label);
    let text = format!("{name} {}", format(line.value, &chart.unit));
    let text = canvas.fonts.fitted(text.trim(), LABEL_SIZE, Weight::SemiBold, 640.0);
    let text_width = canvas.fonts.width(&text, LABEL_SIZE, Weight::SemiBold);
    let place = |left: f32, top: f32| Area {
        left: left - 8.0,
        top,
        right: left + text_width + 8.0,
        bottom: top + LABEL_SIZE + 10.0,
    };
    let (above, below) = (y - LABEL_SIZE - 14.0, y + 5.0);
    let (near, far) = (plot.area.left + 14.0, plot.area.right - text_width - 14.0);
    let places = [place(near, above), place(far, above), place(near, below), place(far, below)];
    let cost = |area: &Area| {
        let outside = area.top < plot.area.top - 4.0 || area.bottom > plot.area.bottom;
        covered(plot, lines, area) + if outside { 500 } else { 0 }
    };
    let Some(best) = places.into_iter().min_by_key(cost) else {
        return;
    };
    // A veil, so that the label is read even where a line runs behind it.
    canvas.rect(best, colours.background, 215);
    let style = Style { size: LABEL_SIZE, weight: Weight::SemiBold, colour: colours.limit };
    canvas.text(&text, best.left + 8.0, best.bottom - 10.0, Align::Left, style);
}

/// How many samples a label would cover.
fn covered(plot: &Plot, lines: &[Vec<Stretch>], area: &Area) -> usize {
    let inside = |x: f32, y: f32| x >= area.left && x <= area.right && y >= area.top - 3.0 && y <= area.bottom + 3.0;
    lines.iter().flatten().flatten().filter(|(at, value)| inside(plot.x(*at), plot.y(*value))).count()
}

fn no_data(canvas: &mut Canvas, plot: &Plot, words: &str, colours: &Colours) {
    let middle = (plot.area.left / 2.0 + plot.area.right / 2.0, plot.area.top / 2.0 + plot.area.bottom / 2.0);
    let style = Style { size: 34.0, weight: Weight::SemiBold, colour: colours.faint };
    let width = canvas.fonts.width(words, style.size, style.weight);
    let veil = Area { left: middle.0 - width, top: middle.1 - 34.0, right: middle.0 + width, bottom: middle.1 + 30.0 };
    canvas.rect(veil, colours.background, 255);
    canvas.text(words, middle.0, middle.1 + 12.0, Align::Middle, style);
}
