//! Text as outlines, in the two embedded weights of Inter.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

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

/// Both fonts, parsed.
pub(super) struct Fonts {
    regular: Face<'static>,
    semi_bold: Face<'static>,
}

impl Fonts {
    pub(super) fn new() -> Result<Self, ChartError> {
        let parse = |data| Face::parse(data, 0).map_err(|_| ChartError::Font);
        Ok(Self { regular: parse(REGULAR)?, semi_bold: parse(SEMI_BOLD)? })
    }

    fn face(&self, weight: Weight) -> &Face<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::SemiBold => &self.semi_bold,
        }
    }

    /// How wide the text is at this size.
    pub(super) fn width(&self, text: &str, size: f32, weight: Weight) -> f32 {
        let face = self.face(weight);
        let scale = size / f32::from(face.units_per_em());
        text.chars().map(|c| advance(face, glyph(face, c)) * scale).sum()
    }

    /// The text's outline, its baseline beginning at `x`, `y`.
    pub(super) fn outline(&self, text: &str, x: f32, y: f32, size: f32, weight: Weight) -> Option<Path> {
        let face = self.face(weight);
        let scale = size / f32::from(face.units_per_em());
        let mut pen = Pen { path: PathBuilder::new(), x, y, scale };
        for c in text.chars() {
            let id = glyph(face, c);
            face.outline_glyph(id, &mut pen);
            pen.x += advance(face, id) * scale;
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
            } else if self.regular.glyph_index(c).is_some_and(|id| id.0 != 0) {
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

fn glyph(face: &Face<'_>, c: char) -> GlyphId {
    face.glyph_index(c).unwrap_or_default()
}

fn advance(face: &Face<'_>, id: GlyphId) -> f32 {
    f32::from(face.glyph_hor_advance(id).unwrap_or_default())
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

impl OutlineBuilder for Pen {
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
