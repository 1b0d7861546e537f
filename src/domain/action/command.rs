//! The command form: what a person would type. `Action::parse` reads back exactly what is written here.

use std::fmt;

use super::words::quoted;
use super::{Action, Namespaced, Workload};

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolloutRestart { workload } => write!(f, "restart {}", Of(workload)),
            Self::RolloutUndo { workload, to_revision } => {
                write!(f, "undo {} --to-revision {to_revision}", Of(workload))
            }
            Self::RolloutPause { workload } => write!(f, "pause {}", Of(workload)),
            Self::RolloutResume { workload } => write!(f, "resume {}", Of(workload)),
            Self::Scale { workload, replicas } => write!(f, "scale {} --replicas {replicas}", Of(workload)),
            Self::SetResources { workload, container, resource, field, quantity } => {
                write!(f, "set-resources {} -c {container}", Of(workload))?;
                write!(f, " --{}-{} ", resource.as_str(), field.as_str())?;
                match quantity {
                    Some(quantity) => write!(f, "{quantity}"),
                    None => f.write_str("none"),
                }
            }
            Self::SetHpaBounds { hpa, min, max } => write!(f, "set-hpa {} --min {min} --max {max}", At("hpa", hpa)),
            Self::DeletePod { pod } => write!(f, "delete {}", At("pod", pod)),
            Self::Cordon { node } => write!(f, "cordon node/{node}"),
            Self::Uncordon { node } => write!(f, "uncordon node/{node}"),
            Self::Drain { node, delete_empty_dir } => {
                write!(f, "drain node/{node}{}", if *delete_empty_dir { " --delete-empty-dir" } else { "" })
            }
            Self::SuspendCronjob { cronjob } => write!(f, "suspend {}", At("cronjob", cronjob)),
            Self::ResumeCronjob { cronjob } => write!(f, "resume {}", At("cronjob", cronjob)),
            Self::RerunJob { job } => write!(f, "rerun {}", At("job", job)),
            Self::CreateSilence { matchers, duration_seconds, comment } => {
                f.write_str("silence")?;
                for matcher in matchers {
                    write!(f, " {}", quoted(&matcher.to_string()))?;
                }
                write!(f, " --for {} --comment {}", duration(*duration_seconds), quoted(comment))
            }
            Self::ExpireSilence { id } => write!(f, "expire-silence {}", quoted(id)),
        }
    }
}

struct Of<'a>(&'a Workload);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload { kind, namespace, name } = self.0;
        write!(f, "{}/{name} -n {namespace}", kind.command())
    }
}

struct At<'a>(&'static str, &'a Namespaced);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Namespaced { namespace, name } = self.1;
        write!(f, "{}/{name} -n {namespace}", self.0)
    }
}

/// Seconds with the letter of each unit.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

/// `90s`, `30m`, `2h`, `1d` in seconds; `None` for anything else.
pub fn seconds(written: &str) -> Option<u64> {
    let read = |(unit, factor): (char, u64)| written.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(factor);
    UNITS.into_iter().find_map(read)
}

/// `2h`, `90m`, `75s`: the largest unit that needs no fraction.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        s if s % 86_400 == 0 && s > 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 && s > 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 && s > 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (written, expected) in
            [("90s", Some(90)), ("2h", Some(7_200)), ("1d", Some(86_400)), ("2", None), ("h", None)]
        {
            assert_eq!(seconds(written), expected, "{written}");
        }
    }
}
