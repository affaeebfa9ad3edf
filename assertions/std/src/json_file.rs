//! `json-file`: a JSON file that the agent wrote is as it should be.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::needle::Needle;
use crate::shape::Shape;

/// See the module.
pub struct JsonFile;

/// What it demands; unless `written` is false, the run must have added or changed the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    path: Needle,
    includes: Option<Value>,
    equals: Option<Value>,
    schema: Option<Value>,
    written: Option<bool>,
}

impl Assertion for JsonFile {
    const NAME: &'static str = "json-file";
    const SUMMARY: &'static str = "wrote a JSON file that is as it should be";
    const READS: &'static [&'static str] = &["files"];
    const SCHEMA: &'static str = include_str!("../schemas/json-file.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { path: name, includes, equals, schema, written } = parameters;
        let shape = Shape::new(includes, equals, schema)?;
        let files = evidence.section("files")?;
        let name = name.text();
        let entry = path::member(&files, name);
        let after = path::member(&entry, "after");
        let Some(state) = evidence.first(&after)?.map(|node| node.read::<Value>()).transpose()? else {
            report.fail(&files, format!("there is no `{name}`"), format!("the file `{name}`"));
            return Ok(());
        };
        let change = evidence.one(&path::member(&entry, "change"))?;
        if written.unwrap_or(true) && change.read::<String>()? == "unchanged" {
            report.fail(
                &change,
                format!("`{name}` was there before and is unchanged"),
                "a file that the agent wrote",
            );
            return Ok(());
        }
        let (text, place) = match state.get("text").and_then(Value::as_str) {
            Some(text) => (text.to_owned(), path::member(&after, "text")),
            None => {
                let blob = evidence.blob(&format!("files/{name}/after"))?;
                (String::from_utf8_lossy(&blob.read_all()).into_owned(), blob.name().to_owned())
            }
        };
        match shape.misfit(&Value::String(text), true) {
            Some(why) => report.fail(&place, format!("`{name}`: {why}"), shape.words()),
            None => report.pass(&place, format!("`{name}` is {}", shape.words())),
        }
        Ok(())
    }
}
