//! The runbooks that come with the program.

use include_dir::{Dir, include_dir};

use crate::domain::lint::LintProblem;
use crate::domain::runbook::{Origin, Runbook, source};

static RUNBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/runbooks");

/// Reads the embedded runbooks, in the order of their paths.
pub fn read() -> (Vec<Runbook>, Vec<LintProblem>) {
    let mut files: Vec<(&str, &str)> =
        RUNBOOKS.files().filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?))).collect();
    files.sort_unstable();
    let mut all = (Vec::new(), Vec::new());
    for (path, text) in files {
        let (runbooks, problems) = source::read(path, text, Origin::Embedded);
        all.0.extend(runbooks);
        all.1.extend(problems);
    }
    all
}
