//! Conversations in memory: an agent sends its whole history with every request, and items that stay are there once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::kept::WireItem;

pub use crate::value::SharedBytes;
pub(super) use crate::value::SharedStore as Store;

/// Conversations as they are on the wire, by the identifier of the response at their end.
#[derive(Debug, Default)]
pub(super) struct Responses {
    by_id: HashMap<String, Vec<WireItem>>,
    /// The conversation of each lane that was remembered last.
    latest: BTreeMap<String, Vec<WireItem>>,
    /// Responses that are not remembered for ever, the oldest first.
    lately: VecDeque<String>,
}

/// How long a conversation is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// As long as the server lives.
    Always,
    /// Until so many others were remembered in this way: a repeated step answers without end.
    Lately,
}

/// Conversations of repeated steps that are remembered; more would also be too many for a processor's cache.
const MOST_LATELY: usize = 1_024;

impl Responses {
    /// The conversation at whose end a response stands.
    pub(super) fn get(&self, response: &str) -> Option<Vec<Arc<Value>>> {
        Some(self.by_id.get(response)?.iter().map(WireItem::value).collect())
    }

    /// Remembers a conversation; one that is kept for ever shares items with the one before it in its lane.
    pub(super) fn remember(
        &mut self,
        lane: &str,
        response: String,
        items: Vec<Arc<Value>>,
        kept: Kept,
        (store, left_bytes): (&mut Store, &mut u64),
    ) {
        let earlier = if kept == Kept::Always { self.latest.get(lane) } else { None };
        let mut earlier = earlier.into_iter().flatten();
        let items: Vec<_> =
            items.into_iter().map(|item| WireItem::new(item, earlier.next(), store, left_bytes)).collect();
        if kept == Kept::Always {
            self.latest.insert(lane.to_owned(), items.clone());
        }
        if self.by_id.insert(response.clone(), items).is_none() && kept == Kept::Lately {
            self.lately.push_back(response);
            if self.lately.len() > MOST_LATELY
                && let Some(oldest) = self.lately.pop_front()
            {
                self.by_id.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_share_equal_items() {
        let items =
            |texts: &[&str]| -> Vec<_> { texts.iter().map(|text| Arc::new(Value::from(*text))).collect() };
        let mut responses = Responses::default();
        let (mut store, mut left) = (Store::default(), u64::MAX);
        let long = "x".repeat(10_000);
        responses.remember(
            "main",
            "1".to_owned(),
            items(&["a", "b", &long]),
            Kept::Always,
            (&mut store, &mut left),
        );
        responses.remember("title", "t".to_owned(), items(&["a"]), Kept::Always, (&mut store, &mut left));
        responses.remember(
            "main",
            "2".to_owned(),
            items(&["a", "x", &long, "d"]),
            Kept::Always,
            (&mut store, &mut left),
        );
        let (first, second) = (responses.get("1").unwrap(), responses.get("2").unwrap());
        let shared: Vec<_> = first.iter().zip(&second).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
        assert_eq!(shared, [true, false, false], "what is long is read again each time");
        assert_eq!(second, items(&["a", "x", &long, "d"]));
        assert!(!Arc::ptr_eq(&first[0], &responses.get("t").unwrap()[0]));
        let mut left = 0;
        assert!(store.keep(format!("\"{long}\"").as_bytes(), &mut left).is_some(), "it is there, once");
        assert!(responses.get("3").is_none());
    }

    #[test]
    fn what_a_repeated_step_answered_is_forgotten_in_time() {
        let (mut responses, mut store, mut left) = (Responses::default(), Store::default(), u64::MAX);
        let mut remember = |id: String, kept| {
            responses.remember("main", id, vec![Arc::new(Value::Null)], kept, (&mut store, &mut left));
        };
        remember("scripted".to_owned(), Kept::Always);
        (0..=MOST_LATELY).for_each(|number| remember(format!("r{number}"), Kept::Lately));
        remember(format!("r{MOST_LATELY}"), Kept::Lately);
        assert!(responses.get("r0").is_none());
        assert!(responses.get("r1").is_some() && responses.get("scripted").is_some());
        assert_eq!(responses.by_id.len(), MOST_LATELY + 1);
    }
}
