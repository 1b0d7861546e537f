//! A frame of the WebSocket, and the post that it may bring.

use serde::Deserialize;
use serde_json::Value;

use super::super::api::Post;

/// An event of the server, or its reply to something that we sent.
#[derive(Debug, Default, Deserialize)]
pub struct Frame {
    /// `posted`, `hello` and many others.
    pub event: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub data: Value,
    /// Counts the events of a connection from 0.
    pub seq: Option<i64>,
    /// The number of what is replied to.
    pub seq_reply: Option<i64>,
    /// `OK` or `FAIL`.
    pub status: Option<String>,
}

/// What somebody wrote.
#[derive(Debug)]
pub struct Posted {
    /// It.
    pub post: Post,
    /// `O`, `P`, `D` and others; empty where the server does not say.
    pub channel_type: String,
    /// The name of who wrote it, where the server says it.
    pub sender: Option<String>,
}

impl Frame {
    /// A frame, read.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The post that a `posted` event brings; `None` for every other frame and for what cannot be read.
    pub fn posted(self) -> Option<Posted> {
        #[derive(Deserialize)]
        struct Data {
            /// A post, as JSON in a string.
            post: String,
            #[serde(default)]
            channel_type: String,
            #[serde(default)]
            sender_name: String,
        }
        if self.event.as_deref() != Some("posted") {
            return None;
        }
        let Data { post, channel_type, sender_name } = serde_json::from_value(self.data).ok()?;
        let Ok(post) = serde_json::from_str(&post) else {
            tracing::debug!("a post of Mattermost cannot be read");
            return None;
        };
        let sender = sender_name.trim_start_matches('@');
        Some(Posted { post, channel_type, sender: (!sender.is_empty()).then(|| sender.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read() {
        for (text, event, seq, reply) in [
            (r#"{"event":"hello","data":{},"broadcast":{},"seq":0}"#, Some("hello"), Some(0), None),
            (r#"{"status":"OK","seq_reply":1}"#, None, None, Some(1)),
            (r#"{"status":"OK","seq_reply":2,"data":{"text":"pong"}}"#, None, None, Some(2)),
        ] {
            let frame = Frame::read(text).unwrap();
            assert_eq!((frame.event.as_deref(), frame.seq, frame.seq_reply), (event, seq, reply), "{text}");
            assert!(frame.posted().is_none());
        }
    }
}
