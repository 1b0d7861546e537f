//! Reads the predecessor's runbooks: a YAML file with `runbooks: [{match: {issue_name: …}, instructions: …}]`, plain or
//! inside of the ConfigMap that carried it.

use super::front_matter::Contents;
use super::{Matcher, Pattern};
use crate::domain::lint::Problems;
use crate::domain::yaml::{self, Node, Value};

/// What an operator should write in place of something that we cannot read.
const SHAPE: &str = "write `runbooks:` with a list of `match: {issue_name: …}` and `instructions:`, or a Markdown file";

/// Reads a YAML file's text. Each runbook comes with the part of its id that tells it from its neighbours.
pub fn read(text: &str, problems: &mut Problems) -> Vec<(String, Contents)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let documents = match yaml::parse_all(&text) {
        Ok(documents) => documents,
        Err(fault) => {
            let mend = "mend the line; indent with spaces, and quote text with `:` or `#`";
            problems.error(fault.line, "file", format!("not YAML: {}", fault.problem), mend);
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for document in &documents {
        if let Some(list) = document.get("runbooks") {
            runbooks(list, problems, &mut found);
        } else if document.get("kind").and_then(Node::as_text) == Some("ConfigMap") {
            config_map(document, problems, &mut found);
        } else if !matches!(document.value, Value::Null) {
            problems.warning(document.line, "runbooks", "no runbooks in this file, ignored", SHAPE);
        }
    }
    distinct(&mut found);
    found
}

/// A ConfigMap holds files: the line of such a text is that of its first line.
fn config_map(document: &Node, problems: &mut Problems, found: &mut Vec<(String, Contents)>) {
    let files = document.get("data").and_then(Node::as_map).unwrap_or_default();
    for (name, file) in files {
        let (Some(name), Some(text)) = (name.as_text(), file.as_text()) else {
            continue;
        };
        if !name.ends_with(".yaml") && !name.ends_with(".yml") {
            continue;
        }
        match yaml::parse(text) {
            Ok(tree) => match tree.moved_down(file.line - 1).get("runbooks") {
                Some(list) => runbooks(list, problems, found),
                None => problems.warning(file.line, &format!("data.{name}"), "no runbooks in it, ignored", SHAPE),
            },
            Err(fault) => problems.error(
                file.line + fault.line - 1,
                &format!("data.{name}"),
                format!("not YAML: {}", fault.problem),
                "mend the line; indent with spaces, and quote text with `:` or `#`",
            ),
        }
    }
}

fn runbooks(list: &Node, problems: &mut Problems, found: &mut Vec<(String, Contents)>) {
    let Value::List(items) = &list.value else {
        return problems.error(list.line, "runbooks", format!("{} where a list is expected", list.kind()), SHAPE);
    };
    for (at, item) in items.iter().enumerate() {
        let field = format!("runbooks[{at}]");
        let Some(instructions) = item.get("instructions").and_then(Node::as_text) else {
            problems.error(item.line, &format!("{field}.instructions"), "missing or no text", SHAPE);
            continue;
        };
        let written = item.get("match").and_then(|node| node.get("issue_name"));
        let pattern = written.and_then(|node| issue_name(node, &field, problems));
        let names = pattern.as_ref().map(|pattern| words_of(pattern.as_str())).unwrap_or_default();
        let title = if names.is_empty() { first_line(instructions) } else { names };
        let matcher = Matcher {
            // It was tried on an issue's title, which for us is the alert's name or the reason behind it.
            reasons: pattern.iter().filter(|pattern| pattern.specificity() > 0.0).cloned().collect(),
            alerts: pattern.into_iter().collect(),
            labels: Vec::new(),
        };
        let contents = Contents {
            title: Some(title.clone()),
            matcher,
            prose: instructions.trim().to_owned(),
            ..Contents::default()
        };
        found.push((slug(&title, at), contents));
    }
}

fn issue_name(node: &Node, field: &str, problems: &mut Problems) -> Option<Pattern> {
    let field = format!("{field}.match.issue_name");
    let Some(written) = node.as_text() else {
        problems.error(node.line, &field, format!("{} where text is expected", node.kind()), "put it in quotes");
        return None;
    };
    Pattern::prefix(written)
        .map_err(|error| {
            let mend = "look-around and back-references are not supported; list the names with `|`";
            problems.error(node.line, &field, format!("`{written}` is not a regular expression: {error}"), mend);
        })
        .ok()
}

/// The names inside of a pattern: `.*(OOMKilled|OutOfMemory).*` → `OOMKilled, OutOfMemory`.
fn words_of(pattern: &str) -> String {
    let flags = pattern.replace("(?i)", "");
    let names: Vec<&str> = flags
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/')))
        .map(str::trim)
        .filter(|name| name.chars().filter(|c| c.is_alphanumeric()).count() > 1)
        .collect();
    names.join(", ")
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(|line| line.trim().trim_start_matches(['#', '*', ' '])).find(|line| !line.is_empty());
    line.unwrap_or("Runbook").trim_end_matches([':', '*']).chars().take(80).collect()
}

fn slug(title: &str, at: usize) -> String {
    let mut slug = String::new();
    for c in title.chars().take(60) {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-').to_owned();
    if slug.is_empty() { (at + 1).to_string() } else { slug }
}

/// Two of one name are told apart by a number, the first keeping its own.
fn distinct(found: &mut [(String, Contents)]) {
    for at in 1..found.len() {
        let (before, rest) = found.split_at_mut(at);
        if let Some((name, _)) = rest.first_mut()
            && before.iter().any(|(other, _)| other == name)
        {
            name.push_str(&format!("-{}", at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "runbooks:
  - match:
      issue_name: \".*(OOMKilled|OutOfMemory).*\"
    instructions: |
      Контейнер превысил лимит памяти.
      Проверьте потребление и лимит.
  - match: {issue_name: \".*\"}
    instructions: |
      ## Общий порядок
      Сначала метрики.
  - match: {issue_name: \"(?!a)\"}
    instructions: text
  - match: {issue_name: x}
";

    fn summary(text: &str) -> String {
        let mut problems = Problems::of("sre.yaml");
        let mut out: Vec<String> = read(text, &mut problems)
            .into_iter()
            .map(|(id, contents)| {
                format!("{id} | {} | {:?}", contents.title.unwrap_or_default(), contents.prose.lines().next())
            })
            .collect();
        out.extend(problems.into_sorted().iter().map(ToString::to_string));
        out.join("\n")
    }

    #[test]
    fn a_list_loads_and_faults_cost_only_themselves() {
        insta::assert_snapshot!(summary(PLAIN), @r###"
        oomkilled-outofmemory | OOMKilled, OutOfMemory | Some("Контейнер превысил лимит памяти.")
        общий-порядок | Общий порядок | Some("## Общий порядок")
        text | text | Some("text")
        sre.yaml:11: runbooks[2].match.issue_name: `(?!a)` is not a regular expression: look-around, including look-ahead and look-behind, is not supported (look-around and back-references are not supported; list the names with `|`)
        sre.yaml:13: runbooks[3].instructions: missing or no text (write `runbooks:` with a list of `match: {issue_name: …}` and `instructions:`, or a Markdown file)
        "###);
    }

    #[test]
    fn a_config_map_loads_with_the_lines_of_the_outer_file() {
        let indented: String = PLAIN.lines().map(|line| format!("    {line}\n")).collect();
        let manifest =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: r}}\ndata:\n  runbooks.yaml: |\n{indented}");
        insta::assert_snapshot!(summary(&manifest), @r###"
        oomkilled-outofmemory | OOMKilled, OutOfMemory | Some("Контейнер превысил лимит памяти.")
        общий-порядок | Общий порядок | Some("## Общий порядок")
        text | text | Some("text")
        sre.yaml:16: runbooks[2].match.issue_name: `(?!a)` is not a regular expression: look-around, including look-ahead and look-behind, is not supported (look-around and back-references are not supported; list the names with `|`)
        sre.yaml:18: runbooks[3].instructions: missing or no text (write `runbooks:` with a list of `match: {issue_name: …}` and `instructions:`, or a Markdown file)
        "###);
    }

    #[test]
    fn another_yaml_file_is_a_warning() {
        insta::assert_snapshot!(summary("a: 1\n"), @r#"sre.yaml:1: runbooks: warning: no runbooks in this file, ignored (write `runbooks:` with a list of `match: {issue_name: …}` and `instructions:`, or a Markdown file)"#);
    }
}
