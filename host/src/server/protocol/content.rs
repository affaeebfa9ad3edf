//! What the protocols' contents have in common: text, or a list of parts of which some are text.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::Item;

/// Text, or the texts of parts joined by `between`; a part without text is named by its type, in brackets.
pub(in crate::server) fn joined(content: Option<&Value>, between: &str) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().map(part_text).collect::<Vec<_>>().join(between),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// The text of one part; its type in brackets where it has none.
pub(in crate::server) fn part_text(part: &Value) -> String {
    match part.get("text").or_else(|| part.get("refusal")).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("unknown part")),
    }
}

/// A text member; empty where there is none.
pub(in crate::server) fn text_of(raw: &Value, name: &str) -> String {
    raw.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Something of a type that no word of the document stands for.
pub(in crate::server) fn other(type_name: Option<&str>, raw: &Value) -> Item {
    Item::Other { type_name: type_name.unwrap_or_default().to_owned(), raw: raw.clone() }
}

/// Names in order, each once.
pub(in crate::server) fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}
