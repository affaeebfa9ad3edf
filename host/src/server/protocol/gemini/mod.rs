//! Gemini `generateContent`: one JSON body, or bare `data:` frames that end with the connection's body.

mod decode;
mod render;

use serde_json::{Value, json};

use super::{Answer, Asked, Decoded, Frame, Head, Refusal, StreamEnd, WireFormat, status_of_kind};
use crate::document::Item;
use crate::profile::Transport;
use crate::server::answer::Manner;
use crate::server::part::Part;

/// The wire format.
pub(in crate::server) struct Gemini;

/// Statuses of the protocol (google.rpc.Code), each with its HTTP status.
const STATUSES: [(&str, u16); 12] = [
    ("INVALID_ARGUMENT", 400),
    ("FAILED_PRECONDITION", 400),
    ("UNAUTHENTICATED", 401),
    ("PERMISSION_DENIED", 403),
    ("NOT_FOUND", 404),
    ("ABORTED", 409),
    ("RESOURCE_EXHAUSTED", 429),
    ("CANCELLED", 499),
    ("INTERNAL", 500),
    ("UNIMPLEMENTED", 501),
    ("UNAVAILABLE", 503),
    ("DEADLINE_EXCEEDED", 504),
];

impl WireFormat for Gemini {
    fn decode(&self, asked: &Asked<'_>) -> Decoded {
        decode::request(asked.target, asked.body)
    }

    fn stream(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
        render::stream(head, parts)
    }

    fn whole(&self, head: &Head<'_>, parts: &[Part]) -> Value {
        render::whole(head, parts)
    }

    fn failed(&self, manner: Manner, _: &Head<'_>, code: &str, message: &str) -> Answer {
        let known = STATUSES.iter().find(|(name, _)| *name == code);
        let of_kind = || STATUSES.iter().find(|(_, status)| Some(*status) == status_of_kind(code));
        let (name, status) = *known.or_else(of_kind).unwrap_or(&("INTERNAL", 500));
        let refusal = Refusal::new(status, name, message.to_owned());
        if manner.streams {
            Answer::events(vec![Frame::event(None, &error(&refusal, name))], StreamEnd::Close)
        } else {
            self.refusal(manner.transport, &refusal)
        }
    }

    fn refusal(&self, _: Transport, refusal: &Refusal) -> Answer {
        let by_code = STATUSES.iter().find(|(name, _)| *name == refusal.code);
        let by_status = || STATUSES.iter().find(|(_, status)| *status == refusal.status);
        let name = match by_code.or_else(by_status) {
            Some((name, _)) => name,
            None if refusal.status < 500 => "FAILED_PRECONDITION",
            None => "UNKNOWN",
        };
        Answer {
            headers: refusal.headers(),
            detail: refusal.code.clone(),
            ..Answer::json(refusal.status, &error(refusal, name))
        }
    }

    fn event_name(&self, _: &Value) -> Option<String> {
        None
    }

    fn said(&self, events: &[Value]) -> Vec<Item> {
        decode::said(events)
    }

    fn signatures(&self, _: &Head<'_>, parts: &[Part]) -> Vec<String> {
        let of = |part: &Part| match part {
            Part::Reasoning { signature, .. } => signature.clone(),
            _ => None,
        };
        parts.iter().filter_map(of).collect()
    }
}

fn error(refusal: &Refusal, name: &str) -> Value {
    let mut error = json!({"code": refusal.status, "message": refusal.message, "status": name});
    if let Some(seconds) = refusal.retry_after_seconds {
        error["details"] = json!([
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")},
        ]);
    }
    json!({"error": error})
}
