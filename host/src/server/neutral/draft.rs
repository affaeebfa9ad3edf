//! What a reply seems to say, read off its events without care for what else stands in them: whether that is all is
//! for the comparison to find out.

use serde_json::Value;

use crate::profile::{Protocol, Stop, WireCall};
use crate::scenario::{Call, Usage};
use crate::server::part::Part;

/// A reply as it seems.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) reasoning: Vec<String>,
    pub(super) text: Vec<String>,
    pub(super) calls: Vec<DraftCall>,
    pub(super) signature: Option<String>,
    pub(super) encrypted: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) stop: Stop,
    /// The protocol's word for why it stopped.
    stop_word: Option<String>,
}

/// A call as it seems.
#[derive(Clone, Debug, Default)]
pub(super) struct DraftCall {
    id: String,
    tool: String,
    /// Arguments as text, or the text that a tool takes.
    input: String,
    takes_text: bool,
    pieces: usize,
}

impl DraftCall {
    fn wire(&self) -> Option<WireCall> {
        let name = self.tool.clone();
        Some(match self.takes_text {
            true => WireCall::Custom { name, input: self.input.clone() },
            false => WireCall::Function { name, arguments: serde_json::from_str(&self.input).ok()? },
        })
    }

    /// The call in a script's words.
    pub(super) fn scripted(&self) -> Call {
        let text = || Value::String(self.input.clone());
        let input = if self.takes_text {
            text()
        } else {
            serde_json::from_str(&self.input).unwrap_or_else(|_| text())
        };
        Call {
            id: self.id.clone(),
            tool: self.tool.clone(),
            input,
            pieces: self.pieces.max(1),
            unoffered: false,
            span: 0..0,
        }
    }
}

impl Draft {
    /// Drafts a reply; none where calls can't be read or it stopped for a reason without a neutral word.
    pub(super) fn of(protocol: Protocol, events: &[Value]) -> Option<Self> {
        let mut draft = Self::default();
        for event in events {
            match protocol {
                Protocol::Responses => draft.responses(event),
                Protocol::Chat => draft.chat(event),
                Protocol::Messages => draft.messages(event),
                Protocol::Gemini => draft.gemini(event),
            }
        }
        draft.calls.iter().map(DraftCall::wire).collect::<Option<Vec<_>>>()?;
        let calls = !draft.calls.is_empty();
        if let Some(word) = &draft.stop_word {
            let fits = |stop: &Stop| protocol.stop_word(*stop, calls) == Some(word.as_str());
            draft.stop = Stop::ALL.into_iter().find(fits)?;
        }
        Some(draft)
    }

