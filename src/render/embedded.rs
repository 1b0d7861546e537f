//! The template files that are part of the program, and how a language and overrides are layered over them.

use include_dir::{Dir, include_dir};

use super::language::Language;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// A built-in file by its path, `en/root.md`.
pub(super) fn file(path: &str) -> Option<&'static str> {
    FILES.get_file(path)?.contents_utf8()
}

/// Paths of all built-in files.
pub(super) fn paths() -> Vec<&'static str> {
    fn walk(dir: &Dir<'static>, into: &mut Vec<&'static str>) {
        into.extend(dir.files().filter_map(|file| file.path().to_str()));
        dir.dirs().for_each(|dir| walk(dir, into));
    }
    let mut found = Vec::new();
    walk(&FILES, &mut found);
    found.sort_unstable();
    found
}

/// Every version of a language's file with its path, the one that counts most last: English, English override, then
/// the same of `language`.
pub(super) fn layers<'a>(name: &str, language: Language, overrides: &'a [(String, String)]) -> Vec<(String, &'a str)> {
    let mut languages = vec![Language::English];
    if language != Language::English {
        languages.push(language);
    }
    let mut found = Vec::new();
    for language in languages {
        let path = format!("{}/{name}", language.code());
        found.extend(file(&path).map(|source| (path.clone(), source)));
        found.extend(over(&path, overrides).map(|source| (path.clone(), source)));
    }
    found
}

/// The override of a path.
pub(super) fn over<'a>(path: &str, overrides: &'a [(String, String)]) -> Option<&'a str> {
    overrides.iter().rfind(|(known, _)| known == path).map(|(_, source)| source.as_str())
}
