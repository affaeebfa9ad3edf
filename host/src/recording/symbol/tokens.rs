//! Replaces many values in a text in one pass, each only where it stands as a whole token.
//!
//! A token is a longest run of letters, digits, `_` and `-`; a `.` between two digits belongs to it. A value may begin
//! and end with other characters or hold several tokens (a path, `host:port`): then it is whole where no token goes on
//! across its ends. At each place the longest value wins. What a JSON escape such as `\n` leaves before a token is no
//! part of it, because texts hold JSON.
//!
//! Cost: each token of the text is looked up once, in logarithmic time; values are compared only where their first
//! token stands.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::escape::{OPEN, opened};

/// Values to look for, by their first token.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    by_first: BTreeMap<String, Vec<Wanted>>,
    /// Whether there is a first token of that length: most tokens of a text need no other look.
    lengths: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Wanted {
    /// Bytes before the first token.
    lead: usize,
    value: String,
    symbol: String,
}

impl Tokens {
    /// Looks for these values. One without any token is never found.
    pub(super) fn new<'a>(values: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let mut tokens = Self::default();
        for (value, symbol) in values {
            let Some(run) = next_run(value, 0) else { continue };
            tokens.lengths.resize(tokens.lengths.len().max(run.len() + 1), false);
            tokens.lengths[run.len()] = true;
            tokens.by_first.entry(value[run.clone()].to_owned()).or_default().push(Wanted {
                lead: run.start,
                value: value.clone(),
                symbol: symbol.clone(),
            });
        }
        for wanted in tokens.by_first.values_mut() {
            wanted.sort_by(|a, b| b.value.len().cmp(&a.value.len()).then_with(|| a.value.cmp(&b.value)));
        }
        tokens
    }

    /// The text with every value replaced. Symbols and doubled `⟦` in it are left alone.
    pub(super) fn replace<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut replaced: Option<String> = None;
        // Up to here the text is copied.
        let mut done = 0;
        let mut at = 0;
        while let Some(run) = next_run(text, at) {
            let between = &text[at..run.start];
            if between.len() >= OPEN.len_utf8()
                && let Some(open) = between.find(OPEN)
            {
                at += open;
                at += opened(&text[at..]);
                continue;
            }
            at = run.end;
            let Some((wanted, start)) = self.find(text, &run, done) else { continue };
            let out = replaced.get_or_insert_default();
            out.push_str(&text[done..start]);
            out.push_str(&wanted.symbol);
            done = start + wanted.value.len();
            at = done;
        }
        match replaced {
            Some(mut out) => {
                out.push_str(&text[done..]);
                out.into()
            }
            None => text.into(),
        }
    }

    /// The longest value whose first token is this run, or the run without the letters of a JSON escape.
    fn find(&self, text: &str, run: &std::ops::Range<usize>, done: usize) -> Option<(&Wanted, usize)> {
        let starts = [Some(run.start), after_json_escape(text, run)];
        starts.into_iter().flatten().find_map(|first| {
            if self.lengths.get(run.end - first) != Some(&true) {
                return None;
            }
            self.by_first.get(&text[first..run.end])?.iter().find_map(|wanted| {
                let start = first.checked_sub(wanted.lead).filter(|start| *start >= done)?;
                let fits = text.as_bytes()[start..].starts_with(wanted.value.as_bytes())
                    && !goes_on(text, start + wanted.value.len());
                fits.then_some((wanted, start))
            })
        })
    }
}

/// Where the token begins when the run begins with what belongs to a JSON escape: `\n`, `\u0041`, ….
fn after_json_escape(text: &str, run: &std::ops::Range<usize>) -> Option<usize> {
    let before = &text[..run.start];
    let backslashes = before.len() - before.trim_end_matches('\\').len();
    if backslashes.is_multiple_of(2) {
        return None;
    }
    let letters = match text.as_bytes()[run.start] {
        b'b' | b'f' | b'n' | b'r' | b't' => 1,
        b'u' => 5,
        _ => return None,
    };
    let start = run.start + letters;
    (start < run.end && text.is_char_boundary(start)).then_some(start)
}

/// The next token at or after `from`, which must not lie within one.
fn next_run(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = from;
    while token_at(text, start)? == 0 {
        // What is no token may be several bytes long; none of its later bytes begins a character.
        start += 1;
        while bytes.get(start).is_some_and(|byte| byte & 0xc0 == 0x80) {
            start += 1;
        }
    }
    let mut end = start;
    loop {
        match token_at(text, end) {
            Some(length @ 1..) => end += length,
            Some(_)
                if bytes[end] == b'.' && digit(bytes, end.checked_sub(1)) && digit(bytes, Some(end + 1)) =>
            {
                end += 1;
            }
            _ => return Some(start..end),
        }
    }
}

