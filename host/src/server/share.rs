//! Bodies in memory: what several of them share is there once.
//!
//! An agent sends its whole history with every request. Chunks that their content cuts are found again wherever they
//! stand, so fifty requests that replay one image hold it once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::value::{Digest, chunks};

/// Bytes that may share parts with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedBytes {
    parts: Vec<Arc<[u8]>>,
}

impl SharedBytes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// All of them, in one piece that nobody shares.
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts.concat()
    }
}

/// Every part there is.
#[derive(Debug, Default)]
pub(super) struct Store {
    parts: BTreeMap<Digest, Arc<[u8]>>,
}

impl Store {
    /// Keeps bytes; what is new in them is taken off `left_bytes`. None, and nothing kept, when that is too little.
    pub(super) fn keep(&mut self, bytes: &[u8], left_bytes: &mut u64) -> Option<SharedBytes> {
        let parts: Vec<_> = chunks(bytes).map(|part| (Digest::of(part), part)).collect();
        let new: BTreeMap<_, _> =
            parts.iter().filter(|(digest, _)| !self.parts.contains_key(digest)).copied().collect();
        *left_bytes = left_bytes.checked_sub(new.values().map(|part| part.len() as u64).sum())?;
        self.parts.extend(new.into_iter().map(|(digest, part)| (digest, part.into())));
        let shared = parts.iter().filter_map(|(digest, _)| self.parts.get(digest).cloned());
        Some(SharedBytes { parts: shared.collect() })
    }
}

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
    fn what_is_replayed_is_kept_once() {
        let image: String = (0..40_000).map(|block| Digest::of(format!("{block}")).hex()).collect();
        let mut store = Store::default();
        let mut left = u64::MAX;
        let bodies: Vec<_> = (0..50)
            .map(|number| {
                let history = ",{\"text\":\"more\"}".repeat(number);
                let body = format!("{{\"id\":{number},\"input\":[\"{image}\"{history}]}}");
                (store.keep(body.as_bytes(), &mut left).unwrap(), body)
            })
            .collect();
        for (kept, body) in &bodies {
            assert_eq!(kept.to_vec(), body.as_bytes());
            assert_eq!(kept.len(), body.len());
        }
        let kept: usize = store.parts.values().map(|part| part.len()).sum();
        assert_eq!(kept as u64, u64::MAX - left);
        let each = (kept - image.len()) / bodies.len();
        assert!(each < 192 * 1024, "{each} bytes for each of 50 bodies with an image of {}", image.len());
    }

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
