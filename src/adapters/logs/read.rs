//! Reads newline-delimited JSON while it arrives, within bounds: of the whole, and of one row.

use reqwest::Response;
use tokio::time::Instant;

use super::LogsError;
use super::fields::FieldSet;
use super::row;
use crate::adapters::http::{HttpError, body, shown};
use crate::domain::log_line::LogLine;

/// Longest row that is read. The server takes lines of up to 2 MiB; escaped they may be longer, and are skipped.
const MAX_ROW_BYTES: usize = 2 * 1024 * 1024;

/// Bytes at the start of the answer that are kept.
const HEAD_BYTES: usize = 4 * 1024;

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// In the order they came.
    pub lines: Vec<LogLine>,
    /// Rows that came, broken ones too.
    pub rows: usize,
    /// Whether there was more than we read.
    pub cut: bool,
}

/// Lines of an answer of up to `max` bytes, as far as they come before `until`.
pub async fn read(
    mut response: Response,
    fields: &FieldSet,
    max: usize,
    until: Option<Instant>,
) -> Result<Read, LogsError> {
    let url = shown(response.url());
    let mut rows = Rows { fields, lines: Vec::new(), count: 0, row: Vec::new(), head: Vec::new(), skipping: false };
    let mut total = 0;
    let mut cut = false;
    while !cut {
        let next = response.chunk();
        let next = match until {
            Some(until) => tokio::time::timeout_at(until, next).await,
            None => Ok(next.await),
        };
        let chunk = match next {
            // The time is over; what came until now is the answer.
            Err(_) if rows.lines.is_empty() => {
                return Err(LogsError::Late);
            }
            Err(_) => return Ok(rows.finish(true)),
            Ok(next) => next,
        };
        let chunk = match chunk {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            // What has come is worth more than nothing; the thread says that it was cut.
            Err(_) if !rows.lines.is_empty() => return Ok(rows.finish(true)),
            Err(error) => return Err(HttpError::from_body(error, url).into()),
        };
        let fits = chunk.len().min(max - total);
        cut = fits < chunk.len();
        total += fits;
        rows.take(&chunk[..fits]);
        if rows.foreign() {
            break;
        }
    }
    if rows.foreign() {
        return Err(HttpError::NotJson { url, seen: body::seen(&rows.head, "no rows") }.into());
    }
    Ok(rows.finish(cut))
}

struct Rows<'a> {
    fields: &'a FieldSet,
    lines: Vec<LogLine>,
    count: usize,
    /// The row under way.
    row: Vec<u8>,
    /// The start of the answer, to say what it looks like.
    head: Vec<u8>,
    skipping: bool,
}

impl Rows<'_> {
    fn take(&mut self, bytes: &[u8]) {
        let wanted = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.extend(&rest[..end]);
            self.end_row();
            rest = &rest[end + 1..];
        }
        self.extend(rest);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.row.len() + bytes.len() > MAX_ROW_BYTES {
            self.skipping = true;
        }
        if !self.skipping {
            self.row.extend_from_slice(bytes);
        }
    }

    fn end_row(&mut self) {
        if self.skipping || !self.row.trim_ascii().is_empty() {
            self.count += 1;
        }
        if !self.skipping {
            self.lines.extend(row::line(&self.row, self.fields));
        }
        self.skipping = false;
        self.row.clear();
    }

    /// Whether this is no list of rows at all: the first bytes decide.
    fn foreign(&self) -> bool {
        let head = self.head.trim_ascii_start();
        !head.is_empty() && !head.starts_with(b"{")
    }

    fn finish(mut self, cut: bool) -> Read {
        if !cut {
            self.end_row();
        }
        Read { lines: self.lines, rows: self.count, cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(chunks: &[&[u8]]) -> Read {
        let fields = FieldSet::detect(["namespace", "pod"].into_iter()).unwrap();
        let mut rows =
            Rows { fields: &fields, lines: Vec::new(), count: 0, row: Vec::new(), head: Vec::new(), skipping: false };
        for chunk in chunks {
            rows.take(chunk);
        }
        rows.finish(false)
    }

    #[test]
    fn rows_across_chunks_broken_rows_and_one_without_end() {
        let row = br#"{"_time":"2026-11-22T21:38:32Z","_msg":"one","pod":"a"}"#;
        let read = rows(&[&row[..10], &row[10..], b"\n{broken\n\n", row]);
        assert_eq!((read.lines.len(), read.rows, read.cut), (2, 3, false));
    }

    #[test]
    fn a_huge_row_is_skipped_and_the_next_one_read() {
        let huge = vec![b'x'; MAX_ROW_BYTES];
        let row = br#"{"_time":"2026-11-22T21:38:32Z","_msg":"one","pod":"a"}"#;
        let read = rows(&[b"{\"_time\":\"2026-11-22T21:38:31Z\",\"_msg\":\"", &huge, b"\"}\n", row, b"\n"]);
        let texts: Vec<&str> = read.lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!((texts, read.rows), (vec!["one"], 2));
    }
}