    /// The items that it would be rendered from.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.reasoning.is_empty() || self.encrypted.is_some() {
            let (signature, encrypted) = (self.signature.clone(), self.encrypted.clone());
            parts.push(Part::Reasoning { chunks: self.reasoning.clone(), signature, encrypted });
        }
        if !self.text.is_empty() {
            parts.push(Part::Text { chunks: self.text.clone() });
        }
        let calls = self.calls.iter().filter_map(|call| {
            Some(Part::Call { id: call.id.clone(), wire: call.wire()?, pieces: call.pieces.max(1) })
        });
        parts.extend(calls);
        parts
    }

    fn responses(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("response.reasoning_summary_text.delta") => self.reasoning.extend(text(&event["delta"])),
            Some("response.output_text.delta") => self.text.extend(text(&event["delta"])),
            Some("response.function_call_arguments.delta" | "response.custom_tool_call_input.delta") => {
                if let Some(call) = self.calls.last_mut() {
                    call.pieces += 1;
                }
            }
            Some("response.output_item.added") => self.item_began(&event["item"]),
            Some("response.output_item.done") => self.item(&event["item"], true),
            Some("response.completed" | "response.incomplete" | "response.failed") => {
                self.response(&event["response"])
            }
            Some(_) => {}
            None => {
                for item in event["output"].as_array().into_iter().flatten() {
                    self.item_began(item);
                    self.item(item, false);
                }
                self.response(event);
            }
        }
    }

    fn item_began(&mut self, item: &Value) {
        if let Some("function_call" | "custom_tool_call") = item["type"].as_str() {
            self.calls.push(DraftCall::default());
        }
    }

    fn item(&mut self, item: &Value, streams: bool) {
        match item["type"].as_str() {
            Some("reasoning") => {
                self.encrypted = text(&item["encrypted_content"]);
                if !streams {
                    self.reasoning.extend(text(&item["summary"][0]["text"]));
                }
            }
            Some("message") if !streams => self.text.extend(text(&item["content"][0]["text"])),
            Some(kind @ ("function_call" | "custom_tool_call")) => {
                let takes_text = kind == "custom_tool_call";
                let input = text(&item[if takes_text { "input" } else { "arguments" }]).unwrap_or_default();
                if let Some(call) = self.calls.last_mut() {
                    call.id = text(&item["call_id"]).unwrap_or_default();
                    call.tool = text(&item["name"]).unwrap_or_default();
                    (call.input, call.takes_text) = (input, takes_text);
                }
            }
            _ => {}
        }
    }

    fn response(&mut self, response: &Value) {
        self.stop_word = text(&response["incomplete_details"]["reason"]).or(text(&response["status"]));
        let usage = &response["usage"];
        self.usage = usage.is_object().then(|| Usage {
            input: number(&usage["input_tokens"]),
            cached: number(&usage["input_tokens_details"]["cached_tokens"]),
            output: number(&usage["output_tokens"]),
            reasoning: number(&usage["output_tokens_details"]["reasoning_tokens"]),
        });
    }

    fn chat(&mut self, event: &Value) {
        let choice = &event["choices"][0];
        let is_whole = choice["message"].is_object();
        let said = if is_whole { &choice["message"] } else { &choice["delta"] };
        // The first chunk says who speaks, with an empty text.
        let is_opening = !is_whole && said["role"].is_string();
        self.reasoning.extend(text(&said["reasoning_content"]));
        self.text.extend(text(&said["content"]).filter(|text| !(is_opening && text.is_empty())));
        for fragment in said["tool_calls"].as_array().into_iter().flatten() {
            let function = &fragment["function"];
            if is_whole || fragment["id"].is_string() {
                let custom = &fragment["custom"];
                let named = if custom.is_object() { custom } else { function };
                self.calls.push(DraftCall {
                    id: text(&fragment["id"]).unwrap_or_default(),
                    tool: text(&named["name"]).unwrap_or_default(),
                    input: text(&custom["input"]).unwrap_or_default(),
                    takes_text: custom.is_object(),
                    pieces: 0,
                });
            }
            if let (Some(call), Some(more)) = (self.calls.last_mut(), function["arguments"].as_str()) {
                call.input.push_str(more);
                call.pieces += usize::from(!more.is_empty());
            }
        }
        self.stop_word = text(&choice["finish_reason"]).or(self.stop_word.take());
        let usage = &event["usage"];
        if usage.is_object() {
            self.usage = Some(Usage {
                input: number(&usage["prompt_tokens"]),
                cached: number(&usage["prompt_tokens_details"]["cached_tokens"]),
                output: number(&usage["completion_tokens"]),
                reasoning: number(&usage["completion_tokens_details"]["reasoning_tokens"]),
            });
        }
    }

    fn messages(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("message") => {
                for block in event["content"].as_array().into_iter().flatten() {
                    self.block(block);
                    self.reasoning.extend(text(&block["thinking"]));
                    self.text.extend(text(&block["text"]));
                    if let (Some(call), "tool_use") =
                        (self.calls.last_mut(), block["type"].as_str().unwrap_or_default())
                    {
                        call.input = block["input"].to_string();
                    }
                    self.signature = text(&block["signature"]).or(self.signature.take());
                }
                self.stop_word = text(&event["stop_reason"]);
                self.messages_usage(&event["usage"]);
            }
            Some("message_start") => self.messages_usage(&event["message"]["usage"]),
            Some("content_block_start") => self.block(&event["content_block"]),
            Some("content_block_delta") => {
                let delta = &event["delta"];
                self.reasoning.extend(text(&delta["thinking"]));
                self.text.extend(text(&delta["text"]));
                self.signature = text(&delta["signature"]).or(self.signature.take());
                if let (Some(call), Some(more)) = (self.calls.last_mut(), delta["partial_json"].as_str()) {
                    call.input.push_str(more);
                    call.pieces += usize::from(!more.is_empty());
                }
            }
            Some("message_delta") => {
                self.stop_word = text(&event["delta"]["stop_reason"]);
                self.messages_usage(&event["usage"]);
            }
            _ => {}
        }
    }

    fn block(&mut self, block: &Value) {
        match block["type"].as_str() {
            Some("redacted_thinking") => self.encrypted = text(&block["data"]),
            Some("tool_use") => self.calls.push(DraftCall {
                id: text(&block["id"]).unwrap_or_default(),
                tool: text(&block["name"]).unwrap_or_default(),
                ..DraftCall::default()
            }),
            _ => {}
        }
    }

    fn messages_usage(&mut self, usage: &Value) {
        if usage.is_object() {
            let known = self.usage.unwrap_or_default();
            let or = |name: &str, known: u64| usage[name].as_u64().unwrap_or(known);
            self.usage = Some(Usage {
                input: or("input_tokens", known.input),
                cached: or("cache_read_input_tokens", known.cached),
                output: or("output_tokens", known.output),
                reasoning: 0,
            });
        }
    }

    fn gemini(&mut self, event: &Value) {
        let candidate = &event["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let is_thought = part["thought"] == true;
            let said = if is_thought { &mut self.reasoning } else { &mut self.text };
            said.extend(text(&part["text"]));
            self.signature = text(&part["thoughtSignature"]).or(self.signature.take());
            let call = &part["functionCall"];
            if call.is_object() {
                self.calls.push(DraftCall {
                    id: text(&call["id"]).unwrap_or_default(),
                    tool: text(&call["name"]).unwrap_or_default(),
                    input: if call["args"].is_null() { "{}".to_owned() } else { call["args"].to_string() },
                    ..DraftCall::default()
                });
            }
        }
        self.stop_word = text(&candidate["finishReason"]).or(self.stop_word.take());
        let usage = &event["usageMetadata"];
        if candidate["finishReason"].is_string() && usage.is_object() {
            self.usage = Some(Usage {
                input: number(&usage["promptTokenCount"]),
                cached: number(&usage["cachedContentTokenCount"]),
                output: number(&usage["candidatesTokenCount"]),
                reasoning: number(&usage["thoughtsTokenCount"]),
            });
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
