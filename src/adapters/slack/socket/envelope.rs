//! What comes through a socket.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::adapters::slack::inbound::{self, Inbound};

/// A frame of Slack's.
#[derive(Debug)]
pub enum Frame {
    /// The connection is ready.
    Hello,
    /// The connection will end: `warning`, `refresh_requested`, `link_disabled`.
    Disconnect(String),
    /// Something happened.
    Envelope(Box<Envelope>),
    /// None of these, without anything to acknowledge.
    Other,
}

/// Something that has to be acknowledged.
#[derive(Debug)]
pub struct Envelope {
    /// Names it in the acknowledgement.
    pub id: String,
    /// Whether the acknowledgement may carry an answer.
    pub takes_answer: bool,
    /// What it is; `Err` for what cannot be read, which would come again for ever if it were not acknowledged.
    pub inbound: Result<Inbound, serde_json::Error>,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    envelope_id: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    accepts_response_payload: bool,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// A frame, read.
pub fn read(text: &str) -> Frame {
    let Ok(written) = serde_json::from_str::<Written<'_>>(text) else { return Frame::Other };
    let Written { kind, envelope_id, reason, accepts_response_payload, payload } = written;
    match (kind.as_str(), envelope_id) {
        ("hello", _) => Frame::Hello,
        ("disconnect", _) => Frame::Disconnect(reason.unwrap_or_default()),
        (kind, Some(id)) => {
            let payload = payload.map_or("null", RawValue::get).as_bytes();
            let inbound = match kind {
                "events_api" => inbound::event(payload),
                "interactive" => inbound::interaction(payload),
                "slash_commands" => serde_json::from_slice(payload).map(inbound::command),
                _ => Ok(Inbound::Nothing("an envelope of another kind")),
            };
            Frame::Envelope(Box::new(Envelope { id, takes_answer: accepts_response_payload, inbound }))
        }
        (_, None) => Frame::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_as_servers_send_them() {
        let hello =
            r#"{"type":"hello","connection_info":{"app_id":"A"},"num_connections":1,"debug_info":{"host":"x"}}"#;
        assert!(matches!(read(hello), Frame::Hello));
        let disconnect = r#"{"type":"disconnect","reason":"warning","debug_info":{"host":"x"}}"#;
        assert!(matches!(read(disconnect), Frame::Disconnect(reason) if reason == "warning"));
        let command = r#"{"envelope_id":"e1","type":"slash_commands","payload":{"command":"/ops","text":"status","trigger_id":"1","user_id":"U1","channel_id":"C1"},"accepts_response_payload":true}"#;
        let Frame::Envelope(envelope) = read(command) else { panic!() };
        assert!(envelope.id == "e1" && envelope.takes_answer && matches!(envelope.inbound, Ok(Inbound::Typed(_))));
        let broken = r#"{"envelope_id":"e2","type":"interactive","payload":{"type":"block_actions"}}"#;
        assert!(matches!(read(broken), Frame::Envelope(envelope) if envelope.inbound.is_err()));
        let other = r#"{"envelope_id":"e3","type":"new_kind"}"#;
        let Frame::Envelope(envelope) = read(other) else { panic!() };
        assert!(matches!(envelope.inbound, Ok(Inbound::Nothing(_))));
        assert!(matches!(read("Ping from applink"), Frame::Other));
    }
}
