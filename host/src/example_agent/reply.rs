//! One model reply put together from Responses events, however they arrived, and what an error means: another attempt
//! or the end of the turn.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::session::TokenUsage;

/// Codes after which the same request would fail again (codex 0.169.0 ends the turn at these).
const TERMINAL_CODES: [&str; 4] =
    ["context_length_exceeded", "insufficient_quota", "invalid_prompt", "server_is_overloaded"];
/// A server may not make the agent wait longer.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
const MAX_ITEMS: usize = 1000;

/// Why a model step gave no reply.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum StepError {
    /// Worth another attempt, after the pause the server asked for.
    #[error("{message}")]
    Retryable { message: String, after: Option<Duration> },
    /// Another attempt would end the same.
    #[error("{0}")]
    Terminal(String),
    /// The server has no WebSocket: status 426 on the upgrade.
    #[error("the server asks for another transport")]
    UpgradeRefused,
}

impl StepError {
    pub(super) fn retryable(message: impl Into<String>) -> Self {
        Self::Retryable { message: message.into(), after: None }
    }

    /// What an HTTP status, or the same status in a WebSocket error frame, means.
    pub(super) fn from_status(status: u16, retry_after: Option<&str>, error: &Value) -> Self {
        let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
        let text = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let message = format!("unexpected status {status}: {text}");
        let after = retry_after
            .and_then(|seconds| seconds.trim().parse::<f64>().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|pause| pause.min(MAX_RETRY_AFTER));
        let retryable = match status {
            429 => after.is_some(),
            500..=599 => true,
            _ => code == "previous_response_not_found",
        };
        if retryable && !TERMINAL_CODES.contains(&code) {
            Self::Retryable { message, after }
        } else {
            Self::Terminal(message)
        }
    }
}

/// A whole reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reply {
    pub response_id: Option<String>,
    /// Output items in order, as they came.
    pub items: Vec<Value>,
    pub usage: TokenUsage,
}

/// The reply so far. Nothing of it counts before `response.completed`, so that a repeated attempt repeats nothing.
#[derive(Default)]
pub(super) struct ReplyReader {
    items: Vec<Value>,
}

impl ReplyReader {
    /// Takes one event's text; gives the reply when it is complete. What is not JSON, and events it does not know, are
    /// skipped.
    pub(super) fn event(&mut self, text: &str) -> Result<Option<Reply>, StepError> {
        let Ok(event) = serde_json::from_str::<Value>(text) else { return Ok(None) };
        let response = event.get("response");
        match event.get("type").and_then(Value::as_str) {
            Some("response.output_item.done") => {
                if let Some(item) = event.get("item").filter(|item| is_well_formed(item)) {
                    if self.items.len() == MAX_ITEMS {
                        return Err(StepError::Terminal(format!("reply with more than {MAX_ITEMS} items")));
                    }
                    self.items.push(item.clone());
                }
                Ok(None)
            }
            Some("response.completed") => Ok(response.map(|response| Reply {
                response_id: response.get("id").and_then(Value::as_str).map(str::to_owned),
                items: std::mem::take(&mut self.items),
                usage: usage(response.get("usage").unwrap_or(&Value::Null)),
            })),
            Some("response.failed") => {
                let error = response.and_then(|response| response.get("error")).unwrap_or(&Value::Null);
                Err(failed(error))
            }
            Some("response.incomplete") => {
                let reason = response
                    .and_then(|response| response.pointer("/incomplete_details/reason"))
                    .and_then(Value::as_str)
                    .unwrap_or("unknown reason");
                Err(StepError::Terminal(format!("incomplete response: {reason}")))
            }
            Some("error") => error_frame(&event).map_or(Ok(None), Err),
            _ => Ok(None),
        }
    }
}

fn failed(error: &Value) -> StepError {
    let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str).unwrap_or("response failed").to_owned();
    if TERMINAL_CODES.contains(&code) { StepError::Terminal(message) } else { StepError::retryable(message) }
}

