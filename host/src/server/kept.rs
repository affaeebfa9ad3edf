//! What is long in a conversation, in memory: as the JSON it came in, whose parts the store has from the body already.
//!
//! Agents send their whole history with every request. Decoded, each text would stand beside the body it was read from,
//! once for every request that repeats it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::share::{SharedBytes, Store};
use crate::document::{Item, ItemContent};

/// What is shorter stays decoded.
const LONG_BYTES: usize = 4 * 1024;

/// What was taken out of the items of a transcript, by their position.
#[derive(Debug, Default)]
pub(super) struct LongContents(Vec<(usize, SharedBytes)>);

impl LongContents {
    /// Takes what is long out of some items.
    pub(super) fn taken_out(items: &mut [Item], store: &mut Store) -> Self {
        let mut taken = Vec::new();
        for (position, item) in items.iter_mut().enumerate() {
            let kept = match item.content_mut() {
                ItemContent::Text(text) => {
                    (text.len() >= LONG_BYTES).then(|| keep(&std::mem::take(text), store))
                }
                ItemContent::Json(json) => is_long(json).then(|| keep(&json.take(), store)),
            };
            taken.extend(kept.map(|kept| (position, kept)));
        }
        Self(taken)
    }

    /// The items as they were.
    pub(super) fn put_back<'i>(&self, items: &'i [Item]) -> Cow<'i, [Item]> {
        let mut items = Cow::Borrowed(items);
        if !self.0.is_empty() {
            self.put_into(items.to_mut());
        }
        items
    }

    /// Makes the items what they were.
    pub(super) fn put_into(&self, items: &mut [Item]) {
        for (position, kept) in &self.0 {
            match items[*position].content_mut() {
                ItemContent::Text(text) => *text = restored(kept),
                ItemContent::Json(json) => *json = restored(kept),
            }
        }
    }
}

/// An item as it was on the wire.
#[derive(Clone, Debug)]
pub(super) enum WireItem {
    /// Decoded.
    Short(Arc<Value>),
    /// As JSON.
    Long(Arc<SharedBytes>),
}

impl WireItem {
    /// Keeps an item; one that equals an earlier one is that.
    pub(super) fn new(item: Arc<Value>, earlier: Option<&Self>, store: &mut Store) -> Self {
        match earlier {
            _ if is_long(&item) => Self::Long(Arc::new(keep(&*item, store))),
            Some(Self::Short(earlier)) if *earlier == item => Self::Short(Arc::clone(earlier)),
            _ => Self::Short(item),
        }
    }

    /// The item.
    pub(super) fn value(&self) -> Arc<Value> {
        match self {
            Self::Short(item) => Arc::clone(item),
            Self::Long(kept) => Arc::new(restored(kept)),
        }
    }
}

fn keep<T: Serialize>(value: &T, store: &mut Store) -> SharedBytes {
    // JSON values and texts have no form that can't be written, and the limit counts bodies.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut unlimited = u64::MAX;
    store.keep(&json, &mut unlimited).unwrap_or_default()
}

/// What `keep` wrote was read once before, so it can be read again.
fn restored<T: DeserializeOwned + Default>(kept: &SharedBytes) -> T {
    serde_json::from_slice(&kept.whole()).unwrap_or_default()
}

/// Whether a value's texts are long together; looks no further than it must.
fn is_long(value: &Value) -> bool {
    fn left(value: &Value, most: usize) -> Option<usize> {
        match value {
            Value::String(text) => most.checked_sub(text.len() + 1),
            Value::Array(elements) => elements.iter().try_fold(most, |most, element| left(element, most)),
            Value::Object(members) => members
                .iter()
                .try_fold(most, |most, (name, member)| left(member, most.checked_sub(name.len() + 1)?)),
            Value::Null | Value::Bool(_) | Value::Number(_) => most.checked_sub(1),
        }
    }
    left(value, LONG_BYTES).is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::Role;

    fn items(text: &str) -> Vec<Item> {
        let text = || text.to_owned();
        vec![
            Item::Message { role: Role::User, text: text() },
            Item::Message { role: Role::User, text: "short".to_owned() },
            Item::Reasoning { text: text() },
            Item::Result { call: "c".to_owned(), output: text() },
            Item::Call { call: "c".to_owned(), tool: "t".to_owned(), input: json!({ "a": [text(), 1.50] }) },
            Item::Other { type_name: "o".to_owned(), raw: json!(vec![7; 2 * LONG_BYTES]) },
        ]
    }

    #[test]
    fn what_is_taken_out_comes_back_as_it_was() {
        let mut store = Store::default();
        let all = items(&"say \"é\"\n\u{1}\u{2028}🦀 ".repeat(400));
        let mut kept = all.clone();
        let long = LongContents::taken_out(&mut kept, &mut store);
        assert_eq!(kept[1], all[1]);
        assert_eq!(kept[0], Item::Message { role: Role::User, text: String::new() });
        assert_eq!(kept.iter().zip(&all).filter(|(kept, item)| kept != item).count(), 5);
        assert_eq!(*long.put_back(&kept), all);
        let mut short = items("brief");
        short.pop();
        let long = LongContents::taken_out(&mut short, &mut store);
        assert!(matches!(long.put_back(&short), Cow::Borrowed(_)));
        assert_eq!(short[..], items("brief")[..5]);
    }

    #[test]
    fn a_text_takes_no_room_beside_the_body_it_came_in() {
        let text: String = (0..200_000).map(|number| format!("line {number} \"quoted\"\n")).collect();
        let body = json!({ "input": [{ "content": text, "role": "user" }] }).to_string();
        let mut store = Store::default();
        let mut left = u64::MAX;
        store.keep(body.as_bytes(), &mut left).unwrap();
        let mut items = [Item::Message { role: Role::User, text }];
        LongContents::taken_out(&mut items, &mut store);
        let mut again = u64::MAX;
        store.keep(&serde_json::to_vec(&items[0]).unwrap(), &mut again).unwrap();
        assert!(u64::MAX - again < 300_000, "{} bytes of {}", u64::MAX - again, body.len());
    }
}
