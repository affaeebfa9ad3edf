//! `capture` of a step: values taken from its request, for `{{name}}` in replies.

use std::collections::BTreeMap;
use std::ops::Range;

use super::call::Calls;
use super::expect::{known_call, regex};
use super::findings::Findings;
use super::load::known_word;
use super::table::{Table, as_table, quote};
use super::template::is_name;
use super::{Capture, CaptureForm, Reply, Source, Template};

/// The names captured so far, with their places.
#[derive(Default)]
pub(super) struct Names {
    places: BTreeMap<String, Range<usize>>,
}

impl Names {
    /// Reports the names that a reply refers to and no step captures; `span` is the reply's place.
    pub(super) fn check(&self, reply: &Reply, span: Range<usize>, findings: &Findings) {
        for name in Template::names(reply) {
            if !self.places.contains_key(&name) {
                let help = findings
                    .suggest(&name, self.places.keys().map(String::as_str))
                    .unwrap_or_else(|| "write `{{{{` where two brackets stand for themselves".to_owned());
                let message = format!("no step captures {}", quote(&name));
                findings.error_with_help("unknown-value", message, span.clone(), "refers to it", help);
            }
        }
    }
}

/// Reads `capture`.
pub(super) fn read(
    step: &mut Table<'_>,
    findings: &Findings,
    calls: &Calls<'_>,
    names: &mut Names,
) -> Vec<Capture> {
    let Some(table) = step.table("capture", "`capture`") else { return Vec::new() };
    let mut captures = Vec::new();
    for (name, value) in table.entries() {
        let written = *name.get_ref();
        if !is_name(written) {
            let message = format!("{} can't name a value", quote(written));
            findings.error(
                "bad-name",
                message,
                name.span(),
                "use a letter, then letters, digits, `-` and `_`",
            );
            continue;
        }
        if names.places.insert(written.to_owned(), name.span()).is_some() {
            let message = format!("two steps capture {}", quote(written));
            findings.error("duplicate-value", message, name.span(), "captured before");
            continue;
        }
        let Some(table) = as_table(findings, written, "a capture", value) else { continue };
        captures.extend(capture(written, table, findings, calls));
    }
    captures
}

fn capture(name: &str, mut table: Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Option<Capture> {
    const SOURCES: [&str; 3] = ["tool-result", "header", "pointer"];
    let given: Vec<&'static str> = SOURCES.into_iter().filter(|key| table.has(key)).collect();
    let expression = table.text("regex");
    let form = match table.text("as") {
        None => Some(CaptureForm::Text),
        Some(written) => known_word(findings, "unknown-form", "form", &written, &["text", "number", "json"])
            .map(|word| match word {
                "text" => CaptureForm::Text,
                "number" => CaptureForm::Number,
                _ => CaptureForm::Json,
            }),
    };
    let optional = table.boolean("optional").is_some_and(|optional| *optional.get_ref());
    let source = match given[..] {
        ["tool-result"] => table
            .required_text("tool-result")
            .and_then(|call| known_call(&call, findings, calls))
            .map(Source::ToolResult),
        ["header"] => {
            table.required_text("header").map(|name| Source::Header(name.get_ref().to_ascii_lowercase()))
        }
        ["pointer"] => table.text("pointer").and_then(|pointer| {
            let text = *pointer.get_ref();
            if !text.is_empty() && !text.starts_with('/') {
                findings.error("bad-pointer", "a JSON pointer begins with `/`", pointer.span(), "no pointer");
                return None;
            }
            Some(Source::Pointer(text.to_owned()))
        }),
        _ => {
            findings.error_with_help(
                "bad-capture",
                "a value is taken from one place",
                table.range(),
                if given.is_empty() { "no place" } else { "several places" },
                "write one of `tool-result`, `header`, `pointer`",
            );
            None
        }
    };
    table.finish(|_| None);
    let regex = match expression {
        Some(written) => Some(regex(&written, findings)?),
        None => None,
    };
    Some(Capture { name: name.to_owned(), source: source?, regex, form: form?, optional })
}
