//! Query templates: PromQL or LogsQL with `{{ namespace }}`-like variables of the Subject.
//!
//! A variable may only stand inside a quoted string and is escaped for it, so a label written by a stranger cannot leave
//! the string and change the query. Inside a regular expression (`=~"…"`, `:~"…"`) plain values are escaped for that too.

use std::ops::Range;

use super::query_variables::{Variable, Variables, escape_regex};

/// Which language a template is written in; their regular expressions differ in where they match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Regular expressions match the whole value.
    PromQl,
    /// Regular expressions match anywhere in the value.
    LogsQl,
}

/// Why a template was not filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The Subject lacks it; the query is to be skipped.
    #[error("the subject has no {}", .0.as_str())]
    Missing(Variable),
    /// The template itself is wrong.
    #[error("the query template is wrong: {0}")]
    Malformed(String),
}

/// What is wrong with a template, whatever the Subject is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `{{` without `}}`.
    Unclosed,
    /// No variable has this name.
    Unknown(String),
    /// It stands where nothing can be escaped: in the language itself.
    Outside(String),
    /// It stands where nothing can be escaped: in backticks.
    Backticks(String),
    /// `pods` is compared as plain text.
    PlainPods,
}

/// A variable in a template.
#[derive(Debug)]
struct Hole {
    /// Where its `{{` begins and its `}}` ends.
    span: Range<usize>,
    variable: Variable,
    /// The string that it stands in.
    quote: char,
    regex: bool,
}

/// Finds the first fault of a template and where it stands, in bytes.
///
/// # Errors
/// What is wrong; a template without a fault can be filled for every Subject that has its variables.
pub fn check(template: &str, language: Language) -> Result<(), (usize, Fault)> {
    holes(template, language).map(drop)
}

/// The variables of a template in order.
fn holes(template: &str, language: Language) -> Result<Vec<Hole>, (usize, Fault)> {
    let mut found = Vec::new();
    let mut place = Place::default();
    let mut from = 0;
    while let Some(open) = template[from..].find("{{").map(|at| from + at) {
        place.walk(&template[from..open], language);
        let fault = |fault| (open, fault);
        let close = template[open..].find("}}").map(|at| open + at).ok_or_else(|| fault(Fault::Unclosed))?;
        let name = template[open + 2..close].trim();
        let variable = Variable::parse(name).ok_or_else(|| fault(Fault::Unknown(name.to_owned())))?;
        let State::Quoted { quote, regex } = place.state else {
            return Err(fault(Fault::Outside(name.to_owned())));
        };
        if quote == '`' {
            return Err(fault(Fault::Backticks(name.to_owned())));
        }
        if variable == Variable::Pods && !regex {
            return Err(fault(Fault::PlainPods));
        }
        from = close + 2;
        found.push(Hole { span: open..from, variable, quote, regex });
    }
    Ok(found)
}

/// `template` with every variable replaced.
///
/// # Errors
/// Names the first variable that the Subject lacks: a query with a hole in it would answer about something else.
pub fn fill(template: &str, variables: &Variables, language: Language) -> Result<String, FillError> {
    let mut out = String::with_capacity(template.len() + 64);
    let mut from = 0;
    for Hole { span, variable, quote, regex } in holes(template, language).map_err(|(_, fault)| malformed(&fault))? {
        out.push_str(&template[from..span.start]);
        from = span.end;
        let value = variables.get(variable).ok_or(FillError::Missing(variable))?;
        if variable == Variable::Pods {
            let whole = out.ends_with(quote) && template[from..].starts_with(quote);
            push_escaped(&mut out, &group(value, whole, language), quote);
        } else if regex {
            push_escaped(&mut out, &escape_regex(value), quote);
        } else {
            push_escaped(&mut out, value, quote);
        }
    }
    out.push_str(&template[from..]);
    Ok(out)
}

/// `value` as a double-quoted string of PromQL and LogsQL, which both follow Go.
pub fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    push_escaped(&mut out, value, '"');
    out.push('"');
    out
}

/// `pattern` so that it matches whole values only, also where a regular expression may match anywhere.
pub fn anchored(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// Keeps the alternatives of a regular expression together.
fn group(pattern: &str, whole: bool, language: Language) -> String {
    match (whole, language) {
        (true, Language::PromQl) => pattern.to_owned(),
        (true, Language::LogsQl) => anchored(pattern),
        (false, _) => format!("(?:{pattern})"),
    }
}

/// Go's escapes: nothing that comes in ends the string or the line.
fn push_escaped(out: &mut String, value: &str, quote: char) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}

/// The names of all variables, for whoever misspelt one.
pub fn names() -> String {
    Variable::ALL.map(Variable::as_str).join(", ")
}

fn malformed(fault: &Fault) -> FillError {
    FillError::Malformed(match fault {
        Fault::Unclosed => "`{{` is not closed".to_owned(),
        Fault::Unknown(name) => format!("unknown variable `{name}`: use one of {}", names()),
        Fault::Outside(name) => format!("`{name}` stands outside of a quoted string"),
        Fault::Backticks(name) => format!("`{name}` stands in backticks, where nothing can be escaped"),
        Fault::PlainPods => "`pods` is a regular expression: match it with `~`".to_owned(),
    })
}

