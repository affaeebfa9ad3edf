//! `{{name}}` in the texts of a reply: values that earlier requests brought.
//!
//! Total: no clock, no randomness, no logic. Values are put into JSON as values, never into its text, so nothing an
//! agent says can change the shape of a reply.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Call, Reply, WireEvent};

/// Captured values by name.
pub type Values = BTreeMap<String, Value>;

/// A name that has no value yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{{{{{name}}}}}` has no value: no request that brings it has arrived")]
pub struct TemplateError {
    /// The name.
    pub name: String,
}

/// Looks for and replaces references.
#[derive(Clone, Copy, Debug)]
pub struct Template;

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// `{{name}}` is a reference, `{{{{` stands for two brackets, everything else for itself.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        pieces.push(Piece::Text(&rest[..at]));
        let inner = &rest[at + 2..];
        if let Some(after) = inner.strip_prefix("{{") {
            pieces.push(Piece::Text("{{"));
            rest = after;
            continue;
        }
        let name = inner.split("}}").next().unwrap_or_default();
        if inner.len() > name.len() && is_name(name) {
            pieces.push(Piece::Name(name));
            rest = &inner[name.len() + 2..];
        } else {
            pieces.push(Piece::Text("{{"));
            rest = inner;
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Whether a word can name a value: a letter, then letters, digits, `-` and `_`.
pub(super) fn is_name(word: &str) -> bool {
    word.len() <= 64
        && word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
}

impl Template {
    /// The names a reply refers to, with repetitions.
    pub fn names(reply: &Reply) -> Vec<String> {
        let mut names = Vec::new();
        let mut copy = reply.clone();
        // Every text is visited by what would fill it.
        let _ = visit(&mut copy, &mut |text| {
            names.extend(pieces(text).iter().filter_map(|piece| match piece {
                Piece::Name(name) => Some((*name).to_owned()),
                Piece::Text(_) => None,
            }));
            Ok(None)
        });
        names
    }

    /// Whether a reply has anything to replace, brackets that stand for themselves included.
    pub fn is_in(reply: &Reply) -> bool {
        let mut found = false;
        let mut copy = reply.clone();
        let _ = visit(&mut copy, &mut |text| {
            found |= text.contains("{{");
            Ok(None)
        });
        found
    }

    /// The reply with values in place of references. A text in a tool's input that is nothing but a reference becomes
    /// the value itself, whatever its type; elsewhere values are text.
    ///
    /// # Errors
    /// The first name without a value.
    pub fn fill(reply: &Reply, values: &Values) -> Result<Reply, TemplateError> {
        let mut filled = reply.clone();
        visit(&mut filled, &mut |text| {
            let pieces = pieces(text);
            let value = |name: &str| values.get(name).ok_or_else(|| TemplateError { name: name.to_owned() });
            if let [Piece::Text(""), Piece::Name(name), Piece::Text("")] = pieces[..] {
                return value(name).cloned().map(Some);
            }
            let mut whole = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => whole.push_str(text),
                    Piece::Name(name) => whole.push_str(&as_text(value(name)?)),
                }
            }
            Ok(Some(Value::String(whole)))
        })?;
        Ok(filled)
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

type Visitor<'a> = &'a mut dyn FnMut(&str) -> Result<Option<Value>, TemplateError>;

fn visit(reply: &mut Reply, visitor: Visitor<'_>) -> Result<(), TemplateError> {
    if let Reply::Events(events) = reply {
        return events.iter_mut().try_for_each(|event| match event {
            WireEvent::Data(data) => visit_json(data, visitor),
            WireEvent::Raw(_) => Ok(()),
        });
    }
    let Reply::Items { reasoning, text, calls, .. } = reply else { return Ok(()) };
    for text in reasoning.iter_mut().chain(text) {
        if let Some(value) = visitor(text)? {
            *text = as_text(&value);
        }
    }
    for Call { input, .. } in calls {
        visit_json(input, visitor)?;
    }
    Ok(())
}

fn visit_json(value: &mut Value, visitor: Visitor<'_>) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => {
            if let Some(filled) = visitor(text)? {
                *value = filled;
            }
            Ok(())
        }
        Value::Array(list) => list.iter_mut().try_for_each(|item| visit_json(item, visitor)),
        Value::Object(members) => members.values_mut().try_for_each(|member| visit_json(member, visitor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(text: &str, input: Value) -> Reply {
        let call = Call { id: "c".into(), tool: "t".into(), input, pieces: 1, unoffered: false, span: 0..0 };
        Reply::Items {
            reasoning: None,
            text: Some(text.into()),
            calls: vec![call],
            manner: Default::default(),
        }
    }

    #[test]
    fn values_go_into_json_as_values() {
        let values = Values::from([
            ("handle".to_owned(), json!(92798)),
            ("said".to_owned(), json!("a \"quoted\"\n\\ line")),
        ]);
        let scripted = reply(
            "session {{handle}}: {{said}}",
            json!({"session_id": "{{handle}}", "chars": ["echo {{said}}"], "raw": "{{{{x}} ${{ y }} {{-}}"}),
        );
        let filled = Template::fill(&scripted, &values).unwrap();
        let expected = reply(
            "session 92798: a \"quoted\"\n\\ line",
            json!({"session_id": 92798, "chars": ["echo a \"quoted\"\n\\ line"], "raw": "{{x}} ${{ y }} {{-}}"}),
        );
        assert_eq!(filled, expected);
        assert_eq!(Template::names(&scripted), ["handle", "said", "said", "handle"]);
    }

    #[test]
    fn what_has_no_value_is_named() {
        let error = Template::fill(&reply("{{missing}}", json!({})), &Values::new()).unwrap_err();
        assert!(error.to_string().starts_with("`{{missing}}` has no value"), "{error}");
        assert!(!Template::is_in(&reply("plain", json!({"a": 1}))));
    }
}
