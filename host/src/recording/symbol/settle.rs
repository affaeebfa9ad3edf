//! Finds and replaces in a whole run: the document, and the texts that lie beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::escape::escape;
use super::table::Table;
use super::walk::Replaced;
use super::{Symbols, every_text};
use crate::document::{PlaceSection, TEXT_INLINE_LIMIT_BYTES};
use crate::value::{SharedBytes, SharedStore, canonical};

/// Bytes that lie beside the document, by the name they have in it: `requests/0/body`, `stdout/0`, `stderr/0`.
pub type Texts = BTreeMap<String, SharedBytes>;

/// Sections in which nothing is replaced.
const UNTOUCHED: [&str; 4] = ["schema", "scenario", "raw", "timing"];

/// An event's turn and line.
pub(super) type LineOf = (u64, u64);

impl Symbols {
    /// Replaces in a run document, whose requests are sorted, and in the texts beside it. Their sizes and texts in the
    /// document follow. Files of the workspace come after, one by one, with [`Symbols::file`].
    pub fn settle(&mut self, document: &mut Value, texts: &mut Texts) {
        each_touched(document, |section| every_text(section, &mut |text| changed(escape(text), text)));
        self.order_ties(document, texts);
        let rewritten = self.find(document, texts);
        self.tokens = self.table.tokens();
        each_touched(document, |section| {
            every_text(section, &mut |text| changed(self.tokens.replace(text), text));
        });
        let mut elements: BTreeMap<LineOf, Vec<String>> = BTreeMap::new();
        for event in entries(document, "events").filter(|event| rewritten.contains(&line_of(event))) {
            elements.entry(line_of(event)).or_default().push(canonical(&event["raw"]));
        }
        // A line with several events was an array of them.
        let lines: BTreeMap<LineOf, String> = elements
            .into_iter()
            .map(|(line, elements)| match &elements[..] {
                [only] => (line, only.clone()),
                several => (line, format!("[{}]", several.join(","))),
            })
            .collect();
        self.settle_bodies(document, texts);
        for (name, section) in [("stdout", PlaceSection::Stdout), ("stderr", PlaceSection::Stderr)] {
            self.settle_streams(document, texts, name, section, &lines);
        }
    }

    /// A file's bytes with symbols; none when they stay as they are. Bytes that are not UTF-8 always do. A value that
    /// stands at a place of a file only is replaced there, not elsewhere.
    pub fn file(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let settled = self.settled_text(text, PlaceSection::Files);
        (settled != text).then(|| settled.into_bytes())
    }

    /// Finds values at places, and replaces them there: turn by turn; in each, its requests, then its events, then what
    /// it wrote; at last the workspace. Gives the lines of standard output that must be written anew.
    pub(super) fn find(&mut self, document: &mut Value, texts: &Texts) -> BTreeSet<LineOf> {
        let Self { places, table, .. } = self;
        let mut rewritten = BTreeSet::new();
        let turns: BTreeSet<u64> = ["requests", "events", "stdout", "stderr"]
            .into_iter()
            .flat_map(|section| entries(document, section).map(turn_of).collect::<Vec<_>>())
            .collect();
        for turn in turns {
            for (index, request) in of_turn(document, "requests", turn) {
                let at = |section, value: Option<&mut Value>, table: &mut Table| {
                    value.map(|value| places.in_value(section, value, table))
                };
                at(PlaceSection::Headers, request.get_mut("headers"), table);
                if request["body"].is_null() {
                    // Too large for the document; the same will be found again when its bytes are settled.
                    let mut body = parsed(texts.get(&format!("requests/{index}/body")));
                    at(PlaceSection::Requests, body.as_mut(), table);
                } else {
                    at(PlaceSection::Requests, request.get_mut("body"), table);
                }
                for item in items(request.get_mut("transcript")) {
                    at(PlaceSection::Transcript, Some(item), table);
                }
                for item in items(request.get_mut("reply").and_then(|reply| reply.get_mut("items"))) {
                    at(PlaceSection::Reply, Some(item), table);
                }
            }
            for (_, event) in of_turn(document, "events", turn) {
                let raw = event.get_mut("raw");
                let replaced = raw.map(|raw| places.in_value(PlaceSection::Events, raw, table));
                if replaced.is_some_and(|replaced| replaced.beyond_tokens) {
                    rewritten.insert(line_of(event));
                }
            }
            for (name, section) in [("stdout", PlaceSection::Stdout), ("stderr", PlaceSection::Stderr)] {
                for (_, stream) in of_turn(document, name, turn) {
                    in_member(stream, "text", |text| places.in_text(section, text, table));
                }
            }
        }
        let files = document.get_mut("files").and_then(Value::as_object_mut);
        for file in files.into_iter().flat_map(|files| files.values_mut()) {
            for when in ["before", "after"] {
                if let Some(state) = file.get_mut(when) {
                    in_member(state, "text", |text| places.in_text(PlaceSection::Files, text, table));
                }
            }
        }
        if let Some(git) = document.get_mut("git") {
            in_member(git, "diff", |text| places.in_text(PlaceSection::Diff, text, table));
        }
        for process in items(document.get_mut("processes")) {
            in_member(process, "command", |text| places.in_text(PlaceSection::Processes, text, table));
        }
        rewritten
    }

