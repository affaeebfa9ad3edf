//! The protocols beside Responses: history out, reply in.
//!
//! The session is kept as Responses items whatever protocol carries it; a dialect writes these items as its own
//! messages, and reads a reply back as such items. Marks that a model wants back unchanged stay on the items.

mod chat;
mod gemini;
mod messages;

use serde_json::{Value, json};

use super::arguments::Protocol;
use super::reply::{Reply, ReplyReader, StepError};

/// A reply on its way in. Nothing of it counts before it is complete.
pub(super) trait Reader {
    /// Takes the data of one event; gives the reply when it is complete.
    fn event(&mut self, data: &str) -> Result<Option<Reply>, StepError>;

    /// The stream is at its end: gives the reply where that completes it.
    fn end(&mut self) -> Result<Reply, StepError>;
}

impl Reader for ReplyReader {
    fn event(&mut self, data: &str) -> Result<Option<Reply>, StepError> {
        Self::event(self, data)
    }

    fn end(&mut self) -> Result<Reply, StepError> {
        Err(StepError::retryable("stream closed before response.completed"))
    }
}

impl Protocol {
    /// Path and query of the endpoint below a base URL that ends in `/v1`.
    pub(super) fn path(self, base: &str, model: &str) -> String {
        match self {
            Self::Responses => format!("{base}/responses"),
            Self::Chat => format!("{base}/chat/completions"),
            Self::Messages => format!("{base}/messages"),
            Self::Gemini => {
                let root = base.strip_suffix("/v1").unwrap_or(base);
                format!("{root}/v1beta/models/{model}:streamGenerateContent?alt=sse")
            }
        }
    }

    /// Headers of the protocol's clients.
    pub(super) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Responses => &[],
            Self::Chat => &[("authorization", "Bearer not-a-key")],
            Self::Messages => &[("x-api-key", "not-a-key"), ("anthropic-version", "2023-06-01")],
            Self::Gemini => &[("x-goog-api-key", "not-a-key")],
        }
    }

    /// The body of a request. `tools` are Responses function tools, `items` the whole conversation.
    pub(super) fn body(self, model: &str, tools: &Value, items: &[Value]) -> Value {
        match self {
            Self::Responses => json!({
                "model": model, "stream": true, "store": false, "tools": tools, "tool_choice": "auto",
                "parallel_tool_calls": true, "input": items,
            }),
            Self::Chat => chat::body(model, tools, items),
            Self::Messages => messages::body(model, tools, items),
            Self::Gemini => gemini::body(tools, items),
        }
    }

    /// Reads one reply.
    pub(super) fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Responses => Box::<ReplyReader>::default(),
            Self::Chat => Box::<chat::ChatReader>::default(),
            Self::Messages => Box::<messages::MessagesReader>::default(),
            Self::Gemini => Box::<gemini::GeminiReader>::default(),
        }
    }
}

/// A kept item, in the words that every dialect writes.
enum Kept<'a> {
    Said { role: &'a str, text: String },
    Thought { text: String, raw: &'a Value },
    Called { id: &'a str, name: &'a str, arguments: &'a str, raw: &'a Value },
    Answered { id: &'a str, output: &'a str },
}

/// The items of a conversation; what no dialect can write is left out.
fn kept(items: &[Value]) -> impl Iterator<Item = Kept<'_>> {
    items.iter().filter_map(|item| {
        let text = |member: &str| item[member].as_str().unwrap_or_default();
        Some(match text("type") {
            "message" => Kept::Said { role: text("role"), text: texts(&item["content"]) },
            "reasoning" => Kept::Thought { text: texts(&item["summary"]), raw: item },
            "function_call" => Kept::Called {
                id: text("call_id"),
                name: text("name"),
                arguments: text("arguments"),
                raw: item,
            },
            "function_call_output" => Kept::Answered { id: text("call_id"), output: text("output") },
            _ => return None,
        })
    })
}

fn texts(parts: &Value) -> String {
    let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
    parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

/// The name of the tool that a call asked for.
fn called_name<'a>(items: &'a [Value], id: &str) -> &'a str {
    let call = items.iter().find(|item| item["type"] == "function_call" && item["call_id"] == id);
    call.and_then(|call| call["name"].as_str()).unwrap_or_default()
}

/// A message of the model, as it is kept.
fn message(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

/// Reasoning of the model, as it is kept.
fn reasoning(text: &str) -> Value {
    let summary = if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
    json!({"type": "reasoning", "summary": summary})
}

/// A call of the model, as it is kept.
fn function_call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
}

/// An error inside a stream: worth another attempt unless its code says that it would end the same.
fn stream_error(code: &str, message: &str) -> StepError {
    const TERMINAL: [&str; 6] = [
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "invalid_prompt",
        "INVALID_ARGUMENT",
        "PERMISSION_DENIED",
    ];
    if TERMINAL.contains(&code) {
        StepError::Terminal(message.to_owned())
    } else {
        StepError::retryable(message)
    }
}
