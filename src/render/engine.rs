//! The template engine: files by name, values escaped by what kind of text they go into.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, escape_formatter};

use super::RenderError;
use super::embedded;
use super::escape;
use super::filters;
use super::language::Language;
use super::words::Words;
use crate::domain::text;

/// Longest value in an excerpt's line, in bytes.
const MAX_LINE_BYTES: usize = 400;

/// Compiled templates of one language.
pub(super) struct Engine {
    environment: Environment<'static>,
    /// The same without functions: facts are called `count` and `exit` too, and one that is absent must be absent.
    phrases: Environment<'static>,
    assets: BTreeMap<String, String>,
    /// The short texts.
    pub words: Arc<Words>,
}

impl Engine {
    /// Compiles every template, and tries each with nothing to say, which finds unknown filters and functions.
    pub(super) fn new(language: Language, overrides: &[(String, String)]) -> Result<Self, RenderError> {
        for (path, _) in overrides {
            if embedded::file(path).is_none() {
                return Err(RenderError { file: path.clone(), line: 0, problem: unknown_file() });
            }
        }
        let words = Arc::new(Words::new(language, overrides)?);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(kind_of);
        environment.set_formatter(format);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| located("(syntax)", &error))?);
        filters::add(&mut environment, language, &words);
        let mut assets = BTreeMap::new();
        for (name, path, source) in templates(language, overrides) {
            let source = if name.ends_with(".md") { escape::code_in_backticks(&source) } else { source };
            if is_asset(&name) {
                assets.insert(name, source);
            } else {
                environment.add_template_owned(name, source).map_err(|error| located(&path, &error))?;
            }
        }
        let phrases = without_functions(&environment);
        let engine = Self { environment, phrases, assets, words };
        for (name, path, _) in templates(language, overrides) {
            let is_own = overrides.iter().any(|(known, _)| *known == path);
            if is_own && !is_asset(&name) {
                engine.trial(&name).map_err(|error| located(&path, &error))?;
            }
        }
        Ok(engine)
    }

    /// Fills a template.
    pub(super) fn render(&self, name: &str, values: Value) -> Result<String, RenderError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(values))
            .map_err(|error| located(name, &error))
    }

    /// Fills a template with nothing. That values are missing is no error then; a name that nobody knows is.
    fn trial(&self, name: &str) -> Result<(), minijinja::Error> {
        let tried = self.environment.get_template(name).and_then(|template| template.render(minijinja::context! {}));
        tried.map(drop).or_else(|error| if is_misspelt(&error) { Err(error) } else { Ok(()) })
    }

    /// Whether a phrase can be filled at all.
    pub(super) fn try_phrase(&self, file: &str, line: usize, source: &str) -> Result<(), RenderError> {
        let tried = self.phrases.render_named_str("phrase.md", source, minijinja::context! {});
        match tried {
            Err(error) if is_misspelt(&error) => Err(RenderError { line, ..located(file, &error) }),
            _ => Ok(()),
        }
    }

    /// Fills a phrase that is no file; checked when it was loaded.
    pub(super) fn phrase(&self, file: &str, line: usize, source: &str, values: Value) -> Result<String, RenderError> {
        self.phrases
            .render_named_str("phrase.md", source, values)
            .map_err(|error| RenderError { line, ..located(file, &error) })
    }

    /// A file that is no template: style, script, icon.
    pub(super) fn asset(&self, name: &str) -> Option<&str> {
        self.assets.get(name).map(String::as_str)
    }
}

/// The environment with filters and texts, but no functions.
fn without_functions(environment: &Environment<'static>) -> Environment<'static> {
    let mut bare = environment.clone();
    let functions = environment.globals().filter(|(_, value)| value.kind() != ValueKind::String);
    for name in functions.map(|(name, _)| name.to_owned()).collect::<Vec<_>>() {
        bare.remove_global(&name);
    }
    bare
}

/// Name, path and source of each template: `root.md` is `ru/root.md` where that exists, else `en/root.md`.
fn templates(language: Language, overrides: &[(String, String)]) -> Vec<(String, String, String)> {
    let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
    for folder in ["console", Language::English.code(), language.code()] {
        for path in embedded::paths() {
            let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { continue };
            if ["words.txt", "findings.txt", "actions.txt"].contains(&rest) {
                continue;
            }
            let name = if folder == "console" { path.to_owned() } else { rest.to_owned() };
            let source = embedded::over(path, overrides).or_else(|| embedded::file(path)).unwrap_or_default();
            found.insert(name, (path.to_owned(), source.to_owned()));
        }
    }
    found.into_iter().map(|(name, (path, source))| (name, path, source)).collect()
}

fn is_asset(name: &str) -> bool {
    [".css", ".js", ".svg"].iter().any(|ending| name.ends_with(ending))
}

fn is_misspelt(error: &minijinja::Error) -> bool {
    use minijinja::ErrorKind::{SyntaxError, TemplateNotFound, UnknownFilter, UnknownFunction, UnknownTest};
    matches!(error.kind(), SyntaxError | TemplateNotFound | UnknownFilter | UnknownFunction | UnknownTest)
}

fn unknown_file() -> String {
    format!("no such template; there are: {}", embedded::paths().join(", "))
}

fn located(file: &str, error: &minijinja::Error) -> RenderError {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    RenderError { file: file.to_owned(), line: error.line().unwrap_or(0), problem: format!("{}{detail}", error.kind()) }
}

fn kind_of(name: &str) -> AutoEscape {
    match name.rsplit('.').next() {
        Some("html") => AutoEscape::Html,
        Some("md") => AutoEscape::Custom("markdown".into()),
        Some("txt") => AutoEscape::Custom("text".into()),
        _ => AutoEscape::None,
    }
}

/// Writes a value as its surroundings need it: literal in Markdown, one bounded line in an excerpt, escaped in HTML.
fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    let value = if value.is_none() { &Value::UNDEFINED } else { value };
    let kind = match state.auto_escape() {
        AutoEscape::Custom(kind) => kind.clone(),
        // Escaped HTML can still deceive the eye: direction overrides go here too.
        AutoEscape::Html if !value.is_safe() && value.kind() == ValueKind::String => {
            return escape_formatter(out, state, &Value::from(text::plain(&value.to_string()).as_ref()));
        }
        _ => return escape_formatter(out, state, value),
    };
    let shown = value.to_string();
    if value.is_safe() || value.kind() == ValueKind::Number {
        return out.write_str(&shown).map_err(minijinja::Error::from);
    }
    let written = if kind == "markdown" { escape::markdown(&shown) } else { text::line(&shown, MAX_LINE_BYTES) };
    // Template authors separate with `{{ ", " if not loop.last }}`.
    let space = if shown.len() > 1 && shown.ends_with(' ') { " " } else { "" };
    out.write_str(&written).and_then(|()| out.write_str(space)).map_err(minijinja::Error::from)
}
