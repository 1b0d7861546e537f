//! Text as outlines, in the two embedded weights of Inter.

use skrifa::{DrawMemory, Font, GlyphId, PathSink, ScalerFont};
use tiny_skia::{Path, PathBuilder};

use super::ChartError;

const REGULAR: &[u8] = include_bytes!("font/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("font/Inter-SemiBold.otf");

/// Names longer than this are cut before anything measures them.
const LONGEST: usize = 400;

/// Which of the two fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

/// Both fonts, parsed, in their own units.
pub(super) struct Fonts {
    regular: ScalerFont,
    semi_bold: ScalerFont,
}

impl Fonts {
    pub(super) fn new() -> Result<Self, ChartError> {
        let parse = |data: &'static [u8]| {
            let font = Font::new(data, 0).ok_or(ChartError::Font)?;
            Ok::<_, ChartError>(ScalerFont::unhinted(font, None))
        };
        Ok(Self { regular: parse(REGULAR)?, semi_bold: parse(SEMI_BOLD)? })
    }

    fn of(&self, weight: Weight) -> &ScalerFont {
        match weight {
            Weight::Regular => &self.regular,
            Weight::SemiBold => &self.semi_bold,
        }
    }

    /// How wide the text is at this size.
    pub(super) fn width(&self, text: &str, size: f32, weight: Weight) -> f32 {
        let scaler = self.of(weight);
        let advances = scaler.linear_glyph_metrics();
        let units: f32 = text.chars().map(|c| advances.h_advance(glyph(scaler, c))).sum();
        units * size / f32::from(scaler.font().units_per_em())
    }

    /// The text's outline, its baseline beginning at `x`, `y`.
    pub(super) fn outline(&self, text: &str, x: f32, y: f32, size: f32, weight: Weight) -> Option<Path> {
        let scaler = self.of(weight);
        let advances = scaler.linear_glyph_metrics();
        let scale = size / f32::from(scaler.font().units_per_em());
        let mut pen = Pen { path: PathBuilder::new(), x, y, scale };
        for c in text.chars() {
            let id = glyph(scaler, c);
            // A glyph that does not draw leaves a gap as wide as it is.
            if let Some(outline) = scaler.outline(id) {
                let _ = outline.draw(DrawMemory::Scratch, &mut pen);
            }
            pen.x += advances.h_advance(id) * scale;
        }
        pen.path.finish()
    }

    /// The text as far as it fits, ended by an ellipsis where it does not. Long names differ at both ends (a namespace
    /// in front, a pod's hash behind), so the middle goes.
    pub(super) fn fitted(&self, text: &str, size: f32, weight: Weight, room: f32) -> String {
        if self.width(text, size, weight) <= room {
            return text.to_owned();
        }
        let chars: Vec<char> = text.chars().collect();
        let shortened = |kept: usize| {
            let head = kept - kept / 3;
            let tail = kept / 3;
            let head: String = chars.iter().take(head).collect();
            let tail: String = chars.iter().skip(chars.len() - tail).collect();
            format!("{}…{}", head.trim_end(), tail.trim_start())
        };
        let (mut fits, mut too_long) = (0, chars.len());
        while fits + 1 < too_long {
            let middle = (fits + too_long) / 2;
            if self.width(&shortened(middle), size, weight) <= room { fits = middle } else { too_long = middle }
        }
        shortened(fits)
    }

    /// What of the text can be drawn: no control characters, no direction marks, `□` never: unknown signs become `·`,
    /// once for each run of them.
    pub(super) fn cleaned(&self, text: &str) -> String {
        let mut result = String::new();
        let mut unknown = false;
        for c in text.chars().take(LONGEST) {
            if c.is_control() || c.is_whitespace() {
                if !result.ends_with(' ') {
                    result.push(' ');
                }
                unknown = false;
            } else if is_invisible(c) {
            } else if glyph(&self.regular, c) != GlyphId::NOTDEF {
                result.push(c);
                unknown = false;
            } else if !unknown {
                result.push('·');
                unknown = true;
            }
        }
        result.trim().to_owned()
    }
}

/// Joiners, direction marks and variation selectors, which change their neighbours and show nothing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn glyph(scaler: &ScalerFont, c: char) -> GlyphId {
    scaler.font().charmap().map_unicode(c).unwrap_or(GlyphId::NOTDEF)
}

/// Writes glyphs into one path, flipped because fonts count upwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl PathSink for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
