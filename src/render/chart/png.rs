//! Encodes the picture small: a chart has few colours, so one byte a pixel is enough.

use ::png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};
use rustc_hash::FxHashMap;
use tiny_skia::{Pixmap, PremultipliedColorU8};

use super::ChartError;

/// Colours that are kept. Fewer than a palette could hold: the eye does not see it and the file shrinks by a third.
const PALETTE: usize = 72;

/// Higher levels take twice the time for a few percent.
const DEFLATE_LEVEL: u8 = 4;

/// A PNG with a palette. Where antialiasing made more colours than fit, the rare ones take the nearest common one.
pub(super) fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, ChartError> {
    // Pixels mostly come in runs: each is looked at once.
    let runs: Vec<(u32, u32)> =
        pixmap.pixels().chunk_by(|a, b| a == b).map(|run| (colour(run[0]), run.len() as u32)).collect();
    let mut counts: FxHashMap<u32, u32> = FxHashMap::default();
    for (colour, length) in &runs {
        *counts.entry(*colour).or_default() += length;
    }
    let palette = palette(&counts);
    let index: FxHashMap<u32, u8> = counts.keys().map(|colour| (*colour, nearest(&palette, *colour))).collect();
    let mut rows: Vec<u8> = Vec::with_capacity(pixmap.pixels().len());
    for (colour, length) in &runs {
        let entry = index.get(colour).copied().unwrap_or_default();
        rows.resize(rows.len() + *length as usize, entry);
    }
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.iter().flat_map(|colour| channels(*colour)).collect::<Vec<u8>>());
    encoder.set_filter(Filter::NoFilter);
    encoder.set_deflate_compression(DeflateCompression::Level(DEFLATE_LEVEL));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rows)?;
    writer.finish()?;
    Ok(out)
}

/// The most common colours that differ visibly, and then the most common of the rest.
fn palette(counts: &FxHashMap<u32, u32>) -> Vec<u32> {
    /// Squared distance below which two colours look alike.
    const ALIKE: u32 = 500;
    let mut by_count: Vec<(u32, u32)> = counts.iter().map(|(colour, count)| (*count, *colour)).collect();
    by_count.sort_unstable_by(|a, b| b.cmp(a));
    if by_count.len() <= PALETTE {
        return by_count.into_iter().map(|(_, colour)| colour).collect();
    }
    let mut chosen: Vec<u32> = Vec::with_capacity(PALETTE);
    for (count, colour) in &by_count {
        // Large plain areas keep their exact colour.
        let large = *count > 2000;
        if chosen.len() < PALETTE && (large || chosen.iter().all(|other| distance(*other, *colour) > ALIKE)) {
            chosen.push(*colour);
        }
    }
    chosen
}

/// Charts are opaque: a colour is its three channels.
fn colour(pixel: PremultipliedColorU8) -> u32 {
    u32::from_be_bytes([0, pixel.red(), pixel.green(), pixel.blue()])
}

fn nearest(palette: &[u32], colour: u32) -> u8 {
    let best = palette.iter().enumerate().min_by_key(|(_, other)| distance(**other, colour));
    best.map_or(0, |(index, _)| index as u8)
}

fn distance(a: u32, b: u32) -> u32 {
    channels(a).iter().zip(channels(b)).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

fn channels(colour: u32) -> [u8; 3] {
    let [_, red, green, blue] = colour.to_be_bytes();
    [red, green, blue]
}
