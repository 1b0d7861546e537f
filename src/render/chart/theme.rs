//! Colours for light and dark surroundings.

use serde::{Deserialize, Serialize};

/// What the picture is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// A light page.
    #[default]
    Light,
    /// A dark page.
    Dark,
}

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Everything that has a colour.
#[derive(Debug)]
pub(super) struct Colours {
    pub(super) background: Rgb,
    pub(super) title: Rgb,
    pub(super) text: Rgb,
    pub(super) faint: Rgb,
    pub(super) grid: Rgb,
    pub(super) axis: Rgb,
    pub(super) limit: Rgb,
    pub(super) alert: Rgb,
    pub(super) resolved: Rgb,
    /// After Okabe and Ito: told apart with any kind of colour blindness. Red is left to the limit.
    pub(super) lines: [Rgb; super::MAX_LINES],
}

const LIGHT: Colours = Colours {
    background: [255, 255, 255],
    title: [24, 27, 31],
    text: [71, 78, 90],
    faint: [120, 128, 141],
    grid: [234, 236, 240],
    axis: [201, 206, 214],
    limit: [209, 36, 47],
    alert: [209, 36, 47],
    resolved: [110, 119, 129],
    lines: [
        [0, 114, 178],
        [214, 122, 0],
        [0, 148, 108],
        [186, 92, 152],
        [60, 164, 220],
        [143, 108, 20],
        [92, 76, 173],
        [84, 92, 104],
    ],
};

const DARK: Colours = Colours {
    background: [24, 27, 31],
    title: [240, 242, 245],
    text: [190, 196, 206],
    faint: [138, 146, 158],
    grid: [42, 46, 53],
    axis: [68, 74, 84],
    limit: [255, 107, 107],
    alert: [255, 107, 107],
    resolved: [150, 158, 170],
    lines: [
        [79, 163, 232],
        [240, 164, 50],
        [38, 191, 148],
        [222, 137, 190],
        [134, 207, 245],
        [220, 205, 90],
        [160, 146, 240],
        [170, 178, 190],
    ],
};

/// The colours of a theme.
pub(super) fn colours(theme: Theme) -> &'static Colours {
    match theme {
        Theme::Light => &LIGHT,
        Theme::Dark => &DARK,
    }
}
