//! One line of what `holmes-bot check` says about a neighbour.

/// What was checked, what was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLine {
    /// What was checked: `metrics`, `log fields`.
    pub what: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found: `VictoriaMetrics v1.150.0`, `no answer`.
    pub detail: String,
    /// What to do about it; empty when `ok`.
    pub mend: String,
}

impl CheckLine {
    /// A line about something that is as it should be.
    pub fn good(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what: what.into(), ok: true, detail: detail.into(), mend: String::new() }
    }

    /// A line about something that needs a person.
    pub fn bad(what: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), ok: false, detail: detail.into(), mend: mend.into() }
    }
}