/// Where in the query a scan stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    state: State,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the language itself; whether a string that begins here is a regular expression.
    Outside { regex_next: bool, last: [char; 3] },
    /// In a comment, until the line ends.
    Comment,
    /// In a string.
    Quoted { quote: char, regex: bool },
}

impl Default for State {
    fn default() -> Self {
        Self::Outside { regex_next: false, last: [' '; 3] }
    }
}

impl Place {
    fn walk(&mut self, text: &str, language: Language) {
        for c in text.chars() {
            self.state = match self.state {
                State::Outside { regex_next, last } => outside(c, regex_next, last, language),
                State::Comment if c == '\n' => State::default(),
                State::Quoted { quote, .. } if c == quote && !self.escaped => State::default(),
                same => same,
            };
            // A backslash has no meaning between backticks.
            let escapes = matches!(self.state, State::Quoted { quote, .. } if quote != '`');
            self.escaped = escapes && c == '\\' && !self.escaped;
        }
    }
}

fn outside(c: char, regex_next: bool, last: [char; 3], language: Language) -> State {
    match c {
        '"' | '\'' | '`' => State::Quoted { quote: c, regex: regex_next },
        '#' => State::Comment,
        c if c.is_whitespace() => State::Outside { regex_next, last },
        c => {
            let last = [last[1], last[2], c];
            let regex_next = c == '~' || (language == Language::LogsQl && last == ['r', 'e', '(']);
            State::Outside { regex_next, last }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subject() -> Variables {
        let mut variables = Variables::default();
        variables
            .set(Variable::Namespace, "shop")
            .set(Variable::Node, "ip-10.0.0.1")
            .set(Variable::Pods, r"web-1|web-2\.a");
        variables
    }

    #[test]
    fn values_are_escaped_for_where_they_stand() {
        for (language, template, filled) in [
            (Language::PromQl, r#"up{namespace="{{ namespace }}"}"#, r#"up{namespace="shop"}"#),
            (Language::PromQl, r#"up{node='{{node}}'}"#, r#"up{node='ip-10.0.0.1'}"#),
            (Language::PromQl, r#"up{i=~"{{ node }}:.*"}"#, r#"up{i=~"ip-10\\.0\\.0\\.1:.*"}"#),
            (Language::PromQl, r#"up{pod=~"{{ pods }}"}"#, r#"up{pod=~"web-1|web-2\\.a"}"#),
            (Language::PromQl, r#"up{pod!~"x-{{ pods }}"}"#, r#"up{pod!~"x-(?:web-1|web-2\\.a)"}"#),
            (Language::PromQl, "# it's\nup{a=\"{{ namespace }}\"}", "# it's\nup{a=\"shop\"}"),
            (Language::PromQl, "vector(1)", "vector(1)"),
            (Language::LogsQl, r#"pod:~"{{ pods }}""#, r#"pod:~"^(?:web-1|web-2\\.a)$""#),
            (Language::LogsQl, r#"host:re("{{ node }}")"#, r#"host:re("ip-10\\.0\\.0\\.1")"#),
            (Language::LogsQl, r#"namespace:="{{ namespace }}" i(error)"#, r#"namespace:="shop" i(error)"#),
        ] {
            assert_eq!(fill(template, &subject(), language).as_deref(), Ok(filled));
        }
    }

    #[test]
    fn faults_are_named() {
        for (template, fault) in [
            (r#"up{a="{{ ingress }}"}"#, "the subject has no ingress"),
            ("{{ namespace }}", "the query template is wrong: `namespace` stands outside of a quoted string"),
            (
                "up{a=`{{ namespace }}`}",
                "the query template is wrong: `namespace` stands in backticks, where nothing can be escaped",
            ),
            (r#"up{a="{{ pods }}"}"#, "the query template is wrong: `pods` is a regular expression: match it with `~`"),
            (r#"up{a="{{ namespace"}"#, "the query template is wrong: `{{` is not closed"),
        ] {
            assert_eq!(fill(template, &subject(), Language::PromQl).unwrap_err().to_string(), fault);
        }
        let unknown = fill(r#"up{a="{{ nmespace }}"}"#, &subject(), Language::PromQl).unwrap_err();
        assert!(unknown.to_string().contains("use one of namespace, workload"));
    }

    proptest! {
        /// A PromQL parser reads one selector with the very value, whatever the value is.
        #[test]
        fn no_value_leaves_its_string(value in "\\PC{1,40}|[\"'\\\\{}\n\t `#]{1,12}") {
            prop_assume!(!value.trim().is_empty());
            let mut variables = Variables::default();
            variables.set(Variable::Namespace, value.clone());
            for template in [r#"up{a="{{ namespace }}"}"#, "up{a='{{ namespace }}'}", r#"up{a=~"{{ namespace }}"}"#] {
                let query = fill(template, &variables, Language::PromQl).unwrap();
                prop_assert!(!query.contains('\n'));
                let parsed = promql_parser::parser::parse(&query);
                let Ok(promql_parser::parser::Expr::VectorSelector(selector)) = parsed else {
                    return Err(TestCaseError::fail(format!("{query} became {parsed:?}")));
                };
                prop_assert_eq!(selector.matchers.matchers.len(), 1);
                if !template.contains('~') {
                    prop_assert_eq!(&selector.matchers.matchers[0].value, &value);
                }
            }
        }
    }
}
