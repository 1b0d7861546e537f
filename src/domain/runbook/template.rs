//! Query templates: PromQL or LogsQL with `{{ namespace }}`-like variables of the subject.
//!
//! A variable may only stand inside a double-quoted string and is escaped for it, so a label written by a stranger
//! cannot leave the string and change the query. Inside a regular-expression matcher (`=~"…"`, `:~"…"`) a plain value
//! is also escaped as a regular expression.

use std::collections::BTreeMap;
use std::fmt;

/// What a template can ask of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// The namespace.
    Namespace,
    /// The workload's name.
    Workload,
    /// One pod.
    Pod,
    /// All pods of the workload, as a regular expression.
    Pods,
    /// The container.
    Container,
    /// The node.
    Node,
    /// The service.
    Service,
    /// The ingress.
    Ingress,
    /// The persistent volume claim.
    Pvc,
    /// The job.
    Job,
}

impl Variable {
    /// Every variable, in the order that error messages list them.
    pub const ALL: [Self; 10] = [
        Self::Namespace,
        Self::Workload,
        Self::Pod,
        Self::Pods,
        Self::Container,
        Self::Node,
        Self::Service,
        Self::Ingress,
        Self::Pvc,
        Self::Job,
    ];

    /// The name as written in a template.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Workload => "workload",
            Self::Pod => "pod",
            Self::Pods => "pods",
            Self::Container => "container",
            Self::Node => "node",
            Self::Service => "service",
            Self::Ingress => "ingress",
            Self::Pvc => "pvc",
            Self::Job => "job",
        }
    }

    /// Reads a variable's name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.as_str() == name)
    }
}

/// Values for the variables of one subject.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    values: BTreeMap<Variable, String>,
}

impl Variables {
    /// Sets a plain value. For `Pods`, a regular expression.
    pub fn set(&mut self, variable: Variable, value: impl Into<String>) -> &mut Self {
        self.values.insert(variable, value.into());
        self
    }

    /// Sets `pods` to exactly these pods.
    pub fn set_pods<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> &mut Self {
        let names: Vec<String> = names.into_iter().map(literal).collect();
        self.set(Variable::Pods, names.join("|"))
    }
}

/// A variable that the template needs and the subject does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the subject has no {}", .0.as_str())]
pub struct Unset(pub Variable);

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value { variable: Variable, regex: bool },
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
        let mut pieces = Vec::new();
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
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value { variable, regex });
            rest = &tail[close + 2..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    /// The query for one subject. Fails on the first variable that the subject lacks: a query with a hole in it would
    /// answer about something else.
    pub fn render(&self, variables: &Variables) -> Result<String, Unset> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { variable, regex } => {
                    let value = variables.values.get(variable).ok_or(Unset(*variable))?;
                    if *regex && *variable != Variable::Pods {
                        push_quoted(&mut out, &literal(value));
                    } else {
                        push_quoted(&mut out, value);
                    }
                }
            }
        }
        Ok(out)
    }

    /// The variables that it needs, in order, without repeats.
    pub fn variables(&self) -> Vec<Variable> {
        let mut seen = Vec::new();
        for piece in &self.pieces {
            if let Piece::Value { variable, .. } = piece
                && !seen.contains(variable)
            {
                seen.push(*variable);
            }
        }
        seen
    }
}

/// The template as written, spacing of the braces aside.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Value { variable, .. } => write!(f, "{{{{ {} }}}}", variable.as_str())?,
            }
        }
        Ok(())
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

/// A text as a regular expression for itself. Only what has a meaning is escaped: names stay readable in a query.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn push_quoted(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
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

    fn subject() -> Variables {
        let mut variables = Variables::default();
        variables.set(Variable::Namespace, "shop").set(Variable::Node, "ip-10.0.0.1").set_pods(["web-1", "web-2.a"]);
        variables
    }

    #[test]
    fn renders_values_escaped_for_where_they_stand() {
        let cases = [
            (r#"up{namespace="{{ namespace }}"}"#, r#"up{namespace="shop"}"#),
            (r#"up{node="{{node}}"}"#, r#"up{node="ip-10.0.0.1"}"#),
            (r#"up{instance=~"{{ node }}:.*"}"#, r#"up{instance=~"ip-10\\.0\\.0\\.1:.*"}"#),
            (r#"up{pod=~"{{ pods }}"}"#, r#"up{pod=~"web-1|web-2\\.a"}"#),
            ("vector(1)", "vector(1)"),
        ];
        for (template, want) in cases {
            let template = Template::parse(template).expect("a template");
            assert_eq!(template.render(&subject()).as_deref(), Ok(want));
        }
    }

    #[test]
    fn a_hostile_value_stays_inside_its_string() {
        let mut variables = Variables::default();
        variables.set(Variable::Namespace, "a\"} or vector(1) #\\\n");
        let template = Template::parse(r#"up{namespace="{{ namespace }}"}"#).expect("a template");
        insta::assert_snapshot!(
            template.render(&variables).expect("all set"),
            @r#"up{namespace="a\"} or vector(1) #\\\n"}"#
        );
    }

    #[test]
    fn a_missing_value_is_named() {
        let template = Template::parse(r#"up{ingress="{{ ingress }}"}"#).expect("a template");
        assert_eq!(template.render(&subject()), Err(Unset(Variable::Ingress)));
    }

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
