//! What this server and model turned out to be unable to do, so that it is asked for once and not in every turn.

use std::collections::HashMap;

/// How a schema is sent, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaForm {
    /// By the protocol's `response_format`.
    #[default]
    ResponseFormat,
    /// By vLLM's `structured_outputs`.
    StructuredOutputs,
    /// In words: the server enforces nothing.
    Prompt,
}

impl SchemaForm {
    /// What to try when this one was refused.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::ResponseFormat => Some(Self::StructuredOutputs),
            Self::StructuredOutputs => Some(Self::Prompt),
            Self::Prompt => None,
        }
    }
}

/// Of one model.
#[derive(Debug, Default)]
pub struct Memory {
    /// Whom it is about.
    pub model: String,
    /// Somebody saw that it does better with a schema.
    pub prefers_guided: bool,
    /// The server's words when it refused tools.
    pub tools_refused: Option<String>,
    /// It begins with thinking that has no opening mark.
    pub thinks_first: bool,
    /// By the schema's name: a server may refuse one schema and take others. Names are static, so there are few.
    schemas: HashMap<&'static str, SchemaForm>,
}

impl Memory {
    /// Nothing yet.
    pub fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    /// How the schema of this name is best sent.
    pub fn schema_form(&self, name: &'static str) -> SchemaForm {
        self.schemas.get(name).copied().unwrap_or_default()
    }

    /// This way works.
    pub fn set_schema_form(&mut self, name: &'static str, form: SchemaForm) {
        self.schemas.insert(name, form);
    }

    /// The server was gone and may have come back with other flags: what it refused is tried again. What the model is
    /// like stays true.
    pub fn forget_refusals(&mut self) {
        self.tools_refused = None;
        self.schemas.clear();
    }
}
