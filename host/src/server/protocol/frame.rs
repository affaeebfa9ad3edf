//! What an answer is made of: a list of frames, whatever protocol and transport carry them.
//!
//! A fault schedule addresses these frames and the bytes in them; nothing here knows what they say.

use hyper::body::Bytes;
use serde_json::Value;

use crate::profile::Transport;
use crate::server::part::Part;

/// One server-sent event, one message of a WebSocket, or the whole of a JSON body.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct Frame {
    /// What it says.
    pub(in crate::server) content: Content,
    /// What of the reply reaches the agent with it.
    pub(in crate::server) piece: Option<Piece>,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) enum Content {
    /// An event.
    Event {
        /// Its name, where the protocol writes an `event:` line.
        name: Option<String>,
        /// Its data, without line ends.
        data: String,
    },
    /// Bytes as they are, with whatever framing they have.
    Raw(Bytes),
}

/// The portion of a reply's item that a frame brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Piece {
    /// Position of the item among the reply's parts.
    pub(in crate::server) part: usize,
    /// Text of a message or of reasoning that is new with this frame.
    pub(in crate::server) text: String,
    /// Whether the agent has the whole item with this frame.
    pub(in crate::server) is_complete: bool,
}

impl Frame {
    /// An event whose data is JSON.
    pub(in crate::server) fn event(name: Option<&str>, data: &Value) -> Self {
        Self::text(name, data.to_string())
    }

    /// An event whose data is a text without line ends.
    pub(in crate::server) fn text(name: Option<&str>, data: String) -> Self {
        Self { content: Content::Event { name: name.map(str::to_owned), data }, piece: None }
    }

    /// Bytes that are framed already, or need no framing.
    pub(in crate::server) fn raw(bytes: impl Into<Bytes>) -> Self {
        Self { content: Content::Raw(bytes.into()), piece: None }
    }

    /// The same with what it brings of item `part`.
    pub(in crate::server) fn bringing(mut self, part: usize, text: &str, is_complete: bool) -> Self {
        self.piece = Some(Piece { part, text: text.to_owned(), is_complete });
        self
    }

    /// The bytes of the frame in an event stream over HTTP.
    pub(in crate::server) fn sse(&self) -> Bytes {
        match &self.content {
            Content::Event { name: Some(name), data } => {
                Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
            }
            Content::Event { name: None, data } => Bytes::from(format!("data: {data}\n\n")),
            Content::Raw(bytes) => bytes.clone(),
        }
    }

    /// The bytes of the frame where nothing frames it: a message of a WebSocket, a JSON body.
    pub(in crate::server) fn payload(&self) -> Bytes {
        match &self.content {
            Content::Event { data, .. } => Bytes::copy_from_slice(data.as_bytes()),
            Content::Raw(bytes) => bytes.clone(),
        }
    }
}

/// How the frames of an answer follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Form {
    /// One JSON body, or none: [`Frame::payload`].
    Json,
    /// A stream of server-sent events: [`Frame::sse`]. Over a WebSocket, one message each: [`Frame::payload`].
    Events,
}

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct Answer {
    /// HTTP status; over a WebSocket that of an error frame.
    pub(in crate::server) status: u16,
    /// Headers beside those of its form; names in lower case.
    pub(in crate::server) headers: Vec<(&'static str, String)>,
    /// How the frames follow each other.
    pub(in crate::server) form: Form,
    /// The frames, in order.
    pub(in crate::server) frames: Vec<Frame>,
    /// How it ends.
    pub(in crate::server) end: StreamEnd,
    /// An error code or another word on it, for the document; empty for a good reply.
    pub(in crate::server) detail: String,
}

impl Answer {
    /// A JSON body.
    pub(in crate::server) fn json(status: u16, body: &Value) -> Self {
        let frames = vec![Frame::event(None, body)];
        Self { status, frames, ..Self::empty() }
    }

    /// Status 200 without a body.
    pub(in crate::server) fn empty() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            form: Form::Json,
            frames: Vec::new(),
            end: StreamEnd::Complete,
            detail: String::new(),
        }
    }

    /// Its whole body over HTTP; copied only where it is more than one frame.
    pub(in crate::server) fn body(&self) -> Bytes {
        let bytes = |frame: &Frame| match self.form {
            Form::Json => frame.payload(),
            Form::Events => frame.sse(),
        };
        match &self.frames[..] {
            [frame] => bytes(frame),
            frames => frames.iter().map(bytes).collect::<Vec<_>>().concat().into(),
        }
    }

    /// The same bytes over HTTP from a single frame, which no schedule can address any more. Messages of a WebSocket stay
    /// apart.
    pub(in crate::server) fn in_one_piece(self, transport: Transport) -> Self {
        match transport {
            Transport::Websocket => self,
            Transport::Http => Self { frames: vec![Frame::raw(self.body())], ..self },
        }
    }

    /// The same in one piece, with other bytes at some places.
    pub(in crate::server) fn with_bytes(&self, places: &[usize], bytes: &[u8]) -> Self {
        let mut body = self.body().to_vec();
        for place in places {
            if let Some(old) = body.get_mut(*place..*place + bytes.len()) {
                old.copy_from_slice(bytes);
            }
        }
        Self { frames: vec![Frame::raw(body)], ..self.clone() }
    }

    /// A stream of events.
    pub(in crate::server) fn events(frames: Vec<Frame>, end: StreamEnd) -> Self {
        Self { form: Form::Events, frames, end, ..Self::empty() }
    }
}

/// How a stream of events ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum StreamEnd {
    /// In good order; the connection may be used again.
    Complete,
    /// In good order, and over HTTP the connection is closed: codex waits for that after `response.failed`.
    Close,
    /// The connection is dropped in the middle.
    Cut,
}

/// The items that reach an agent with these frames: whole ones, and of the one they break off in its text so far.
pub(in crate::server) fn delivered(parts: &[Part], frames: &[Frame]) -> Vec<Part> {
    let pieces = |at: usize| {
        frames.iter().filter_map(move |frame| frame.piece.as_ref().filter(|piece| piece.part == at))
    };
    parts
        .iter()
        .enumerate()
        .filter_map(|(at, part)| {
            if pieces(at).any(|piece| piece.is_complete) {
                return Some(part.clone());
            }
            let text: String = pieces(at).map(|piece| piece.text.as_str()).collect();
            // Agents keep partial messages, never partial calls.
            (!text.is_empty()).then(|| part.shortened_to(text)).flatten()
        })
        .collect()
}
