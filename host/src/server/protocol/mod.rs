//! Wire formats. Each reads a request into the document's words and renders a reply as frames; none knows lanes or steps.
//!
//! A new protocol is one folder with one [`WireFormat`] and one line in [`format_of`].

pub(super) mod chat;
mod content;
pub(super) mod frame;
pub(super) mod gemini;
pub(super) mod http;
pub(super) mod messages;
pub(super) mod models;
pub(super) mod responses;

use std::sync::Arc;

use serde_json::Value;

use crate::document::{Item, Violation};
use crate::profile::{Protocol, Stop, Transport};

use super::answer::Manner;
use super::part::Part;
pub(super) use crate::scenario::Usage;
use crate::scenario::WireEvent;
pub(super) use frame::{Answer, Form, Frame, StreamEnd, delivered};

/// What a protocol knows: how its requests read and how its replies look.
pub(super) trait WireFormat: Sync {
    /// Reads a request whose body is a JSON object.
    fn decode(&self, asked: &Asked<'_>) -> Decoded;

    /// A whole reply as a stream of frames.
    fn stream(&self, head: &Head<'_>, parts: &[Part]) -> Vec<Frame>;

    /// A whole reply as one JSON body.
    fn whole(&self, head: &Head<'_>, parts: &[Part]) -> Value;

    /// A reply that begins well and then fails in the protocol's own way.
    fn failed(&self, manner: Manner, head: &Head<'_>, code: &str, message: &str) -> Answer;

    /// The answer of a request that is refused.
    fn refusal(&self, transport: Transport, refusal: &Refusal) -> Answer;

    /// Headers of a reply beside those of its form.
    fn reply_headers(&self, _head: &Head<'_>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The name in the `event:` line of an event that is written out in a script; none where the protocol has no such
    /// lines.
    fn event_name(&self, event: &Value) -> Option<String>;

    /// What an agent understands of events that are written out in a script.
    fn said(&self, events: &[Value]) -> Vec<Item>;

    /// Marks of a reply's reasoning that the agent must send back unchanged.
    fn signatures(&self, _head: &Head<'_>, _parts: &[Part]) -> Vec<String> {
        Vec::new()
    }

    /// Whether a later request may name a reply instead of repeating what led to it.
    fn is_built_upon(&self) -> bool {
        false
    }

    /// The items that a reply adds to the conversation as it is on the wire, where later requests may name the reply
    /// instead of repeating them.
    fn remembered(&self, _head: &Head<'_>, _parts: &[Part]) -> Vec<Value> {
        Vec::new()
    }
}

/// The wire format of a protocol.
pub(super) fn format_of(protocol: Protocol) -> &'static dyn WireFormat {
    match protocol {
        Protocol::Responses => &responses::Responses,
        Protocol::Chat => &chat::Chat,
        Protocol::Messages => &messages::Messages,
        Protocol::Gemini => &gemini::Gemini,
    }
}

/// What an agent understands of a reply that is written out, in whichever protocol it is.
pub(super) fn said(events: &[WireEvent]) -> Vec<Item> {
    let data: Vec<Value> = events
        .iter()
        .flat_map(|event| match event {
            WireEvent::Data(data) => vec![data.clone()],
            WireEvent::Raw(raw) => events_in(raw.as_bytes()),
        })
        .collect();
    let of = |protocol: &Protocol| {
        let items = format_of(*protocol).said(&data);
        let says_something =
            items.iter().any(|item| !matches!(item, Item::Message { text, .. } if text.is_empty()));
        says_something.then_some(items)
    };
    Protocol::ALL.iter().find_map(of).unwrap_or_default()
}

/// The JSON of a stream's events, or of a body that is JSON as a whole.
pub(super) fn events_in(body: &[u8]) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_slice(body) {
        return vec![whole];
    }
    let text = String::from_utf8_lossy(body);
    text.lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

/// A request as a protocol reads it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// What carried it.
    pub(super) transport: Transport,
    /// Path and query.
    pub(super) target: &'a str,
    /// The body, an object.
    pub(super) body: &'a Value,
    /// The conversation at whose end the response stands that the request names.
    pub(super) earlier: &'a dyn Fn(&str) -> Option<Vec<Arc<Value>>>,
}

/// A request in words that all protocols share.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoded {
    /// The model asked for.
    pub(super) model: Option<String>,
    /// Whether the answer is a stream of events.
    pub(super) streams: bool,
    /// The whole conversation.
    pub(super) transcript: Vec<Item>,
    /// How many of its first items earlier requests brought.
    pub(super) inherited: u32,
    /// Names of the tools offered.
    pub(super) tools: Vec<String>,
    /// What the protocol forbids and the request does.
    pub(super) violations: Vec<Violation>,
    /// Marks of reasoning that it sends back.
    pub(super) signatures: Vec<String>,
    /// The conversation as it is on the wire, where later requests may name it instead of repeating it.
    pub(super) wire_items: Vec<Arc<Value>>,
    /// The earlier response it names, where the server knows no such response.
    pub(super) unknown_response: Option<String>,
    /// Whether a stream ends with the tokens used (`stream_options.include_usage` of Chat Completions).
    pub(super) reports_usage: bool,
}

/// What a reply is called and counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    /// Identifier of the response: `<lane>_<step>_<attempt>`, to which each protocol adds its prefix.
    pub(super) id: &'a str,
    /// What identifiers of its items hold: `<lane>_<step>`.
    pub(super) stem: &'a str,
    /// The model the request asked for.
    pub(super) model: &'a str,
    /// Items of the request's transcript.
    pub(super) input_items: usize,
    /// Whether a stream ends with the tokens used, where the protocol leaves the choice to the request.
    pub(super) reports_usage: bool,
    /// What the script says of tokens; otherwise a fixed rule does.
    pub(super) usage: Option<Usage>,
    /// Why the model stops.
    pub(super) stop: Stop,
}

/// When every reply was made.
const CREATED_AT_SECONDS: u64 = 1_700_000_000;

/// Tokens each item of a transcript counts as.
const INPUT_TOKENS_PER_ITEM: usize = 100;
/// Tokens each item of a reply counts as.
const OUTPUT_TOKENS_PER_ITEM: usize = 10;

impl Head<'_> {
    /// What the reply says of tokens: by a fixed rule, so that it never differs between runs.
    pub(super) fn usage(&self, parts: &[Part]) -> Usage {
        self.usage.unwrap_or(Usage {
            input: tokens(self.input_items),
            cached: 0,
            output: (parts.len() * OUTPUT_TOKENS_PER_ITEM) as u64,
            reasoning: 0,
        })
    }

