//! Where in a trace something stands: W3C's `traceparent`, as it comes with a delivery and is kept with what follows.
//!
//! Source: <https://www.w3.org/TR/trace-context/#traceparent-header>. `tracestate` is not carried on, which the
//! recommendation leaves to whoever does not change it.

use serde::{Deserialize, Serialize};

/// A span of a trace, in the form of the header: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// What is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct NotTraceParent;

impl TraceParent {
    /// A span by its numbers; `None` where one of them is 0, which names none.
    pub fn new(trace: u128, span: u64, flags: u8) -> Option<Self> {
        (trace != 0 && span != 0).then_some(Self { trace, span, flags })
    }

    /// Reads the header. A version after 00 may have more fields, which are left out; what the recommendation calls
    /// invalid is none.
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let mut next = |digits: usize| fields.next().filter(|field| is_lower_hex(field, digits));
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        if version == "ff" || (version == "00" && fields.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok()?;
        let span = u64::from_str_radix(span, 16).ok()?;
        Self::new(trace, span, u8::from_str_radix(flags, 16).ok()?)
    }

    /// The trace's number.
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// The span's number.
    pub fn span(&self) -> u64 {
        self.span
    }

    /// The flags; bit 0: the trace is recorded.
    pub fn flags(&self) -> u8 {
        self.flags
    }
}

fn is_lower_hex(field: &str, digits: usize) -> bool {
    field.len() == digits && field.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl std::fmt::Display for TraceParent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl TryFrom<String> for TraceParent {
    type Error = NotTraceParent;

    fn try_from(header: String) -> Result<Self, NotTraceParent> {
        Self::parse(&header).ok_or(NotTraceParent)
    }
}

impl From<TraceParent> for String {
    fn from(trace: TraceParent) -> Self {
        trace.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_recommendations_example_is_read_and_written() {
        let read = TraceParent::parse(EXAMPLE).unwrap();
        assert_eq!((read.flags(), read.to_string().as_str()), (1, EXAMPLE));
        let stored = serde_json::to_string(&read).unwrap();
        assert_eq!(stored, format!("\"{EXAMPLE}\""));
        assert_eq!(serde_json::from_str::<TraceParent>(&stored).unwrap(), read);
    }

    #[test]
    fn what_names_no_span_is_none() {
        for header in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01",
        ] {
            assert_eq!(TraceParent::parse(header), None, "{header}");
        }
        let newer = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-ever";
        assert_eq!(TraceParent::parse(newer).unwrap().flags(), 0);
    }
}
