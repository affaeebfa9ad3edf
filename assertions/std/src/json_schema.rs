//! The part of JSON Schema 2020-12 that says what a value is made of. A keyword that is not judged here is refused, so
//! that nothing passes because nobody looked; there are no references but to `#/$defs`.

use serde_json::{Map, Value};

use crate::shape::same;

/// Schemas in schemas, and values in values.
const MOST_DEPTH: usize = 64;

/// Keywords that say nothing about a value.
const REMARKS: [&str; 9] =
    ["$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "deprecated"];

/// Keywords that are judged.
const JUDGED: [&str; 25] = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
    "items",
    "prefixItems",
    "contains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "$ref",
];

/// Whether a schema is one that can be judged by.
///
/// # Errors
/// The first thing that can't be.
pub fn check(schema: &Value) -> Result<(), String> {
    known(schema, schema, 0)
}

fn known(root: &Value, schema: &Value, depth: usize) -> Result<(), String> {
    if depth > MOST_DEPTH {
        return Err("it is too deep".to_owned());
    }
    let Value::Object(members) = schema else {
        return if schema.is_boolean() {
            Ok(())
        } else {
            Err("a schema is an object or a boolean".to_owned())
        };
    };
    for (name, value) in members {
        let inner = depth + 1;
        match (name.as_str(), value) {
            ("properties" | "$defs", Value::Object(schemas)) => {
                schemas.values().try_for_each(|schema| known(root, schema, inner))?;
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) if !schemas.is_empty() => {
                schemas.iter().try_for_each(|schema| known(root, schema, inner))?;
            }
            ("items" | "contains" | "additionalProperties" | "not", schema) => known(root, schema, inner)?,
            ("$ref", Value::String(reference)) => {
                referred(root, reference).ok_or_else(|| format!("`$ref` leads to no schema: {reference}"))?;
            }
            ("required" | "enum", Value::Array(_)) | ("type", Value::String(_) | Value::Array(_)) => {}
            ("const", _) => {}
            ("uniqueItems", Value::Bool(_)) => {}
            ("minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum", Value::Number(_)) => {}
            (
                "minProperties" | "maxProperties" | "minItems" | "maxItems" | "minLength" | "maxLength",
                Value::Number(number),
            ) if number.is_u64() => {}
            (name, _) if JUDGED.contains(&name) => return Err(format!("`{name}` has an unexpected value")),
            (name, _) if REMARKS.contains(&name) => {}
            (name, _) => return Err(format!("the keyword `{name}` is not judged here")),
        }
    }
    Ok(())
}

fn referred<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    (pointer.is_empty() || pointer.starts_with("/$defs/")).then(|| root.pointer(pointer)).flatten()
}

/// Why a value does not fit a checked schema, with the place inside the value.
pub fn misfit(schema: &Value, value: &Value) -> Option<String> {
    Judge { root: schema }.misfit(schema, value, "", 0)
}

struct Judge<'a> {
    root: &'a Value,
}

