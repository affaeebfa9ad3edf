//! From a real endpoint's reply back to what a script says: words that all protocols share, where nothing is lost by
//! them.
//!
//! A reply is drafted from its events, rendered again by this server's own renderer, and compared event by event. What
//! is left out of the comparison is listed in `normal`: identifiers, times, names of models and machines, and how the
//! arguments of a call are divided. Anything else that differs makes it no neutral reply.

mod draft;
mod frames;
mod normal;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::part::Part;
use super::protocol::{Frame, Head, format_of, frame::Content};
use super::upstream::Passed;
use crate::profile::Protocol;
use crate::scenario::{Manner, Reply};
use draft::Draft;
pub use frames::frames;

/// The reply in neutral words; none where they would lose something. Its calls have the endpoint's identifiers and the
/// tools' own names.
pub fn neutral(protocol: Protocol, passed: &Passed) -> Option<Reply> {
    if passed.status != 200 || passed.broken.is_some() {
        return None;
    }
    let (events, streams) = match serde_json::from_slice::<Value>(&passed.body) {
        Ok(whole) => (vec![whole], false),
        Err(_) => (streamed(protocol, &passed.body)?, true),
    };
    let draft = Draft::of(protocol, &events)?;
    let parts = draft.parts();
    let rendered = rendered(protocol, &draft, &parts, streams)?;
    (normal::events(protocol, events) == normal::events(protocol, rendered)).then(|| draft.reply())
}

/// The JSON of each event, where the framing is that of the protocol and of no other form.
fn streamed(protocol: Protocol, body: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(body).ok()?;
    if text.contains('\r') {
        return None;
    }
    let mut events = Vec::new();
    for frame in frames(text) {
        match frame.data.as_deref() {
            // A comment keeps a connection alive and says nothing.
            None if frame.name.is_none() => {}
            Some("[DONE]") if protocol == Protocol::Chat => {}
            data => {
                let event: Value = serde_json::from_str(data?).ok()?;
                if format_of(protocol).event_name(&event) != frame.name {
                    return None;
                }
                events.push(event);
            }
        }
    }
    (!events.is_empty()).then_some(events)
}

fn rendered(protocol: Protocol, draft: &Draft, parts: &[Part], streams: bool) -> Option<Vec<Value>> {
    let head = Head {
        id: "x",
        stem: "x",
        model: "",
        input_items: 0,
        reports_usage: draft.usage.is_some(),
        usage: draft.usage,
        stop: draft.stop,
    };
    if !streams {
        return Some(vec![format_of(protocol).whole(&head, parts)]);
    }
    let json = |frame: &Frame| match &frame.content {
        Content::Event { data, .. } if data == "[DONE]" => None,
        Content::Event { data, .. } => Some(serde_json::from_str(data).ok()),
        Content::Raw(_) => Some(None),
    };
    format_of(protocol).stream(&head, parts).iter().filter_map(json).collect()
}

impl Draft {
    fn reply(self) -> Reply {
        let lengths = |chunks: &[String]| match chunks {
            [] | [_] => Vec::new(),
            several => several.iter().map(|chunk| chunk.chars().count()).collect(),
        };
        let manner = Manner {
            text_portions: lengths(&self.text),
            reasoning_portions: lengths(&self.reasoning),
            signature: self.signature,
            encrypted: self.encrypted,
            usage: self.usage,
            stop: self.stop,
        };
        let has_reasoning = !self.reasoning.is_empty() || manner.encrypted.is_some();
        Reply::Items {
            reasoning: has_reasoning.then(|| self.reasoning.concat()),
            text: (!self.text.is_empty()).then(|| self.text.concat()),
            calls: self.calls.iter().map(draft::DraftCall::scripted).collect(),
            manner,
        }
    }
}
