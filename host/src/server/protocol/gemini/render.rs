//! Renders replies as `GenerateContentResponse`: one frame a portion, the last with why it stopped.

use serde_json::{Value, json};

use crate::profile::{Protocol, WireCall};
use crate::server::part::Part;
use crate::server::protocol::{Frame, Head};

/// A whole reply as frames; nothing but the end of the body says that it is over.
pub(super) fn stream(head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
    let mut pending = None;
    let mut frames: Vec<(Value, usize, String, bool)> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        for (portion, text, is_complete) in portions(part, &mut pending) {
            frames.push((response(head, vec![portion]), index, text, is_complete));
        }
    }
    if frames.is_empty() {
        frames.push((response(head, vec![json!({"text": ""})]), 0, String::new(), false));
    }
    if let Some((last, ..)) = frames.last_mut() {
        finish(head, parts, last);
    }
    frames
        .into_iter()
        .map(|(data, index, text, is_complete)| Frame::event(None, &data).bringing(index, &text, is_complete))
        .collect()
}

/// A whole reply as one body.
pub(super) fn whole(head: &Head<'_>, parts: &[Part]) -> Value {
    let mut pending = None;
    let mut content = Vec::new();
    for part in parts {
        // What is sent in portions is one part here.
        let joined = match part {
            Part::Reasoning { signature, encrypted, .. } => Part::Reasoning {
                chunks: vec![part.whole()],
                signature: signature.clone(),
                encrypted: encrypted.clone(),
            },
            Part::Text { .. } => Part::text(&part.whole()),
            Part::Call { .. } => part.clone(),
        };
        content.extend(portions(&joined, &mut pending).into_iter().map(|(portion, ..)| portion));
    }
    let mut body = response(head, content);
    finish(head, parts, &mut body);
    body
}

/// The wire parts of a part, the text each brings, and whether it is all of it. The signature of a thought goes with
/// what follows it, as the API sends it.
fn portions(part: &Part, pending: &mut Option<String>) -> Vec<(Value, String, bool)> {
    let mut sent = match part {
        Part::Call { id, wire, .. } => {
            let args = match wire {
                WireCall::Function { arguments, .. } => arguments.clone(),
                WireCall::Custom { input, .. } => json!({"input": input}),
            };
            let call = json!({"functionCall": {"id": id, "name": wire.name(), "args": args}});
            vec![(call, String::new(), true)]
        }
        Part::Reasoning { .. } | Part::Text { .. } => {
            let portions = part.portions();
            let last = portions.len() - 1;
            let thought = matches!(part, Part::Reasoning { .. });
            let wire = |text: &str| {
                if thought { json!({"text": text, "thought": true}) } else { json!({"text": text}) }
            };
            portions.into_iter().enumerate().map(|(at, text)| (wire(&text), text, at == last)).collect()
        }
    };
    match part {
        Part::Reasoning { signature, .. } => *pending = signature.clone(),
        _ => {
            if let (Some(signature), Some((first, ..))) = (pending.take(), sent.first_mut()) {
                first["thoughtSignature"] = signature.into();
            }
        }
    }
    sent
}

fn response(head: &Head<'_>, parts: Vec<Value>) -> Value {
    let usage = head.usage(&[]);
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
        "usageMetadata": {"promptTokenCount": usage.input, "totalTokenCount": usage.input},
        "modelVersion": head.model, "responseId": head.id,
    })
}

fn finish(head: &Head<'_>, parts: &[Part], response: &mut Value) {
    response["candidates"][0]["finishReason"] = head.stop_word(Protocol::Gemini, parts).into();
    let usage = head.usage(parts);
    let mut counts = json!({
        "promptTokenCount": usage.input, "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.input + usage.output + usage.reasoning,
    });
    if usage.reasoning > 0 {
        counts["thoughtsTokenCount"] = usage.reasoning.into();
    }
    if usage.cached > 0 {
        counts["cachedContentTokenCount"] = usage.cached.into();
    }
    response["usageMetadata"] = counts;
}
