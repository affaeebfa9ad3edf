//! Reads a recording into the typed document: for the host's own checks and for people.
//!
//! Where the document has a reference to a blob, the typed one has a sentence that says so. Requests and events, which are
//! nearly all of a document, are made one by one, so that it is never in memory twice beside its bytes.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::open::opened;
use super::{ReadError, stored};
use crate::document::{Document, Item, Request};

/// A recording, read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The folder, or the bare document's file.
    pub path: PathBuf,
    /// The run document.
    pub document: Document,
    /// The scenario as it was run; a bare document has none.
    pub scenario: Option<String>,
}

/// Reads a folder or a bare run document.
///
/// # Errors
/// When it is incomplete, was changed, is not a run document, or of another major version.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let (document, scenario, _) = opened(path, |bytes, _| parse(&bytes))?;
    Ok(Recording { path: path.to_owned(), document, scenario })
}

fn parse(bytes: &[u8]) -> Result<(Document, String), String> {
    // Where nothing is stored in another form, the types can be made without a stop.
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    if !text.contains("\"$") && !text.contains("\\u0024") {
        let document: Document = serde_json::from_str(text).map_err(told)?;
        let schema = document.schema.clone();
        return Ok((document, schema));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let document = json.deserialize_map(Whole).map_err(told)?;
    json.end().map_err(told)?;
    let schema = document.schema.clone();
    Ok((document, schema))
}

/// The typed document of one that is open. Requests and events are copied one by one.
///
/// # Errors
/// What does not fit the types.
pub(super) fn of_opened(document: &Value) -> Result<Document, String> {
    let Value::Object(members) = document else { return Err("it is no object".to_owned()) };
    let mut rest = Map::new();
    let (mut requests, mut events) = (Vec::new(), Vec::new());
    for (name, member) in members {
        match (name.as_str(), member) {
            ("requests", Value::Array(all)) => requests = each_typed(all)?,
            ("events", Value::Array(all)) => events = each_typed(all)?,
            _ => drop(rest.insert(name.clone(), member.clone())),
        }
    }
    Ok(Document { requests, events, ..typed(Value::Object(rest))? })
}

fn each_typed<T: DeserializeOwned>(all: &[Value]) -> Result<Vec<T>, String> {
    all.iter().map(|value| typed(value.clone())).collect()
}

fn told(error: serde_json::Error) -> String {
    error.to_string()
}

fn typed<T: DeserializeOwned>(mut value: Value) -> Result<T, String> {
    stored::describe_references(&mut value);
    serde_json::from_value(value).map_err(told)
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a run document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let (mut requests, mut events, mut rest) = (Vec::new(), Vec::new(), Map::new());
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "requests" => {
                    let mut room = stored::Room::default();
                    requests =
                        members.next_value_seed(each(|value, earlier| request(value, earlier, &mut room)))?;
                }
                "events" => events = members.next_value_seed(each(|value, _| typed(value)))?,
                _ => {
                    rest.insert(name, members.next_value()?);
                }
            }
        }
        let rest: Document = typed(Value::Object(rest)).map_err(A::Error::custom)?;
        Ok(Document { requests, events, ..rest })
    }
}

/// An array whose elements are made one by one, each with those before it.
struct Each<T, F>(F, PhantomData<T>);

fn each<T, F: FnMut(Value, &[T]) -> Result<T, String>>(make: F) -> Each<T, F> {
    Each(make, PhantomData)
}

impl<'de, T, F: FnMut(Value, &[T]) -> Result<T, String>> DeserializeSeed<'de> for Each<T, F> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T, F: FnMut(Value, &[T]) -> Result<T, String>> Visitor<'de> for Each<T, F> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut made = Vec::new();
        while let Some(value) = elements.next_element()? {
            made.push((self.0)(value, &made).map_err(A::Error::custom)?);
        }
        Ok(made)
    }
}

