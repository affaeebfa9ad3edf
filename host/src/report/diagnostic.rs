//! Diagnostics for people, with the line and a caret, and for tools, as JSON.
//!
//! What a file holds is quoted, so everything is escaped: nothing in it can drive a terminal.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::value::{escape_terminal, excerpt};

/// Longest message, label or path that is shown, in characters.
const MOST_CHARACTERS: usize = 1000;

/// A diagnostic for people: message, file, line and column, the line with a caret, help. Ends without a newline.
pub fn render_human(diagnostic: &Diagnostic, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&diagnostic.message)).id(diagnostic.id);
    let mut group = Group::with_title(title);
    let mut rest = diagnostic.spans.as_slice();
    let mut is_main = true;
    while let Some(first) = rest.first() {
        let same =
            rest.iter().take_while(|span| span.file == first.file && span.source == first.source).count();
        group = group.element(snippet(&rest[..same], is_main));
        rest = &rest[same..];
        is_main = false;
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(one_line(help)));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// A diagnostic for tools: `id`, `severity`, `message`, `help` (text or null) and `spans` with `file`, `line`,
/// `column`, `end_line`, `end_column` (all from 1, columns in characters, the end exclusive) and `label`.
pub fn render_json(diagnostic: &Diagnostic) -> Value {
    let spans: Vec<Value> = diagnostic.spans.iter().map(span_json).collect();
    json!({
        "id": diagnostic.id,
        "severity": diagnostic.severity,
        "message": escape_terminal(&diagnostic.message),
        "help": diagnostic.help.as_deref().map(escape_terminal),
        "spans": spans,
    })
}

fn span_json(span: &Span) -> Value {
    let (line, column) = span.line_and_column();
    let end = Span { range: span.range.end.max(span.range.start)..0, ..span.clone() };
    let (end_line, end_column) = end.line_and_column();
    json!({
        "file": escape_terminal(&span.file.to_string_lossy()),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "label": escape_terminal(&span.label),
    })
}

fn one_line(text: &str) -> String {
    excerpt(text, MOST_CHARACTERS)
}

/// The lines of some spans of one file. Only these lines are handed on, so that a large file costs nothing.
fn snippet<'a>(spans: &[Span], is_main: bool) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let source = spans.first().map_or("", |span| &*span.source);
    let ranges: Vec<Range<usize>> = spans.iter().map(|span| on_first_line(source, &span.range)).collect();
    let from = ranges.iter().map(|range| line_start(source, range.start)).min().unwrap_or(0);
    let to = ranges.iter().map(|range| line_end(source, range.start)).max().unwrap_or(source.len());
    let line = source[..from].matches('\n').count() + 1;
    let path = spans.first().map_or_else(String::new, |span| one_line(&span.file.to_string_lossy()));
    let shown = escape(&source[from..to]);
    let length = shown.len();
    let mut snippet = Snippet::source(shown).line_start(line).path(path);
    for (index, (span, range)) in spans.iter().zip(ranges).enumerate() {
        let kind = if index == 0 && is_main { AnnotationKind::Primary } else { AnnotationKind::Context };
        // Escaping makes the text longer: the range is where the escaped parts before it end.
        let start = escape(&source[from..range.start]).len().min(length);
        let end = (start + escape(&source[range]).len()).min(length);
        let label = (!span.label.is_empty()).then(|| one_line(&span.label));
        snippet = snippet.annotation(kind.span(start..end).label(label));
    }
    snippet
}

/// Escaped as for a terminal; the line endings of another system are no reason to escape.
fn escape(text: &str) -> String {
    escape_terminal(&text.replace("\r\n", "\n"))
}

/// The part of a range on the line where it starts, on character boundaries.
fn on_first_line(source: &str, range: &Range<usize>) -> Range<usize> {
    let start = boundary(source, range.start);
    let end = boundary(source, range.end.max(start)).min(line_end(source, start)).max(start);
    start..end
}

fn boundary(source: &str, at: usize) -> usize {
    (0..=at.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(source: &str, at: usize) -> usize {
    let end = source[at..].find('\n').map_or(source.len(), |newline| at + newline);
    if source[at..end].ends_with('\r') { end - 1 } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source: &str, range: Range<usize>) -> Diagnostic {
        let span = Span { file: "a.toml".into(), source: source.into(), range, label: "here".into() };
        Diagnostic::error("bad", "wrong").at(span).help("do it right".to_owned())
    }

    #[test]
    fn the_caret_stays_under_its_word_when_what_is_before_it_is_escaped() {
        let source = "a = 1\nb = \"\u{1b}[2J\u{202e}\" # word\n";
        let start = source.find("word").unwrap();
        let human = render_human(&at(source, start..start + 4), false);
        let lines: Vec<&str> = human.lines().collect();
        assert_eq!(lines[3], "2 | b = \"\\u{1b}[2J\\u{202e}\" # word");
        assert_eq!(lines[4].find("^^^^"), lines[3].find("word"));
        assert_eq!(lines.last(), Some(&"  = help: do it right"));
    }

    #[test]
    fn only_the_first_line_of_a_long_value_is_shown() {
        let human = render_human(&at("a = '''\nx\n'''\n", 4..13), false);
        assert!(human.contains("1 | a = '''\n  |     ^^^ here"), "{human}");
        assert!(!human.contains("2 |"), "{human}");
    }

    #[test]
    fn a_place_outside_the_text_or_inside_a_character_is_still_rendered() {
        for range in [99..120, 1..2, Range { start: 2, end: 1 }, 3..3] {
            assert!(render_human(&at("éé", range.clone()), false).contains("a.toml:1:"), "{range:?}");
        }
        assert!(
            render_human(&Diagnostic::warning("odd", "no place"), false)
                .starts_with("warning[odd]: no place")
        );
    }

    #[test]
    fn colour_only_when_asked_for() {
        assert!(render_human(&at("a", 0..1), true).contains('\u{1b}'));
        assert!(!render_human(&at("a", 0..1), false).contains('\u{1b}'));
    }

    #[test]
    fn tools_get_lines_and_columns() {
        let json = render_json(&at("a = 1\né = '''\nx'''\n", 11..18));
        assert_eq!(
            json,
            json!({
                "id": "bad",
                "severity": "error",
                "message": "wrong",
                "help": "do it right",
                "spans": [{
                    "file": "a.toml", "line": 2, "column": 5, "end_line": 3, "end_column": 4, "label": "here",
                }],
            })
        );
    }
}
