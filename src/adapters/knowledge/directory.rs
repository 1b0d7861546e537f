//! Reads the operator's runbook directory: bounded in depth, number and size, because a mounted folder can hold
//! anything.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::domain::lint::{LintProblem, Problems};
use crate::domain::runbook::source::{self, EXTENSIONS};
use crate::domain::runbook::{Origin, Runbook};

/// Folders below the directory. A ConfigMap has 1, a documentation tree about 5.
const MAX_DEPTH: usize = 16;
/// Files in all. Large public collections have some hundreds.
const MAX_FILES: usize = 10_000;
/// Bytes of one file. A ConfigMap cannot be larger than 1 MiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads every runbook below a directory, in the order of their paths. What cannot be read becomes a problem.
pub fn read(root: &Path) -> (Vec<Runbook>, Vec<LintProblem>) {
    let mut paths = Vec::new();
    let mut problems = Vec::new();
    walk(root, "", 0, &mut paths, &mut problems);
    paths.sort();
    if paths.len() > MAX_FILES {
        let mend = "point at a smaller directory";
        problems.push(fault(".", format!("more than {MAX_FILES} files, the rest is ignored"), mend));
        paths.truncate(MAX_FILES);
    }
    let mut runbooks = Vec::new();
    for path in paths {
        match text(&root.join(&path)) {
            Ok(text) => {
                let (read, found) = source::read(&path, &text, Origin::Directory);
                runbooks.extend(read);
                problems.extend(found);
            }
            Err((problem, mend)) => problems.push(fault(&path, problem, mend)),
        }
    }
    (runbooks, problems)
}

/// Hidden entries are skipped: they are `.git`, or the `..data` through which Kubernetes swaps a ConfigMap's files.
fn walk(root: &Path, below: &str, depth: usize, paths: &mut Vec<String>, problems: &mut Vec<LintProblem>) {
    let here = if below.is_empty() { "." } else { below };
    let entries = match fs::read_dir(root.join(below)) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(fault(
                here,
                format!("cannot read the directory: {error}"),
                "check that it exists and is readable",
            ));
            return;
        }
    };
    if depth > MAX_DEPTH {
        problems.push(fault(here, format!("more than {MAX_DEPTH} folders deep, ignored"), "move the files up"));
        return;
    }
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        // Followed: the files of a mounted ConfigMap are links. Depth and number bound a loop of links.
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        if metadata.is_dir() && paths.len() <= MAX_FILES {
            walk(root, &path, depth + 1, paths, problems);
        } else if metadata.is_file() && has_extension(name) && paths.len() <= MAX_FILES {
            paths.push(path);
        }
    }
}

fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension.to_lowercase().as_str()))
}

fn text(path: &Path) -> Result<String, (String, &'static str)> {
    let unreadable = |error: std::io::Error| (format!("cannot read the file: {error}"), "check its permissions");
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err((format!("larger than {} KiB, ignored", MAX_FILE_BYTES >> 10), "split it into several runbooks"));
    }
    String::from_utf8(bytes).map_err(|_| ("not UTF-8 text, ignored".to_owned(), "save it as UTF-8"))
}

fn fault(file: &str, problem: String, mend: &str) -> LintProblem {
    let mut problems = Problems::of(file);
    problems.error(1, "file", problem, mend);
    problems.into_sorted().remove(0)
}
