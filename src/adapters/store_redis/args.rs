//! The arguments of a script in the order in which it reads them, and what it answers.

use std::collections::VecDeque;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::StoreError;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Args(pub(super) Vec<Vec<u8>>);

impl Args {
    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.put(text.as_ref());
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.put_number(number);
        self
    }

    pub(super) fn put(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.push(bytes.as_ref().to_vec());
    }

    pub(super) fn put_number(&mut self, number: u64) {
        self.put(number.to_string());
    }

    /// How many follow.
    pub(super) fn put_count(&mut self, count: usize) {
        self.put(count.to_string());
    }

    pub(super) fn put_json<T: Serialize>(&mut self, value: &T) -> anyhow::Result<()> {
        self.0.push(to_json(value)?);
        Ok(())
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> anyhow::Result<Vec<u8>> {
    serde_json::to_vec(value).context("write a record")
}

pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).context("read a record")
}

pub(super) fn millis(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}

/// What a script answered: a word, and what follows it.
#[derive(Debug)]
pub(super) struct Answer {
    word: Vec<u8>,
    rest: VecDeque<Vec<u8>>,
}

impl Answer {
    pub(super) fn new(parts: Vec<Vec<u8>>) -> Self {
        let mut rest = VecDeque::from(parts);
        Self { word: rest.pop_front().unwrap_or_default(), rest }
    }

    /// A row in parts: what stands before the first space, and what stands after it.
    pub(super) fn of_row(row: &[u8]) -> Self {
        Self { word: Vec::new(), rest: row.splitn(2, |byte| *byte == b' ').map(<[u8]>::to_vec).collect() }
    }

    pub(super) fn word(&self) -> &[u8] {
        &self.word
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes(&mut self) -> anyhow::Result<Vec<u8>> {
        self.rest.pop_front().ok_or_else(|| anyhow!("Redis answered less than it should"))
    }

    pub(super) fn text(&mut self) -> anyhow::Result<String> {
        String::from_utf8(self.bytes()?).context("read an answer of Redis")
    }

    pub(super) fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(&mut self) -> anyhow::Result<T> {
        self.text()?.parse().context("read a number that Redis answered")
    }

    /// A time in milliseconds since 1970; nothing for an empty one.
    pub(super) fn time(&mut self) -> anyhow::Result<Option<DateTime<Utc>>> {
        let text = self.text()?;
        let millis = (!text.is_empty()).then(|| text.parse()).transpose().context("read a time that Redis answered")?;
        Ok(millis.and_then(DateTime::from_timestamp_millis))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        from_json(&self.bytes()?)
    }

    /// An answer that none of the script's words explains.
    pub(super) fn unknown(&self) -> StoreError {
        StoreError::Unavailable(anyhow!("Redis answered `{}`", String::from_utf8_lossy(&self.word)))
    }
}
