//! Bytes with their escapes undone, and the way back: which bytes of the original a range came from.
//!
//! It undoes escapes wherever they could be, not only within strings of a known format: the result is searched, never
//! kept.

use std::ops::Range;

use memchr::memchr;

/// Bytes with their escapes undone.
#[derive(Debug, Default)]
pub(super) struct Unescaped {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    escapes: Vec<Escape>,
}

/// One escape of the original.
#[derive(Debug)]
struct Escape {
    /// Where what it stands for begins in the result.
    at: usize,
    /// How many bytes it stands for; none for a line that is continued.
    made: usize,
    /// Where it was in the original.
    from: Range<usize>,
}

impl Unescaped {
    /// The bytes of the original that became this range, whole escapes only. The range must not be empty.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        self.of_byte(range.start).start..self.of_byte(range.end.saturating_sub(1)).end
    }

    fn of_byte(&self, at: usize) -> Range<usize> {
        let before = self.escapes.partition_point(|escape| escape.at <= at);
        match before.checked_sub(1).map(|index| &self.escapes[index]) {
            None => at..at + 1,
            Some(escape) if at < escape.at + escape.made => escape.from.clone(),
            Some(escape) => {
                let from = escape.from.end + (at - escape.at - escape.made);
                from..from + 1
            }
        }
    }

    fn push(&mut self, made: &[u8], from: Range<usize>) {
        self.escapes.push(Escape { at: self.bytes.len(), made: made.len(), from });
        self.bytes.extend_from_slice(made);
    }
}

/// Escapes of JSON strings (RFC 8259 section 7), and what TOML and C add: `\U0001F600`, `\x41`, `\'`, `\e` and a
/// continued line. Nothing when there is none.
pub(super) fn backslashes(bytes: &[u8]) -> Option<Unescaped> {
    undone(bytes, b'\\')
}

/// Percent escapes (RFC 3986 section 2.1). Nothing when there is none.
pub(super) fn percents(bytes: &[u8]) -> Option<Unescaped> {
    undone(bytes, b'%')
}

/// The same bytes, without the way back.
pub(super) fn without(bytes: &[u8], mark: u8) -> Option<Vec<u8>> {
    let mut result = Vec::new();
    undo(bytes, mark, &mut result, |result, made, _| result.extend_from_slice(made), Vec::extend_from_slice)
        .then_some(result)
}

fn undone(bytes: &[u8], mark: u8) -> Option<Unescaped> {
    let mut result = Unescaped::default();
    let plain = |result: &mut Unescaped, bytes: &[u8]| result.bytes.extend_from_slice(bytes);
    undo(bytes, mark, &mut result, Unescaped::push, plain).then_some(result)
}

/// What an escape stands for: at most four bytes.
#[derive(Clone, Copy)]
struct Made {
    bytes: [u8; 4],
    length: usize,
}

impl Made {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn character(code: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, length })
    }
}

/// Undoes the escapes that begin with a mark: `push` takes what each stands for and where it was, `plain` the bytes
/// between them. Returns whether there was any; when not, nothing was taken.
fn undo<T>(
    bytes: &[u8],
    mark: u8,
    result: &mut T,
    push: impl Fn(&mut T, &[u8], Range<usize>),
    plain: impl Fn(&mut T, &[u8]),
) -> bool {
    let one = if mark == b'%' { percent } else { backslash };
    let (mut done, mut at, mut any) = (0, 0, false);
    while let Some(next) = memchr(mark, &bytes[at..]) {
        at += next;
        let Some((length, made)) = one(&bytes[at..]) else {
            at += 1;
            continue;
        };
        plain(result, &bytes[done..at]);
        push(result, &made.bytes[..made.length], at..at + length);
        at += length;
        done = at;
        any = true;
    }
    if any {
        plain(result, &bytes[done..]);
    }
    any
}

/// The percent escape that bytes begin with: how many it takes, and what it stands for.
fn percent(rest: &[u8]) -> Option<(usize, Made)> {
    let byte = hexadecimal(rest.get(1..3)?)?;
    Some((3, Made::byte(u8::try_from(byte).ok()?)))
}

/// The same for a backslash.
fn backslash(rest: &[u8]) -> Option<(usize, Made)> {
    let simple = |byte: u8| Some((2, Made::byte(byte)));
    match rest.get(1)? {
        byte @ (b'"' | b'\\' | b'/' | b'\'') => simple(*byte),
        b'b' => simple(8),
        b't' => simple(b'\t'),
        b'n' => simple(b'\n'),
        b'f' => simple(12),
        b'r' => simple(b'\r'),
        b'e' => simple(0x1b),
        b'x' => Some((4, Made::character(hexadecimal(rest.get(2..4)?)?)?)),
        b'U' => Some((10, Made::character(hexadecimal(rest.get(2..10)?)?)?)),
        b'u' => sixteen_bits(rest),
        b'\n' | b'\r' => {
            let space = rest[1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            Some((1 + space, Made { bytes: [0; 4], length: 0 }))
        }
        _ => None,
    }
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn sixteen_bits(rest: &[u8]) -> Option<(usize, Made)> {
    let high = hexadecimal(rest.get(2..6)?)?;
    if let Some(made) = Made::character(high) {
        return Some((6, made));
    }
    let low = rest.get(6..12).filter(|low| low.starts_with(b"\\u")).and_then(|low| hexadecimal(&low[2..]))?;
    let pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    pair.then(|| Made::character(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)))?.map(|made| (12, made))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| Some((number << 4) | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_found_again() {
        let text = br#"a\u0073k\/\ud83d\ude00\x41\q\"#;
        let undone = backslashes(text).unwrap();
        assert_eq!(String::from_utf8_lossy(&undone.bytes), "ask/😀A\\q\\");
        assert_eq!(&text[undone.original(1..3)], br"\u0073k");
        assert_eq!(&text[undone.original(3..5)], br"\/\ud83d\ude00", "half a character is all of its escape");
        assert_eq!(&text[undone.original(9..11)], br"\q");
        assert!(backslashes(br"\q \u12 \ud83d").is_none());
    }

    #[test]
    fn a_continued_line_stands_for_nothing() {
        let undone = backslashes(b"ab\\\n  cd").unwrap();
        assert_eq!(undone.bytes, b"abcd");
        assert_eq!((undone.original(1..3), undone.original(2..3)), (1..7, 6..7));
    }

    #[test]
    fn percents_are_bytes() {
        let undone = percents(b"%C3%A9%2").unwrap();
        assert_eq!(undone.bytes, "é%2".as_bytes());
        assert_eq!(undone.original(0..2), 0..6);
        assert!(percents(b"100% %zz").is_none());
    }
}
