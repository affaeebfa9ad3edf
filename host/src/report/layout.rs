//! Lines that fit: every piece of text is escaped, and what does not fit the width is left out or goes on below.

use super::Style;
use crate::value::{escape_terminal, excerpt};

/// How a recording is laid out for people.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Whether it is coloured.
    pub style: Style,
    /// Characters of a line.
    pub width: usize,
}

/// One line in the making.
pub(super) struct Line {
    style: Style,
    left: usize,
    text: String,
}

impl Layout {
    /// A line that starts after so many spaces.
    pub(super) fn line(self, indent: usize) -> Line {
        Line { style: self.style, left: self.width.saturating_sub(indent), text: " ".repeat(indent) }
    }

    /// A text of several lines, each after so many spaces; long ones go on below, and those beyond `most_lines` are
    /// counted.
    pub(super) fn block(self, out: &mut String, indent: usize, text: &str, most_lines: usize) {
        let room = self.width.saturating_sub(indent).max(20);
        let margin = " ".repeat(indent);
        let text = escape_terminal(text).replace('\t', "    ");
        let mut lines = text.lines().flat_map(|line| wrapped(line, room));
        for line in lines.by_ref().take(most_lines) {
            out.push_str(format!("{margin}{line}").trim_end());
            out.push('\n');
        }
        let more = lines.count();
        if more > 0 {
            self.line(indent).faint(&format!("… {}", counted(more, "more line"))).end(out);
        }
    }
}

/// `1 item`, `2 items`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The pieces of a line, an empty one for an empty line. A piece ends at a space where there is one late enough.
fn wrapped(line: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((full, _)) = text.char_indices().nth(room) else {
            rest = None;
            return Some(text);
        };
        let space = text[..full].rfind(' ').filter(|space| *space > full / 2);
        let end = space.map_or(full, |space| space + 1);
        rest = Some(&text[end..]);
        Some(&text[..end])
    })
}

impl Line {
    /// Text as it is.
    pub(super) fn plain(self, text: &str) -> Self {
        self.add(text, |_, text| text.to_owned())
    }

    /// A name that matters.
    pub(super) fn strong(self, text: &str) -> Self {
        self.add(text, Style::strong)
    }

    /// A path or place.
    pub(super) fn place(self, text: &str) -> Self {
        self.add(text, Style::place)
    }

    /// What may be overlooked.
    pub(super) fn faint(self, text: &str) -> Self {
        self.add(text, Style::faint)
    }

    /// What went wrong.
    pub(super) fn wrong(self, text: &str) -> Self {
        self.add(text, Style::removed)
    }

    /// Text in a colour of the caller's.
    pub(super) fn add(mut self, text: &str, paint: impl Fn(Style, &str) -> String) -> Self {
        if self.left > 0 && !text.is_empty() {
            let shown = excerpt(text, self.left);
            self.left -= shown.chars().count();
            self.text.push_str(&paint(self.style, &shown));
        }
        self
    }

    /// Ends the line.
    pub(super) fn end(self, out: &mut String) {
        out.push_str(self.text.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { style: Style::Plain, width: 24 };

    #[test]
    fn a_line_ends_where_the_screen_does() {
        let mut out = String::new();
        LAYOUT.line(2).strong("name ").plain("a text\nthat is too long").faint("never").end(&mut out);
        assert_eq!(out, "  name a text\\nthat is …\n");
    }

    #[test]
    fn a_line_is_broken_between_words_where_that_is_near() {
        let mut out = String::new();
        LAYOUT.block(&mut out, 0, "some words of a sentence x", 9);
        LAYOUT.block(&mut out, 0, "a longwordlongwordlongwordlongword", 9);
        assert_eq!(out, "some words of a\nsentence x\na longwordlongwordlongwo\nrdlongword\n");
    }

    #[test]
    fn a_block_goes_on_below_and_is_bounded() {
        let mut out = String::new();
        LAYOUT.block(&mut out, 4, &format!("{}\n\n\x1b[2J\tx\nlast", "ab".repeat(15)), 4);
        assert_eq!(
            out,
            "    abababababababababab\n    ababababab\n\n    \\u{1b}[2J    x\n    … 1 more line\n"
        );
    }
}
