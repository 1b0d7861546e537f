//! Query templates as a runbook writes them: PromQL or LogsQL with `{{ namespace }}`-like variables of the Subject,
//! checked when the runbook is loaded, so that a fault is found by `lint` and not by an incident.

use std::fmt;

use crate::domain::query_template::{Fault, FillError, Language, check, fill, names};
use crate::domain::query_variables::Variables;

/// A template without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    language: Language,
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
    pub fn parse(text: &str, language: Language) -> Result<Self, TemplateError> {
        let fault = |(at, fault): (usize, Fault)| {
            let (problem, mend) = worded(&fault);
            TemplateError { line: text[..at].matches('\n').count(), problem, mend }
        };
        check(text, language).map_err(fault)?;
        Ok(Self { text: text.to_owned(), language })
    }

    /// The query for one Subject; see [`fill`].
    ///
    /// # Errors
    /// Names the first variable that the Subject lacks: a query with a hole in it would answer about something else.
    pub fn fill(&self, variables: &Variables) -> Result<String, FillError> {
        fill(&self.text, variables, self.language)
    }
}

/// The template as written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is wrong, and how to mend it.
fn worded(fault: &Fault) -> (String, String) {
    let quote = |name: &str| format!("write \"{{{{ {name} }}}}\"");
    match fault {
        Fault::Unclosed => ("`{{` is not closed".to_owned(), "add `}}` after the variable".to_owned()),
        Fault::Unknown(name) => (format!("unknown variable `{name}`"), known(name)),
        Fault::Outside(name) => (format!("`{{{{ {name} }}}}` stands outside of a quoted string"), quote(name)),
        Fault::Backticks(name) => {
            (format!("`{{{{ {name} }}}}` stands in backticks, where nothing can be escaped"), quote(name))
        }
        Fault::PlainPods => ("`pods` is a regular expression".to_owned(), "match it with `=~`".to_owned()),
    }
}

fn known(name: &str) -> String {
    if name.contains(['|', '(', '.', '[']) {
        return "use a plain variable: filters and expressions are not evaluated".to_owned();
    }
    format!("use one of {}", names())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::query_variables::Variable;

    #[test]
    fn faults_say_how_to_mend_them() {
        let faults = [
            "up{a=\"{{ nmespace }}\"}",
            "up{a=\"{{ namespace | upper }}\"}",
            "up\n{a=\"{{ namespace\"}",
            "{{ namespace }}",
            "up{pod=\"{{ pods }}\"}",
            "up{a=`\"{{ node }}\"`}",
            "# \"\nup{a=\"b\"} {{ node }}",
        ]
        .map(|text| {
            let fault = Template::parse(text, Language::PromQl).expect_err("a fault");
            format!("{}: {} ({})", fault.line, fault.problem, fault.mend)
        });
        insta::assert_snapshot!(faults.join("\n"), @r#"
        0: unknown variable `nmespace` (use one of namespace, workload, pod, pods, container, node, service, ingress, pvc, job)
        0: unknown variable `namespace | upper` (use a plain variable: filters and expressions are not evaluated)
        1: `{{` is not closed (add `}}` after the variable)
        0: `{{ namespace }}` stands outside of a quoted string (write "{{ namespace }}")
        0: `pods` is a regular expression (match it with `=~`)
        0: `{{ node }}` stands in backticks, where nothing can be escaped (write "{{ node }}")
        1: `{{ node }}` stands outside of a quoted string (write "{{ node }}")
        "#);
    }

    #[test]
    fn what_is_accepted_can_be_filled() {
        let mut variables = Variables::default();
        variables.set(Variable::Node, "n1").set(Variable::Pods, "web-1");
        for (language, text, filled) in [
            (Language::PromQl, "up{node='{{ node }}'}", "up{node='n1'}"),
            (Language::PromQl, "# it's\nup{pod=~\"{{ pods }}\"}", "# it's\nup{pod=~\"web-1\"}"),
            (Language::LogsQl, "host:re(\"{{ pods }}\")", "host:re(\"^(?:web-1)$\")"),
        ] {
            assert_eq!(Template::parse(text, language).expect(text).fill(&variables).as_deref(), Ok(filled));
        }
    }
}
