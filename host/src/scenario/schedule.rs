//! `wire`: a schedule of disturbances, read from TOML.

use toml::de::DeValue;

use super::findings::Findings;
use super::load::known_word;
use super::path;
use super::script::LANES;
use super::table::Table;
use super::wire::{ByteAt, Change, End, FrameAt, Gate, LineEnd, Place, What, Wire};

/// Most changes of one schedule.
const MOST_CHANGES: usize = 64;
/// Longest wait that a schedule may ask for, in milliseconds.
const MOST_MS: i64 = 3_600_000;
/// Headers that would make the reply something else than one reply.
const NOT_SETTABLE: [&str; 2] = ["transfer-encoding", "upgrade"];
/// The keys that say what happens, of which every change has one.
const ACTIONS: [&str; 18] = [
    "delay_ms",
    "settle_ms",
    "hold",
    "split",
    "trickle",
    "end",
    "close",
    "drop",
    "duplicate",
    "move-after",
    "comment",
    "line-end",
    "blank-line",
    "event-line",
    "data",
    "insert",
    "raw",
    "binary",
];

/// Reads `wire` and `headers` of a fault or a step; an empty schedule where neither is there.
pub(super) fn read(table: &mut Table<'_>, findings: &Findings) -> Wire {
    let headers =
        table.table("headers", "`headers`").map(|table| headers(&table, findings)).unwrap_or_default();
    let changes = table.tables("wire", "`wire`");
    if let Some(beyond) = changes.get(MOST_CHANGES) {
        findings.error("bad-wire", "the schedule has more than 64 changes", beyond.range(), "one too many");
    }
    let changes =
        changes.into_iter().take(MOST_CHANGES).filter_map(|change| read_change(change, findings)).collect();
    Wire { headers, changes, then_completed: false }
}

fn headers(table: &Table<'_>, findings: &Findings) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, value) in table.entries() {
        let lower = name.get_ref().to_ascii_lowercase();
        let is_token = !lower.is_empty()
            && lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !is_token || NOT_SETTABLE.contains(&lower.as_str()) {
            findings.error("bad-header", "this header can't be set", name.span(), "not settable");
            continue;
        }
        let Some(text) = super::table::as_text(findings, "headers", value) else { continue };
        if text.get_ref().bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            findings.error(
                "bad-header",
                "a header holds no control characters",
                text.span(),
                "control character",
            );
            continue;
        }
        headers.push((lower, (*text.get_ref()).to_owned()));
    }
    headers
}

fn read_change(mut table: Table<'_>, findings: &Findings) -> Option<Change> {
    let given: Vec<&'static str> =
        ACTIONS.into_iter().chain(["fragment"]).filter(|action| table.has(action)).collect();
    if given.len() != 1 {
        findings.error_with_help(
            "bad-wire",
            "a change does one thing",
            table.range(),
            if given.is_empty() { "does nothing" } else { "does several" },
            format!("write one of {}, and the place as `frame` or `after`, and `byte`", list(&ACTIONS)),
        );
        return None;
    }
    let at = place(&mut table, findings);
    let what = what(&mut table, given[0], findings);
    table.finish(|_| None);
    Some(Change { at: at?, what: what? })
}

fn place(table: &mut Table<'_>, findings: &Findings) -> Option<Place> {
    let after = table.has("after");
    if after && (table.has("frame") || table.has("byte")) {
        findings.error("bad-wire", "`after` is a place of its own", table.range(), "two places");
        return None;
    }
    let key = if after { "after" } else { "frame" };
    let frame = match table.value(key) {
        None => FrameAt::Every,
        Some(value) => match value.get_ref() {
            DeValue::String(name) => FrameAt::Named(name.to_string()),
            _ => FrameAt::Number(number(table, key)?),
        },
    };
    let byte = match table.value("byte") {
        None if after => ByteAt::End,
        None => ByteAt::Start,
        Some(value) => match value.get_ref() {
            DeValue::String(word) if word == "inside-character" => ByteAt::InsideCharacter,
            DeValue::String(_) => {
                return table.wrong_type("byte", "a whole number, or \"inside-character\"", value);
            }
            _ => ByteAt::Offset(number(table, "byte")?),
        },
    };
    Some(Place { frame, byte })
}

fn number(table: &mut Table<'_>, key: &'static str) -> Option<i32> {
    table.integer(key, -1_000_000..=1_000_000).and_then(|number| i32::try_from(number).ok())
}

