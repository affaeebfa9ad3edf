//! Events among the requests that caused them. The document has no clock that both share, but a reply names calls and
//! texts, and the events about these can only come after it. What nothing ties to a reply stays in its own order.

use std::collections::BTreeMap;

use super::news::arrival;
use crate::document::{Document, Event, EventKind, Item, Phase, Reply, ReplyKind};

/// One entry of a turn, by its position in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// In `requests`.
    Request(usize),
    /// In `events`.
    Event(usize),
}

/// Requests and events of a turn, causes first.
pub(super) fn causal_order(document: &Document, turn: u32) -> Vec<Entry> {
    let requests: Vec<usize> =
        arrival(document).into_iter().filter(|position| document.requests[*position].turn == turn).collect();
    let mut replies = Replies::new(document, &requests);
    let mut entries = Vec::new();
    let mut told = 0;
    for (position, event) in document.events.iter().enumerate().filter(|(_, event)| event.turn == turn) {
        let after = replies.explaining(event).unwrap_or(0).max(told);
        entries.extend(requests[told..after].iter().map(|request| Entry::Request(*request)));
        told = after;
        entries.push(Entry::Event(position));
    }
    entries.extend(requests[told..].iter().map(|request| Entry::Request(*request)));
    entries
}

/// What the replies of a turn said that no event was about yet.
struct Replies<'d> {
    /// The items of each reply, those without an event.
    items: Vec<Vec<&'d Item>>,
    /// Whether the reply was no answer, and no error was about it yet.
    failed: Vec<bool>,
    /// Event's call to how many requests were made before it.
    calls: BTreeMap<&'d str, usize>,
}

impl<'d> Replies<'d> {
    fn new(document: &'d Document, requests: &[usize]) -> Self {
        let replies = || requests.iter().map(|position| &document.requests[*position].reply);
        Self {
            items: replies().map(|reply| reply.items.iter().collect()).collect(),
            failed: replies()
                .map(|reply| {
                    !matches!(reply.kind, ReplyKind::Step | ReplyKind::Default | ReplyKind::Upstream)
                })
                .collect(),
            calls: BTreeMap::new(),
        }
    }

    /// How many requests of the turn came before an event, as far as a reply explains it.
    fn explaining(&mut self, event: &'d Event) -> Option<usize> {
        match event.kind {
            EventKind::Turn if event.phase != Phase::Started => Some(self.items.len()),
            EventKind::Message | EventKind::Reasoning => {
                let said = event.text.as_deref()?;
                self.take(|item| {
                    matches!(item, Item::Message { text, .. } | Item::Reasoning { text } if text.trim() == said.trim())
                })
            }
            EventKind::Command | EventKind::FileChange | EventKind::Tool => {
                let known = event.call.as_deref().and_then(|call| self.calls.get(call).copied());
                known.or_else(|| self.call(event))
            }
            EventKind::Error => {
                let failed = self.failed.iter_mut().enumerate().find(|(_, failed)| **failed)?;
                *failed.1 = false;
                Some(failed.0 + 1)
            }
            _ => None,
        }
    }

    /// The reply whose call an event is about: the same identifier, else the command in its input, else the next call.
    fn call(&mut self, event: &'d Event) -> Option<usize> {
        let by_name =
            |item: &Item| matches!(item, Item::Call { call, .. } if event.call.as_ref() == Some(call));
        let by_command = |item: &Item| match (item, &event.command) {
            (Item::Call { input, .. }, Some(command)) => holds(input, command),
            _ => false,
        };
        let found = self
            .take(by_name)
            .or_else(|| self.take(by_command))
            .or_else(|| self.take(|item| matches!(item, Item::Call { .. })))?;
        if let Some(call) = event.call.as_deref() {
            self.calls.insert(call, found);
        }
        Some(found)
    }

    fn take(&mut self, wanted: impl Fn(&Item) -> bool) -> Option<usize> {
        for (number, items) in self.items.iter_mut().enumerate() {
            if let Some(position) = items.iter().position(|item| wanted(item)) {
                items.remove(position);
                return Some(number + 1);
            }
        }
        None
    }
}

/// Whether an answer is no answer: a fault, a refusal, or a step that replies with an error.
pub(super) fn is_failure(reply: &Reply) -> bool {
    match reply.kind {
        ReplyKind::Fault | ReplyKind::Unmatched | ReplyKind::Foreign => true,
        ReplyKind::Step => !reply.detail.is_empty() || reply.status >= 400,
        ReplyKind::Default | ReplyKind::Upstream => reply.status >= 400,
    }
}

/// Whether some text in a call's input is the command, or the command runs it through a shell.
fn holds(input: &serde_json::Value, command: &str) -> bool {
    match input {
        serde_json::Value::String(text) => text.len() > 3 && command.contains(text.as_str()),
        serde_json::Value::Array(items) => items.iter().any(|item| holds(item, command)),
        serde_json::Value::Object(members) => members.values().any(|member| holds(member, command)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::document;
    use super::*;

    #[test]
    fn an_event_follows_the_reply_that_caused_it() {
        use Entry::{Event, Request};
        assert_eq!(
            causal_order(&document(), 1),
            [Event(0), Request(0), Event(1), Event(2), Request(1), Event(3), Request(2), Event(4)]
        );
        assert_eq!(causal_order(&document(), 2), []);
    }

    #[test]
    fn nothing_is_lost_when_nothing_fits() {
        let mut document = document();
        for event in &mut document.events {
            event.kind = EventKind::Other;
        }
        let entries = causal_order(&document, 1);
        assert_eq!(entries.len(), 8);
        assert_eq!(entries[..5], [0, 1, 2, 3, 4].map(Entry::Event));
    }
}
