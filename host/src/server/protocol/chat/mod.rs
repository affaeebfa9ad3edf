//! OpenAI Chat Completions: one JSON body, or chunks and the sentinel `[DONE]`.

mod decode;
mod render;

use serde_json::{Value, json};

use super::{Answer, Asked, Decoded, Frame, Head, Refusal, StreamEnd, WireFormat, status_of_kind};
use crate::document::Item;
use crate::profile::Transport;
use crate::server::answer::Manner;
use crate::server::fault::error_type;
use crate::server::part::Part;

/// The wire format.
pub(in crate::server) struct Chat;

impl WireFormat for Chat {
    fn decode(&self, asked: &Asked<'_>) -> Decoded {
        decode::request(asked.body)
    }

    fn stream(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
        render::stream(head, parts)
    }

    fn whole(&self, head: &Head<'_>, parts: &[Part]) -> Value {
        render::whole(head, parts)
    }

    fn failed(&self, manner: Manner, head: &Head<'_>, code: &str, message: &str) -> Answer {
        if manner.streams {
            let error = json!({"error": error(status_of_kind(code).unwrap_or(500), code, message)});
            Answer::events(vec![render::opening(head), Frame::event(None, &error)], StreamEnd::Close)
        } else {
            let status = status_of_kind(code).unwrap_or(500);
            self.refusal(manner.transport, &Refusal::new(status, code, message.to_owned()))
        }
    }

    fn refusal(&self, _: Transport, refusal: &Refusal) -> Answer {
        let body = json!({"error": error(refusal.status, &refusal.code, &refusal.message)});
        Answer {
            headers: refusal.headers(),
            detail: refusal.code.clone(),
            ..Answer::json(refusal.status, &body)
        }
    }

    fn event_name(&self, _: &Value) -> Option<String> {
        None
    }

    fn said(&self, events: &[Value]) -> Vec<Item> {
        decode::message(&render::accumulated(events))
    }
}

fn error(status: u16, code: &str, message: &str) -> Value {
    json!({"message": message, "type": error_type(status), "param": null, "code": code})
}
