//! What stands at one place of the recording, with what is around it.

use std::ops::Range;

use serde_json::Value;

use super::layout::Layout;
use super::normalized::{Part, parts, short, walk};
use super::timeline::reached;
use crate::document::Document;
use crate::value::canonical;

/// Elements of a list told on each side of the one asked for.
const NEIGHBOURS: usize = 2;

/// Members of an object told beside the one asked for.
const MEMBERS: usize = 24;

/// Lines of what was asked for.
const LINES: usize = 400;

/// Bytes told on each side of a range.
const BYTES_AROUND: usize = 300;

/// The value at a normalized path of the document's JSON, among its neighbours.
pub fn place(document: &Document, json: &Value, path: &str, layout: Layout) -> String {
    let mut out = String::new();
    layout.line(0).place(&short(path)).end(&mut out);
    let parts = parts(path).unwrap_or_default();
    if let Some(context) = context(document, &parts) {
        layout.line(0).faint("in ").plain(&context).end(&mut out);
    }
    let values = walk(json, &parts);
    let (Some(value), true) = (values.last(), values.len() == parts.len() + 1) else {
        layout.line(0).wrong("nothing stands there").end(&mut out);
        return out;
    };
    match (parts.last(), values.iter().rev().nth(1)) {
        (Some(Part::Index(index)), Some(Value::Array(items))) => {
            let from = index.saturating_sub(NEIGHBOURS);
            for (number, item) in items.iter().enumerate().skip(from).take(NEIGHBOURS + 1 + index - from) {
                tell(&mut out, &format!("[{number}]"), item, number == *index, layout);
            }
        }
        (Some(Part::Name(name)), Some(Value::Object(members))) => {
            let others = members.len().saturating_sub(MEMBERS);
            let near = members.keys().position(|other| other == name).unwrap_or(0);
            let from = near.saturating_sub(MEMBERS / 2).min(others);
            for (other, member) in members.iter().skip(from).take(MEMBERS) {
                tell(&mut out, other, member, other == name, layout);
            }
            if others > 0 {
                layout.line(2).faint(&format!("… and {others} more members")).end(&mut out);
            }
        }
        _ => tell_value(&mut out, value, 2, layout),
    }
    out
}

/// Bytes the document names, with a range of them marked by `»` and `«`.
pub fn blob_place(name: &str, bytes: &[u8], range: Option<Range<u64>>, layout: Layout) -> String {
    let mut out = String::new();
    let line = layout.line(0).place(name).plain(&format!(", {} bytes", bytes.len()));
    let Some(range) = range else {
        line.end(&mut out);
        match std::str::from_utf8(bytes) {
            Ok(text) => layout.block(&mut out, 2, text, LINES),
            Err(_) => layout.line(2).plain("binary").end(&mut out),
        }
        return out;
    };
    line.plain(&format!(", here {}..{}", range.start, range.end)).end(&mut out);
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let (start, end) = (place(range.start), place(range.end).max(place(range.start)));
    let from = start.saturating_sub(BYTES_AROUND);
    let to = end.saturating_add(BYTES_AROUND).min(bytes.len());
    let text = |range: Range<usize>| String::from_utf8_lossy(&bytes[range]).into_owned();
    let (cut, more) = (if from > 0 { "…" } else { "" }, if to < bytes.len() { "…" } else { "" });
    let marked = format!("{cut}{}»{}«{}{more}", text(from..start), text(start..end), text(end..to));
    layout.block(&mut out, 2, &marked, LINES);
    out
}

/// Every match of a query: its path and its JSON.
pub fn matches(found: &[(String, &Value)], layout: Layout) -> String {
    let mut out = String::new();
    for (path, value) in found {
        layout.line(0).place(path).plain(" = ").plain(&canonical(value)).end(&mut out);
    }
    out
}

/// What a place belongs to, where that has a number people know.
fn context(document: &Document, parts: &[Part]) -> Option<String> {
    let (Part::Name(section), Part::Index(index)) = (parts.first()?, parts.get(1)?) else { return None };
    match section.as_str() {
        "requests" => {
            let request = document.requests.get(*index)?;
            Some(format!("requests[{index}]: turn {}, {}", request.turn, reached(request)))
        }
        "events" => {
            let event = document.events.get(*index)?;
            Some(format!("events[{index}]: turn {}, line {}, {}", event.turn, event.line, event.type_name))
        }
        "turns" => Some(format!("turn {}", document.turns.get(*index)?.turn)),
        _ => None,
    }
}

fn tell(out: &mut String, label: &str, value: &Value, is_asked_for: bool, layout: Layout) {
    if is_asked_for {
        layout.line(0).strong("> ").strong(label).end(out);
        tell_value(out, value, 4, layout);
    } else {
        layout.line(2).faint(label).faint(" ").faint(&canonical(value)).end(out);
    }
}

fn tell_value(out: &mut String, value: &Value, indent: usize, layout: Layout) {
    let text = match value {
        Value::String(text) if text.contains('\n') => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    layout.block(out, indent, &text, LINES);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Style;
    use super::super::fixture::document;
    use super::*;

    const LAYOUT: Layout = Layout { style: Style::Plain, width: 60 };

    fn told(path: &str) -> String {
        let document = document();
        place(&document, &serde_json::to_value(&document).unwrap(), path, LAYOUT)
    }

    #[test]
    fn an_element_stands_among_its_neighbours() {
        assert_eq!(
            told("$['requests'][1]['transcript'][3]"),
            r#"$.requests[1].transcript[3]
in requests[1]: turn 1, main step 2
  [1] {"kind":"message","role":"user","text":"Change \u001b…
  [2] {"call":"edit","input":{"command":"echo after"},"kind…
> [3]
    {
      "call": "edit",
      "kind": "result",
      "output": "line 1\nline 2"
    }
"#
        );
    }

    #[test]
    fn a_member_stands_among_its_siblings_and_long_text_is_text() {
        assert_eq!(
            told("$['requests'][1]['transcript'][3]['output']"),
            r#"$.requests[1].transcript[3].output
in requests[1]: turn 1, main step 2
  call "edit"
  kind "result"
> output
    line 1
    line 2
"#
        );
        assert!(told("$['turns'][0]['exit']").contains("in turn 1\n"));
        assert!(told("$").starts_with("$\n  {\n"));
    }

    #[test]
    fn bytes_are_marked_where_they_stand() {
        let bytes = format!("{}the needle here{}", "x".repeat(400), "y".repeat(400));
        let told = blob_place("requests/0/body", bytes.as_bytes(), Some(404..410), LAYOUT);
        assert!(told.starts_with("requests/0/body, 815 bytes, here 404..410\n  …xxx"), "{told}");
        assert!(told.replace("\n  ", "").contains("the »needle« hereyyy"), "{told}");
        assert!(blob_place("a", b"\xff", None, LAYOUT).contains("binary"));
        assert!(blob_place("a", b"text", Some(2..99), LAYOUT).contains("te»xt«"));
        assert!(blob_place("a", b"text", Some(50..99), LAYOUT).contains("text»«"));
    }

    #[test]
    fn a_match_is_one_line() {
        let value = json!({ "b": 1, "a": "x\n" });
        let told = matches(&[("$['a']".into(), &value)], LAYOUT);
        assert_eq!(told, "$['a'] = {\"a\":\"x\\n\",\"b\":1}\n");
    }
}
