//! Secrets in pieces: over consecutive lines of a stream or text, and over texts that follow one another at places of
//! one name, such as the deltas of a message in the lines of a stream, or the parts of a message.
//!
//! Only values that are known are found so, not shapes of keys, which chance would put together. What stands in one
//! piece has been found before.

use std::collections::BTreeMap;

use memchr::memchr3;

use super::find::{Found, find, without_parts};
use super::known::Known;
use super::strings::{self, PlaceKey};
use crate::document::RedactionForm;

/// Of a longer piece than twice this only both ends are looked at: no secret is longer.
const END_BYTES: usize = 64 * 1024;
/// Places of more names than this are not looked at.
const MOST_SERIES: usize = 10_000;

/// Pieces in a row, joined.
#[derive(Debug, Default)]
pub(super) struct Series {
    joined: Vec<u8>,
    pieces: Vec<Piece>,
}

/// A piece: where it begins in the joined bytes, and where it came from.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    bytes: usize,
    text: usize,
    from: usize,
}

impl Series {
    /// One more piece: of the text `text`, where it begins at `from`.
    fn push(&mut self, text: usize, from: usize, bytes: &[u8]) {
        if bytes.len() > 2 * END_BYTES {
            let tail = bytes.len() - END_BYTES;
            self.push(text, from, &bytes[..END_BYTES]);
            // Nothing that is searched for has a NUL in it.
            self.joined.push(0);
            self.push(text, from + tail, &bytes[tail..]);
        } else if !bytes.is_empty() {
            self.pieces.push(Piece { at: self.joined.len(), bytes: bytes.len(), text, from });
            self.joined.extend_from_slice(bytes);
        }
    }

    /// The lines of the text `text`, or of what of it begins at `from`. A line break may be escaped, as it is where a
    /// text is quoted.
    fn push_lines(&mut self, text: usize, from: usize, bytes: &[u8]) {
        let (mut start, mut at) = (0, 0);
        while let Some(next) = memchr3(b'\n', b'\r', b'\\', &bytes[at..]) {
            at += next;
            let end = at;
            if bytes[at] == b'\\' {
                at += bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
                if !matches!(bytes.get(at), Some(b'n' | b'r')) {
                    continue;
                }
            }
            at += 1;
            self.push(text, from + start, &bytes[start..end]);
            start = at;
        }
        self.push(text, from + start, &bytes[start..]);
    }

    /// The parts of every secret that stands in several pieces, each with its text.
    fn parts(&self, known: &Known) -> Vec<(usize, Found)> {
        let mut parts = Vec::new();
        for found in find(known, &self.joined, false) {
            let first = self.pieces.partition_point(|piece| piece.at + piece.bytes <= found.range.start);
            let touched: Vec<_> =
                self.pieces[first..].iter().take_while(|piece| piece.at < found.range.end).collect();
            if touched.len() < 2 || !known.has(&found.value) {
                continue;
            }
            parts.extend(touched.into_iter().map(|piece| {
                let start = found.range.start.max(piece.at) - piece.at + piece.from;
                let end = found.range.end.min(piece.at + piece.bytes) - piece.at + piece.from;
                (piece.text, Found { range: start..end, form: RedactionForm::Split, ..found.clone() })
            }));
        }
        parts
    }
}

/// Series by the names that lead to their places.
#[derive(Debug, Default)]
pub(super) struct AllSeries(BTreeMap<PlaceKey, Series>);

impl AllSeries {
    fn at(&mut self, place: PlaceKey) -> Option<&mut Series> {
        if self.0.len() >= MOST_SERIES && !self.0.contains_key(&place) {
            return None;
        }
        Some(self.0.entry(place).or_default())
    }

    /// The lines of the text `text`, which stands at `place`.
    pub(super) fn push(&mut self, place: PlaceKey, text: usize, bytes: &[u8]) {
        if let Some(series) = self.at(place) {
            series.push_lines(text, 0, bytes);
        }
    }

    /// The parts of every secret, by text, in order.
    pub(super) fn parts(&self, known: &Known) -> BTreeMap<usize, Vec<Found>> {
        let mut parts: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
        for (text, found) in self.0.values().flat_map(|series| series.parts(known)) {
            parts.entry(text).or_default().push(found);
        }
        parts.into_iter().map(|(text, found)| (text, without_parts(found))).collect()
    }
}

/// The parts of every secret in a stream or body, in order.
pub(super) fn in_stream(known: &Known, bytes: &[u8]) -> Vec<Found> {
    if known.is_empty() {
        return Vec::new();
    }
    let mut lines = Series::default();
    lines.push_lines(0, 0, bytes);
    let mut parts = lines.parts(known);
    drop(lines);
    let mut all = AllSeries::default();
    strings::each(bytes, |place, range| {
        if let Some(series) = all.at(place) {
            series.push_lines(0, range.start, &bytes[range]);
        }
    });
    parts.extend(all.0.values().flat_map(|series| series.parts(known)));
    without_parts(parts.into_iter().map(|(_, found)| found).collect())
}
