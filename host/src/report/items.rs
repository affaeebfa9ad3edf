//! One item of a conversation, in the words of a reader.

use super::Style;
use super::layout::{Layout, Line};
use crate::document::{Item, Role};
use crate::value::canonical;

/// Lines of one item's text.
const LINES: usize = 40;

/// The item on as many lines as it needs, the first after `label`.
pub(super) fn tell_item(out: &mut String, layout: Layout, indent: usize, label: &str, item: &Item) {
    let (who, text) = said(item);
    let line = head(layout.line(indent).place(label), item, &who);
    let used = indent + label.chars().count() + who.chars().count() + 1;
    if text.trim_end().contains('\n') || used + text.chars().count() > layout.width {
        line.end(out);
        layout.block(out, indent + 4, text.trim_end(), LINES);
    } else {
        line.plain(" ").plain(text.trim_end()).end(out);
    }
}

/// The item on one line, as far as it fits.
pub(super) fn tell_short(out: &mut String, line: Line, item: &Item) {
    let (who, text) = said(item);
    let who = if matches!(item, Item::Message { role: Role::Assistant, .. }) { "says" } else { who.as_str() };
    head(line, item, who).plain(" ").plain(text.trim()).end(out);
}

fn head(line: Line, item: &Item, who: &str) -> Line {
    match item {
        Item::Call { .. } | Item::Message { role: Role::Assistant, .. } => line.add(who, Style::strong),
        Item::Message { role: Role::User, .. } => line.add(who, Style::added),
        _ => line.faint(who),
    }
}

/// Who, or what, and the text.
fn said(item: &Item) -> (String, String) {
    match item {
        Item::Message { role, text } => (word(role), text.clone()),
        Item::Reasoning { text } if text.is_empty() => {
            ("thinks".to_owned(), "(encrypted or empty)".to_owned())
        }
        Item::Reasoning { text } => ("thinks".to_owned(), text.clone()),
        Item::Call { call, tool, input } => {
            let input = input.as_str().map_or_else(|| canonical(input), str::to_owned);
            (format!("calls {tool} as {call}:"), input)
        }
        Item::Result { call, output } => (format!("result of {call}:"), output.clone()),
        Item::Other { type_name, raw } => (type_name.clone(), canonical(raw)),
    }
}

/// The word a value has in the document.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::document;
    use super::*;

    #[test]
    fn an_item_takes_the_lines_it_needs() {
        let layout = Layout { style: Style::Plain, width: 60 };
        let mut out = String::new();
        for (position, item) in document().requests[1].transcript.iter().enumerate() {
            tell_item(&mut out, layout, 2, &format!("[{position}] "), item);
        }
        assert_eq!(
            out,
            "  [0] developer Be brief.
  [1] user Change \\u{1b}[2J notes.txt.
  [2] calls shell as edit: {\"command\":\"echo after\"}
  [3] result of edit:
      line 1
      line 2
"
        );
    }
}
