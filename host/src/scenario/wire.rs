//! How the bytes of a reply are disturbed on their way: which frame, which byte, and what happens there.
//!
//! Data only. `schedule` reads it from TOML and writes it back; `server/wire` plays it.

/// A schedule of disturbances of one reply. Empty: the reply goes out as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// Headers set instead of the reply's own, names in lower case; an empty value takes a header away.
    pub headers: Vec<(String, String)>,
    /// What happens to the frames, in file order.
    pub changes: Vec<Change>,
    /// Whether the last frame of the good reply follows what failed.
    pub then_completed: bool,
}

impl Wire {
    /// Whether nothing is disturbed.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.changes.is_empty() && !self.then_completed
    }

    /// Whether the reply may not arrive whole, so that an agent has a reason to ask again.
    pub fn harms(&self) -> bool {
        !self.headers.is_empty() || self.changes.iter().any(|change| change.what.harms())
    }

    /// Whether everything that the reply says still goes out, in order.
    pub fn delivers(&self) -> bool {
        !self.changes.iter().any(|change| {
            matches!(
                change.what,
                What::End(_) | What::Drop | What::MoveAfter(_) | What::Data(_) | What::Raw(_)
            )
        })
    }
}

/// One disturbance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub at: Place,
    /// What.
    pub what: What,
}

/// A place in a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which frame.
    pub frame: FrameAt,
    /// Where in it.
    pub byte: ByteAt,
}

/// Which frame. The head of an HTTP response (status line and headers) is frame 0, a body that is not a stream is
/// frame 1; over a WebSocket every message is a frame, and there is no frame 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameAt {
    /// By its number: from 1, or from the end when negative.
    Number(i32),
    /// The first frame of this event type.
    Named(String),
    /// All of them but the head.
    Every,
}

/// Where in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteAt {
    /// Before its first byte.
    Start,
    /// After its last byte.
    End,
    /// Before the byte of this number, from 0, or from the end when negative.
    Offset(i32),
    /// Inside its first character of more than one byte.
    InsideCharacter,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A wait.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// A wait where a real agent is known to race; it is no part of what the recording tells.
    Settle {
        /// Milliseconds.
        ms: u64,
    },
    /// A wait for an event.
    Hold(Gate),
    /// What comes before and what comes after arrive in separate reads.
    Split,
    /// The frame goes out in pieces of so many bytes.
    Trickle {
        /// Bytes of a piece.
        bytes: usize,
        /// Milliseconds between pieces.
        every_ms: u64,
    },
    /// Nothing more is sent.
    End(End),
    /// The frame is left out.
    Drop,
    /// The frame is sent twice.
    Duplicate,
    /// The frame is sent after another one, by its number.
    MoveAfter(i32),
    /// A comment line before the frame, as servers keep connections alive with; a ping over a WebSocket.
    Comment(String),
    /// The frame's lines end in another way.
    LineEnd(LineEnd),
    /// The blank line at the frame's end is left out.
    NoBlankLine,
    /// The frame's `event:` line is left out.
    NoEventLine,
    /// The frame's data is this instead.
    Data(String),
    /// A frame before this one.
    Insert {
        /// Its `event:` line.
        event: Option<String>,
        /// Its data.
        data: String,
    },
    /// The frame is these bytes instead.
    Raw(String),
    /// Over a WebSocket: the message is sent as a binary one.
    Binary,
    /// Over a WebSocket: the message is sent in fragments of so many bytes.
    Fragment(usize),
}

impl What {
    fn harms(&self) -> bool {
        matches!(
            self,
            Self::End(_)
                | Self::Drop
                | Self::Duplicate
                | Self::MoveAfter(_)
                | Self::NoBlankLine
                | Self::NoEventLine
                | Self::Data(_)
                | Self::Insert { .. }
                | Self::Raw(_)
                | Self::Binary
                | Self::Delay { .. }
                | Self::Hold(_)
                | Self::LineEnd(_)
        )
    }

    /// What it is called in a document; waits whose length is nobody's business have no name.
    pub fn word(&self) -> Option<&'static str> {
        Some(match self {
            Self::Settle { .. } => return None,
            Self::Delay { .. } => "delay",
            Self::Hold(_) => "hold",
            Self::Split => "split",
            Self::Trickle { .. } => "trickle",
            Self::End(end) => return Some(end.word()),
            Self::Drop => "drop",
            Self::Duplicate => "duplicate",
            Self::MoveAfter(_) => "move-after",
            Self::Comment(_) => "comment",
            Self::LineEnd(_) => "line-end",
            Self::NoBlankLine => "no blank line",
            Self::NoEventLine => "no event line",
            Self::Data(_) => "data",
            Self::Insert { .. } => "insert",
            Self::Raw(_) => "raw",
            Self::Binary => "binary",
            Self::Fragment(_) => "fragment",
        })
    }
}

/// How a reply ends before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The body ends in good order, and the connection is closed.
    Clean,
    /// The connection is closed, the body is not ended.
    Fin,
    /// The connection is reset.
    Reset,
    /// Sending is closed, the peer is still listened to.
    HalfClose,
    /// Nothing more is sent; the connection stays open until the peer leaves.
    Stall,
    /// Over a WebSocket: a close frame.
    Close {
        /// Its code; RFC 6455 section 7.4.
        code: u16,
        /// Its reason.
        reason: String,
    },
}

impl End {
    /// What it is called in scenarios and documents.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::HalfClose => "half-close",
            Self::Stall => "stall",
            Self::Close { .. } => "close",
        }
    }
}

/// How lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// `\r`.
    Cr,
    /// `\r\n`.
    CrLf,
}

/// What a held reply waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// The agent has written this to its standard output in this turn.
    Printed(String),
    /// A file of the workspace exists.
    File(String),
    /// Another request has reached a lane, and there, where it is said, a step.
    Request {
        /// The lane.
        lane: String,
        /// The step's number.
        step: Option<u32>,
    },
    /// The client has taken everything that was sent.
    Drained,
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Printed(text) => write!(f, "the agent has printed `{}`", crate::value::excerpt(text, 60)),
            Self::File(path) => write!(f, "there is a file `{}`", crate::value::excerpt(path, 60)),
            Self::Request { lane, step: None } => write!(f, "a request has reached lane {lane}"),
            Self::Request { lane, step: Some(step) } => {
                write!(f, "a request has reached step {step} of lane {lane}")
            }
            Self::Drained => f.write_str("the client has taken what was sent"),
        }
    }
}
