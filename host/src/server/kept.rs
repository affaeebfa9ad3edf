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
use crate::document::Item;

/// What is shorter stays decoded.
const LONG_BYTES: usize = 4 * 1024;

/// The items of a conversation.
#[derive(Debug)]
pub(super) enum Transcript {
    /// Decoded.
    Short(Vec<Item>),
    /// As JSON.
    Long(SharedBytes),
}

impl Transcript {
    /// Keeps some items; what is new in long ones is taken off `left_bytes`.
    pub(super) fn new(items: Vec<Item>, store: &mut Store, left_bytes: &mut u64) -> Self {
        let left = items.iter().try_fold(LONG_BYTES, |most, item| match item {
            Item::Message { text, .. } | Item::Reasoning { text } => most.checked_sub(text.len() + 1),
            Item::Call { call, input, .. } => left(input, most.checked_sub(call.len() + 1)?),
            Item::Result { call, output } => most.checked_sub(call.len() + output.len() + 1),
            Item::Other { raw, .. } => left(raw, most),
        });
        match left {
            Some(_) => Self::Short(items),
            None => Self::Long(keep(&items, store, left_bytes)),
        }
    }

    /// The items as they were.
    pub(super) fn items(&self) -> Cow<'_, [Item]> {
        match self {
            Self::Short(items) => Cow::Borrowed(items),
            Self::Long(kept) => Cow::Owned(restored(kept)),
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
    pub(super) fn new(
        item: Arc<Value>,
        earlier: Option<&Self>,
        store: &mut Store,
        left_bytes: &mut u64,
    ) -> Self {
        match earlier {
            _ if is_long(&item) => Self::Long(Arc::new(keep(&*item, store, left_bytes))),
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

/// What is kept beyond the limit is the last that is: the next body finds no room.
fn keep<T: Serialize>(value: &T, store: &mut Store, left_bytes: &mut u64) -> SharedBytes {
    // JSON values and texts have no form that can't be written.
    let json = serde_json::to_vec(value).unwrap_or_default();
    store.keep(&json, left_bytes).unwrap_or_else(|| {
        *left_bytes = 0;
        SharedBytes::from(json)
    })
}

/// What `keep` wrote was read once before, so it can be read again.
fn restored<T: DeserializeOwned + Default>(kept: &SharedBytes) -> T {
    serde_json::from_slice(&kept.whole()).unwrap_or_default()
}

fn is_long(value: &Value) -> bool {
    left(value, LONG_BYTES).is_none()
}

/// What a value's texts leave of so many bytes, if anything; looks no further than it must.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::Role;

    fn items(text: &str) -> Vec<Item> {
        let text = || text.to_owned();
        vec![
            Item::Message { role: Role::User, text: text() },
            Item::Message { role: Role::Developer, text: "short".to_owned() },
            Item::Reasoning { text: text() },
            Item::Result { call: "c".to_owned(), output: text() },
            Item::Call {
                call: "c".to_owned(),
                tool: "t".to_owned(),
                input: json!({ "a": [text(), 1.50, null] }),
            },
            Item::Other {
                type_name: "o".to_owned(),
                raw: json!({ "n": 12345678901234567890_u64, "f": -0.0 }),
            },
        ]
    }

    #[test]
    fn what_finds_no_room_is_kept_and_is_the_last() {
        let mut left = 10;
        let items = items(&"long ".repeat(1_000));
        let kept = Transcript::new(items.clone(), &mut Store::default(), &mut left);
        assert_eq!((kept.items().into_owned(), left), (items, 0));
    }

    fn bytes_kept(run: impl FnOnce(&mut Store, &mut u64)) -> u64 {
        let mut left = u64::MAX;
        run(&mut Store::default(), &mut left);
        u64::MAX - left
    }

    #[test]
    fn a_long_transcript_is_what_it_was() {
        let (mut store, mut left) = (Store::default(), u64::MAX);
        let long = items(&"say \"é\"\n\u{1}\u{2028}🦀 ".repeat(400));
        let kept = Transcript::new(long.clone(), &mut store, &mut left);
        assert!(matches!(kept, Transcript::Long(_)));
        assert_eq!(*kept.items(), long);
        let many = vec![Item::Result { call: "c".to_owned(), output: "o".to_owned() }; LONG_BYTES];
        assert!(matches!(Transcript::new(many, &mut store, &mut left), Transcript::Long(_)));
        let short = Transcript::new(items("brief"), &mut store, &mut left);
        assert!(matches!(short, Transcript::Short(_)));
        assert_eq!(*short.items(), items("brief"));
    }

    #[test]
    fn a_text_takes_no_room_beside_the_body_it_came_in() {
        let text: String = (0..200_000).map(|number| format!("line {number} \"quoted\"\n")).collect();
        let body = json!({ "input": [{ "content": text, "role": "user" }] }).to_string();
        let item = Item::Message { role: Role::User, text };
        let alone = bytes_kept(|store, left| drop(store.keep(body.as_bytes(), left)));
        let both = bytes_kept(|store, left| {
            store.keep(body.as_bytes(), left).unwrap();
            Transcript::new(vec![item], store, left);
        });
        assert!(both - alone < alone / 10, "{both} of {alone}");
    }

    #[test]
    fn history_that_is_repeated_is_kept_once() {
        let history: Vec<Item> =
            (0..2_000).map(|number| Item::Reasoning { text: format!("{number} ").repeat(200) }).collect();
        let once = bytes_kept(|store, left| drop(Transcript::new(history.clone(), store, left)));
        let often = bytes_kept(|store, left| {
            for number in 0..20 {
                let mut items = history.clone();
                items.push(Item::Reasoning { text: format!("request {number}") });
                Transcript::new(items, store, left);
            }
        });
        assert!(often < 2 * once + 20 * 128 * 1024, "{often} for 20 times {once}");
        let mut left = 10;
        let kept = Transcript::new(history.clone(), &mut Store::default(), &mut left);
        assert_eq!(
            (kept.items().len(), left),
            (history.len(), 0),
            "beyond the limit it is kept, and is the last"
        );
    }
}