fn what(table: &mut Table<'_>, action: &'static str, findings: &Findings) -> Option<What> {
    let text = |table: &mut Table<'_>, key| table.text(key).map(|text| (*text.get_ref()).to_owned());
    Some(match action {
        "delay_ms" => What::Delay { ms: ms(table, "delay_ms")? },
        "settle_ms" => What::Settle { ms: ms(table, "settle_ms")? },
        "hold" => What::Hold(gate(table.table("hold", "`hold`")?, findings)?),
        "split" => flag(table, findings, "split", true).map(|()| What::Split)?,
        "trickle" => What::Trickle {
            bytes: size(table, "trickle")?,
            every_ms: if table.has("every_ms") { ms(table, "every_ms")? } else { 0 },
        },
        "end" => What::End(end(table, findings)?),
        "close" => What::End(End::Close {
            code: table.integer("close", 1000..=4999).and_then(|code| u16::try_from(code).ok())?,
            reason: reason(table, findings)?,
        }),
        "drop" => flag(table, findings, "drop", true).map(|()| What::Drop)?,
        "duplicate" => flag(table, findings, "duplicate", true).map(|()| What::Duplicate)?,
        "move-after" => What::MoveAfter(number(table, "move-after")?),
        "comment" => What::Comment(one_line(table, findings, "comment")?),
        "line-end" => {
            let written = table.text("line-end")?;
            match known_word(findings, "unknown-line-end", "line end", &written, &["cr", "crlf"])? {
                "cr" => What::LineEnd(LineEnd::Cr),
                _ => What::LineEnd(LineEnd::CrLf),
            }
        }
        "blank-line" => flag(table, findings, "blank-line", false).map(|()| What::NoBlankLine)?,
        "event-line" => flag(table, findings, "event-line", false).map(|()| What::NoEventLine)?,
        "data" => What::Data(text(table, "data")?),
        "insert" => {
            let event = if table.has("event") { Some(one_line(table, findings, "event")?) } else { None };
            What::Insert { event, data: text(table, "insert")? }
        }
        "raw" => What::Raw(text(table, "raw")?),
        "binary" => flag(table, findings, "binary", true).map(|()| What::Binary)?,
        _ => What::Fragment(size(table, "fragment")?),
    })
}

fn end(table: &mut Table<'_>, findings: &Findings) -> Option<End> {
    let written = table.text("end")?;
    let words = ["clean", "fin", "reset", "half-close", "stall"];
    Some(match known_word(findings, "unknown-end", "end of a reply", &written, &words)? {
        "clean" => End::Clean,
        "fin" => End::Fin,
        "reset" => End::Reset,
        "half-close" => End::HalfClose,
        _ => End::Stall,
    })
}

fn gate(mut table: Table<'_>, findings: &Findings) -> Option<Gate> {
    const GATES: [&str; 4] = ["printed", "file", "lane", "drained"];
    let given: Vec<&'static str> = GATES.into_iter().filter(|gate| table.has(gate)).collect();
    let [gate] = given[..] else {
        findings.error_with_help(
            "bad-gate",
            "a gate waits for one thing",
            table.range(),
            if given.is_empty() { "waits for nothing" } else { "waits for several" },
            format!("write one of {}; with `lane`, `step` may say which", list(&GATES)),
        );
        return None;
    };
    let gate = match gate {
        "printed" => table.required_text("printed").map(|text| Gate::Printed((*text.get_ref()).to_owned())),
        "file" => table.required_text("file").and_then(|file| match path::check(file.get_ref()) {
            Ok(()) => Some(Gate::File((*file.get_ref()).to_owned())),
            Err(bad) => {
                findings.error_with_help("bad-path", bad.to_string(), file.span(), "not usable", bad.help());
                None
            }
        }),
        "lane" => {
            let written = table.text("lane")?;
            let step = table.integer("step", 1..=1000).and_then(|step| u32::try_from(step).ok());
            known_word(findings, "unknown-lane", "lane", &written, &LANES)
                .map(|lane| Gate::Request { lane: lane.to_owned(), step })
        }
        _ => flag(&mut table, findings, "drained", true).map(|()| Gate::Drained),
    };
    table.finish(|_| None);
    gate
}

/// A truth value that can only be one of the two; the other is what happens anyway.
fn flag(table: &mut Table<'_>, findings: &Findings, key: &'static str, wanted: bool) -> Option<()> {
    let given = table.boolean(key)?;
    if *given.get_ref() != wanted {
        findings.error(
            "bad-wire",
            format!("`{key} = {}` changes nothing", !wanted),
            given.span(),
            "remove it",
        );
        return None;
    }
    Some(())
}

fn ms(table: &mut Table<'_>, key: &'static str) -> Option<u64> {
    table.integer(key, 0..=MOST_MS).and_then(|ms| u64::try_from(ms).ok())
}

fn size(table: &mut Table<'_>, key: &'static str) -> Option<usize> {
    table.integer(key, 1..=1_000_000).and_then(|size| usize::try_from(size).ok())
}

fn one_line(table: &mut Table<'_>, findings: &Findings, key: &'static str) -> Option<String> {
    let text = table.text(key)?;
    if text.get_ref().contains(['\r', '\n']) {
        findings.error("bad-wire", format!("`{key}` is one line"), text.span(), "has a line break");
        return None;
    }
    Some((*text.get_ref()).to_owned())
}

/// A close frame's payload is at most 125 bytes, two of which are the code; RFC 6455 section 5.5.
fn reason(table: &mut Table<'_>, findings: &Findings) -> Option<String> {
    let Some(reason) = table.text("reason") else { return Some(String::new()) };
    if reason.get_ref().len() > 123 {
        findings.error("bad-wire", "`reason` is longer than 123 bytes", reason.span(), "too long");
        return None;
    }
    Some((*reason.get_ref()).to_owned())
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
