//! What a module offers, as JSON: what `wassert_describe` of the flat ABI gives and a command's custom section holds.

use serde::Deserialize;
use serde_json::Value;

use super::json;
use crate::sandbox::message::Description;
use crate::sandbox::stop::Stop;
use crate::value::canonical;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    summary: String,
    /// A JSON Schema, as JSON.
    #[serde(default)]
    parameters_schema: Value,
    reads: Vec<String>,
}

/// Reads a list of descriptions; bounded by whoever asks.
pub(super) fn read(text: &[u8], what: &str, most_depth: usize) -> Result<Vec<Description>, Stop> {
    let written: Vec<Written> = json::read(text, what, most_depth)?;
    Ok(written
        .into_iter()
        .map(|written| Description {
            name: written.name,
            summary: written.summary,
            parameters_schema: match written.parameters_schema {
                Value::Null => String::new(),
                schema => canonical(&schema),
            },
            reads: written.reads,
        })
        .collect())
}
