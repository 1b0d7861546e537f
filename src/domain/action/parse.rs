//! The command form read: a verb, a target, options. Each error names the part that a person should mend.

use std::collections::BTreeMap;

use super::command::seconds;
use super::{
    Action, ActionError, Name, Namespaced, Resource, ResourceField, RolloutKind, SilenceMatcher, Workload, words,
};
use crate::domain::quantity::Quantity;
use crate::domain::text;

/// The verbs, with the options each takes besides `-n`.
pub(super) const VERBS: [(&str, &[&str]); 15] = [
    ("restart", &[]),
    ("undo", &["to-revision"]),
    ("pause", &[]),
    ("resume", &[]),
    ("scale", &["replicas"]),
    ("set-resources", &["container", "cpu-request", "cpu-limit", "memory-request", "memory-limit"]),
    ("set-hpa", &["min", "max"]),
    ("delete", &[]),
    ("cordon", &[]),
    ("uncordon", &[]),
    ("drain", &["delete-empty-dir"]),
    ("suspend", &[]),
    ("rerun", &[]),
    ("silence", &["for", "comment"]),
    ("expire-silence", &[]),
];

/// Other words for the verbs: the catalogue's own names, and kubectl's where it says the same.
const SYNONYMS: [(&str, &str); 14] = [
    ("rollout-restart", "restart"),
    ("rollout-undo", "undo"),
    ("rollback", "undo"),
    ("rollout-pause", "pause"),
    ("rollout-resume", "resume"),
    ("set-hpa-bounds", "set-hpa"),
    ("delete-pod", "delete"),
    ("suspend-cronjob", "suspend"),
    ("resume-cronjob", "resume"),
    ("rerun-job", "rerun"),
    ("create-silence", "silence"),
    ("unsilence", "expire-silence"),
    ("set-resource", "set-resources"),
    ("autoscale", "set-hpa"),
];

pub(super) fn action(command: &str, namespace: Option<&Name>) -> Result<Action, ActionError> {
    let mut words = words::split(command)?.into_iter().peekable();
    let first = words.next().ok_or_else(|| ActionError::new("action", format!("missing: begin with {}", verbs())))?;
    let mut verb = first.to_lowercase().replace('_', "-");
    // `rollout restart`, as kubectl has it.
    if verb == "rollout" {
        verb = words.next().unwrap_or_default().to_lowercase();
    }
    let Some((verb, known)) = entry(&verb) else {
        let shown = text::line(&first, 40);
        return Err(ActionError::new("action", format!("`{shown}` is not one of {}", verbs())));
    };
    let mut command = Command::read(words, known)?;
    if command.namespace.is_none() {
        command.namespace = namespace.cloned();
    }
    match verb {
        "restart" => Ok(Action::RolloutRestart { workload: command.workload()? }),
        "undo" => Ok(Action::RolloutUndo {
            workload: command.workload()?,
            to_revision: command.number("to-revision", "the revision to return to")?,
        }),
        "pause" => Ok(Action::RolloutPause { workload: command.workload()? }),
        "resume" => match command.target()?.0.as_str() {
            "cronjob" => Ok(Action::ResumeCronjob { cronjob: command.object("cronjob")? }),
            _ => Ok(Action::RolloutResume { workload: command.workload()? }),
        },
        "scale" => Ok(Action::Scale {
            workload: command.workload()?,
            replicas: command.number("replicas", "the number of pods")?,
        }),
        "set-resources" => command.set_resources(),
        "set-hpa" => Ok(Action::SetHpaBounds {
            hpa: command.object("hpa")?,
            min: command.number("min", "the fewest pods")?,
            max: command.number("max", "the most pods")?,
        }),
        "delete" => Ok(Action::DeletePod { pod: command.object("pod")? }),
        "cordon" => Ok(Action::Cordon { node: command.node()? }),
        "uncordon" => Ok(Action::Uncordon { node: command.node()? }),
        "drain" => Ok(Action::Drain {
            node: command.node()?,
            delete_empty_dir: command.options.contains_key("delete-empty-dir"),
        }),
        "suspend" => Ok(Action::SuspendCronjob { cronjob: command.object("cronjob")? }),
        "rerun" => Ok(Action::RerunJob { job: command.object("job")? }),
        "silence" => command.silence(),
        _ => Ok(Action::ExpireSilence { id: command.one("id", "the silence's id")?.to_owned() }),
    }
}

