//! What became of one file: its state before and after, and the difference as a unified diff.

use similar::{ChangeTag, TextDiff};

use super::Style;
use super::items::word;
use super::layout::Layout;
use crate::document::{FileChange, FileKind, FileState};

/// Lines that may differ, both sides together: comparing takes time by their square.
const DIFFERING_LINES_LIMIT: usize = 10_000;

/// Lines told of a file that did not change, or that is only there on one side.
const LINES: usize = 2_000;

/// Lines around each change.
const CONTEXT_LINES: usize = 3;

/// What is known of a file's bytes on one side.
#[derive(Clone, Debug)]
pub enum Content {
    /// There was no file.
    Absent,
    /// The bytes, or a link's target.
    Bytes(Vec<u8>),
    /// Why the bytes are not known.
    Unknown(String),
}

/// The file at a path of the workspace.
pub fn file_diff(path: &str, file: &FileChange, before: &Content, after: &Content, layout: Layout) -> String {
    let mut out = String::new();
    layout.line(0).place(path).plain(" ").strong(&word(&file.change)).end(&mut out);
    for (name, state) in [("before", &file.before), ("after", &file.after)] {
        let state = state.as_ref().map_or_else(|| "not there".to_owned(), described);
        layout.line(2).faint(&format!("{name:<6} ")).plain(&state).end(&mut out);
    }
    for (name, content) in [("before", before), ("after", after)] {
        if let Content::Unknown(reason) = content {
            layout.block(&mut out, 2, &format!("its bytes {name} are not known: {reason}"), LINES);
        }
    }
    match (text(before), text(after)) {
        (Some(before), Some(after)) if before == after => {
            out.push('\n');
            layout.block(&mut out, 2, before, LINES);
        }
        (Some(before), Some(after)) => tell_difference(&mut out, before, after, layout),
        _ if is_binary(before) || is_binary(after) => {
            layout.line(2).plain("binary, so there are no lines to compare").end(&mut out);
        }
        _ => {}
    }
    out
}

fn described(state: &FileState) -> String {
    let executable = if state.executable { ", executable" } else { "" };
    let digest = state.sha256.map(|digest| format!(", {digest}")).unwrap_or_default();
    let target = match (state.kind, &state.text) {
        (FileKind::Link, Some(target)) => format!(" to {target}"),
        _ => String::new(),
    };
    format!("{}{target}, {} bytes{executable}{digest}", word(&state.kind), state.bytes)
}

/// Text on one side; nothing on a side counts as empty text.
fn text(content: &Content) -> Option<&str> {
    match content {
        Content::Absent => Some(""),
        Content::Bytes(bytes) => std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')),
        Content::Unknown(_) => None,
    }
}

fn is_binary(content: &Content) -> bool {
    matches!(content, Content::Bytes(_)) && text(content).is_none()
}

fn tell_difference(out: &mut String, before: &str, after: &str, layout: Layout) {
    out.push('\n');
    let differing = differing_lines(before, after);
    if differing > DIFFERING_LINES_LIMIT {
        let told = format!("{differing} lines differ, too many to compare line by line");
        layout.line(2).plain(&told).end(out);
        return;
    }
    let difference = TextDiff::from_lines(before, after);
    for hunk in difference.unified_diff().context_radius(CONTEXT_LINES).iter_hunks() {
        layout.line(2).place(&hunk.header().to_string()).end(out);
        for change in hunk.iter_changes() {
            let (sign, paint): (_, fn(Style, &str) -> String) = match change.tag() {
                ChangeTag::Delete => ("-", Style::removed),
                ChangeTag::Insert => ("+", Style::added),
                ChangeTag::Equal => (" ", |_, text| text.to_owned()),
            };
            let line = change.value();
            let ended = line.strip_suffix('\n');
            let bare = ended.unwrap_or(line).replace('\t', "    ");
            layout.line(2).add(&format!("{sign}{bare}"), paint).end(out);
            if ended.is_none() {
                layout.line(2).faint("\\ no newline at the end").end(out);
            }
        }
    }
}

/// Lines between the common beginning and the common end, both sides together.
fn differing_lines(before: &str, after: &str) -> usize {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let start = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let end = before[start..].iter().rev().zip(after[start..].iter().rev());
    let end = end.take_while(|(one, other)| one == other).count();
    before.len() + after.len() - 2 * (start + end)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::document;
    use super::*;
    use crate::document::Change;

    const LAYOUT: Layout = Layout { style: Style::Plain, width: 60 };

    fn bytes(text: &str) -> Content {
        Content::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn a_change_is_told_line_by_line() {
        let document = document();
        let (before, after) = (bytes("before\nsecond\n\x1b\n"), bytes("after\nsecond\n\x1b"));
        assert_eq!(
            file_diff("notes.txt", &document.files["notes.txt"], &before, &after, LAYOUT),
            r"notes.txt modified
  before file, 14 bytes
  after  file, 13 bytes

  @@ -1,3 +1,3 @@
  -before
  +after
   second
  -\u{1b}
  +\u{1b}
  \ no newline at the end
"
        );
    }

    #[test]
    fn what_can_not_be_compared_is_said() {
        let file = FileChange { change: Change::Modified, ..FileChange::default() };
        let told = |before: &Content, after: &Content| file_diff("a", &file, before, after, LAYOUT);
        assert!(told(&bytes("a\0b"), &bytes("text")).contains("binary, so there are no lines"));
        assert!(told(&Content::Bytes(vec![0xff]), &Content::Absent).contains("binary"));
        let unknown = told(&Content::Unknown("a bare run document has no blobs".into()), &bytes("x"));
        let flowing = unknown.replace("\n  ", " ");
        assert!(
            flowing.contains("its bytes before are not known: a bare run document has no blobs"),
            "{unknown}"
        );
        let (long, other) = ("a\n".repeat(6_000), "b\n".repeat(6_000));
        let told = told(&bytes(&format!("same\n{long}end\n")), &bytes(&format!("same\n{other}end\n")));
        assert!(told.contains("12000 lines differ, too many"), "{told}");
    }

    #[test]
    fn a_file_that_stayed_is_told_whole_and_one_that_came_is_all_new() {
        let document = document();
        let same = file_diff("same.txt", &document.files["same.txt"], &bytes("x\n"), &bytes("x\n"), LAYOUT);
        assert!(same.ends_with("\n\n  x\n"), "{same}");
        let added = FileChange { change: Change::Added, ..FileChange::default() };
        let told = file_diff("new", &added, &Content::Absent, &bytes("a\nb\n"), LAYOUT);
        assert!(told.contains("before not there") && told.contains("  +a\n  +b\n"), "{told}");
    }
}
