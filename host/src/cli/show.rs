//! `wassert show`: picks the part of a recording that was asked for; how it looks is `report`'s.

use std::io::IsTerminal as _;

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::arguments::Show;
use super::export::export;
use super::output::Output;
use super::pager;
use super::shown::Shown;
use crate::diagnostic::did_you_mean;
use crate::document::{Document, FileState};
use crate::query::{Budget, Query, Refusal, nodes, singular_path};
use crate::report::{
    Content, Layout, blob_place, event, file_diff, matches, place, request, timeline, transcript,
};
use crate::value::{ExitStatus, canonical, escape_terminal, excerpt};

/// Characters of a line where the terminal does not say.
const WIDTH: usize = 100;

/// Units of work for one query: generous, for the person who typed it is waiting.
const QUERY_BUDGET: u64 = 1 << 28;

/// Shows a recording.
pub(super) fn show(arguments: &Show, output: &Output) -> anyhow::Result<ExitStatus> {
    let recording = Shown::open(&arguments.recording)?;
    if let Some(to) = &arguments.export {
        return export(&recording.opened, to, output);
    }
    if arguments.json {
        let json = selected_json(arguments, &recording)?;
        output.result(&json);
        return Ok(if json.is_empty() { ExitStatus::Nothing } else { ExitStatus::Passed });
    }
    let layout = Layout { style: output.style(), width: width() };
    let text = told(arguments, &recording, layout)?;
    if text.is_empty() {
        output.note("nothing matches");
        return Ok(ExitStatus::Nothing);
    }
    pager::show(&text, arguments.no_pager, output);
    Ok(ExitStatus::Passed)
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.filter(|columns| (20..=1_000).contains(columns)).unwrap_or(WIDTH)
}

/// What was asked for, for people.
fn told(arguments: &Show, recording: &Shown, layout: Layout) -> anyhow::Result<String> {
    let document = &recording.document;
    if let Some(position) = arguments.event {
        return Ok(event(document, position, layout)?);
    }
    if let Some(position) = arguments.request {
        let body = if arguments.body { Some(body(recording, position)?) } else { None };
        return Ok(request(document, position, body.as_deref(), layout)?);
    }
    if arguments.transcript {
        return Ok(transcript(document, arguments.turn, layout)?);
    }
    if let Some(path) = &arguments.file {
        let file = document.files.get(path).ok_or_else(|| no_file(document, path))?;
        let content = |side: &str, state: &Option<FileState>| content(recording, path, side, state.as_ref());
        let (before, after) = (content("before", &file.before), content("after", &file.after));
        return Ok(file_diff(path, file, &before, &after, layout));
    }
    if let Some(expression) = &arguments.json_path {
        return Ok(matches(&select(expression, recording.json())?, layout));
    }
    if let Some(path) = &arguments.at {
        return at(recording, path, arguments.bytes, layout);
    }
    Ok(timeline(document, &recording.verdicts(), arguments.turn, layout)?)
}

/// What was asked for, as JSON, a value a line.
fn selected_json(arguments: &Show, recording: &Shown) -> anyhow::Result<String> {
    let document = &recording.document;
    let json = recording.json();
    let layout = Layout { style: crate::report::Style::Plain, width: WIDTH };
    if let Some(position) = arguments.event {
        event(document, position, layout)?;
        return Ok(line(&json["events"][position]));
    }
    if let Some(position) = arguments.request {
        request(document, position, None, layout)?;
        return Ok(line(&json["requests"][position]));
    }
    if let Some(path) = &arguments.file {
        return json["files"].get(path).map(line).ok_or_else(|| no_file(document, path));
    }
    if let Some(expression) = &arguments.json_path {
        return Ok(select(expression, json)?.into_iter().map(|(_, value)| line(value)).collect());
    }
    if let Some(path) = &arguments.at {
        return match singular_path(path, json) {
            Some((_, value)) => Ok(line(value)),
            None => Err(nowhere(path, json)),
        };
    }
    Ok(line(json))
}

/// Canonical for a program; on a terminal, what could drive it is escaped as JSON allows.
fn line(value: &Value) -> String {
    let text = canonical(value);
    let text = if std::io::stdout().is_terminal() { tame(&text) } else { text };
    format!("{text}\n")
}

/// The same JSON: such characters stand in strings only, and all of them lie in the basic plane.
fn tame(json: &str) -> String {
    let mut tame = String::with_capacity(json.len());
    for character in json.chars() {
        if escape_terminal(character.encode_utf8(&mut [0; 4])).starts_with("\\u{") {
            tame.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            tame.push(character);
        }
    }
    tame
}

fn select<'v>(expression: &str, json: &'v Value) -> anyhow::Result<Vec<(String, &'v Value)>> {
    let refused = |refusal: Refusal| anyhow!("`{}`: {refusal}", excerpt(expression, 200));
    let query = Query::parse(expression).map_err(refused)?;
    let found = nodes(&query, json, &mut Budget::new(QUERY_BUDGET)).map_err(refused)?;
    Ok(found.into_iter().map(|node| (node.path, node.value)).collect())
}