/// A verb's entry, by its name or by another word for it.
fn entry(verb: &str) -> Option<(&'static str, &'static [&'static str])> {
    let verb = SYNONYMS.iter().find(|(other, _)| *other == verb).map_or(verb, |(_, verb)| verb);
    VERBS.into_iter().find(|(name, _)| *name == verb)
}

/// The verb that a word means.
pub(super) fn verb_of(word: &str) -> Option<&'static str> {
    entry(&word.to_lowercase().replace('_', "-")).map(|(verb, _)| verb)
}

fn verbs() -> String {
    VERBS.map(|(verb, _)| verb).join(", ")
}

/// What stands after the verb.
struct Command {
    words: Vec<String>,
    namespace: Option<Name>,
    options: BTreeMap<&'static str, String>,
}

impl Command {
    fn read(words: impl Iterator<Item = String>, known: &[&'static str]) -> Result<Self, ActionError> {
        let mut command = Self { words: Vec::new(), namespace: None, options: BTreeMap::new() };
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let Some(option) = word.strip_prefix('-').filter(|option| !option.is_empty()) else {
                command.words.push(word);
                continue;
            };
            let (name, value) = match option.trim_start_matches('-').split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (option.trim_start_matches('-').to_owned(), None),
            };
            let name = match name.as_str() {
                "n" | "namespace" => "namespace",
                "c" => "container",
                name => name,
            };
            let listed = known.iter().find(|known| **known == name);
            if listed.is_some_and(|listed| *listed == "delete-empty-dir") && value.is_none() {
                command.options.insert("delete-empty-dir", String::new());
                continue;
            }
            if name != "namespace" && listed.is_none() {
                let all: Vec<String> = known.iter().map(|known| format!("--{known}")).collect();
                let mend = if all.is_empty() { "only -n goes here".into() } else { format!("use {}", all.join(", ")) };
                return Err(ActionError::new(&text::line(name, 40), format!("unknown option: {mend}")));
            }
            let value = value.or_else(|| words.next());
            let value = value.ok_or_else(|| ActionError::new(name, "has no value"))?;
            if let Some(listed) = listed {
                if command.options.insert(listed, value).is_some() {
                    return Err(ActionError::new(listed, "is given twice"));
                }
            } else if command.namespace.replace(value.parse().map_err(|e: ActionError| e.of("namespace"))?).is_some() {
                return Err(ActionError::new("namespace", "is given twice"));
            }
        }
        Ok(command)
    }

    fn one(&self, field: &str, what: &str) -> Result<&str, ActionError> {
        match self.words.as_slice() {
            [word] => Ok(word),
            [] => Err(ActionError::new(field, format!("missing: give {what}"))),
            [_, more, ..] => Err(ActionError::new(field, format!("`{}` is one word too many", text::line(more, 40)))),
        }
    }

    /// `deployment/checkout`, or `deployment checkout`.
    fn target(&self) -> Result<(String, Name), ActionError> {
        let (kind, name) = match self.words.as_slice() {
            [kind, name] if !kind.contains('/') => (kind.as_str(), name.as_str()),
            _ => {
                let word = self.one("target", "what to act on, like deployment/checkout")?;
                word.split_once('/').ok_or_else(|| {
                    let shown = text::line(word, 60);
                    ActionError::new("target", format!("`{shown}` has no kind: write it like deployment/{shown}"))
                })?
            }
        };
        let kind = kind.to_lowercase();
        let kind = match kind.as_str() {
            "deploy" | "deployment" | "deployments" => "deployment",
            "sts" | "statefulset" | "statefulsets" => "statefulset",
            "ds" | "daemonset" | "daemonsets" => "daemonset",
            "po" | "pod" | "pods" => "pod",
            "no" | "node" | "nodes" => "node",
            "cj" | "cronjob" | "cronjobs" => "cronjob",
            "job" | "jobs" => "job",
            "hpa" | "horizontalpodautoscaler" | "horizontalpodautoscalers" => "hpa",
            _ => {
                let shown = text::line(&kind, 40);
                let kinds = "deployment, statefulset, daemonset, pod, node, cronjob, job, hpa";
                return Err(ActionError::new("target", format!("kind `{shown}` is not one of {kinds}")));
            }
        };
        Ok((kind.to_owned(), name.parse().map_err(|error: ActionError| error.of("target"))?))
    }

    fn in_namespace(&self) -> Result<Name, ActionError> {
        self.namespace.clone().ok_or_else(|| ActionError::new("namespace", "missing: add -n NAMESPACE"))
    }

    fn workload(&self) -> Result<Workload, ActionError> {
        let (kind, name) = self.target()?;
        let kind = match kind.as_str() {
            "deployment" => RolloutKind::Deployment,
            "statefulset" => RolloutKind::StatefulSet,
            "daemonset" => RolloutKind::DaemonSet,
            other => return Err(wrong_kind(other, "a deployment, statefulset or daemonset")),
        };
        Ok(Workload { kind, namespace: self.in_namespace()?, name })
    }

    fn object(&self, wanted: &str) -> Result<Namespaced, ActionError> {
        let (kind, name) = self.target()?;
        if kind != wanted {
            return Err(wrong_kind(&kind, &format!("a {wanted}")));
        }
        Ok(Namespaced { namespace: self.in_namespace()?, name })
    }

    /// `node/n1`, or its name alone: these verbs know only nodes.
    fn node(&self) -> Result<Name, ActionError> {
        match self.words.as_slice() {
            [word] if !word.contains('/') => word.parse().map_err(|error: ActionError| error.of("target")),
            _ => match self.target()? {
                (kind, name) if kind == "node" => Ok(name),
                (kind, _) => Err(wrong_kind(&kind, "a node")),
            },
        }
    }

    fn option(&self, name: &str, what: &str) -> Result<&str, ActionError> {
        let value = self.options.get(name).map(String::as_str);
        value.ok_or_else(|| ActionError::new(name, format!("missing: give {what} with --{name}")))
    }

    fn number<N: std::str::FromStr>(&self, name: &str, what: &str) -> Result<N, ActionError> {
        let value = self.option(name, what)?;
        value
            .parse()
            .map_err(|_| ActionError::new(name, format!("`{}` is not a whole number from 0", text::line(value, 40))))
    }

    fn set_resources(&self) -> Result<Action, ActionError> {
        let settings = [
            ("cpu-request", Resource::Cpu, ResourceField::Request),
            ("cpu-limit", Resource::Cpu, ResourceField::Limit),
            ("memory-request", Resource::Memory, ResourceField::Request),
            ("memory-limit", Resource::Memory, ResourceField::Limit),
        ];
        let mut given = settings.into_iter().filter(|(name, _, _)| self.options.contains_key(name));
        let all = "--cpu-request, --cpu-limit, --memory-request, --memory-limit";
        let (name, resource, field) =
            given.next().ok_or_else(|| ActionError::new("resource", format!("missing: give one of {all}")))?;
        if let Some((other, _, _)) = given.next() {
            return Err(ActionError::new(other, format!("one at a time: --{name} is given too")));
        }
        let quantity = match self.option(name, "a quantity")? {
            "none" => None,
            text => Some(text.parse::<Quantity>().map_err(|error| ActionError::new(name, error.to_string()))?),
        };
        let container = self.option("container", "the container")?;
        let container = container.parse().map_err(|error: ActionError| error.of("container"))?;
        Ok(Action::SetResources { workload: self.workload()?, container, resource, field, quantity })
    }

    fn silence(&self) -> Result<Action, ActionError> {
        let matcher = |word: &String| {
            let mend = || format!("`{}` is not like namespace=shop", text::line(word, 60));
            SilenceMatcher::parse(word).ok_or_else(|| ActionError::new("matchers", mend()))
        };
        Ok(Action::CreateSilence {
            matchers: self.words.iter().map(matcher).collect::<Result<_, _>>()?,
            duration_seconds: duration(self.option("for", "how long")?)?,
            comment: self.option("comment", "why")?.to_owned(),
        })
    }
}

fn wrong_kind(kind: &str, wanted: &str) -> ActionError {
    ActionError::new("target", format!("is a {kind}, and this takes {wanted}"))
}

/// A duration of an option.
fn duration(text: &str) -> Result<u64, ActionError> {
    let wrong = || ActionError::new("for", format!("`{}` is not a duration like 30m or 2h", text::line(text, 40)));
    seconds(text).ok_or_else(wrong)
}
