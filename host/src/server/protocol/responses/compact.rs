//! `POST /v1/responses/compact`: a conversation in, the same in short out, as one JSON body.
//!
//! A reply's text is what the history becomes: a `compaction` item that only the model could read.

use serde_json::{Value, json};

use super::Responses;
use crate::document::Item;
use crate::profile::Transport;
use crate::server::answer::Manner;
use crate::server::part::Part;
use crate::server::protocol::{Answer, Asked, Decoded, Frame, Head, Refusal, WireFormat};

/// The wire format.
pub(in crate::server) struct Compact;

impl WireFormat for Compact {
    fn decode(&self, asked: &Asked<'_>) -> Decoded {
        Decoded { streams: false, ..Responses.decode(asked) }
    }

    fn stream(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
        vec![Frame::event(None, &self.whole(head, parts))]
    }

    fn whole(&self, head: &Head<'_>, parts: &[Part]) -> Value {
        let said: Vec<String> = parts.iter().map(Part::whole).filter(|text| !text.is_empty()).collect();
        let item = json!({
            "type": "compaction",
            "id": format!("cmp_{}", head.stem),
            "encrypted_content": said.join("\n"),
        });
        json!({ "id": format!("resp_{}", head.id), "object": "response.compaction", "output": [item] })
    }

    fn failed(&self, manner: Manner, _head: &Head<'_>, code: &str, message: &str) -> Answer {
        self.refusal(manner.transport, &Refusal::new(500, code, message.to_owned()))
    }

    fn refusal(&self, transport: Transport, refusal: &Refusal) -> Answer {
        Responses.refusal(transport, refusal)
    }

    fn event_name(&self, _event: &Value) -> Option<String> {
        None
    }

    fn said(&self, events: &[Value]) -> Vec<Item> {
        Responses.said(events)
    }
}