impl Judge<'_> {
    fn misfit(&self, schema: &Value, value: &Value, at: &str, depth: usize) -> Option<String> {
        if depth > MOST_DEPTH {
            return Some(format!("{} is too deep to be judged", place(at)));
        }
        let Value::Object(members) = schema else {
            return (schema == &Value::Bool(false)).then(|| format!("{} may not be there", place(at)));
        };
        members.iter().find_map(|(name, wanted)| self.keyword(name, wanted, members, value, at, depth + 1))
    }

    fn keyword(
        &self,
        name: &str,
        wanted: &Value,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Option<String> {
        let says = |what: String| Some(format!("{} {what}", place(at)));
        let list = || wanted.as_array().map(Vec::as_slice).unwrap_or_default();
        let fits = |schema: &Value, value: &Value| self.misfit(schema, value, at, depth).is_none();
        match name {
            "type" => {
                let types = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                let fits = types.iter().filter_map(Value::as_str).any(|name| is_of_type(name, value));
                if fits { None } else { says(format!("is no {}", joined(&types))) }
            }
            "const" => {
                if same(wanted, value) {
                    None
                } else {
                    says(format!("is not {wanted}"))
                }
            }
            "enum" => {
                let fits = list().iter().any(|one| same(one, value));
                if fits { None } else { says(format!("is none of {}", joined(list()))) }
            }
            "$ref" => {
                let schema = referred(self.root, wanted.as_str()?)?;
                self.misfit(schema, value, at, depth)
            }
            "allOf" => list().iter().find_map(|schema| self.misfit(schema, value, at, depth)),
            "anyOf" if !list().iter().any(|schema| fits(schema, value)) => {
                says("fits none of `anyOf`".into())
            }
            "oneOf" => match list().iter().filter(|schema| fits(schema, value)).count() {
                1 => None,
                number => says(format!("fits {number} of `oneOf`")),
            },
            "not" if fits(wanted, value) => says("fits what it must not fit".into()),
            _ => match value {
                Value::Object(members) => self.of_object(name, wanted, schema, members, at, depth),
                Value::Array(items) => self.of_array(name, wanted, schema, items, at, depth),
                Value::String(text) => of_text(name, wanted, text).and_then(says),
                Value::Number(number) => of_number(name, wanted, number.as_f64()?).and_then(says),
                _ => None,
            },
        }
    }

    fn of_object(
        &self,
        name: &str,
        wanted: &Value,
        schema: &Map<String, Value>,
        members: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Option<String> {
        let number = members.len() as u64;
        match name {
            "required" => wanted
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .find(|name| !members.contains_key(*name))
                .map(|name| format!("{} has no `{name}`", place(at))),
            "properties" => wanted.as_object()?.iter().find_map(|(name, schema)| {
                self.misfit(schema, members.get(name)?, &format!("{at}/{name}"), depth)
            }),
            "additionalProperties" => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let is_known = |name: &String| properties.is_some_and(|known| known.contains_key(name));
                members
                    .iter()
                    .filter(|(name, _)| !is_known(name))
                    .find_map(|(name, member)| self.misfit(wanted, member, &format!("{at}/{name}"), depth))
            }
            "minProperties" if number < wanted.as_u64()? => {
                Some(format!("{} has fewer than {wanted} members", place(at)))
            }
            "maxProperties" if number > wanted.as_u64()? => {
                Some(format!("{} has more than {wanted} members", place(at)))
            }
            _ => None,
        }
    }

    fn of_array(
        &self,
        name: &str,
        wanted: &Value,
        schema: &Map<String, Value>,
        items: &[Value],
        at: &str,
        depth: usize,
    ) -> Option<String> {
        let number = items.len() as u64;
        let each = |from: usize, schema: &Value| {
            let rest = items.iter().enumerate().skip(from);
            rest.map(|(index, item)| self.misfit(schema, item, &format!("{at}/{index}"), depth))
                .find_map(|why| why)
        };
        match name {
            "items" => each(schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len), wanted),
            "prefixItems" => {
                wanted.as_array()?.iter().zip(items).enumerate().find_map(|(index, (schema, item))| {
                    self.misfit(schema, item, &format!("{at}/{index}"), depth)
                })
            }
            "contains" => {
                let has = items.iter().any(|item| self.misfit(wanted, item, at, depth).is_none());
                (!has).then(|| format!("{} has no such element", place(at)))
            }
            "minItems" if number < wanted.as_u64()? => {
                Some(format!("{} has fewer than {wanted} elements", place(at)))
            }
            "maxItems" if number > wanted.as_u64()? => {
                Some(format!("{} has more than {wanted} elements", place(at)))
            }
            "uniqueItems" if wanted == &Value::Bool(true) => {
                let twice =
                    (0..items.len()).any(|one| items[..one].iter().any(|other| same(other, &items[one])));
                twice.then(|| format!("{} has an element twice", place(at)))
            }
            _ => None,
        }
    }
}

fn of_text(name: &str, wanted: &Value, text: &str) -> Option<String> {
    let number = text.chars().count() as u64;
    match name {
        "minLength" if number < wanted.as_u64()? => Some(format!("is shorter than {wanted}")),
        "maxLength" if number > wanted.as_u64()? => Some(format!("is longer than {wanted}")),
        _ => None,
    }
}

