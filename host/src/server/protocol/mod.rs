//! Wire formats. Each reads a request into the document's words and renders a reply as frames; none knows lanes or steps.
//!
//! A new protocol is one folder with one [`WireFormat`] and one line in [`format_of`].

pub(super) mod frame;
pub(super) mod http;
pub(super) mod responses;

use std::sync::Arc;

use serde_json::Value;

use crate::document::{Item, Violation};
use crate::profile::{Protocol, Transport};

use super::answer::Manner;
use super::part::Part;
pub(super) use frame::{Answer, Form, Frame, StreamEnd, delivered};

/// What a protocol knows: how its requests read and how its replies look.
pub(super) trait WireFormat: Sync {
    /// Which protocol it is.
    fn protocol(&self) -> Protocol;

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
        _ => &responses::Responses,
    }
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
}

/// Tokens each item of a transcript counts as.
const INPUT_TOKENS_PER_ITEM: usize = 100;
/// Tokens each item of a reply counts as.
const OUTPUT_TOKENS_PER_ITEM: usize = 10;

/// Tokens that a reply says were used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// Of the request.
    pub(super) input: u64,
    /// Of the reply.
    pub(super) output: u64,
}

impl Head<'_> {
    /// What the reply says of tokens: by a fixed rule, so that it never differs between runs.
    pub(super) fn usage(&self, parts: &[Part]) -> Usage {
        Usage {
            input: (self.input_items * INPUT_TOKENS_PER_ITEM) as u64,
            output: (parts.len() * OUTPUT_TOKENS_PER_ITEM) as u64,
        }
    }
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
}
