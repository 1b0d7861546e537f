//! From one file's text to its runbooks, whichever of the formats it is in.

use super::front_matter::{self, Contents};
use super::{Origin, Runbook, predecessor};
use crate::domain::lint::{LintProblem, Problems};

/// Extensions of files that can hold runbooks.
pub const EXTENSIONS: [&str; 4] = ["md", "markdown", "yaml", "yml"];

/// Reads one file. `path` is relative to its directory, with `/` between folders. Whatever the text, it returns: what
/// could be read, and what could not.
///
/// Ids are the file's stem here; the library lengthens those that clash.
pub fn read(path: &str, text: &str, origin: Origin) -> (Vec<Runbook>, Vec<LintProblem>) {
    let mut problems = Problems::of(path);
    let yaml = matches!(path.rsplit('.').next(), Some("yaml" | "yml"));
    let runbooks = if yaml {
        predecessor::read(text, &mut problems)
            .into_iter()
            .map(|(name, contents)| runbook(format!("{}/{name}", stem(path)), path, origin, contents))
            .collect()
    } else {
        vec![runbook(stem(path).to_owned(), path, origin, front_matter::read(text, &mut problems))]
    };
    (runbooks, problems.into_sorted())
}

/// The file's name without folders and extension.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn runbook(id: String, path: &str, origin: Origin, contents: Contents) -> Runbook {
    let Contents { title, matcher, metrics, logs, actions, prose } = contents;
    let title = title.unwrap_or_else(|| stem(path).to_owned());
    Runbook { id, path: path.to_owned(), origin, title, matcher, metrics, logs, actions, prose }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formats_are_told_by_extension() {
        let yaml = "runbooks: [{match: {issue_name: Slow.*}, instructions: Wait.}]";
        let cases = [
            ("a/b.md", "# T", "b T"),
            ("a/b.markdown", "x", "b b"),
            ("sre.yaml", yaml, "sre/slow Slow"),
            ("x.yml", yaml, "x/slow Slow"),
        ];
        for (path, text, want) in cases {
            let (runbooks, problems) = read(path, text, Origin::Directory);
            assert_eq!(problems, []);
            assert_eq!(runbooks.iter().map(|r| format!("{} {}", r.id, r.title)).collect::<Vec<_>>(), [want]);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,200}", front in any::<bool>()) {
            let text = if front { format!("---\n{text}\n---\n{text}") } else { text };
            read("a.md", &text, Origin::Directory);
            read("a.yaml", &text, Origin::Directory);
        }

        #[test]
        fn any_shape_of_front_matter_is_read(
            key in "(title|match|metrics|logs|actions|other)",
            inner in "(alerts|labels|reasons|title|query|unit|limit|x)",
            value in "(\\[\\]|\\{\\}|~|1|true|a|'\\{\\{ pods \\}\\}'|\\[a, [0-9]\\]|&a \\[\\*a\\]|\\*b|!!binary x|\"\\\\q\")",
        ) {
            let text = format!("---\n{key}:\n  {inner}: {value}\n---\nprose");
            let (runbooks, _) = read("a.md", &text, Origin::Directory);
            prop_assert_eq!(&runbooks[0].prose, "prose");
            read("a.md", &format!("---\n{key}:\n  - {inner}: {value}\n---\n"), Origin::Directory);
            read("a.yaml", &format!("runbooks:\n  - match: {{{inner}: {value}}}\n    instructions: {value}\n"), Origin::Directory);
        }
    }
}
