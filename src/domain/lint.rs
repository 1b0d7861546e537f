//! What is wrong with a file that people write (a runbook, the policy), said so that its author can mend it: file, line, field, problem, remedy.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Part of the file does not take effect.
    Error,
    /// It works, but perhaps not as meant.
    Warning,
}

/// One finding of the linter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintProblem {
    /// The file, relative to its directory where it is one of several.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The field, as a path: `metrics[1].query`.
    pub field: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

impl fmt::Display for LintProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, field, severity, problem, mend } = self;
        let mark = match severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        write!(f, "{file}:{line}: {field}: {mark}{problem} ({mend})")
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub struct Problems {
    file: String,
    found: Vec<LintProblem>,
}

impl Problems {
    /// Starts collecting for a file.
    pub fn of(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    /// Notes what keeps part of the file from taking effect.
    pub fn error(&mut self, line: usize, field: &str, problem: impl Into<String>, mend: impl Into<String>) {
        self.push(Severity::Error, line, field, problem.into(), mend.into());
    }

    /// Notes what is probably not meant.
    pub fn warning(&mut self, line: usize, field: &str, problem: impl Into<String>, mend: impl Into<String>) {
        self.push(Severity::Warning, line, field, problem.into(), mend.into());
    }

    /// The problems, in the order of their lines.
    pub fn into_sorted(mut self) -> Vec<LintProblem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }

    fn push(&mut self, severity: Severity, line: usize, field: &str, problem: String, mend: String) {
        self.found.push(LintProblem {
            file: self.file.clone(),
            line,
            field: field.to_owned(),
            severity,
            problem,
            mend,
        });
    }
}
