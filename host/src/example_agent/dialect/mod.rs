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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, data: &[&str]) -> Result<Reply, StepError> {
        let mut reader = protocol.reader();
        for data in data {
            if let Some(reply) = reader.event(data)? {
                return Ok(reply);
            }
        }
        reader.end()
    }

    #[test]
    fn a_stream_that_ends_too_early_is_asked_for_again() {
        for (protocol, data) in [
            (Protocol::Responses, r#"{"type":"response.created"}"#),
            (Protocol::Chat, r#"{"choices":[{"delta":{"content":"x"}}]}"#),
            (Protocol::Messages, r#"{"type":"message_start","message":{"id":"m"}}"#),
            (Protocol::Gemini, r#"{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#),
        ] {
            assert!(matches!(read(protocol, &[data]), Err(StepError::Retryable { .. })), "{protocol:?}");
        }
    }

    #[test]
    fn an_error_in_a_stream_ends_the_turn_only_where_it_would_come_again() {
        for (protocol, again, never) in [
            (
                Protocol::Chat,
                r#"{"error":{"code":"server_error"}}"#,
                r#"{"error":{"code":"invalid_prompt"}}"#,
            ),
            (
                Protocol::Messages,
                r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
                r#"{"type":"error","error":{"type":"invalid_request_error"}}"#,
            ),
            (
                Protocol::Gemini,
                r#"{"error":{"status":"UNAVAILABLE"}}"#,
                r#"{"error":{"status":"INVALID_ARGUMENT"}}"#,
            ),
        ] {
            assert!(matches!(read(protocol, &[again]), Err(StepError::Retryable { .. })), "{protocol:?}");
            assert!(matches!(read(protocol, &[never]), Err(StepError::Terminal(_))), "{protocol:?}");
        }
    }

    #[test]
    fn what_is_not_the_end_of_a_reply_is_no_reply() {
        let length = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}"#;
        assert_eq!(
            read(Protocol::Chat, &[length, "[DONE]"]),
            Err(StepError::Terminal("incomplete response: length".into()))
        );
        let safety = r#"{"candidates":[{"finishReason":"SAFETY"}]}"#;
        assert_eq!(
            read(Protocol::Gemini, &[safety]),
            Err(StepError::Terminal("incomplete response: SAFETY".into()))
        );
    }

    #[test]
    fn a_conversation_keeps_its_marks_in_every_dialect() {
        let mut thought = reasoning("why");
        thought["signature"] = "s".into();
        let mut call = function_call("c", "shell", "{\"command\":\"ls\"}");
        call["thought_signature"] = "g".into();
        let output = json!({"type": "function_call_output", "call_id": "c", "output": "out"});
        let user =
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]});
        let items = [user, thought, message("I look."), call, output];
        let chat = Protocol::Chat.body("m", &json!([]), &items);
        assert_eq!(chat["messages"].as_array().unwrap().len(), 3);
        assert_eq!(chat["messages"][1]["tool_calls"][0]["id"], "c");
        assert_eq!(chat["messages"][2], json!({"role": "tool", "tool_call_id": "c", "content": "out"}));
        let messages = Protocol::Messages.body("m", &json!([]), &items);
        assert_eq!(
            messages["messages"][1]["content"][0],
            json!({"type": "thinking", "thinking": "why", "signature": "s"})
        );
        assert_eq!(messages["messages"][2]["content"][0]["tool_use_id"], "c");
        let gemini = Protocol::Gemini.body("m", &json!([]), &items);
        assert_eq!(gemini["contents"][1]["parts"][2]["thoughtSignature"], "g");
        assert_eq!(gemini["contents"][2]["parts"][0]["functionResponse"]["name"], "shell");
    }
}
