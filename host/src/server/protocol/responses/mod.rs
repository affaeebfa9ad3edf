//! OpenAI Responses: the same events over HTTP and over a WebSocket.

mod compact;
mod decode;
mod events;
pub(in crate::server) mod framing;
pub(in crate::server) mod websocket;

use serde_json::{Value, json};

use super::{Answer, Asked, Decoded, Frame, Head, Refusal, StreamEnd, WireFormat};
use crate::document::Item;
use crate::profile::Transport;
use crate::server::answer::Manner;
use crate::server::fault::error_type;
use crate::server::part::Part;

pub(in crate::server) use compact::Compact;

/// The wire format.
pub(in crate::server) struct Responses;

impl WireFormat for Responses {
    fn decode(&self, asked: &Asked<'_>) -> Decoded {
        let body = asked.body;
        let own = decode::input_items(body);
        let previous = body["previous_response_id"].as_str();
        let inherited = previous.map_or(Some(Vec::new()), asked.earlier);
        let unknown_response = if inherited.is_none() { previous.map(str::to_owned) } else { None };
        let mut wire_items = inherited.unwrap_or_default();
        let inherited = wire_items.len() as u32;
        let mut transcript: Vec<Item> = wire_items.iter().map(|raw| decode::item(raw)).collect();
        transcript.extend(decode::instructions(body));
        transcript.extend(own.iter().map(|raw| decode::item(raw)));
        wire_items.extend(own);
        // What a server compacted is sealed too, and no mark of reasoning.
        let thoughts = wire_items.iter().filter(|item| item["type"] == "reasoning");
        let encrypted = thoughts.filter_map(|item| item["encrypted_content"].as_str());
        Decoded {
            signatures: encrypted.map(str::to_owned).collect(),
            model: body["model"].as_str().map(str::to_owned),
            streams: asked.transport == Transport::Websocket || body["stream"] == true,
            tools: decode::tools(body, &wire_items),
            transcript,
            inherited,
            wire_items,
            unknown_response,
            ..Decoded::default()
        }
    }

    fn stream(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
        events::reply(head, parts)
    }

    fn whole(&self, head: &Head<'_>, parts: &[Part]) -> Value {
        events::completed(head, parts)
    }

    fn failed(&self, manner: Manner, head: &Head<'_>, code: &str, message: &str) -> Answer {
        if manner.streams {
            Answer::events(events::failed(head, code, message), StreamEnd::Close)
        } else {
            Answer::json(200, &events::failed_response(head, code, message))
        }
    }

    fn refusal(&self, transport: Transport, refusal: &Refusal) -> Answer {
        let Refusal { status, code, message, retry_after_seconds } = refusal;
        let error_type = error_type(*status);
        let answer = match transport {
            Transport::Http => {
                let body = json!({"error": {
                    "message": message, "type": error_type, "param": null, "code": code,
                }});
                Answer { headers: refusal.headers(), ..Answer::json(*status, &body) }
            }
            Transport::Websocket => {
                // codex acts on an error frame only when it has `status`.
                let mut frame = json!({
                    "type": "error", "status": status,
                    "error": {"code": code, "message": message, "type": error_type},
                });
                if let Some(seconds) = retry_after_seconds {
                    frame["headers"] = json!({"retry-after": seconds.to_string()});
                }
                Answer::json(*status, &frame)
            }
        };
        Answer { detail: code.clone(), ..answer }
    }

    fn event_name(&self, event: &Value) -> Option<String> {
        event["type"].as_str().map(str::to_owned)
    }

    fn said(&self, events: &[Value]) -> Vec<Item> {
        let done = events.iter().filter(|event| event["type"] == "response.output_item.done");
        let whole = events.iter().filter_map(|event| event["output"].as_array()).flatten();
        done.map(|event| &event["item"]).chain(whole).map(decode::item).collect()
    }

    fn signatures(&self, _: &Head<'_>, parts: &[Part]) -> Vec<String> {
        let of = |part: &Part| match part {
            Part::Reasoning { encrypted, .. } => encrypted.clone(),
            _ => None,
        };
        parts.iter().filter_map(of).collect()
    }

    fn is_built_upon(&self) -> bool {
        true
    }

    fn remembered(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Value> {
        events::output(head, parts)
    }
}
