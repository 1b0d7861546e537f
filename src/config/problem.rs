//! What is wrong with an environment.

/// What one variable needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What is wrong and how to mend it; never the value of a secret.
    pub problem: String,
}

/// All problems of an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s):\n{}", .0.len(), .0.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);