/// A place as findings have it: a path of the document, or a blob's name.
fn at(
    recording: &Shown,
    path: &str,
    bytes: Option<(u64, Option<u64>)>,
    layout: Layout,
) -> anyhow::Result<String> {
    if !path.starts_with('$') {
        let blob = blob(recording, path)?;
        let range = bytes.map(|(start, end)| start..end.unwrap_or(blob.len() as u64));
        return Ok(blob_place(path, &blob, range, layout));
    }
    if bytes.is_some() {
        bail!(
            "`--bytes` belongs to a blob's name, such as `requests/0/body`, not to `{}`",
            excerpt(path, 200)
        );
    }
    let json = recording.json();
    let (normalized, _) = singular_path(path, json).ok_or_else(|| nowhere(path, json))?;
    Ok(place(&recording.document, json, &normalized, layout))
}

/// Why a path leads nowhere: not a path, a path to many places, or one that ends early.
fn nowhere(path: &str, json: &Value) -> anyhow::Error {
    let shown = excerpt(path, 200);
    let query = match Query::parse(path) {
        Ok(query) => query,
        Err(refusal) => return anyhow!("`{shown}`: {refusal}"),
    };
    if !query.is_singular() {
        return anyhow!("`{shown}` may lead to many places\nhelp: ask with `--json-path`");
    }
    // Where a part may begin, the last first; inside a quoted name that is no path, and is passed over.
    let cuts = path.rmatch_indices(['.', '[']).map(|(end, _)| &path[..end]);
    let nearest = cuts.filter(|cut| !cut.is_empty()).find_map(|cut| singular_path(cut, json));
    let (nearest, value) = nearest.unwrap_or_else(|| ("$".to_owned(), json));
    let there = match value {
        Value::Array(items) => match items.len() {
            0 => "is an empty list".to_owned(),
            1 => "has one element, number 0".to_owned(),
            count => format!("has {count} elements, numbered 0 to {}", count - 1),
        },
        Value::Object(members) => {
            let names: Vec<_> = members.keys().take(20).map(String::as_str).collect();
            format!("has {}", excerpt(&names.join(", "), 300))
        }
        other => format!("is {}", excerpt(&other.to_string(), 100)),
    };
    anyhow!("nothing stands at `{shown}`: `{}` {there}", excerpt(&nearest, 200))
}

/// The text of a request's body: the document's, or the recorded bytes where the document has none.
fn body(recording: &Shown, position: usize) -> anyhow::Result<String> {
    let inline = recording.document.requests.get(position).map_or(&Value::Null, |request| &request.body);
    match inline {
        Value::Null => match recording.blob(&format!("requests/{position}/body")) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            // A number that is not there is told by whoever shows the request.
            Err(_) if position >= recording.document.requests.len() => Ok(String::new()),
            Err(error) => Err(error),
        },
        Value::String(text) => Ok(text.clone()),
        json => Ok(serde_json::to_string_pretty(json)?),
    }
}

fn content(recording: &Shown, path: &str, side: &str, state: Option<&FileState>) -> Content {
    let Some(state) = state else { return Content::Absent };
    match &state.text {
        Some(text) => Content::Bytes(text.clone().into_bytes()),
        None => match recording.blob(&format!("files/{path}/{side}")) {
            Ok(bytes) => Content::Bytes(bytes),
            Err(error) => Content::Unknown(error.to_string()),
        },
    }
}

/// A blob's bytes; of a bare document, those that stand in it.
fn blob(recording: &Shown, name: &str) -> anyhow::Result<Vec<u8>> {
    let error = match recording.blob(name) {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error,
    };
    let document = &recording.document;
    let side = name.strip_prefix("files/").and_then(|rest| rest.rsplit_once('/'));
    let state = side.and_then(|(path, side)| {
        let file = document.files.get(path)?;
        if side == "before" { file.before.as_ref() } else { file.after.as_ref() }
    });
    match state.and_then(|state| state.text.clone()) {
        Some(text) => Ok(text.into_bytes()),
        None => Err(anyhow!("{error}\nhelp: a path of the document starts with `$`")),
    }
}

fn no_file(document: &Document, path: &str) -> anyhow::Error {
    let names = document.files.keys().map(String::as_str);
    let shown = excerpt(path, 200);
    let near = did_you_mean(path, names.clone()).unwrap_or_else(|| {
        let some: Vec<_> = names.take(10).collect();
        format!(
            "the recording has {} files, such as {}",
            document.files.len(),
            excerpt(&some.join(", "), 300)
        )
    });
    if document.files.is_empty() {
        return anyhow!("there is no file `{shown}`: the recording has no files");
    }
    anyhow!("there is no file `{shown}` in the recording\nhelp: {near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_on_a_terminal_is_the_same_json_without_what_drives_it() {
        let value = serde_json::json!({ "a\u{9b}": "\u{202e}\u{1b}é😀\u{7f}\\" });
        let tamed = tame(&canonical(&value));
        assert_eq!(tamed, r#"{"a\u009b":"\u202e\u001bé😀\u007f\\"}"#);
        assert_eq!(serde_json::from_str::<Value>(&tamed).unwrap(), value);
    }
}
