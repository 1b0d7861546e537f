//! `holmes-bot policy`: tries the policy before it is used: lint with examples, and who may do what when.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};

use crate::app;
use crate::domain::action::{Action, Name};
use crate::domain::alert::{Labels, Severity};
use crate::domain::lint::Severity as Grade;
use crate::domain::policy::{Decision, Person, Policy, Principal, Request, Terms};

/// The variable that names the policy's file.
const VARIABLE: &str = "HOLMES_POLICY_FILE";

/// The arguments of `holmes-bot policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a policy file and the examples in it. Fails when there are errors.
    Check {
        /// The file; HOLMES_POLICY_FILE when it is not given.
        file: Option<PathBuf>,
    },
    /// Say what the policy makes of an action, and of a person who would approve it. Fails when they may not.
    Explain(Explain),
}

#[derive(Debug, Args)]
struct Explain {
    /// The action, as one would ask for it: 'restart deployment/checkout -n shop'.
    #[arg(long)]
    action: String,
    /// The namespace, where the action names none.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Who would approve: slack:U024BE7LH, mattermost:…, console:…, sso:ann@example.com.
    #[arg(long)]
    user: Option<Principal>,
    /// A group that the platform puts them in: slack-group:S0614TZR7; several may be given.
    #[arg(long = "group")]
    groups: Vec<Principal>,
    /// Who asked for it, if a person did.
    #[arg(long)]
    proposed_by: Option<Principal>,
    /// A label of the target, name=value; several may be given.
    #[arg(long = "label", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Severity of the incident.
    #[arg(long, value_enum, default_value_t = Grading::Warning)]
    severity: Grading,
    /// When, like 2026-12-31T12:00:00Z; now when it is not given.
    #[arg(long)]
    at: Option<DateTime<Utc>>,
    /// The reason for breaking the glass.
    #[arg(long)]
    break_glass: Option<String>,
    /// The policy file; HOLMES_POLICY_FILE when it is not given.
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Grading {
    Info,
    Warning,
    Critical,
}

impl From<Grading> for Severity {
    fn from(grading: Grading) -> Self {
        match grading {
            Grading::Info => Self::Info,
            Grading::Warning => Self::Warning,
            Grading::Critical => Self::Critical,
        }
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not like name=value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the command, writing its answer to `out`.
///
/// # Errors
/// When the file cannot be read, the policy is faulty where one is needed, or an argument makes no sense.
pub fn run(args: &PolicyArgs, variables: &BTreeMap<String, String>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let configured = variables.get(VARIABLE).map(|file| file.trim()).filter(|file| !file.is_empty()).map(PathBuf::from);
    match &args.command {
        Command::Check { file } => {
            let file = file.clone().or(configured);
            let file = file.with_context(|| format!("name a file, or set {VARIABLE}"))?;
            check(&file, out)
        }
        Command::Explain(explain) => explained(explain, configured.as_deref(), out),
    }
}

fn check(file: &Path, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    let (policy, problems) = Policy::read(&file.display().to_string(), &text);
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    let errors = problems.iter().filter(|problem| problem.severity == Grade::Error).count();
    let Some(policy) = policy else {
        writeln!(out, "{errors} error(s): the policy is not used")?;
        return Ok(ExitCode::FAILURE);
    };
    let Policy { people, protected_namespaces, rules, rate_limits, break_glass, digest } = &policy;
    writeln!(
        out,
        "ok: {} rule(s), {} person(s), {} rate limit(s), break-glass {}; protected: {}; sha256 {}",
        rules.len(),
        people.by_name.len(),
        rate_limits.len(),
        if break_glass.is_some() { "on" } else { "off" },
        protected_namespaces.join(", "),
        digest.get(..12).unwrap_or_default(),
    )?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("read the policy {}", file.display()))
}

fn explained(explain: &Explain, configured: Option<&Path>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let policy = app::policy(explain.file.as_deref().or(configured))?;
    let namespace: Option<Name> = explain.namespace.as_deref().map(str::parse).transpose()?;
    let action = Action::parse(&explain.action, namespace.as_ref())?;
    let labels: Labels = explain.labels.iter().cloned().collect();
    let decision = policy.evaluate(&Request {
        action: &action,
        labels: Some(&labels),
        severity: Some(explain.severity.into()),
        recent: &[],
        break_glass: explain.break_glass.as_deref(),
        at: explain.at.unwrap_or_else(Utc::now),
    });
    writeln!(out, "{action}")?;
    writeln!(out, "  risk: {}", action.risk().as_str())?;
    let terms = match decision {
        Decision::Forbidden(refusals) => {
            writeln!(out, "  forbidden:")?;
            for refusal in refusals {
                writeln!(out, "    {refusal}")?;
            }
            return Ok(ExitCode::FAILURE);
        }
        Decision::NeedsApproval(terms) => terms,
    };
    for need in terms.requirements() {
        let who = need.approvers.written.join(", ");
        writeln!(out, "  rule `{}`: {} of {who} ({})", need.rule, need.quorum, need.reason)?;
    }
    let own = if terms.self_approval() { "whoever asked for it may approve" } else { "nobody approves their own" };
    writeln!(out, "  within {} min; {own}", terms.expires().num_minutes())?;
    let Some(user) = &explain.user else { return Ok(ExitCode::SUCCESS) };
    let person = Person { id: user.clone(), groups: explain.groups.clone(), name: user.to_string() };
    let (may, why) = may(&policy, &terms, &person, explain.proposed_by.as_ref());
    writeln!(out, "  {user} may{} approve: {why}", if may { "" } else { " not" })?;
    Ok(if may { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn may(policy: &Policy, terms: &Terms, person: &Person, proposer: Option<&Principal>) -> (bool, String) {
    let met: Vec<&str> = terms
        .requirements()
        .iter()
        .filter(|need| need.approvers.include(person, &policy.people))
        .map(|need| need.rule.as_str())
        .collect();
    if met.is_empty() {
        return (false, "no rule that applies names them".to_owned());
    }
    let own =
        proposer.filter(|_| !terms.self_approval()).is_some_and(|by| !policy.people.are_different(by, &person.id));
    if own {
        return (false, "they asked for it, or cannot be told from whoever did".to_owned());
    }
    let open = terms.requirements().len() - met.len();
    let more = if open > 0 { format!("; {open} more rule(s) need somebody else") } else { String::new() };
    (true, format!("counts for {}{more}", met.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: PolicyArgs,
    }

    fn said(words: &[&str]) -> String {
        let line = Line::try_parse_from([&["policy"], words].concat()).unwrap_or_else(|error| panic!("{error}"));
        let mut out = Vec::new();
        let code = run(&line.args, &BTreeMap::new(), &mut out).unwrap();
        let code = if format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS) { "" } else { "  -> fails\n" };
        format!("{}{code}", String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_example_is_whole_and_explains_itself() {
        let file = "docs/policy.example.yaml";
        assert!(said(&["check", file]).starts_with("ok: 7 rule(s), 3 person(s)"));
        let noon = "2026-11-25T12:00:00Z";
        let explain = |action: &str, more: &[&str]| {
            let base = ["explain", "--file", file, "--at", noon, "--action", action];
            said(&[&base, more].concat())
        };
        let all = [
            explain("restart deployment/checkout -n shop", &["--user", "slack:U024BE7LH"]),
            explain("restart deployment/ledger", &["-n", "payments", "--user", "slack:U024BE7LH"]),
            explain(
                "restart deployment/checkout -n shop",
                &["--user", "slack:U1", "--group", "slack-group:S0614TZR7", "--proposed-by", "slack:U1"],
            ),
            explain("restart deployment/coredns -n kube-system", &["--user", "slack:U024BE7LH"]),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
    restart deployment/checkout -n shop
      risk: low
      rule `everyday`: 1 of on-call (whoever is on call may mend a workload)
      within 30 min; nobody approves their own
      slack:U024BE7LH may approve: counts for everyday

    restart deployment/ledger -n payments
      risk: low
      rule `everyday`: 1 of on-call (whoever is on call may mend a workload)
      rule `payments needs its owners`: 2 of payments-owners (money moves here, so two of the owners look at it)
      within 30 min; nobody approves their own
      slack:U024BE7LH may approve: counts for everyday; 1 more rule(s) need somebody else

    restart deployment/checkout -n shop
      risk: low
      rule `everyday`: 1 of on-call (whoever is on call may mend a workload)
      within 30 min; nobody approves their own
      slack:U1 may not approve: they asked for it, or cannot be told from whoever did
      -> fails

    restart deployment/coredns -n kube-system
      risk: low
      forbidden:
        namespace kube-system is protected
        no rule of the policy allows it
      -> fails
    "#);
    }

    #[test]
    fn without_a_file_nobody_may() {
        assert!(said(&["explain", "--action", "cordon n1"]).contains("no approvers are named"));
    }
}
