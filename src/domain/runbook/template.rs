//! Query templates as a runbook writes them: PromQL or LogsQL with `{{ namespace }}`-like variables of the Subject,
//! checked when the runbook is loaded, so that a fault is found by `lint` and not by an incident.

use std::fmt;

use crate::domain::query_template::{FillError, Language, fill};
use crate::domain::query_variables::{Variable, Variables};

/// A template without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    variables: Vec<Variable>,
}

/// Why a text is not a template: what, how to mend it, and on which line of the text (from 0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Lines before the fault.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

impl Template {
    /// Parses a template, or says what is wrong at its first fault.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut variables = Vec::new();
        let mut place = Place::default();
        let mut rest = text;
        let mut line = 0;
        while let Some(open) = rest.find("{{") {
            let (before, tail) = rest.split_at(open);
            line += before.matches('\n').count();
            let fault = |problem: String, mend: String| TemplateError { line, problem, mend };
            let Some(close) = tail.find("}}") else {
                return Err(fault("`{{` is not closed".to_owned(), "add `}}` after the variable".to_owned()));
            };
            place.walk(before);
            let name = tail[2..close].trim();
            let variable =
                Variable::parse(name).ok_or_else(|| fault(format!("unknown variable `{name}`"), known(name)))?;
            let regex = match place {
                Place::Quoted { regex } => regex,
                Place::Outside { .. } => {
                    return Err(fault(
                        format!("`{{{{ {name} }}}}` stands outside of a double-quoted string"),
                        format!("write \"{{{{ {name} }}}}\""),
                    ));
                }
            };
            if variable == Variable::Pods && !regex {
                return Err(fault("`pods` is a regular expression".to_owned(), "match it with `=~`".to_owned()));
            }
            if !variables.contains(&variable) {
                variables.push(variable);
            }
            rest = &tail[close + 2..];
        }
        Ok(Self { text: text.to_owned(), variables })
    }

    /// The query for one Subject, in `language`; see [`fill`].
    ///
    /// # Errors
    /// Names the first variable that the Subject lacks: a query with a hole in it would answer about something else.
    pub fn fill(&self, variables: &Variables, language: Language) -> Result<String, FillError> {
        fill(&self.text, variables, language)
    }

    /// The variables that it needs, in order, without repeats.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }
}

/// The template as written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where in the query a scan stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Outside { after_tilde: bool },
    Quoted { regex: bool },
}

impl Default for Place {
    fn default() -> Self {
        Self::Outside { after_tilde: false }
    }
}

impl Place {
    fn walk(&mut self, text: &str) {
        let mut escaped = false;
        for c in text.chars() {
            *self = match *self {
                Self::Outside { after_tilde } => match c {
                    '"' => Self::Quoted { regex: after_tilde },
                    '~' => Self::Outside { after_tilde: true },
                    c if c.is_whitespace() => Self::Outside { after_tilde },
                    _ => Self::Outside { after_tilde: false },
                },
                Self::Quoted { .. } if c == '"' && !escaped => Self::Outside { after_tilde: false },
                quoted => quoted,
            };
            escaped = c == '\\' && !escaped;
        }
    }
}

fn known(name: &str) -> String {
    if name.contains(['|', '(', '.', '[']) {
        return "use a plain variable: filters and expressions are not evaluated".to_owned();
    }
    let names: Vec<&str> = Variable::ALL.iter().map(|variable| variable.as_str()).collect();
    format!("use one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_how_to_mend_them() {
        let faults = [
            "up{a=\"{{ nmespace }}\"}",
            "up{a=\"{{ namespace | upper }}\"}",
            "up\n{a=\"{{ namespace\"}",
            "{{ namespace }}",
            "up{pod=\"{{ pods }}\"}",
        ]
        .map(|text| {
            let fault = Template::parse(text).expect_err("a fault");
            format!("{}: {} ({})", fault.line, fault.problem, fault.mend)
        });
        insta::assert_snapshot!(faults.join("\n"), @r#"
        0: unknown variable `nmespace` (use one of namespace, workload, pod, pods, container, node, service, ingress, pvc, job)
        0: unknown variable `namespace | upper` (use a plain variable: filters and expressions are not evaluated)
        1: `{{` is not closed (add `}}` after the variable)
        0: `{{ namespace }}` stands outside of a double-quoted string (write "{{ namespace }}")
        0: `pods` is a regular expression (match it with `=~`)
        "#);
    }
}