    fn settle_bodies(&mut self, document: &Value, texts: &mut Texts) {
        // What bodies share they share again with symbols in them.
        let (mut store, mut room) = (SharedStore::default(), u64::MAX);
        let mut keep = |bytes: Vec<u8>| store.keep(&bytes, &mut room).unwrap_or_default();
        for (index, request) in entries(document, "requests").enumerate() {
            let Some(bytes) = texts.get_mut(&format!("requests/{index}/body")) else { continue };
            let codes = request["violations"].as_array().into_iter().flatten();
            // Members that stand twice would be lost.
            let is_ambiguous =
                codes.map(|violation| &violation["code"]).any(|code| code == "duplicate-member");
            match parsed(Some(&*bytes)).filter(|_| !is_ambiguous) {
                Some(mut body) => {
                    let mut differs = false;
                    every_text(&mut body, &mut |text| noted(&mut differs, changed(escape(text), text)));
                    differs |=
                        self.places.in_value(PlaceSection::Requests, &mut body, &mut self.table).anything;
                    every_text(&mut body, &mut |text| {
                        noted(&mut differs, changed(self.tokens.replace(text), text))
                    });
                    if differs {
                        *bytes = keep(canonical(&body).into_bytes());
                    }
                }
                None => {
                    let whole = bytes.to_vec();
                    if let Ok(text) = std::str::from_utf8(&whole) {
                        *bytes = keep(self.tokens.replace(&escape(text)).into_owned().into_bytes());
                    }
                }
            }
        }
    }

    fn settle_streams(
        &mut self,
        document: &mut Value,
        texts: &mut Texts,
        name: &str,
        section: PlaceSection,
        lines: &BTreeMap<LineOf, String>,
    ) {
        let streams = document.get_mut(name).and_then(Value::as_array_mut);
        for (index, stream) in streams.into_iter().flatten().enumerate() {
            let Some(kept) = texts.get_mut(&format!("{name}/{index}")) else { continue };
            let bytes = kept.whole();
            let mut settled = Vec::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                settled.extend_from_slice(self.settled_text(chunk.valid(), section).as_bytes());
                settled.extend_from_slice(chunk.invalid());
            }
            if section == PlaceSection::Stdout && !lines.is_empty() {
                settled = with_lines(&settled, turn_of(stream), lines);
            }
            let written = stream["bytes"].as_u64().unwrap_or_default();
            stream["bytes"] = (written - (bytes.len() as u64).min(written) + settled.len() as u64).into();
            if let Some(members) = stream.as_object_mut() {
                members.remove("text");
                if let Some(text) = std::str::from_utf8(&settled).ok().filter(|_| is_short(&settled)) {
                    members.insert("text".to_owned(), text.into());
                }
            }
            *kept = settled.into();
        }
    }

    fn settled_text(&mut self, text: &str, section: PlaceSection) -> String {
        let mut settled = escape(text).into_owned();
        self.places.in_text(section, &mut settled, &mut self.table);
        match changed(self.tokens.replace(&settled), &settled) {
            Some(replaced) => replaced,
            None => settled,
        }
    }
}

/// Lines of a turn put in the place of those that stand there.
fn with_lines(stream: &[u8], turn: u64, lines: &BTreeMap<LineOf, String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(stream.len());
    for (line, number) in stream.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        match lines.get(&(turn, number)) {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(if line.ends_with(b"\n") { b"\n" } else { b"" });
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

fn is_short(bytes: &[u8]) -> bool {
    bytes.len() <= TEXT_INLINE_LIMIT_BYTES
}

pub(super) fn parsed(bytes: Option<&SharedBytes>) -> Option<Value> {
    serde_json::from_slice(&bytes?.whole()).ok()
}

fn each_touched(document: &mut Value, mut change: impl FnMut(&mut Value)) {
    for (name, section) in document.as_object_mut().into_iter().flatten() {
        if !UNTOUCHED.contains(&name.as_str()) {
            change(section);
        }
    }
}

fn entries<'a>(document: &'a Value, section: &str) -> impl Iterator<Item = &'a Value> {
    document[section].as_array().into_iter().flatten()
}

fn of_turn<'a>(
    document: &'a mut Value,
    section: &str,
    turn: u64,
) -> impl Iterator<Item = (usize, &'a mut Value)> {
    let entries = document.get_mut(section).and_then(Value::as_array_mut).into_iter().flatten();
    entries.enumerate().filter(move |(_, entry)| turn_of(entry) == turn)
}

fn items(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

fn turn_of(entry: &Value) -> u64 {
    entry["turn"].as_u64().unwrap_or_default()
}

fn line_of(event: &Value) -> LineOf {
    (turn_of(event), event["line"].as_u64().unwrap_or_default())
}

fn in_member(value: &mut Value, member: &str, replace: impl FnOnce(&mut String) -> Replaced) {
    if let Some(Value::String(text)) = value.get_mut(member) {
        replace(text);
    }
}

/// What became of a text, when it is no longer the same.
fn changed(new: std::borrow::Cow<'_, str>, old: &str) -> Option<String> {
    match new {
        std::borrow::Cow::Borrowed(same) if same.len() == old.len() => None,
        new => Some(new.into_owned()),
    }
}

fn noted(differs: &mut bool, changed: Option<String>) -> Option<String> {
    *differs |= changed.is_some();
    changed
}
