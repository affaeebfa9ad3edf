//! Anthropic Messages: one JSON body, or named events from `message_start` to `message_stop`.

mod decode;
mod render;

use serde_json::{Value, json};

use super::{Answer, Asked, Decoded, Frame, Head, Refusal, StreamEnd, WireFormat, status_of_kind};
use crate::document::Item;
use crate::profile::Transport;
use crate::server::answer::Manner;
use crate::server::part::Part;

/// The wire format.
pub(in crate::server) struct Messages;

/// The error types of the protocol, each with its status.
const ERROR_TYPES: [(&str, u16); 10] = [
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
    ("overloaded_error", 529),
];

impl WireFormat for Messages {
    fn decode(&self, asked: &Asked<'_>) -> Decoded {
        decode::request(asked.body)
    }

    fn stream(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
        render::stream(head, parts)
    }

    fn whole(&self, head: &Head<'_>, parts: &[Part]) -> Value {
        render::whole(head, parts)
    }

    fn reply_headers(&self, head: &Head<'_>) -> Vec<(&'static str, String)> {
        vec![("request-id", format!("req_{}", head.id))]
    }

    fn failed(&self, manner: Manner, head: &Head<'_>, code: &str, message: &str) -> Answer {
        let known = ERROR_TYPES.iter().find(|(name, _)| *name == code).copied();
        let of_kind = || status_of_kind(code).map(|status| (error_type(status), own_status(status)));
        let (name, status) = known.or_else(of_kind).unwrap_or(("api_error", 500));
        if manner.streams {
            let error = error(name, message);
            Answer::events(vec![render::opening(head), render::event(&error)], StreamEnd::Close)
        } else {
            self.refusal(manner.transport, &Refusal::new(status, name, message.to_owned()))
        }
    }

    fn refusal(&self, _: Transport, refusal: &Refusal) -> Answer {
        let Refusal { status, code, message, .. } = refusal;
        let name = match ERROR_TYPES.iter().find(|(name, _)| name == code) {
            Some((name, _)) => name,
            None => error_type(*status),
        };
        let mut headers = refusal.headers();
        headers.push(("request-id", String::from(REFUSED_REQUEST_ID)));
        Answer { headers, detail: code.clone(), ..Answer::json(*status, &error(name, message)) }
    }

    fn event_name(&self, event: &Value) -> Option<String> {
        event["type"].as_str().map(str::to_owned)
    }

    fn said(&self, events: &[Value]) -> Vec<Item> {
        decode::message(&render::accumulated(events))
    }

    fn signatures(&self, head: &Head<'_>, parts: &[Part]) -> Vec<String> {
        render::signatures(head, parts)
    }
}

/// What a refused request is called: it reached no step that could name it.
const REFUSED_REQUEST_ID: &str = "req_refused";

/// The error type that goes with a status.
fn error_type(status: u16) -> &'static str {
    match ERROR_TYPES.iter().find(|(_, of)| *of == own_status(status)) {
        Some((name, _)) => name,
        None if status < 500 => "invalid_request_error",
        None => "api_error",
    }
}

/// The protocol says by a status of its own that it is overloaded.
fn own_status(status: u16) -> u16 {
    if status == 503 { 529 } else { status }
}

fn error(name: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": name, "message": message}, "request_id": REFUSED_REQUEST_ID})
}
