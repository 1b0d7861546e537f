//! Finding our own messages again, by the metadata that they bear.

use serde::Deserialize;
use serde_json::{Map, Value};
use slack_morphism::SlackMessageMetadata;

use super::api::Api;
use crate::domain::chat::MessageId;
use crate::ports::{ChatError, Destination, Sent};

/// The type under which our messages are known.
const EVENT_TYPE: &str = "holmes_post";
/// Messages of one page.
const PAGE: &str = "200";

/// What a message of ours remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// See [`Destination::key`].
    pub key: String,
    /// Which of the messages that say it together, from 0.
    pub part: usize,
    /// How many they are.
    pub parts: usize,
    /// The file that it shows.
    pub file: Option<String>,
}

/// A message in a channel.
#[derive(Debug, Deserialize)]
struct Found {
    ts: String,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    event_payload: Map<String, Value>,
}

impl Memory {
    /// As Slack keeps it.
    pub fn metadata(&self) -> SlackMessageMetadata {
        let Self { key, part, parts, file } = self;
        let pairs = [("key", key.clone()), ("part", part.to_string()), ("parts", parts.to_string())];
        let file = file.iter().map(|file| ("file", file.clone()));
        let payload = pairs.into_iter().chain(file).map(|(name, value)| (name.to_owned(), value)).collect();
        SlackMessageMetadata::new(EVENT_TYPE.to_owned()).with_event_payload(payload)
    }

    fn of(found: &Found) -> Option<Self> {
        let metadata = found.metadata.as_ref().filter(|metadata| metadata.event_type == EVENT_TYPE)?;
        let text = |name: &str| metadata.event_payload.get(name).and_then(Value::as_str);
        let number = |name: &str| text(name).and_then(|number| number.parse().ok());
        Some(Self {
            key: text("key")?.to_owned(),
            part: number("part").unwrap_or(0),
            parts: number("parts").unwrap_or(1),
            file: text("file").map(str::to_owned),
        })
    }
}

/// The messages that were sent under a key, by part; `None` for one that did not arrive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// By part.
    pub ids: Vec<Option<String>>,
    /// The file that the first shows.
    pub file: Option<String>,
}

impl Arrived {
    /// All of it, if nothing is missing.
    pub fn whole(self) -> Option<Sent> {
        let mut ids = self.ids.into_iter().collect::<Option<Vec<String>>>()?.into_iter().map(MessageId);
        Some(Sent { id: ids.next()?, rest: ids.collect() })
    }

    fn take(&mut self, key: &str, found: &[Found]) {
        for found in found {
            let Some(memory) = Memory::of(found).filter(|memory| memory.key == key && memory.part < 1000) else {
                continue;
            };
            let length = self.ids.len().max(memory.part + 1).max(memory.parts.min(1000));
            self.ids.resize(length, None);
            let earlier = self.ids[memory.part].as_deref().is_some_and(|known| known <= found.ts.as_str());
            if !earlier {
                self.ids[memory.part] = Some(found.ts.clone());
            }
            if memory.part == 0 {
                self.file = memory.file;
            }
        }
    }
}

/// Looks for what was sent under a key: in the thread, or for a root in the channel and then in its own thread.
///
/// # Errors
/// When Slack does not show the messages.
pub async fn look(api: &Api, channel: &str, to: &Destination) -> Result<Arrived, ChatError> {
    let mut arrived = Arrived::default();
    let key = &to.key();
    match &to.thread {
        Some(MessageId(root)) => arrived.take(key, &thread_of(api, channel, root).await?),
        None => {
            let ours = |found: &[Found]| {
                found.iter().filter_map(Memory::of).any(|memory| memory.key == *key && memory.part == 0)
            };
            let parameters = [
                ("channel", channel.to_owned()),
                ("limit", PAGE.to_owned()),
                ("include_all_metadata", "true".to_owned()),
            ];
            arrived.take(key, &api.list("conversations.history", &parameters, "messages", ours).await?);
            if let Some(Some(root)) = arrived.ids.first().cloned()
                && arrived.ids.len() > 1
            {
                arrived.take(key, &thread_of(api, channel, &root).await?);
            }
        }
    }
    Ok(arrived)
}

/// The file that a message of ours shows.
///
/// # Errors
/// When Slack does not show the message.
pub async fn file_of(api: &Api, channel: &str, thread: &str, message: &str) -> Result<Option<String>, ChatError> {
    let parameters = [
        ("channel", channel.to_owned()),
        ("ts", thread.to_owned()),
        ("oldest", message.to_owned()),
        ("latest", message.to_owned()),
        ("inclusive", "true".to_owned()),
        ("limit", PAGE.to_owned()),
        ("include_all_metadata", "true".to_owned()),
    ];
    let is_it = |found: &[Found]| found.iter().any(|found| found.ts == message);
    let found: Vec<Found> = api.list("conversations.replies", &parameters, "messages", is_it).await?;
    Ok(found.iter().find(|found| found.ts == message).and_then(Memory::of).and_then(|memory| memory.file))
}

async fn thread_of(api: &Api, channel: &str, root: &str) -> Result<Vec<Found>, ChatError> {
    let parameters = [
        ("channel", channel.to_owned()),
        ("ts", root.to_owned()),
        ("limit", PAGE.to_owned()),
        ("include_all_metadata", "true".to_owned()),
    ];
    api.list("conversations.replies", &parameters, "messages", |_| false).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(ts: &str, memory: &Memory) -> Found {
        serde_json::from_value(json!({"ts": ts, "metadata": memory.metadata()})).unwrap()
    }

    #[test]
    fn a_message_is_whole_only_with_all_of_its_parts() {
        let memory = |part| Memory { key: "i-1/report".into(), part, parts: 2, file: None };
        let other = Memory { key: "i-1/status".into(), part: 0, parts: 1, file: None };
        let arrived = |found: &[Found]| {
            let mut arrived = Arrived::default();
            arrived.take("i-1/report", found);
            arrived.whole()
        };
        assert_eq!(arrived(&[found("1.1", &other)]), None);
        assert_eq!(arrived(&[found("1.1", &memory(0)), found("1.2", &other)]), None);
        let whole = arrived(&[found("1.1", &memory(0)), found("1.3", &memory(1)), found("1.2", &memory(1))]).unwrap();
        assert_eq!((whole.id.0.as_str(), whole.rest), ("1.1", vec![MessageId("1.2".into())]));
    }
}
