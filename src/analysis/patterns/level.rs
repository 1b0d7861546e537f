//! How grave a line says it is.

use serde::{Deserialize, Serialize};

/// Levels of logging, in order of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Finer than debugging.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// The process or a component cannot go on.
    Fatal,
}

impl Level {
    /// Its usual name, lower case, as it is serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// Reads a level's name in any of its usual spellings, whatever the case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut lower = [0; 11];
        let lower = lower.get_mut(..text.len())?;
        lower.copy_from_slice(text);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"finest" | b"finer" | b"verbose" | b"trc" => Self::Trace,
            b"debug" | b"fine" | b"dbg" | b"dbug" | b"config" => Self::Debug,
            b"info" | b"information" | b"informational" | b"notice" | b"inf" | b"log" | b"note" | b"success" => {
                Self::Info
            }
            b"warn" | b"warning" | b"wrn" => Self::Warn,
            b"error" | b"err" | b"severe" | b"failure" | b"eror" | b"fail" => Self::Error,
            b"fatal" | b"critical" | b"crit" | b"panic" | b"emerg" | b"emergency" | b"alert" | b"dpanic" | b"ftl" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// Reads the single letter that logcat, klog and glog use.
    pub fn letter(byte: u8) -> Option<Self> {
        Some(match byte {
            b'V' => Self::Trace,
            b'D' => Self::Debug,
            b'I' => Self::Info,
            b'W' => Self::Warn,
            b'E' => Self::Error,
            b'F' | b'A' => Self::Fatal,
            _ => return None,
        })
    }

    /// Reads a numeric level: Bunyan's and Pino's tens, or syslog's severities below ten.
    pub fn number(value: u64) -> Option<Self> {
        Some(match value {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 | 30..=39 => Self::Info,
            7 | 20..=29 => Self::Debug,
            10..=19 => Self::Trace,
            40..=49 => Self::Warn,
            50..=59 => Self::Error,
            60..=69 => Self::Fatal,
            _ => return None,
        })
    }

    /// The level that an HTTP status stands for in an access log.
    pub fn of_status(status: u16) -> Self {
        match status {
            500.. => Self::Error,
            400..=499 => Self::Warn,
            _ => Self::Info,
        }
    }

    /// What a message without a level seems to be, by the words that people grep for.
    pub fn guess(message: &[u8]) -> Option<Self> {
        let mut found = None;
        let words = message
            .split(|byte| !byte.is_ascii_alphanumeric())
            .filter(|word| (4..=MAX_GUESS_BYTES).contains(&word.len()));
        for word in words.take(MAX_GUESS_WORDS) {
            let mut lower = [0; MAX_GUESS_BYTES];
            let lower = &mut lower[..word.len()];
            lower.copy_from_slice(word);
            lower.make_ascii_lowercase();
            let level = match &*lower {
                b"panic" | b"panicked" | b"fatal" | b"oomkilled" | b"segfault" => Self::Fatal,
                b"error" | b"errors" | b"failed" | b"failure" | b"exception" | b"traceback" | b"refused"
                | b"denied" => Self::Error,
                b"warning" | b"warn" | b"timeout" | b"deprecated" | b"retrying" => Self::Warn,
                other if other.ends_with(b"exception") || other.ends_with(b"error") => Self::Error,
                _ => continue,
            };
            found = found.max(Some(level));
        }
        found
    }
}

/// Bytes of a word that is looked at to guess a level.
const MAX_GUESS_BYTES: usize = 40;

/// Words that are looked at to guess a level; a message says early what it is about.
const MAX_GUESS_WORDS: usize = 60;
/// Whether the line says of itself that nothing is wrong.
pub fn is_quiet(level: Option<Level>) -> bool {
    level.is_some_and(|level| level <= Level::Info)
}
