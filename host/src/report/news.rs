//! What is new in a request: agents repeat the whole conversation each time, readers want the difference.

use std::collections::BTreeSet;

use crate::document::{Document, Item, Request};

/// Headers that differ from request to request by their nature.
const ALWAYS_NEW: [&str; 6] =
    ["content-length", "date", "sec-websocket-key", "traceparent", "tracestate", "x-request-id"];

/// A header's value longer than this, in bytes, is said to differ, not told.
const VALUE_LIMIT_BYTES: usize = 60;

/// How a request differs from the one before it in its conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Position of the request before.
    pub previous: Option<usize>,
    /// Position of the first item that is neither repeated history nor the reply to the request before.
    pub first_new: usize,
    /// Items of the request before that are not repeated.
    pub gone: usize,
    /// What else changed, each in a few words: model, session, tools, transport, path.
    pub changes: Vec<String>,
    /// Which headers changed, each in a few words.
    pub headers: Vec<String>,
}

/// What is new in the request at a position that exists.
pub(super) fn news(document: &Document, position: usize) -> News {
    let request = &document.requests[position];
    let Some(previous) = previous(document, position) else {
        return News { previous: None, first_new: 0, gone: 0, changes: Vec::new(), headers: Vec::new() };
    };
    let before = &document.requests[previous];
    let history = before.transcript.iter().chain(&before.reply.items);
    let common = history.zip(&request.transcript).take_while(|(one, other)| one == other).count();
    News {
        previous: Some(previous),
        first_new: common,
        gone: before.transcript.len().saturating_sub(common),
        changes: changes(before, request),
        headers: headers(before, request),
    }
}

/// Requests in the order they arrived, where that is known for all of them.
pub(super) fn arrival(document: &Document) -> Vec<usize> {
    let count = document.requests.len();
    let arrival = &document.timing.arrival;
    let distinct: BTreeSet<_> = arrival.iter().filter(|position| **position < count).collect();
    if arrival.len() == count && distinct.len() == count { arrival.clone() } else { (0..count).collect() }
}

/// The items of a request's transcript that are new.
pub(super) fn new_items<'d>(request: &'d Request, news: &News) -> &'d [Item] {
    request.transcript.get(news.first_new..).unwrap_or_default()
}

fn previous(document: &Document, position: usize) -> Option<usize> {
    let request = &document.requests[position];
    let arrival = arrival(document);
    let here = arrival.iter().position(|other| *other == position)?;
    let same = |other: &&usize| {
        let other = &document.requests[**other];
        other.conversation != 0 && other.conversation == request.conversation && other.lane == request.lane
    };
    arrival[..here].iter().rev().find(same).copied()
}

fn changes(before: &Request, now: &Request) -> Vec<String> {
    let mut changes = Vec::new();
    let mut changed = |what: &str, before: &str, now: &str| {
        if before != now {
            let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
            changes.push(format!("{what} {} → {}", or_none(before), or_none(now)));
        }
    };
    changed("model", before.model.as_deref().unwrap_or_default(), now.model.as_deref().unwrap_or_default());
    changed(
        "session",
        before.session.as_deref().unwrap_or_default(),
        now.session.as_deref().unwrap_or_default(),
    );
    changed("transport", &before.transport, &now.transport);
    changed("path", &before.path, &now.path);
    let difference = |sign: char, from: &[String], without: &[String]| {
        from.iter()
            .filter(|tool| !without.contains(tool))
            .map(|tool| format!("{sign}{tool}"))
            .collect::<Vec<_>>()
    };
    let tools =
        [difference('+', &now.tools, &before.tools), difference('−', &before.tools, &now.tools)].concat();
    if !tools.is_empty() {
        changes.push(format!("tools {}", tools.join(" ")));
    }
    changes
}

fn headers(before: &Request, now: &Request) -> Vec<String> {
    let names: BTreeSet<_> = before.headers.keys().chain(now.headers.keys()).collect();
    let told = |name: &&String| !ALWAYS_NEW.contains(&name.as_str());
    let differing = names.into_iter().filter(told).filter_map(|name| {
        let value = |request: &Request| request.headers.get(name).map(|values| values.join(", "));
        Some(match (value(before), value(now)) {
            (Some(_), None) => format!("−{name}"),
            (None, Some(value)) => format!("+{name}: {value}"),
            (Some(one), Some(other)) if one == other => return None,
            (Some(one), Some(other)) if one.len().max(other.len()) > VALUE_LIMIT_BYTES => {
                format!("{name} differs")
            }
            (Some(one), Some(other)) => format!("{name}: {one} → {other}"),
            (None, None) => return None,
        })
    });
    differing.collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::document;
    use super::*;

    #[test]
    fn history_and_the_reply_before_are_not_new() {
        let document = document();
        assert_eq!(news(&document, 0).previous, None);
        let second = news(&document, 1);
        assert_eq!((second.previous, second.first_new, second.gone), (Some(0), 3, 0));
        assert_eq!(new_items(&document.requests[1], &second).len(), 1, "the call was the reply to the first");
        assert!(second.changes.is_empty(), "{:?}", second.changes);
    }

    #[test]
    fn a_rewritten_history_and_changed_settings_are_told() {
        let mut document = document();
        document.requests[0].headers.insert("x-long".into(), vec!["a".repeat(100)]);
        let second = &mut document.requests[1];
        second.headers.insert("x-long".into(), vec!["b".repeat(100)]);
        second.headers.insert("accept".into(), vec!["*/*".into()]);
        second.transcript.remove(0);
        second.model = Some("other".into());
        second.tools = vec!["write_file".into()];
        second.headers.insert("x-new".into(), vec!["1".into()]);
        second.headers.insert("content-length".into(), vec!["99".into()]);
        let news = news(&document, 1);
        assert_eq!((news.first_new, news.gone), (0, 2));
        assert_eq!(news.changes, ["model fake-model → other", "tools +write_file −shell"]);
        assert_eq!(news.headers, ["accept: text/event-stream → */*", "x-long differs", "+x-new: 1"]);
    }

    #[test]
    fn arrival_is_trusted_only_where_it_names_every_request_once() {
        let mut document = document();
        document.timing.arrival = vec![1, 0, 2];
        assert_eq!(arrival(&document), [1, 0, 2]);
        for arrival_order in [vec![0, 0, 1], vec![0, 1, 7], vec![]] {
            document.timing.arrival = arrival_order;
            assert_eq!(arrival(&document), [0, 1, 2]);
        }
    }
}