/// An `error` event acts only when it carries a status, as in codex: without one it is skipped.
fn error_frame(event: &Value) -> Option<StepError> {
    let status = event.get("status").or_else(|| event.get("status_code"))?.as_u64()?;
    let status = u16::try_from(status).ok().filter(|status| !(200..300).contains(status))?;
    let retry_after = event.pointer("/headers/retry-after").map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Some(StepError::from_status(status, retry_after.as_deref(), event.get("error").unwrap_or(&Value::Null)))
}

/// An item that lacks what its kind needs is dropped: it could be neither run nor replayed.
fn is_well_formed(item: &Value) -> bool {
    let has_text = |member: &str| item.get(member).is_some_and(Value::is_string);
    match item.get("type").and_then(Value::as_str) {
        Some("message") => item.get("content").is_some_and(Value::is_array),
        Some("function_call") => has_text("name") && has_text("arguments") && has_text("call_id"),
        Some("custom_tool_call") => has_text("name") && has_text("input") && has_text("call_id"),
        Some(_) => true,
        None => false,
    }
}

fn usage(usage: &Value) -> TokenUsage {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    TokenUsage {
        input_tokens: count("/input_tokens"),
        cached_input_tokens: count("/input_tokens_details/cached_tokens"),
        output_tokens: count("/output_tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(events: &[Value]) -> Result<Option<Reply>, StepError> {
        let mut reader = ReplyReader::default();
        let mut last = None;
        for event in events {
            last = reader.event(&event.to_string())?;
        }
        Ok(last)
    }

    #[test]
    fn completed_hands_over_the_items_and_the_usage() {
        let message = json!({"type": "message", "role": "assistant", "content": []});
        let reply = read(&[
            json!({"type": "response.output_item.done", "item": message}),
            json!({"type": "response.output_item.done", "item": {"type": "function_call", "name": "shell"}}),
            json!({"type": "codex.rate_limits"}),
            json!({"type": "response.completed", "response": {"id": "r1", "usage":
                {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 1}}}),
        ])
        .unwrap()
        .unwrap();
        assert_eq!((reply.response_id.as_deref(), reply.items), (Some("r1"), vec![message]));
        assert_eq!(reply.usage, TokenUsage { input_tokens: 5, cached_input_tokens: 2, output_tokens: 1 });
    }

    #[test]
    fn failure_codes_decide_whether_to_try_again() {
        let failed = |code: &str| {
            read(&[json!({"type": "response.failed", "response": {"error": {"code": code, "message": "m"}}})])
        };
        assert_eq!(failed("server_error"), Err(StepError::retryable("m")));
        assert_eq!(failed("invalid_prompt"), Err(StepError::Terminal("m".into())));
    }

    #[test]
    fn statuses_decide_whether_to_try_again() {
        let is_retryable = |status, after: Option<&str>| {
            matches!(StepError::from_status(status, after, &Value::Null), StepError::Retryable { .. })
        };
        assert!(is_retryable(503, None) && is_retryable(429, Some("1")));
        for status in [400, 401, 403, 404, 429] {
            assert!(!is_retryable(status, None), "{status}");
        }
        let overloaded = json!({"code": "server_is_overloaded"});
        assert!(matches!(StepError::from_status(503, None, &overloaded), StepError::Terminal(_)));
        assert!(!is_retryable(429, Some("-1")) && !is_retryable(429, Some("soon")));
    }

    #[test]
    fn an_error_frame_needs_a_status() {
        assert_eq!(read(&[json!({"type": "error", "message": "x"})]), Ok(None));
        let frame =
            json!({"type": "error", "status": 429, "headers": {"retry-after": 1}, "error": {"message": "m"}});
        let after = Some(Duration::from_secs(1));
        let message = "unexpected status 429: m".to_owned();
        assert_eq!(read(&[frame]), Err(StepError::Retryable { message, after }));
    }

    #[test]
    fn malformed_events_are_skipped() {
        let mut reader = ReplyReader::default();
        for text in ["{", "7", "[]", "{\"type\":4}", "{\"type\":\"response.completed\"}"] {
            assert_eq!(reader.event(text), Ok(None), "{text}");
        }
    }
}
