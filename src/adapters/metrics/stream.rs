//! Carries an answer from the socket to the parser: chunks arrive asynchronously, the parser reads synchronously on a
//! blocking thread, and a short queue between them keeps both from running ahead.

use std::io::{BufReader, Read};

use bytes::{Buf, Bytes};
use reqwest::Response;
use tokio::sync::mpsc;

use super::top::Top;
use super::{MetricsError, RangeResult, parse};
use crate::adapters::http::{HttpError, body, shown};
use crate::domain::text;

/// Chunks (of about 16 KiB) between socket and parser.
const QUEUED_CHUNKS: usize = 8;
/// Bytes at the start of the answer that are kept to say what it looks like when it is no JSON.
const HEAD_BYTES: usize = 4 * 1024;
/// Longest warning that is kept.
const MAX_WARNING_BYTES: usize = 300;

/// Reads an answer of up to `max` bytes into `top`; beyond that, what was read counts.
pub async fn read(response: Response, mut top: Top, max: u64) -> Result<RangeResult, MetricsError> {
    let url = shown(response.url());
    let (sender, chunks) = mpsc::channel(QUEUED_CHUNKS);
    let parser = tokio::task::spawn_blocking(move || {
        let reader = BufReader::new(Chunks { chunks, current: Bytes::new() });
        let outcome = parse::answer(reader, &mut |series| top.offer(series));
        (outcome, top)
    });
    let fed = feed(response, sender, max).await;
    let (outcome, top) = parser.await.map_err(|error| MetricsError::Unread(error.to_string()))?;
    let Fed { head, cut } = fed.map_err(|error| HttpError::from_body(error, url.clone()))?;
    let envelope = match outcome {
        Ok(envelope) => envelope,
        // What is missing is only the end.
        Err(_) if cut => parse::Envelope { status: "success".into(), ..Default::default() },
        Err(error) => {
            let seen = body::seen(&head, &error.to_string());
            return Err(HttpError::NotJson { url, seen }.into());
        }
    };
    if envelope.status != "success" {
        let said = if envelope.error.is_empty() { "its answer says neither success nor why" } else { &envelope.error };
        return Err(MetricsError::BadQuery(text::line(said, MAX_WARNING_BYTES)));
    }
    let (series, total) = top.finish();
    let warnings = envelope.warnings.iter().map(|warning| text::line(warning, MAX_WARNING_BYTES)).collect();
    Ok(RangeResult { series, total, partial: envelope.partial, cut, warnings })
}

struct Fed {
    head: Vec<u8>,
    cut: bool,
}

async fn feed(mut response: Response, sender: mpsc::Sender<Bytes>, max: u64) -> Result<Fed, reqwest::Error> {
    let mut fed = Fed { head: Vec::new(), cut: false };
    let mut left = max;
    while let Some(mut chunk) = response.chunk().await? {
        let wanted = HEAD_BYTES.saturating_sub(fed.head.len());
        fed.head.extend_from_slice(&chunk[..chunk.len().min(wanted)]);
        if chunk.len() as u64 > left {
            chunk.truncate(left as usize);
            fed.cut = true;
        }
        left -= chunk.len() as u64;
        // The parser hangs up when it met something that is no JSON; the rest is of no use then.
        if sender.send(chunk).await.is_err() || fed.cut {
            break;
        }
    }
    Ok(fed)
}

/// The queue as something to read from.
struct Chunks {
    chunks: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(next) => self.current = next,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::metric_role::Worst;

    async fn answer(body: &str, max: u64) -> Result<RangeResult, MetricsError> {
        read(Response::from(axum::http::Response::new(body.to_owned())), Top::new(4, Vec::new(), Worst::High), max)
            .await
    }

    fn series(count: usize) -> String {
        let series = r#"{"metric":{"pod":"a"},"values":[[1,"1"],[2,"3"]]}"#;
        format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#,
            vec![series; count].join(",")
        )
    }

    #[tokio::test]
    async fn what_was_read_before_the_bound_counts() {
        let whole = answer(&series(100), 1_000_000).await.unwrap();
        assert_eq!((whole.total, whole.series.len(), whole.cut), (100, 4, false));
        let cut = answer(&series(100), 1_000).await.unwrap();
        assert!(cut.cut && (10..30).contains(&cut.total), "{}", cut.total);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_named() {
        for (body, words) in [
            ("<!doctype html><title>Sign in</title>", "an HTML page \"Sign in\": is this the right URL?"),
            ("", "an empty body"),
            (r#"{"status":"success","data":"#, "its JSON cannot be read"),
            (r#"{"status":"error","error":"too many"}"#, "refused the query: too many"),
        ] {
            let error = answer(body, 1_000).await.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
