//! The names under a chart: a colour, a name, the last value; as many as fit in three rows.

use super::canvas::{Align, Canvas, Style};
use super::text::Weight;
use super::theme::{Colours, Rgb};

/// One name.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) colour: Rgb,
    pub(super) name: String,
    pub(super) value: String,
}

const SIZE: f32 = 24.0;
const ROW: f32 = 40.0;
const SWATCH: f32 = 28.0;
const GAP: f32 = 12.0;
const SPACE: f32 = 44.0;
/// Three rows keep the plot high enough to be read on a phone, and hold every colour.
const ROWS: usize = 3;

/// How entries are spread: columns of one width, so that values line up.
#[derive(Debug)]
pub(super) struct Plan {
    columns: usize,
    shown: usize,
    pub(super) rows: usize,
}

/// Chooses as many equal columns as the longest name allows.
pub(super) fn plan(canvas: &Canvas, entries: &[Entry], room: f32, more: bool) -> Plan {
    let width = |entry: &Entry| {
        let name = canvas.fonts.width(&entry.name, SIZE, Weight::Regular);
        let value = canvas.fonts.width(&entry.value, SIZE, Weight::SemiBold);
        SWATCH + GAP + name + GAP + value + SPACE
    };
    let widest = entries.iter().map(width).fold(1.0, f32::max);
    // The note about the rest needs a cell of its own.
    let cells = entries.len() + usize::from(more);
    // Few names are written out, many are shortened so that none is left out.
    let least = if cells > 2 * ROWS { 3 } else { 2 };
    let columns = ((room / widest) as usize).clamp(least, 4).min(cells.max(1));
    let rows = cells.div_ceil(columns).min(ROWS);
    let fits = rows * columns;
    let shown = if cells > fits { fits.saturating_sub(1) } else { entries.len() };
    Plan { columns, shown, rows }
}

/// Height that the legend needs.
pub(super) fn height(plan: &Plan) -> f32 {
    plan.rows as f32 * ROW
}

/// Draws it with its first baseline one row below `top`.
pub(super) fn draw(
    canvas: &mut Canvas,
    plan: &Plan,
    entries: &[Entry],
    (folded, more): (usize, &str),
    at: (f32, f32),
    room: f32,
    colours: &Colours,
) {
    let cell = room / plan.columns as f32;
    let place = |index: usize| {
        (at.0 + (index % plan.columns) as f32 * cell, at.1 + ((index / plan.columns) as f32 + 0.7) * ROW)
    };
    let name_style = Style { size: SIZE, weight: Weight::Regular, colour: colours.text };
    let value_style = Style { size: SIZE, weight: Weight::SemiBold, colour: colours.title };
    for (index, entry) in entries.iter().take(plan.shown).enumerate() {
        let (x, y) = place(index);
        canvas.line(&[(x + 3.0, y - 8.0), (x + SWATCH - 3.0, y - 8.0)], 6.0, entry.colour);
        let value_width = canvas.fonts.width(&entry.value, SIZE, Weight::SemiBold);
        let name_room = cell - SWATCH - GAP * 2.0 - value_width - SPACE * 0.6;
        let name = canvas.fonts.fitted(&entry.name, SIZE, Weight::Regular, name_room.max(40.0));
        let written = canvas.text(&name, x + SWATCH + GAP, y, Align::Left, name_style);
        canvas.text(&entry.value, written.right + GAP, y, Align::Left, value_style);
    }
    let rest = entries.len() - plan.shown + folded;
    if rest > 0 {
        let (x, y) = place(plan.shown);
        let style = Style { size: SIZE, weight: Weight::Regular, colour: colours.faint };
        canvas.text(&more.replace("{n}", &rest.to_string()), x + SWATCH + GAP, y, Align::Left, style);
    }
}
