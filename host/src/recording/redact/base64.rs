//! Runs of base64 in bytes (RFC 4648, both alphabets), decoded from each of the four characters a group could begin
//! with. So whatever is encoded comes to light at all three alignments, wherever the run began.
//!
//! What comes to light is searched, never kept.

use std::ops::Range;

/// Eight bytes, the shortest secret, touch at least this many characters.
const SHORTEST: usize = 11;

/// One run of characters of the alphabet, line breaks within it left out.
#[derive(Debug)]
pub(super) struct Run {
    /// Where it is, from its first character to its last.
    pub(super) range: Range<usize>,
    sextets: Vec<u8>,
    /// For each line break: the number of the first character after it, and how much has been left out up to there.
    breaks: Vec<(usize, usize)>,
}

impl Run {
    /// What it decodes to when a group begins with its character number `phase`, 0 to 3.
    pub(super) fn decoded(&self, phase: usize) -> Vec<u8> {
        let sextets = self.sextets.get(phase..).unwrap_or_default();
        let mut bytes = Vec::with_capacity(sextets.len() / 4 * 3 + 2);
        let groups = sextets.chunks_exact(4);
        let rest = groups.remainder();
        for group in groups {
            bytes.push(group[0] << 2 | group[1] >> 4);
            bytes.push(group[1] << 4 | group[2] >> 2);
            bytes.push(group[2] << 6 | group[3]);
        }
        if let [first, second, third @ ..] = rest {
            bytes.push(first << 2 | second >> 4);
            bytes.extend(third.first().map(|third| second << 4 | third >> 2));
        }
        bytes
    }

    /// The characters that hold any bit of a range of what was decoded.
    pub(super) fn original(&self, phase: usize, range: Range<usize>) -> Range<usize> {
        let first = phase + range.start * 8 / 6;
        let last = phase + (range.end * 8 - 1) / 6;
        self.place(first)..self.place(last) + 1
    }

    fn place(&self, character: usize) -> usize {
        let before = self.breaks.partition_point(|(first, _)| *first <= character);
        let left_out = before.checked_sub(1).map_or(0, |index| self.breaks[index].1);
        self.range.start + character + left_out
    }
}

/// Calls `found` with every run that is long enough to hold a secret.
pub(super) fn each_run(bytes: &[u8], mut found: impl FnMut(&Run)) {
    let mut run = Run { range: 0..0, sextets: Vec::new(), breaks: Vec::new() };
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| is_sextet(*byte)) {
        run.range.start = at + next;
        run.breaks.clear();
        let mut left_out = 0;
        at = run.range.start;
        loop {
            at += bytes[at..].iter().position(|byte| !is_sextet(*byte)).unwrap_or(bytes.len() - at);
            let line_break = line_break(&bytes[at..]);
            if line_break == 0 {
                break;
            }
            run.breaks.push((at - run.range.start - left_out, left_out + line_break));
            left_out += line_break;
            at += line_break;
        }
        run.range.end = at;
        if run.range.len() - left_out >= SHORTEST {
            let characters = bytes[run.range.clone()].iter().map(|byte| SEXTETS[usize::from(*byte)]);
            run.sextets.clear();
            run.sextets.extend(characters.filter(|sextet| *sextet != NONE));
            found(&run);
        }
    }
}

/// How long the line break is that bytes begin with, where a run may go on after it; else 0.
pub(super) fn line_break(bytes: &[u8]) -> usize {
    match bytes {
        [b'\n', next, ..] if is_sextet(*next) => 1,
        [b'\r', b'\n', next, ..] if is_sextet(*next) => 2,
        _ => 0,
    }
}

/// The six bits that a character of either alphabet stands for.
pub(super) fn sextet(byte: u8) -> Option<u8> {
    Some(SEXTETS[usize::from(byte)]).filter(|value| *value != NONE)
}

/// The characters that stand for six bits, one for each alphabet that has its own.
pub(super) fn characters(sextet: u8) -> &'static [u8] {
    match sextet {
        62 => b"+-",
        63 => b"/_",
        other => &ALPHABET[usize::from(other)..=usize::from(other)],
    }
}

fn is_sextet(byte: u8) -> bool {
    SEXTETS[usize::from(byte)] != NONE
}

/// The characters that both alphabets have.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Not a character of the alphabet.
const NONE: u8 = 0xff;

/// Byte to the six bits it stands for, in either alphabet.
static SEXTETS: [u8; 256] = {
    let mut sextets = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        sextets[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    sextets[b'-' as usize] = 62;
    sextets[b'_' as usize] = 63;
    sextets
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_to_light_wherever_the_run_begins() {
        // `printf 'user:secret-1' | base64`, behind characters that belong to the alphabet too.
        for (phase, lead) in ["", "/", "//", "x//"].into_iter().enumerate() {
            let text = format!("= {lead}dXNlcjpzZWNyZXQtMQ==");
            let mut seen = Vec::new();
            each_run(text.as_bytes(), |run| {
                let decoded = run.decoded(phase);
                let at = decoded.windows(8).position(|window| window == b"secret-1").unwrap();
                seen.push(text[run.original(phase, at..at + 8)].to_owned());
            });
            assert_eq!(seen, ["pzZWNyZXQtMQ"], "{text}");
        }
    }

    #[test]
    fn line_breaks_are_left_out() {
        let text = b"dXNlcj\r\npzZWNy\nZXQtMQ";
        let mut seen = Vec::new();
        each_run(text, |run| {
            assert_eq!(run.decoded(0), b"user:secret-1");
            let place = run.original(0, 5..13);
            seen.push((place.start, place.end));
        });
        assert_eq!(seen, [(8, 21)]);
        each_run(b"short\n\nalso short, and, so, are, these", |run| panic!("{run:?}"));
    }
}
