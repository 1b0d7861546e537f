//! placeholder
use std::borrow::Cow;
pub struct Redactor;
impl Redactor {
    pub fn new() -> Self {
        Self
    }
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }
    pub fn redact_json(&self, _value: &mut serde_json::Value) {}
}
