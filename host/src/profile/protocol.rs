//! The protocols between agents and models, by name. How each looks on the wire is the server's business.

/// A protocol in which an agent speaks to a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// OpenAI Responses, over HTTP or over a WebSocket.
    #[default]
    Responses,
    /// OpenAI Chat Completions.
    Chat,
    /// Anthropic Messages.
    Messages,
    /// Gemini `generateContent`.
    Gemini,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Responses, Self::Chat, Self::Messages, Self::Gemini];

    /// The word used in scenarios and documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
        }
    }
}

/// Why a model stops, in words all protocols share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// It has said what it wanted to say, or waits for the results of its calls.
    #[default]
    End,
    /// It was cut off at the largest number of tokens.
    Length,
    /// A filter stopped it.
    Filter,
    /// It refuses to answer.
    Refusal,
    /// It pauses and wants to be asked again.
    Pause,
    /// The conversation is longer than what it can read.
    ContextLength,
    /// It said a word at which it was told to stop.
    Sequence,
    /// It made a call that can't be read.
    MalformedCall,
    /// It called a tool that was not offered.
    UnexpectedCall,
}

impl Stop {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::End,
        Self::Length,
        Self::Filter,
        Self::Refusal,
        Self::Pause,
        Self::ContextLength,
        Self::Sequence,
        Self::MalformedCall,
        Self::UnexpectedCall,
    ];

    /// The word used in scenarios.
    pub fn word(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Length => "length",
            Self::Filter => "filter",
            Self::Refusal => "refusal",
            Self::Pause => "pause",
            Self::ContextLength => "context-length",
            Self::Sequence => "sequence",
            Self::MalformedCall => "malformed-call",
            Self::UnexpectedCall => "unexpected-call",
        }
    }
}

impl Protocol {
    /// The protocol's own word for why a model stops; none where it has none. `calls`: whether the reply calls tools.
    pub fn stop_word(self, stop: Stop, calls: bool) -> Option<&'static str> {
        Some(match (self, stop) {
            // The reason of `incomplete_details`; a reply that ended well has none.
            (Self::Responses, Stop::End) => "completed",
            (Self::Responses, Stop::Length) => "max_output_tokens",
            (Self::Responses | Self::Chat, Stop::Filter) => "content_filter",
            (Self::Chat, Stop::End) if calls => "tool_calls",
            (Self::Chat, Stop::End) => "stop",
            (Self::Chat, Stop::Length) => "length",
            (Self::Messages, Stop::End) if calls => "tool_use",
            (Self::Messages, Stop::End) => "end_turn",
            (Self::Messages, Stop::Length) => "max_tokens",
            (Self::Messages, Stop::Refusal) => "refusal",
            (Self::Messages, Stop::Pause) => "pause_turn",
            (Self::Messages, Stop::ContextLength) => "model_context_window_exceeded",
            (Self::Messages, Stop::Sequence) => "stop_sequence",
            (Self::Gemini, Stop::End) => "STOP",
            (Self::Gemini, Stop::Length) => "MAX_TOKENS",
            (Self::Gemini, Stop::Filter) => "SAFETY",
            (Self::Gemini, Stop::MalformedCall) => "MALFORMED_FUNCTION_CALL",
            (Self::Gemini, Stop::UnexpectedCall) => "UNEXPECTED_TOOL_CALL",
            _ => return None,
        })
    }

    /// Whether its calls may have a text in place of arguments.
    pub fn has_text_calls(self) -> bool {
        self == Self::Responses
    }

    /// Whether reasoning has a mark that the agent sends back.
    pub fn has_signatures(self) -> bool {
        matches!(self, Self::Messages | Self::Gemini)
    }

    /// Whether reasoning may be encrypted.
    pub fn has_encrypted_reasoning(self) -> bool {
        matches!(self, Self::Responses | Self::Messages)
    }
}
