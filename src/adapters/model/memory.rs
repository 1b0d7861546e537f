//! What this server and model turned out to be unable to do, so that it is asked for once and not in every turn.

use std::collections::HashMap;

use crate::agent::pace::Pace;

/// So many blank documents in a row are no accident.
const BLANKS: u32 = 2;

/// How a schema is sent, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaForm {
    /// By the protocol's `response_format`.
    #[default]
    ResponseFormat,
    /// As a JSON object, with the schema beside it (llama-cpp-python) and in words.
    JsonObject,
    /// By vLLM's `structured_outputs`, and in words: a server that does not know the field ignores it.
    StructuredOutputs,
    /// In words: the server enforces nothing.
    Prompt,
}

impl SchemaForm {
    /// What to try when this one was refused.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::ResponseFormat => Some(Self::JsonObject),
            Self::JsonObject => Some(Self::StructuredOutputs),
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
    /// How fast it reads and writes.
    pub pace: Pace,
    /// Documents in a row that were nothing but blanks.
    blank_documents: u32,
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

    /// A document came, or only blanks: small models under a grammar can write nothing else for as long as they may.
    pub fn document(&mut self, blank: bool) {
        self.blank_documents = if blank { self.blank_documents + 1 } else { 0 };
    }

    /// Whether documents are not worth asking for.
    pub fn prefers_plain(&self) -> bool {
        self.blank_documents >= BLANKS
    }

    /// The server was gone and may have come back with other flags: what it refused is tried again. What the model is
    /// like stays true.
    pub fn forget_refusals(&mut self) {
        self.tools_refused = None;
        self.schemas.clear();
        self.blank_documents = 0;
    }
}
