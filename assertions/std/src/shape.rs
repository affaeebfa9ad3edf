//! What a JSON value must be: equal to another, including another, or as a JSON Schema says.

use serde_json::Value;

use crate::demand;
use crate::json_schema;

/// Demands on one value; all that are given must hold.
pub struct Shape {
    includes: Option<Value>,
    equals: Option<Value>,
    schema: Option<Value>,
}

impl Shape {
    /// From the parameters.
    ///
    /// # Errors
    /// When nothing is demanded, or the schema is none that can be judged by.
    pub fn new(
        includes: Option<Value>,
        equals: Option<Value>,
        schema: Option<Value>,
    ) -> Result<Self, String> {
        let is_vacuous = |value: &Value| match value {
            Value::Object(members) => members.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if includes.is_none() && equals.is_none() && schema.is_none() {
            return Err("parameters: `includes`, `equals` or `schema` is needed".to_owned());
        }
        if includes.as_ref().is_some_and(is_vacuous) {
            return Err("parameters: everything of its kind includes that which is empty".to_owned());
        }
        if let Some(schema) = &schema {
            json_schema::check(schema).map_err(|why| format!("parameters: `schema`: {why}"))?;
        }
        Ok(Self { includes, equals, schema })
    }

    /// Why a value does not fit; with `parse`, the JSON that a text holds.
    pub fn misfit(&self, value: &Value, parse: bool) -> Option<String> {
        let parsed;
        let value = match (parse, value) {
            (true, Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(inner) => {
                    parsed = inner;
                    &parsed
                }
                Err(_) => return Some(format!("it is not JSON: {}", demand::quoted(text))),
            },
            _ => value,
        };
        if let Some(equals) = &self.equals
            && !same(equals, value)
        {
            return Some(format!("it is {}", short(value)));
        }
        if let Some(includes) = &self.includes
            && let Some(why) = difference(includes, value, "")
        {
            return Some(why);
        }
        let why = json_schema::misfit(self.schema.as_ref()?, value)?;
        Some(format!("it does not fit the schema: {why}"))
    }

    /// What is demanded, for messages.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.equals.as_ref().map(|value| format!("equal to {}", short(value))));
        words.extend(self.includes.as_ref().map(|value| format!("including {}", short(value))));
        words.extend(self.schema.as_ref().map(|_| "fitting the schema".to_owned()));
        words.join(", ")
    }
}

/// A value as JSON, shortened.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let start: String = text.chars().take(80).collect();
    if start.len() < text.len() { format!("{start}…") } else { text }
}

/// `1` and `1.0` are the same number.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Where `value` lacks something of `wanted`: an object has its members, a list begins with its elements.
fn difference(wanted: &Value, value: &Value, at: &str) -> Option<String> {
    match (wanted, value) {
        (Value::Object(wanted), Value::Object(members)) => wanted.iter().find_map(|(name, wanted)| {
            let at = format!("{at}/{name}");
            match members.get(name) {
                Some(member) => difference(wanted, member, &at),
                None => Some(format!("it has no `{at}`")),
            }
        }),
        (Value::Array(wanted), Value::Array(items)) => {
            wanted.iter().enumerate().find_map(|(index, wanted)| {
                let at = format!("{at}/{index}");
                match items.get(index) {
                    Some(item) => difference(wanted, item, &at),
                    None => Some(format!("it has no `{at}`")),
                }
            })
        }
        _ if same(wanted, value) => None,
        _ if at.is_empty() => Some(format!("it is {}", short(value))),
        _ => Some(format!("its `{at}` is {}", short(value))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Shape;

    fn misfit(includes: Value, value: &Value) -> Option<String> {
        Shape::new(Some(includes), None, None).unwrap().misfit(value, false)
    }

    #[test]
    fn objects_have_their_members_and_lists_begin_with_their_elements() {
        let value = json!({"type": "item", "item": {"n": 1, "list": ["a", "b"]}});
        assert_eq!(misfit(json!({"item": {"n": 1.0}}), &value), None);
        assert_eq!(misfit(json!({"item": {"list": ["a"]}}), &value), None);
        let why = misfit(json!({"item": {"list": ["b"]}}), &value).unwrap();
        assert_eq!(why, "its `/item/list/0` is \"a\"");
        assert_eq!(misfit(json!({"other": 1}), &value).unwrap(), "it has no `/other`");
    }

    #[test]
    fn a_demand_that_everything_meets_is_refused() {
        assert!(Shape::new(None, None, None).is_err());
        assert!(Shape::new(Some(json!({})), None, None).is_err());
    }

    #[test]
    fn a_text_is_read_as_json_when_asked_to() {
        let shape = Shape::new(Some(json!({"a": 1})), None, None).unwrap();
        assert_eq!(shape.misfit(&json!("{\"a\": 1}"), true), None);
        assert!(shape.misfit(&json!("nonsense"), true).unwrap().contains("not JSON"));
        assert!(shape.misfit(&json!("{\"a\": 1}"), false).is_some());
    }
}