fn of_number(name: &str, wanted: &Value, number: f64) -> Option<String> {
    let bound = wanted.as_f64();
    match name {
        "minimum" if number < bound? => Some(format!("is less than {wanted}")),
        "maximum" if number > bound? => Some(format!("is more than {wanted}")),
        "exclusiveMinimum" if number <= bound? => Some(format!("is not more than {wanted}")),
        "exclusiveMaximum" if number >= bound? => Some(format!("is not less than {wanted}")),
        _ => None,
    }
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => false,
    }
}

fn place(at: &str) -> String {
    if at.is_empty() { "it".to_owned() } else { format!("its `{at}`") }
}

fn joined(values: &[Value]) -> String {
    let words = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    words.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, misfit};

    #[test]
    fn each_keyword_says_what_does_not_fit() {
        for (schema, value, why) in [
            (json!({"type": "integer"}), json!(1.5), "it is no integer"),
            (json!({"type": ["null", "string"]}), json!(1), "it is no null or string"),
            (json!({"const": 1}), json!(2), "it is not 1"),
            (json!({"enum": ["a", "b"]}), json!("c"), "it is none of a or b"),
            (json!({"required": ["a"]}), json!({}), "it has no `a`"),
            (json!({"properties": {"a": {"type": "string"}}}), json!({"a": 1}), "its `/a` is no string"),
            (
                json!({"properties": {"a": true}, "additionalProperties": false}),
                json!({"a": 1, "b": 2}),
                "its `/b` may not be there",
            ),
            (json!({"minProperties": 1}), json!({}), "it has fewer than 1 members"),
            (json!({"maxProperties": 0}), json!({"a": 1}), "it has more than 0 members"),
            (json!({"items": {"type": "string"}}), json!(["a", 1]), "its `/1` is no string"),
            (
                json!({"prefixItems": [{"const": 1}], "items": {"const": 2}}),
                json!([1, 3]),
                "its `/1` is not 2",
            ),
            (json!({"contains": {"const": 1}}), json!([2]), "it has no such element"),
            (json!({"minItems": 1}), json!([]), "it has fewer than 1 elements"),
            (json!({"maxItems": 1}), json!([1, 2]), "it has more than 1 elements"),
            (json!({"uniqueItems": true}), json!([1, 1.0]), "it has an element twice"),
            (json!({"minLength": 2}), json!("é"), "it is shorter than 2"),
            (json!({"maxLength": 1}), json!("ab"), "it is longer than 1"),
            (json!({"minimum": 1}), json!(0), "it is less than 1"),
            (json!({"maximum": 1}), json!(2), "it is more than 1"),
            (json!({"exclusiveMinimum": 1}), json!(1), "it is not more than 1"),
            (json!({"exclusiveMaximum": 1}), json!(1), "it is not less than 1"),
            (json!({"allOf": [true, {"const": 1}]}), json!(2), "it is not 1"),
            (json!({"anyOf": [{"const": 1}]}), json!(2), "it fits none of `anyOf`"),
            (json!({"oneOf": [true, true]}), json!(2), "it fits 2 of `oneOf`"),
            (json!({"not": {"const": 1}}), json!(1), "it fits what it must not fit"),
            (json!({"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}), json!(2), "it is not 1"),
        ] {
            check(&schema).unwrap();
            assert_eq!(misfit(&schema, &value).as_deref(), Some(why), "{schema} {value}");
        }
    }

    #[test]
    fn what_fits_says_nothing() {
        let schema = json!({
            "type": "object", "required": ["n"], "additionalProperties": {"type": "string"},
            "properties": {"n": {"type": "integer", "minimum": 0}},
        });
        check(&schema).unwrap();
        assert_eq!(misfit(&schema, &json!({"n": 1, "other": "text"})), None);
    }

    #[test]
    fn what_is_not_judged_is_refused() {
        for schema in [
            json!({"pattern": "a"}),
            json!({"properties": {"a": {"format": "date"}}}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "#/$defs/gone"}),
            json!({"minItems": "1"}),
            json!(7),
        ] {
            assert!(check(&schema).is_err(), "{schema}");
        }
        let mut deep = json!(true);
        for _ in 0..100 {
            deep = json!({"not": deep});
        }
        assert!(check(&deep).is_err());
        let cycle: Value = json!({"$ref": "#"});
        check(&cycle).unwrap();
        assert!(misfit(&cycle, &json!(1)).unwrap().contains("too deep"));
    }
}