    /// Why the model stops, in the protocol's word. What has no word there was refused when the script was loaded.
    pub(super) fn stop_word(&self, protocol: Protocol, parts: &[Part]) -> &'static str {
        let calls = parts.iter().any(|part| matches!(part, Part::Call { .. }));
        protocol
            .stop_word(self.stop, calls)
            .or_else(|| protocol.stop_word(Stop::End, calls))
            .unwrap_or_default()
    }
}

/// The HTTP status that goes with an error code of a script: the words of the Responses API stand for kinds of errors
/// that every protocol has, each in its own words.
fn status_of_kind(code: &str) -> Option<u16> {
    Some(match code {
        "invalid_request_error" | "invalid_prompt" | "context_length_exceeded" => 400,
        "invalid_api_key" => 401,
        "rate_limit_exceeded" | "insufficient_quota" => 429,
        "server_error" => 500,
        "server_is_overloaded" | "slow_down" => 503,
        _ => return None,
    })
}

/// Tokens that a transcript of so many items counts as.
pub(super) fn tokens(items: usize) -> u64 {
    (items * INPUT_TOKENS_PER_ITEM) as u64
}

/// Why a request gets no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// The protocol's error code where it has that word; otherwise the status decides.
    pub(super) code: String,
    /// For people.
    pub(super) message: String,
    /// Seconds for a `retry-after` header.
    pub(super) retry_after_seconds: Option<u32>,
}

impl Refusal {
    /// One that no agent repeats.
    pub(super) fn new(status: u16, code: &str, message: String) -> Self {
        Self { status, code: code.to_owned(), message, retry_after_seconds: None }
    }

    /// Headers that say when to come again.
    fn headers(&self) -> Vec<(&'static str, String)> {
        self.retry_after_seconds.map(|seconds| ("retry-after", seconds.to_string())).into_iter().collect()
    }
}