/// Length of the token character at a position, 0 when there is another one; none at the end.
fn token_at(text: &str, at: usize) -> Option<usize> {
    let byte = *text.as_bytes().get(at)?;
    if byte.is_ascii() {
        return Some(usize::from(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'));
    }
    text[at..].chars().next().map(|c| if is_token(c) { c.len_utf8() } else { 0 })
}

/// Whether a token goes on across this position.
fn goes_on(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let (before, after) = (text[..at].chars().next_back(), text[at..].chars().next());
    match (before, after) {
        (Some(before), Some(after)) if is_token(before) && is_token(after) => true,
        (_, Some('.')) => digit(bytes, at.checked_sub(1)) && digit(bytes, Some(at + 1)),
        _ => false,
    }
}

fn is_token(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn digit(bytes: &[u8], at: Option<usize>) -> bool {
    at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::generate::Generator;
    use super::*;

    fn replace(values: &[(&str, &str)], text: &str) -> String {
        let values: Vec<_> =
            values.iter().map(|(value, symbol)| ((*value).to_owned(), (*symbol).to_owned())).collect();
        Tokens::new(values.iter().map(|(value, symbol)| (value, symbol))).replace(text).into_owned()
    }

    #[test]
    fn a_value_is_replaced_only_as_a_whole() {
        let values = [("a-1", "⟦id#1⟧"), ("/tmp/w/ws", "⟦workspace⟧"), ("/tmp/w", "⟦root⟧"), ("w", "⟦run⟧")];
        for (text, expected) in [
            ("a-1", "⟦id#1⟧"),
            ("(a-1)a-1/a-1:0", "(⟦id#1⟧)⟦id#1⟧/⟦id#1⟧:0"),
            ("a-12 ba-1 a-1- _a-1 éa-1", "a-12 ba-1 a-1- _a-1 éa-1"),
            ("/tmp/w/ws/a.txt", "⟦workspace⟧/a.txt"),
            ("/tmp/w/wsx -I/tmp/w/ws", "⟦root⟧/wsx -I⟦workspace⟧"),
            ("/tmp/w2 /tmp/w.", "/tmp/w2 ⟦root⟧."),
            ("w", "⟦run⟧"),
            (r#"{\"x\":\"one\na-1\"}"#, r#"{\"x\":\"one\n⟦id#1⟧\"}"#),
            (r"\u000aa-1 \\na-1", r"\u000a⟦id#1⟧ \\na-1"),
            ("⟦run⟧ ⟦⟦w ⟦w⟧", "⟦run⟧ ⟦⟦⟦run⟧ ⟦w⟧"),
        ] {
            assert_eq!(replace(&values, text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_is_no_part_of_another() {
        let values = [("12345", "⟦process#1⟧"), ("127.0.0.1:4000", "⟦server⟧")];
        assert_eq!(
            replace(&values, "12345. 1.12345 12345.5 x.12345"),
            "⟦process#1⟧. 1.12345 12345.5 x.⟦process#1⟧"
        );
        assert_eq!(
            replace(&values, "http://127.0.0.1:4000/v1 127.0.0.1:40001 1127.0.0.1:4000"),
            "http://⟦server⟧/v1 127.0.0.1:40001 1127.0.0.1:4000"
        );
    }

    #[test]
    fn no_longer_token_is_ever_touched() {
        let mut generator = Generator::new(7);
        let values: Vec<(String, String)> =
            (0..50).map(|n| (generator.uuid(), format!("⟦id#{n}⟧"))).collect();
        let tokens = Tokens::new(values.iter().map(|(value, symbol)| (value, symbol)));
        let around = ["", " ", "x", "-", "_", "/", "\"", "é", ".", "7", "\u{27e7}", "("];
        for _ in 0..20_000 {
            let (value, symbol) = generator.pick(&values);
            let (before, after) = (*generator.pick(&around), *generator.pick(&around));
            let text = format!("{before}{value}{after}");
            let longer = ["x", "-", "_", "é", "7"];
            let expected = if longer.contains(&before) || longer.contains(&after) {
                text.clone()
            } else {
                format!("{before}{symbol}{after}")
            };
            assert_eq!(tokens.replace(&text), expected);
        }
    }
}
