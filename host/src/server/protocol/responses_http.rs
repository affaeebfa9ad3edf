//! Answers as HTTP responses: JSON, or a stream of server-sent events.
//!
//! `event:` and `data:` lines, no `[DONE]`, no compression. The event order is `responses_events`' business.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::Sleep;

use super::{Answer, StreamEnd};
use crate::server::fault::error_type;

/// How long the last bytes before a cut travel alone. Agents that find bytes and end in one read drop the bytes or
/// keep them by chance; nothing in this program depends on it.
pub(in crate::server) const CUT_PAUSE: Duration = Duration::from_millis(50);

/// A response body: chunks that are ready, and how it ends.
pub(in crate::server) struct ReplyBody {
    chunks: VecDeque<Bytes>,
    whole: bool,
    cuts: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl ReplyBody {
    /// A body that is one piece, of known length.
    pub(in crate::server) fn whole(bytes: Bytes) -> Self {
        let chunks = if bytes.is_empty() { VecDeque::new() } else { VecDeque::from([bytes]) };
        Self { chunks, whole: true, cuts: false, pause: None }
    }

    fn stream(events: &[Value], end: StreamEnd) -> Self {
        let chunks = events.iter().map(frame).collect();
        Self { chunks, whole: false, cuts: end == StreamEnd::Cut, pause: None }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if !self.cuts {
            return Poll::Ready(None);
        }
        // While this waits, the connection writes out what it has; the error then drops it in the middle.
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(CUT_PAUSE)));
        pause
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "scripted cut"))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.cuts
    }

    fn size_hint(&self) -> SizeHint {
        match self.whole {
            true => SizeHint::with_exact(self.chunks.iter().map(|chunk| chunk.len() as u64).sum()),
            false => SizeHint::default(),
        }
    }
}

/// An answer as an HTTP response.
pub(in crate::server) fn response(answer: Answer) -> Response<ReplyBody> {
    match answer {
        Answer::Json { status, body } => whole(status, body.as_ref()),
        Answer::Error { status, code, message, retry_after_seconds } => {
            let body = json!({"error": {
                "message": message, "type": error_type(status), "param": null, "code": code,
            }});
            let mut response = whole(status, Some(&body));
            if let Some(seconds) = retry_after_seconds {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
        Answer::Events { events, end } => {
            let mut response = Response::new(ReplyBody::stream(&events, end));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            if end != StreamEnd::Complete {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

fn whole(status: u16, body: Option<&Value>) -> Response<ReplyBody> {
    let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let mut response = Response::new(ReplyBody::whole(bytes));
    // Statuses come from checked scenarios and from this program; another one would be this program's mistake.
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn frame(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {event}\n\n"))
}
