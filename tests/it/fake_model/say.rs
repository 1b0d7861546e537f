//! What a scripted model answers in one turn: words, calls, documents, and every misbehaviour.

use std::time::Duration;

use serde_json::{Value, json};

/// What the model answers in one turn.
#[derive(Clone)]
pub struct Say {
    pub(super) what: What,
    pub(super) finish: Option<&'static str>,
    pub(super) after: Duration,
    pub(super) streamed: bool,
}

/// What it consists of.
#[derive(Clone)]
pub(super) enum What {
    Answer {
        thinking: String,
        text: String,
        calls: Vec<(String, String)>,
    },
    Status {
        code: u16,
        retry_after: Option<u64>,
        body: String,
    },
    /// A body as it is, in pieces.
    Raw {
        content_type: &'static str,
        pieces: Vec<Vec<u8>>,
    },
    /// These words, then nothing more, with the connection open.
    Stuck(String),
    /// These words, then the connection breaks.
    Broken(String),
    /// These words again and again.
    Endless(String),
}

impl Say {
    fn new(what: What) -> Self {
        Self { what, finish: None, after: Duration::ZERO, streamed: true }
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(What::Answer { thinking: String::new(), text: text.into(), calls: Vec::new() })
    }

    /// A JSON document.
    pub fn json(value: Value) -> Self {
        Self::text(serde_json::to_string_pretty(&value).unwrap())
    }

    /// Tool calls by the protocol.
    pub fn calls<const N: usize>(calls: [(&str, Value); N]) -> Self {
        let calls = calls.map(|(name, arguments)| (name.to_owned(), arguments.to_string()));
        Self::new(What::Answer { thinking: String::new(), text: String::new(), calls: calls.into() })
    }

    /// A tool call whose arguments are no JSON, as vLLM streams it when the model writes it so.
    pub fn broken_call(name: &str, arguments: &str) -> Self {
        let calls = vec![(name.to_owned(), arguments.to_owned())];
        Self::new(What::Answer { thinking: String::new(), text: String::new(), calls })
    }

    /// A tool call in the text, as servers leave it there that do not know the model's template.
    pub fn call_as_text(name: &str, arguments: Value) -> Self {
        Self::text(format!("<tool_call>\n{}\n</tool_call>", json!({"name": name, "arguments": arguments})))
    }

    /// Nothing at all.
    pub fn empty() -> Self {
        Self::text("")
    }

    /// Says nothing and keeps the connection.
    pub fn hang() -> Self {
        Self::text("").after(Duration::from_secs(3600))
    }

    /// Begins, then says nothing more and keeps the connection.
    pub fn stuck_after(text: &str) -> Self {
        Self::new(What::Stuck(text.into()))
    }

    /// Begins, then the connection breaks.
    pub fn broken_after(text: &str) -> Self {
        Self::new(What::Broken(text.into()))
    }

    /// Never ends.
    pub fn endless(text: &str) -> Self {
        Self::new(What::Endless(text.into()))
    }

    /// An error of the server.
    pub fn status(code: u16, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": "Error", "param": null, "code": code}});
        Self::new(What::Status { code, retry_after: None, body: body.to_string() })
    }

    /// 429 with `Retry-After`.
    pub fn busy(retry_after_seconds: u64) -> Self {
        let body = json!({"error": "Too many requests"}).to_string();
        Self::new(What::Status { code: 429, retry_after: Some(retry_after_seconds), body })
    }

    /// An error with this body as it is.
    pub fn refusal(code: u16, body: &str) -> Self {
        Self::new(What::Status { code, retry_after: None, body: body.into() })
    }

    /// The context error of vLLM.
    pub fn context_exceeded(limit: u32, prompt: u32) -> Self {
        Self::status(400, &super::context_error(limit, prompt))
    }

    /// 200 with something else than the protocol.
    pub fn garbage() -> Self {
        Self::raw("text/html", [b"<html><head><title>Sign in</title></head>".as_slice()])
    }

    /// A body as it is, in pieces.
    pub fn raw<const N: usize>(content_type: &'static str, pieces: [&[u8]; N]) -> Self {
        Self::raw_pieces(content_type, pieces.map(<[u8]>::to_vec).into())
    }

    /// A body as it is, in any number of pieces.
    pub fn raw_pieces(content_type: &'static str, pieces: Vec<Vec<u8>>) -> Self {
        Self::new(What::Raw { content_type, pieces })
    }

    /// Thinks aloud first, in the field that servers have for it.
    pub fn thinking(mut self, thought: &str) -> Self {
        let What::Answer { thinking, .. } = &mut self.what else { panic!("only answers think") };
        *thinking = thought.into();
        self
    }

    /// With words before the calls.
    pub fn with_text(mut self, words: &str) -> Self {
        let What::Answer { text, .. } = &mut self.what else { panic!("only answers have words") };
        *text = words.into();
        self
    }

    /// Ends because its tokens are used up.
    pub fn cut(mut self) -> Self {
        self.finish = Some("length");
        self
    }

    /// Ends with this reason.
    pub fn finishing(mut self, reason: &'static str) -> Self {
        self.finish = Some(reason);
        self
    }

    /// After some time.
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// As one document, although a stream was asked for.
    pub fn unstreamed(mut self) -> Self {
        self.streamed = false;
        self
    }
}
