//! `holmes-bot runbooks`: what the bot knows, for the people who write it: list, show, lint, search.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::adapters::knowledge::{Base, Hit, Library, directory, embedded};
use crate::domain::runbook::{LintProblem, Origin, Runbook, Severity};

/// Results of a search when `-k` does not say.
const DEFAULT_RESULTS: usize = 5;

/// The arguments of `holmes-bot runbooks`.
#[derive(Debug, Args)]
pub struct RunbooksArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the runbooks in force: the embedded ones, with those of --dir over them.
    List(Common),
    /// Show one runbook as it was written.
    Show {
        /// Its id, as `list` gives it.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Check runbooks: those of --dir, or the embedded ones. Fails when there are errors.
    Lint(Common),
    /// Search for text, for instance an alert's name and description. With --dir, only there.
    Search {
        /// The text; several arguments are one text.
        #[arg(required = true)]
        query: Vec<String>,
        /// How many results.
        #[arg(short = 'k', long = "limit", default_value_t = DEFAULT_RESULTS)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// A directory of runbooks: .md, .markdown, .yaml, .yml, at any depth.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Common {
    fn dir(&self) -> anyhow::Result<Option<&Path>> {
        if let Some(dir) = &self.dir {
            anyhow::ensure!(dir.is_dir(), "{} is not a directory", dir.display());
        }
        Ok(self.dir.as_deref())
    }
}

/// How a command ended, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Fine,
    /// The linter found errors.
    Faulty,
}

/// Runs the command, writing its answer to `out`.
pub fn run(args: &RunbooksArgs, out: &mut impl Write) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::List(common) => list(common, out).map(|()| Outcome::Fine),
        Command::Show { id, common } => show(id, common, out).map(|()| Outcome::Fine),
        Command::Lint(common) => lint(common, out),
        Command::Search { query, limit, common } => {
            search(&query.join(" "), *limit, common, out).map(|()| Outcome::Fine)
        }
    }
}

/// The answer of `search --json`.
#[derive(Debug, Serialize)]
struct Results<'a> {
    query: &'a str,
    results: &'a [Hit],
}

fn list(common: &Common, out: &mut impl Write) -> anyhow::Result<()> {
    let (library, _) = Library::load(Base::Embedded, common.dir()?)?;
    if common.json {
        let all: Vec<_> = library.all().iter().map(described).collect();
        return print_json(out, &json!({ "runbooks": all }));
    }
    let width = library.all().iter().map(|runbook| runbook.id.chars().count()).max().unwrap_or_default();
    for runbook in library.all() {
        writeln!(out, "{:width$}  {:8}  {}", runbook.id, origin(runbook), runbook.title)?;
    }
    Ok(())
}

fn show(id: &str, common: &Common, out: &mut impl Write) -> anyhow::Result<()> {
    let (library, _) = Library::load(Base::Embedded, common.dir()?)?;
    let runbook = library.get(id).with_context(|| format!("no runbook `{id}`; `runbooks list` shows their ids"))?;
    if common.json {
        let mut shown = described(runbook);
        shown["prose"] = json!(runbook.prose);
        return print_json(out, &shown);
    }
    writeln!(out, "# {}\n", runbook.title)?;
    let joined = |items: Vec<String>| items.join(", ");
    let matcher = &runbook.matcher;
    let facts = [
        ("file", format!("{} ({})", runbook.path, origin(runbook))),
        ("alerts", joined(matcher.alerts.iter().map(ToString::to_string).collect())),
        ("labels", joined(matcher.labels.iter().map(|(name, pattern)| format!("{name}=~{pattern}")).collect())),
        ("reasons", joined(matcher.reasons.iter().map(ToString::to_string).collect())),
        ("metrics", joined(runbook.metrics.iter().map(|metric| metric.title.clone()).collect())),
        ("logs", joined(runbook.logs.iter().map(|log| log.title.clone()).collect())),
        ("actions", joined(runbook.actions.iter().map(ToString::to_string).collect())),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        writeln!(out, "{name}: {fact}")?;
    }
    writeln!(out, "\n{}", runbook.prose)?;
    Ok(())
}

fn lint(common: &Common, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let (runbooks, problems) = match common.dir()? {
        Some(dir) => directory::read(dir),
        None => embedded::read(),
    };
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    if common.json {
        let problems: Vec<_> = problems.iter().map(problem_json).collect();
        print_json(out, &json!({ "runbooks": runbooks.len(), "errors": errors, "problems": problems }))?;
    } else {
        for problem in &problems {
            writeln!(out, "{problem}")?;
        }
        let warnings = problems.len() - errors;
        writeln!(out, "{} runbooks, {errors} errors, {warnings} warnings", runbooks.len())?;
    }
    Ok(if errors == 0 { Outcome::Fine } else { Outcome::Faulty })
}

fn search(query: &str, limit: usize, common: &Common, out: &mut impl Write) -> anyhow::Result<()> {
    let dir = common.dir()?;
    let base = if dir.is_some() { Base::Nothing } else { Base::Embedded };
    let (library, _) = Library::load(base, dir)?;
    let hits = library.search(query, limit)?;
    if common.json {
        return print_json(out, &Results { query, results: &hits });
    }
    for hit in &hits {
        writeln!(out, "{:.2}  {}  {} ({})\n      {}", hit.score, hit.id, hit.title, hit.path, hit.excerpt)?;
    }
    if hits.is_empty() {
        writeln!(out, "nothing found")?;
    }
    Ok(())
}

fn described(runbook: &Runbook) -> serde_json::Value {
    let matcher = &runbook.matcher;
    json!({
        "id": runbook.id,
        "title": runbook.title,
        "path": runbook.path,
        "origin": origin(runbook),
        "match": {
            "alerts": matcher.alerts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "labels": matcher.labels.iter().map(|(name, pattern)| (name.clone(), pattern.to_string()))
                .collect::<std::collections::BTreeMap<_, _>>(),
            "reasons": matcher.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
        },
        "metrics": runbook.metrics.iter().map(|metric| metric.title.clone()).collect::<Vec<_>>(),
        "logs": runbook.logs.iter().map(|log| log.title.clone()).collect::<Vec<_>>(),
        "actions": runbook.actions.iter().map(|action| action.as_str()).collect::<Vec<_>>(),
    })
}

fn origin(runbook: &Runbook) -> &'static str {
    match runbook.origin {
        Origin::Embedded => "embedded",
        Origin::Directory => "own",
    }
}

fn problem_json(problem: &LintProblem) -> serde_json::Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let LintProblem { file, line, field, severity: _, problem, mend } = problem;
    json!({ "file": file, "line": line, "field": field, "severity": severity, "problem": problem, "mend": mend })
}

fn print_json(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests;
