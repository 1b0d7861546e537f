//! Reads an answer while it comes: as a stream of events, or as one document from servers that do not stream.
//!
//! Dropping the future drops the connection, and with it the work of the server.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::error::{ModelError, Stage};
use super::refusal;
use super::reply::{Assembled, Assembly, OnText};
use super::sse::{SseSplitter, TooLong};
use super::wire::Chunk;
use crate::adapters::http::{HttpError, body, shown};
use crate::agent::message::Expect;

/// Most bytes of one answer on the wire: 16,000 tokens of about 500 bytes each, twice over.
const MAX_WIRE_BYTES: usize = 16 * 1024 * 1024;

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For all of it.
    pub deadline: Instant,
    /// Between two pieces of it. Before the first piece the server reads the prompt, which takes as long as it takes.
    pub idle: Duration,
    /// From when on an answer is taken as far as it came …
    pub enough: Instant,
    /// … if words for the asker came for so long already: a model that thought first must get to say something.
    pub written: Duration,
}

/// An answer with when it began.
#[derive(Debug)]
pub struct Read {
    /// The answer.
    pub assembled: Assembled,
    /// When its first piece came.
    pub first: Instant,
}

/// Reads the answer to its end. `is_shared` says whether others of ours are under way.
pub async fn read(
    mut response: Response,
    mut assembly: Assembly<'_>,
    expect: &Expect,
    limits: Limits,
    is_shared: impl Fn() -> bool,
    on_text: OnText<'_>,
) -> Result<Read, ModelError> {
    let url = shown(response.url());
    let mut reader = Reader { form: Form::Unknown, done: false, bytes: 0 };
    let (mut first, mut worded) = (None, None);
    loop {
        let begun = assembly.is_begun();
        let silent = Instant::now() + limits.idle;
        let until = if begun { silent.min(limits.deadline) } else { limits.deadline };
        let stage = match (begun, until == silent) {
            (false, _) => Stage::Beginning,
            (true, true) => Stage::Silent(limits.idle),
            (true, false) => Stage::Writing,
        };
        let chunk = timeout_at(until, response.chunk()).await.map_err(|_| ModelError::TimedOut { stage })?;
        match chunk.map_err(|error| HttpError::from_body(error, url.clone())) {
            Ok(Some(bytes)) => reader.feed(&bytes, &mut assembly, expect, on_text)?,
            Ok(None) => {
                reader.end(&mut assembly, expect, on_text)?;
                break;
            }
            // After the end of the answer it does not matter how the connection ends.
            Err(_) if assembly.is_finished() => break,
            Err(HttpError::Broken { why, .. }) => return Err(ModelError::BrokeOff { why }),
            Err(error) => return Err(ModelError::sort(error)),
        }
        if reader.done {
            break;
        }
        let now = Instant::now();
        if assembly.is_begun() {
            first.get_or_insert(now);
        }
        if assembly.has_words() && now >= limits.enough.max(*worded.get_or_insert(now) + limits.written) {
            assembly.cut();
            break;
        }
    }
    if !assembly.is_finished() && !reader.done {
        return Err(ModelError::BrokeOff { why: "it ended without an end".into() });
    }
    if !assembly.is_finished() && is_shared() {
        return Err(ModelError::GivenUp);
    }
    let first = first.unwrap_or_else(Instant::now);
    Ok(Read { assembled: assembly.finish(on_text)?, first })
}

/// What the bytes are.
enum Form {
    Unknown,
    Events(SseSplitter),
    Document(Vec<u8>),
}

struct Reader {
    form: Form,
    /// `[DONE]` came.
    done: bool,
    bytes: usize,
}

impl Reader {
    fn feed(
        &mut self,
        bytes: &[u8],
        assembly: &mut Assembly<'_>,
        expect: &Expect,
        on_text: OnText<'_>,
    ) -> Result<(), ModelError> {
        self.bytes += bytes.len();
        if self.bytes > MAX_WIRE_BYTES {
            return Err(ModelError::Endless { why: "it is too long" });
        }
        if matches!(self.form, Form::Unknown) {
            // By what it looks like: servers and proxies are careless with content types.
            self.form = match bytes.trim_ascii_start().first() {
                None => return Ok(()),
                Some(b'{' | b'<' | b'[') => Form::Document(Vec::new()),
                Some(_) => Form::Events(SseSplitter::default()),
            };
        }
        match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Document(document) => {
                document.extend_from_slice(bytes);
                Ok(())
            }
            Form::Events(splitter) => {
                let mut events = Vec::new();
                let fed = splitter.feed(bytes, &mut events);
                for event in events {
                    self.event(&event, assembly, expect, on_text)?;
                }
                fed.map_err(|TooLong| ModelError::Endless { why: "one piece of it is too long" })
            }
        }
    }

    fn end(&mut self, assembly: &mut Assembly<'_>, expect: &Expect, on_text: OnText<'_>) -> Result<(), ModelError> {
        match std::mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => Err(ModelError::Empty),
            Form::Document(document) => {
                let text = String::from_utf8_lossy(&document);
                let chunk: Chunk = serde_json::from_str(&text).map_err(|error| garbage(&document, &error))?;
                if let Some(error) = &chunk.error {
                    return Err(refusal::sort_in_stream(error, expect));
                }
                if chunk.choices.is_empty() {
                    return Err(ModelError::Garbage { seen: format!("`{}`", crate::domain::text::line(&text, 100)) });
                }
                self.done = true;
                assembly.take(chunk, on_text)
            }
            Form::Events(mut splitter) => {
                let last = splitter.finish();
                let anything = last.is_some() || assembly.is_begun() || assembly.is_finished();
                if !anything {
                    return Err(ModelError::Empty);
                }
                last.map_or(Ok(()), |event| self.event(&event, assembly, expect, on_text))
            }
        }
    }

    /// One event; several documents in it when a server forgets the empty lines between.
    fn event(
        &mut self,
        data: &str,
        assembly: &mut Assembly<'_>,
        expect: &Expect,
        on_text: OnText<'_>,
    ) -> Result<(), ModelError> {
        let data = data.trim();
        let documents = data.strip_suffix("[DONE]");
        for chunk in serde_json::Deserializer::from_str(documents.unwrap_or(data)).into_iter() {
            let chunk: Chunk = chunk.map_err(|error| garbage(data.as_bytes(), &error))?;
            match chunk.error.as_ref().filter(|error| !error.is_null()) {
                Some(error) if assembly.is_begun() => {
                    let why = refusal::sort_in_stream(error, expect).to_string();
                    return Err(ModelError::BrokeOff { why });
                }
                Some(error) => return Err(refusal::sort_in_stream(error, expect)),
                None => assembly.take(chunk, on_text)?,
            }
        }
        self.done |= documents.is_some();
        Ok(())
    }
}

fn garbage(bytes: &[u8], error: &serde_json::Error) -> ModelError {
    ModelError::Garbage { seen: body::seen(bytes, &error.to_string()) }
}