/// A request, whose history may be that of an earlier one.
fn request(mut value: Value, earlier: &[Request], room: &mut stored::Room) -> Result<Request, String> {
    let Some(same) = stored::take_same(&mut value) else { return typed(value) };
    let history = same
        .and_then(|same| earlier.get(same.request)?.transcript.get(..same.items))
        .ok_or_else(|| stored::not_there(earlier.len()))?;
    for item in history {
        room.take(weight_bytes(item))?;
    }
    let mut made: Request = typed(value)?;
    made.transcript.splice(..0, history.iter().cloned());
    Ok(made)
}

/// The texts of an item, and something for the rest of it.
fn weight_bytes(item: &Item) -> usize {
    size_of::<Item>()
        + match item {
            Item::Message { text, .. } | Item::Reasoning { text } => text.len(),
            Item::Call { input: value, .. } | Item::Other { raw: value, .. } => stored::weight_bytes(value),
            Item::Result { output, .. } => output.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Recording, ReadError> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("run.json");
        std::fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn missing_sections_and_unknown_members_are_tolerated() {
        let recording =
            read_text(r#"{"schema":"wassert.run/1","turns":[{"turn":1,"exit":3,"later":true}],"new":{}}"#)
                .unwrap();
        assert_eq!(recording.document.turns[0].exit, Some(3));
        assert!(recording.document.requests.is_empty());
    }

    #[test]
    fn a_newer_version_is_refused_in_a_sentence() {
        let error = read_text(r#"{"schema":"wassert.run/2"}"#).unwrap_err();
        assert!(
            error.to_string().contains("has schema `wassert.run/2`, this program reads `wassert.run/1`"),
            "{error}"
        );
        assert!(error.help().is_some());
    }

    #[test]
    fn what_is_no_document_is_named() {
        for text in ["", "[]", "{}", r#"{"schema":"other/1"}"#, r#"{"schema":"wassert.run/1","turns":7}"#] {
            assert!(matches!(read_text(text), Err(ReadError::Shape { .. })), "{text}");
        }
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(read(empty.path()), Err(ReadError::Incomplete { .. })));
    }

    #[test]
    fn a_transcript_with_numbers_survives() {
        let text = r#"{"schema":"wassert.run/1","requests":[{"transcript":[{"kind":"call","call":"c","tool":"t","input":{"n":1.50}}],"body":{"n":9007199254740993}}]}"#;
        let document = read_text(text).unwrap().document;
        let again = crate::value::to_canonical_string(&document).unwrap();
        assert!(again.contains(r#""input":{"n":1.50}"#) && again.contains("9007199254740993"), "{again}");
    }

    #[test]
    fn shared_history_and_references_are_read_as_assertions_see_them() {
        let text = r#"{"events":[{"turn":1,"text":{"$blob":"events/0/text","bytes":70000,"sha256":"x"},"raw":{"$$blob":1}}],
            "requests":[{"transcript":[{"kind":"reasoning","text":"a"},{"kind":"reasoning","text":"b"}]},
            {"transcript":[{"$same":{"items":1,"request":0}},{"kind":"reasoning","text":"c"}]}],"schema":"wassert.run/1"}"#;
        let document = read_text(text).unwrap().document;
        let texts: Vec<_> = document.requests[1].transcript.iter().map(|item| format!("{item:?}")).collect();
        assert_eq!(texts, [r#"Reasoning { text: "a" }"#, r#"Reasoning { text: "c" }"#]);
        assert_eq!(document.events[0].text.as_deref(), Some("(70000 bytes, blob events/0/text, x)"));
        assert_eq!(document.events[0].raw, serde_json::json!({ "$blob": 1 }));
        let error = read_text(&text.replace(r#""items":1"#, r#""items":3"#)).unwrap_err();
        assert!(
            error.to_string().contains("requests[1].transcript builds on items that are not there"),
            "{error}"
        );
    }
}
