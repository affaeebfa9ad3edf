//! One event with everything in it.

use super::items::word;
use super::layout::Layout;
use super::part::NoSuchPart;
use crate::document::{Document, EventKind};

/// Lines of one text of an event.
const LINES: usize = 400;

/// The event at a position.
///
/// # Errors
/// When there is no such event.
pub fn event(document: &Document, position: usize, layout: Layout) -> Result<String, NoSuchPart> {
    let missing = NoSuchPart { kind: "event", asked: position, count: document.events.len(), first: 0 };
    let event = document.events.get(position).ok_or(missing)?;
    let mut out = String::new();
    let line = layout.line(0).place(&format!("events[{position}]")).plain(" ");
    let line =
        if event.kind == EventKind::Error { line.wrong("error") } else { line.strong(&word(&event.kind)) };
    line.plain(&format!(" {}", word(&event.phase)))
        .faint(&format!(", turn {}, line {}", event.turn, event.line))
        .end(&mut out);
    let exit = event.exit.map(|code| code.to_string());
    let paths = (!event.paths.is_empty()).then(|| event.paths.join("\n"));
    let raw = serde_json::to_string_pretty(&event.raw).ok();
    for (name, text) in [
        ("type", Some(event.type_name.as_str())),
        ("call", event.call.as_deref()),
        ("text", event.text.as_deref()),
        ("command", event.command.as_deref()),
        ("output", event.output.as_deref()),
        ("exit", exit.as_deref()),
        ("paths", paths.as_deref()),
        ("raw", event.raw.as_str().or(raw.as_deref())),
    ] {
        let Some(text) = text.map(str::trim_end) else { continue };
        let line = layout.line(2).strong(name);
        if text.contains('\n') || text.chars().count() + name.len() + 3 > layout.width {
            line.end(&mut out);
            layout.block(&mut out, 4, text, LINES);
        } else {
            line.plain(" ").plain(text).end(&mut out);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::super::fixture::document;
    use super::*;

    #[test]
    fn an_event_is_told_in_full() {
        let layout = Layout { style: Style::Plain, width: 60 };
        assert_eq!(
            event(&document(), 2, layout).unwrap(),
            r#"events[2] command completed, turn 1, line 3
  type item.completed
  call item_0
  command echo after
  output
    line 1
    line 2
  exit 0
  raw
    {
      "n": 1.5
    }
"#
        );
        let error = event(&document(), 5, layout).unwrap_err();
        assert_eq!(error.to_string(), "there is no event 5: the recording has 5 events, numbered 0 to 4");
    }
}
