//! Answers as HTTP responses: JSON, or a stream of server-sent events.
//!
//! No compression. What the frames say and in which order is the protocol's business.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use crate::server::pace::Answering;

use super::{Answer, Form, StreamEnd};

/// How long the last bytes before a cut travel alone. Agents that find bytes and end in one read drop the bytes or
/// keep them by chance; nothing in this program depends on it.
pub(in crate::server) const CUT_PAUSE: Duration = Duration::from_millis(50);

/// A response body: chunks that are ready, and how it ends.
pub(in crate::server) struct ReplyBody {
    chunks: VecDeque<Bytes>,
    whole: bool,
    cuts: bool,
    pause: Option<Pin<Box<Sleep>>>,
    pieces: Option<mpsc::Receiver<std::io::Result<Bytes>>>,
    /// Whoever waits for the end of the reply is told when this is gone.
    _answering: Option<Answering>,
}

impl ReplyBody {
    /// A body that is one piece, of known length.
    pub(in crate::server) fn whole(bytes: Bytes) -> Self {
        let chunks = if bytes.is_empty() { VecDeque::new() } else { VecDeque::from([bytes]) };
        Self { chunks, whole: true, cuts: false, pause: None, pieces: None, _answering: None }
    }

    /// A body whose pieces come from elsewhere.
    pub(in crate::server) fn passing(pieces: mpsc::Receiver<std::io::Result<Bytes>>) -> Self {
        Self { pieces: Some(pieces), ..Self::stream(VecDeque::new(), StreamEnd::Complete) }
    }

    /// The same, which tells its end.
    pub(in crate::server) fn telling(self, answering: Answering) -> Self {
        Self { _answering: Some(answering), ..self }
    }

    fn stream(chunks: VecDeque<Bytes>, end: StreamEnd) -> Self {
        let cuts = end == StreamEnd::Cut;
        Self { chunks, whole: false, cuts, pause: None, pieces: None, _answering: None }
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
        if let Some(pieces) = &mut self.pieces {
            return pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)));
        }
        if !self.cuts {
            return Poll::Ready(None);
        }
        // While this waits, the connection writes out what it has; the error then drops it in the middle. So it must wait
        // once in any case: where this thread was held up, a pause can be over when it is first looked at, and then not
        // even the head would have gone out.
        let Some(pause) = &mut self.pause else {
            self.pause = Some(Box::pin(tokio::time::sleep(CUT_PAUSE)));
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        pause
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "scripted cut"))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.cuts && self.pieces.is_none()
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
    let bytes = answer.body();
    let Answer { status, headers, form, end, .. } = answer;
    let content_type = if form == Form::Json { "application/json" } else { "text/event-stream" };
    let body = match (form, end) {
        (Form::Json, StreamEnd::Complete | StreamEnd::Close) => ReplyBody::whole(bytes),
        // Chunks of their own would keep nothing apart: they go out in one write.
        (Form::Json, StreamEnd::Cut) | (Form::Events, _) => ReplyBody::stream(VecDeque::from([bytes]), end),
    };
    let mut response = Response::new(body);
    // Statuses come from checked scenarios and from this program; another one would be this program's mistake.
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let all = response.headers_mut();
    all.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if form == Form::Events {
        all.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if end != StreamEnd::Complete {
        all.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            all.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
