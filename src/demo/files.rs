//! Where a world's files come from: a directory, or the world that is built in. Any file may be stored gzipped.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use include_dir::{Dir, include_dir};

static SHOP: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/demo/worlds/shop");

/// A folder of recorded files.
#[derive(Debug, Clone)]
pub enum Files {
    /// The world that comes with the program.
    BuiltIn,
    /// A folder of the same layout.
    Directory(PathBuf),
}

impl Files {
    /// The text of a file by its name without `.gz`; `None` when the world does not have it.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        for (stored, gzipped) in [(name.to_owned(), false), (format!("{name}.gz"), true)] {
            let Some(bytes) = self.bytes(&stored)? else { continue };
            let bytes = if gzipped { gunzip(&bytes).with_context(|| format!("unpack {stored}"))? } else { bytes };
            return Ok(Some(String::from_utf8(bytes).with_context(|| format!("read {stored} as UTF-8"))?));
        }
        Ok(None)
    }

    /// The names (without `.gz`) of the files in a subfolder, sorted; none when there is no such folder.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Files::BuiltIn => {
                SHOP.get_dir(folder).into_iter().flat_map(Dir::files).map(|f| file_name(f.path())).collect()
            }
            Files::Directory(root) => {
                let path = root.join(folder);
                if !path.is_dir() {
                    return Ok(Vec::new());
                }
                let entries = std::fs::read_dir(&path).with_context(|| format!("list {}", path.display()))?;
                let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
                paths.iter().filter(|path| path.is_file()).map(|path| file_name(path)).collect()
            }
        };
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Files::BuiltIn => Ok(SHOP.get_file(name).map(|file| file.contents().to_vec())),
            Files::Directory(root) => {
                let path = root.join(name);
                match std::fs::read(&path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
                }
            }
        }
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(".gz").map(str::to_owned).unwrap_or(name)
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain)?;
    Ok(plain)
}
