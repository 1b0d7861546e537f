//! Reading an operator's directory of templates.

use std::path::Path;

use anyhow::{Context as _, bail};

/// Largest file taken: a template is a page of text.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Most files taken: more is not a directory of templates.
const MAX_FILES: usize = 1000;

/// All files below `root` as (path relative to it with `/`, text), in order of their paths. Hidden ones are left out:
/// a mounted ConfigMap keeps its versions there.
///
/// # Errors
/// Names the file that cannot be read, is too large or is not UTF-8.
pub fn read_all(root: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("read {}", directory.display()))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let relative = format!("{prefix}{name}");
        // Follows links: a ConfigMap's files are links.
        let metadata = std::fs::metadata(&path).with_context(|| format!("read {}", path.display()))?;
        if metadata.is_dir() {
            collect(&path, &format!("{relative}/"), files)?;
        } else if metadata.len() > MAX_FILE_BYTES || files.len() >= MAX_FILES {
            bail!("{} is too large, or there are more than {MAX_FILES} files", path.display());
        } else {
            let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            files.push((relative, text));
        }
    }
    Ok(())
}
