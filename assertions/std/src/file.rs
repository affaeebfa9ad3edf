//! `file`: what stands in a file of the workspace after the run.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::needle::Needle;

/// See the module.
pub struct File;

/// What it demands; with only a path, that the file is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    path: Needle,
    exists: Option<bool>,
    equals: Option<String>,
    contains: Option<Needle>,
    not_contains: Option<Needle>,
}

impl Parameters {
    fn looks_inside(&self) -> bool {
        self.equals.is_some() || self.contains.is_some() || self.not_contains.is_some()
    }
}

impl Assertion for File {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str = "left this file in the workspace, or left it out";
    const READS: &'static [&'static str] = &["files"];
    const SCHEMA: &'static str = include_str!("../schemas/file.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if parameters.exists == Some(false) && parameters.looks_inside() {
            return Err("parameters: a file that must not exist has no content to look at".to_owned());
        }
        let files = evidence.section("files")?;
        let name = parameters.path.text();
        let entry = path::member(&files, name);
        let after = path::member(&entry, "after");
        let known = evidence.count(&entry)? > 0;
        let state = evidence.first(&after)?.map(|node| node.read::<Value>()).transpose()?;
        let container = if known { &entry } else { &files };
        match state.filter(|state| !state.is_null()) {
            None if parameters.exists == Some(false) => {
                report.pass(container, format!("there is no `{name}`"))
            }
            None => report.fail(container, format!("there is no `{name}`"), format!("the file `{name}`")),
            Some(_) if parameters.exists == Some(false) => {
                report.fail(&after, format!("`{name}` is there"), "nothing at this path");
            }
            Some(state) => match state.get("kind").and_then(Value::as_str) {
                Some("file") | None => inside(&parameters, &after, &state, evidence, report)?,
                Some(kind) => report.fail(&after, format!("`{name}` is of kind `{kind}`"), "a regular file"),
            },
        }
        Ok(())
    }
}

/// Judges a regular file that is there.
fn inside(
    parameters: &Parameters,
    after: &str,
    state: &Value,
    evidence: &Evidence,
    report: &mut Report,
) -> Result<(), String> {
    if !parameters.looks_inside() || parameters.exists == Some(true) {
        report.pass(after, format!("`{}` is there", parameters.path.text()));
    }
    if !parameters.looks_inside() {
        return Ok(());
    }
    let content = Content::of(parameters.path.text(), after, state, evidence)?;
    let at = content.place.as_str();
    if let Some(equals) = &parameters.equals {
        let holds = content.bytes == equals.as_bytes();
        report.demand(holds, at, if holds { "the content is equal" } else { "the content differs" }, equals);
    }
    if let Some(needle) = &parameters.contains {
        let holds = content.contains(needle);
        let message = if holds { "the text is in the file" } else { "the text is not in the file" };
        report.demand(holds, at, message, needle.text());
    }
    if let Some(needle) = &parameters.not_contains {
        let holds = !content.contains(needle);
        let message = if holds { "the text is not in the file" } else { "the text is in the file" };
        report.demand(holds, at, message, format!("nothing that contains {:?}", needle.text()));
    }
    Ok(())
}

/// The bytes of a file and where the evidence has them.
struct Content {
    bytes: Vec<u8>,
    place: String,
}

impl Content {
    /// The text in the document, or the blob when the file is large or not UTF-8.
    fn of(name: &str, after: &str, state: &Value, evidence: &Evidence) -> Result<Self, String> {
        if let Some(text) = state.get("text").and_then(Value::as_str) {
            return Ok(Self { bytes: text.as_bytes().to_vec(), place: path::member(after, "text") });
        }
        let blob = evidence.blob(&format!("files/{name}/after"))?;
        Ok(Self { bytes: blob.read_all(), place: blob.name().to_owned() })
    }

    fn contains(&self, needle: &Needle) -> bool {
        let needle = needle.text().as_bytes();
        self.bytes.windows(needle.len()).any(|window| window == needle)
    }
}
