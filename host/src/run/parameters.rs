//! Parameters against the JSON Schema an assertion declares. The schema comes from a stranger: it is bounded, and refers
//! to nothing outside itself. Patterns are matched in linear time by the `regex` crate.

use boon::{Compiler, Draft, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

use super::schema_bounds::refusal;
use crate::value::excerpt;

/// A larger schema is not compiled.
const SCHEMA_LIMIT_BYTES: usize = 64 * 1024;

/// Misfits told at once.
const TOLD: usize = 10;

/// The address the schema has for the validator; nothing is ever loaded from there.
const ADDRESS: &str = "wassert:parameters";

/// Where parameters don't fit a schema (text; empty for "no parameters"), in words; a schema that can't be used is one
/// misfit. Empty when they fit.
pub(super) fn misfits(schema: &str, parameters: &Value) -> Vec<String> {
    if schema.is_empty() {
        let none = parameters.as_object().is_some_and(serde_json::Map::is_empty);
        return if none { Vec::new() } else { vec!["it has no parameters".to_owned()] };
    }
    if schema.len() > SCHEMA_LIMIT_BYTES {
        return vec![format!("its schema is larger than {} KiB", SCHEMA_LIMIT_BYTES / 1024)];
    }
    let mut schemas = Schemas::new();
    let compiled = serde_json::from_str(schema).map_err(|error| error.to_string()).and_then(|schema| {
        if let Some(refusal) = refusal(&schema) {
            return Err(refusal);
        }
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.use_loader(Box::new(Nowhere));
        compiler.add_resource(ADDRESS, schema).map_err(|error| format!("{error:#}"))?;
        compiler.compile(ADDRESS, &mut schemas).map_err(|error| format!("{error:#}"))
    });
    match compiled {
        Err(error) => vec![format!("its schema can't be used: {}", excerpt(&error, 200))],
        Ok(index) => match schemas.validate(parameters, index) {
            Ok(()) => Vec::new(),
            Err(error) => {
                let mut told = Vec::new();
                tell(&error, &mut told);
                told
            }
        },
    }
}

/// The innermost causes: what is wrong, and at which member.
fn tell(error: &ValidationError<'_, '_>, told: &mut Vec<String>) {
    if told.len() == TOLD {
        return;
    }
    if error.causes.is_empty() {
        let place = error.instance_location.to_string();
        let place = if place.is_empty() { String::new() } else { format!("`{}`: ", excerpt(&place, 100)) };
        told.push(format!("{place}{}", excerpt(&error.kind.to_string(), 200)));
    }
    for cause in &error.causes {
        tell(cause, told);
    }
}

/// Refuses every reference to another document.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Err(format!("it refers to `{}`, and nothing outside the schema is read", excerpt(url, 100)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": { "code": { "type": "integer", "minimum": 0 }, "path": { "pattern": "^[a-z]+$" } },
        "required": ["code"],
        "additionalProperties": false
    }"#;

    #[test]
    fn each_misfit_is_told_with_its_member() {
        assert_eq!(misfits(SCHEMA, &json!({ "code": 1, "path": "abc" })), Vec::<String>::new());
        for (parameters, expected) in [
            (json!({ "code": "one" }), "`/code`"),
            (json!({ "code": 1.5 }), "`/code`"),
            (json!({ "code": -1 }), "`/code`"),
            (json!({}), "code"),
            (json!({ "code": 1, "cede": 2 }), "cede"),
            (json!({ "code": 1, "path": "A" }), "`/path`"),
            (json!([]), "object"),
        ] {
            let told = misfits(SCHEMA, &parameters);
            assert!(told.len() == 1 && told[0].contains(expected), "{parameters}: {told:?}");
        }
    }

    #[test]
    fn the_standard_packs_schemas_take_their_examples_and_nothing_unheard_of() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assertions/std");
        for assertion in &crate::pack::embedded("std").unwrap().manifest.assertions {
            let name = assertion.name.get_ref();
            let text = |path: String| std::fs::read_to_string(folder.join(path)).unwrap();
            let schema = text(format!("schemas/{name}.json"));
            let with = serde_json::from_str(&text(format!("examples/{name}/with.json"))).unwrap();
            assert_eq!(misfits(&schema, &with), Vec::<String>::new(), "{name}");
            assert!(!misfits(&schema, &json!({ "unheard-of": 1 })).is_empty(), "{name}");
        }
    }

    #[test]
    fn no_schema_means_no_parameters() {
        assert!(misfits("", &json!({})).is_empty());
        assert_eq!(misfits("", &json!({ "x": 1 })), ["it has no parameters"]);
    }

    #[test]
    fn a_schema_that_reaches_out_is_refused() {
        for reference in ["file:///etc/passwd", "https://example.com/schema.json"] {
            let told = misfits(&json!({ "$ref": reference }).to_string(), &json!({}));
            assert!(told[0].contains("can't be used"), "{told:?}");
        }
        let deep = (0..40).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert!(misfits(&deep.to_string(), &json!({}))[0].contains("deeper than 32 levels"));
        assert!(misfits("{", &json!({}))[0].contains("can't be used"));
        assert!(misfits(&" ".repeat(SCHEMA_LIMIT_BYTES + 1), &json!({}))[0].contains("larger than 64 KiB"));
    }

    #[test]
    fn a_pattern_that_explodes_elsewhere_is_linear_here() {
        let schema = json!({ "properties": { "a": { "pattern": "^(a+)+$" } } }).to_string();
        assert_eq!(misfits(&schema, &json!({ "a": format!("{}b", "a".repeat(50_000)) })).len(), 1);
    }
}
