//! Wire formats. Each reads a request into the document's words and renders a reply; none knows lanes or steps.

pub(super) mod responses;
pub(super) mod responses_events;
pub(super) mod responses_http;
pub(super) mod responses_ws;

use serde_json::Value;

/// What a request is answered with, before a transport gives it its form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A JSON body, or none.
    Json {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Option<Value>,
    },
    /// The protocol's error.
    Error {
        /// HTTP status.
        status: u16,
        /// `error.code`.
        code: String,
        /// `error.message`.
        message: String,
        /// Seconds for a `retry-after` header.
        retry_after_seconds: Option<u32>,
    },
    /// A stream of events.
    Events {
        /// The events, in order.
        events: Vec<Value>,
        /// How the stream ends.
        end: StreamEnd,
    },
}

/// How a stream of events ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// In good order; the connection may be used again.
    Complete,
    /// In good order, and over HTTP the connection is closed: codex waits for that after `response.failed`.
    Close,
    /// The connection is dropped in the middle.
    Cut,
}
