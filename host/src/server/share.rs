//! Conversations in memory: an agent sends its whole history with every request, and items that stay are there once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use crate::value::SharedBytes;
pub(super) use crate::value::SharedStore as Store;

/// Conversations as they are on the wire, by the identifier of the response at their end.
#[derive(Debug, Default)]
pub(super) struct Responses {
    by_id: BTreeMap<String, Vec<Arc<Value>>>,
    /// The conversation of each lane that was remembered last.
    latest: BTreeMap<String, Vec<Arc<Value>>>,
}

impl Responses {
    /// The conversation at whose end a response stands.
    pub(super) fn get(&self, response: &str) -> Option<&[Arc<Value>]> {
        self.by_id.get(response).map(Vec::as_slice)
    }

    /// Remembers a conversation; it shares items with the one before it in its lane.
    pub(super) fn remember(&mut self, lane: &str, response: String, mut items: Vec<Arc<Value>>) {
        for (item, earlier) in items.iter_mut().zip(self.latest.get(lane).into_iter().flatten()) {
            if item == earlier {
                *item = Arc::clone(earlier);
            }
        }
        self.latest.insert(lane.to_owned(), items.clone());
        self.by_id.insert(response, items);
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
        responses.remember("main", "1".to_owned(), items(&["a", "b", "c"]));
        responses.remember("title", "t".to_owned(), items(&["a"]));
        responses.remember("main", "2".to_owned(), items(&["a", "x", "c", "d"]));
        let (first, second) = (responses.get("1").unwrap(), responses.get("2").unwrap());
        let shared: Vec<_> = first.iter().zip(second).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
        assert_eq!(shared, [true, false, true]);
        assert!(!Arc::ptr_eq(&first[0], &responses.get("t").unwrap()[0]));
        assert!(responses.get("3").is_none());
    }
}
