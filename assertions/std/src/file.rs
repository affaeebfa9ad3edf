//! `file`: what stands in a file of the workspace after the run.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;
use crate::needle::Needle;
use crate::texts;

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
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!("parameters: `{name}` is no path in the workspace such as `src/main.rs`"));
        }
        let entry = path::member(&files, name);
        let after = path::member(&entry, "after");
        let state = evidence.first(&after)?.map(|node| node.read::<Value>()).transpose()?;
        match state.filter(|state| !state.is_null()) {
            Some(_) if parameters.exists == Some(false) => {
                report.fail(&after, format!("`{name}` is there"), "nothing at this path");
            }
            Some(state) => match state.get("kind").and_then(Value::as_str) {
                Some("file") | None => inside(&parameters, &after, &state, evidence, report)?,
                Some(kind) => report.fail(&after, format!("`{name}` is of kind `{kind}`"), "a regular file"),
            },
            None => {
                let container = if evidence.count(&entry)? > 0 { entry } else { files };
                absent(&parameters, &container, evidence, report)?;
            }
        }
        Ok(())
    }
}

/// Judges a path at which no file is; `container` is what shows its absence.
fn absent(
    parameters: &Parameters,
    container: &str,
    evidence: &Evidence,
    report: &mut Report,
) -> Result<(), String> {
    let name = parameters.path.text();
    let message = format!("there is no `{name}`");
    if parameters.exists != Some(false) {
        report.fail(container, message, format!("the file `{name}`"));
    } else if let Some(inner) = below(name, evidence)? {
        report.fail(&inner, format!("`{name}` is a folder"), "nothing at this path");
    } else {
        report.pass(container, message);
    }
    Ok(())
}

/// A file below this path; the evidence has files and no folders.
fn below(name: &str, evidence: &Evidence) -> Result<Option<String>, String> {
    let prefix = format!("{name}/");
    let files = evidence.query("$.files[?@.after].after.kind")?;
    Ok(files.into_iter().map(|node| node.path).find(|path| match path::parts(path).as_deref() {
        Some([_, path::Part::Name(file), ..]) => file.starts_with(&prefix),
        _ => false,
    }))
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
    let what = format!("`{}`", parameters.path.text());
    if let Some(equals) = &parameters.equals {
        demand::equals(report, &content.place, &what, content.bytes == equals.as_bytes(), equals);
    }
    if let Some(needle) = &parameters.contains {
        let at = texts::located(evidence, vec![content.place.clone()], needle.text())?;
        demand::contains(report, &at, &what, content.contains(needle), needle);
    }
    if let Some(needle) = &parameters.not_contains {
        let at = texts::located(evidence, vec![content.place.clone()], needle.text())?;
        demand::omits(report, &at, &what, !content.contains(needle), needle);
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
