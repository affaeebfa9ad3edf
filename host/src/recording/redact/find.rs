//! Finds secrets in bytes: as they are, and behind escapes, percent signs and base64, also one inside the other.
//!
//! Bytes are searched in windows that overlap by more than a secret in any form, so that what has been undone never
//! takes much memory. The time is linear in the bytes.

use std::ops::Range;

use super::base64::each_run;
use super::known::Known;
use super::shape;
use super::unescape::{Unescaped, backslashes, percents};
use crate::document::RedactionForm;

/// Bytes searched at once.
pub(super) const WINDOW_BYTES: usize = 1 << 20;
/// By how much windows overlap: the longest declared secret with every byte escaped six to one, and room to spare.
pub(super) const OVERLAP_BYTES: usize = 64 << 10;
/// Layers of escapes that are undone: JSON in JSON in a line of JSON.
const MOST_LAYERS: u8 = 3;
/// Fewer bytes than this at a cut are no beginning of a secret.
const SHORTEST_BEGINNING_BYTES: usize = 4;

/// What marks an escape, how it is undone, and what form that makes it.
type Escapes = (u8, fn(&[u8]) -> Option<Unescaped>, RedactionForm);
const ESCAPES: [Escapes; 2] =
    [(b'\\', backslashes, RedactionForm::JsonEscaped), (b'%', percents, RedactionForm::Percent)];

/// A secret, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where: in the bytes that were searched, every byte that holds a part of it.
    pub(super) range: Range<usize>,
    /// What it is, plain.
    pub(super) value: Vec<u8>,
    /// `declared`, or the word of a shape.
    pub(super) source: &'static str,
    /// How it was written.
    pub(super) form: RedactionForm,
}

/// Every secret in `bytes`, in their order; places where one is part of another are told once.
/// With `cut`, the bytes were cut off at their end: what only begins there counts.
pub(super) fn find(known: &Known, bytes: &[u8], cut: bool) -> Vec<Found> {
    let is_suspect = |window: &[u8]| known.prefilter().suspects(window, MOST_LAYERS);
    search(known, bytes, cut, |window| cut || is_suspect(window))
}

/// The same without the prefilter.
#[cfg(test)]
pub(super) fn thorough(known: &Known, bytes: &[u8]) -> Vec<Found> {
    search(known, bytes, false, |_| true)
}

/// Searches the windows that `worth` names.
fn search(known: &Known, bytes: &[u8], cut: bool, worth: impl Fn(&[u8]) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    for Range { start, end } in windows(0..bytes.len()) {
        let back = |range: Range<usize>| range.start + start..range.end + start;
        let layer = Layer {
            bytes: &bytes[start..end],
            back: &back,
            form: RedactionForm::Plain,
            above: 0,
            cut: cut && end == bytes.len(),
        };
        if worth(layer.bytes) {
            layer.search(known, &mut found);
        }
    }
    without_parts(found)
}

/// What is searched at once, one after the other.
pub fn windows(whole: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(whole.start);
    std::iter::from_fn(move || {
        let start = next?;
        let end = whole.end.min(start + WINDOW_BYTES);
        next = (end < whole.end).then(|| end - OVERLAP_BYTES);
        Some(start..end)
    })
}

/// Bytes, perhaps with escapes undone.
struct Layer<'a> {
    bytes: &'a [u8],
    /// Leads to the bytes that are searched.
    back: &'a dyn Fn(Range<usize>) -> Range<usize>,
    /// What has been undone to come here.
    form: RedactionForm,
    /// How often something has been undone.
    above: u8,
    /// Whether these bytes end where all bytes were cut off.
    cut: bool,
}

impl Layer<'_> {
    fn search(&self, known: &Known, found: &mut Vec<Found>) {
        plain(known, self.bytes, self.cut, |range, value, source| {
            found.push(Found { range: (self.back)(range), value, source, form: self.form });
        });
        each_run(self.bytes, |run| {
            // Without an escape in it, it was searched in the layer above.
            if self.above > 0 && (self.back)(run.range.clone()).len() == run.range.len() {
                return;
            }
            let cut = self.cut && run.range.end == self.bytes.len();
            for phase in 0..4 {
                let decoded = run.decoded(phase);
                plain(known, &decoded, cut, |range, value, source| {
                    let range = (self.back)(run.original(phase, range));
                    found.push(Found { range, value, source, form: RedactionForm::Base64 });
                });
            }
        });
        if self.above == MOST_LAYERS {
            return;
        }
        for (mark, undo, made) in ESCAPES {
            each_text_with(self.bytes, mark, |start, text| {
                let Some(undone) = undo(text) else { return };
                let back = |range: Range<usize>| {
                    let range = undone.original(range);
                    (self.back)(range.start + start..range.end + start)
                };
                let below = Layer {
                    bytes: &undone.bytes,
                    back: &back,
                    form: self.form.max(made),
                    above: self.above + 1,
                    cut: self.cut && start + text.len() == self.bytes.len(),
                };
                below.search(known, found);
            });
        }
    }
}

/// Secrets as they are.
fn plain(known: &Known, bytes: &[u8], cut: bool, mut found: impl FnMut(Range<usize>, Vec<u8>, &'static str)) {
    known.each(bytes, |range, value, source| found(range, value.to_vec(), source));
    shape::each(bytes, |range, source| {
        let value = bytes[range.clone()].to_vec();
        found(range, value, source);
    });
    if cut {
        for (length, value, source) in known.begun_at_end(bytes, SHORTEST_BEGINNING_BYTES) {
            found(bytes.len() - length..bytes.len(), value.to_vec(), source);
        }
    }
}

/// Calls `found` with every piece of `bytes` that may be text and has a `mark` in it, and where it begins: no text has
/// a NUL, or a byte that UTF-8 never has. So of binary files only few pieces are looked at more closely.
fn each_text_with(bytes: &[u8], mark: u8, mut found: impl FnMut(usize, &[u8])) {
    let is_binary = |byte: &u8| matches!(byte, 0 | 0xc0 | 0xc1 | 0xf5..);
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == mark) {
        let marked = at + next;
        let start = bytes[at..marked].iter().rposition(is_binary).map_or(at, |binary| at + binary + 1);
        let end = bytes[marked..].iter().position(is_binary).map_or(bytes.len(), |binary| marked + binary);
        found(start, &bytes[start..end]);
        at = end;
    }
}

/// Leaves out what lies within another find: the same one seen through another layer, a shape that is part of a longer
/// one, a shape around or beside a declared value (whose place then grows to hide both).
pub(super) fn without_parts(mut found: Vec<Found>) -> Vec<Found> {
    let declared = |found: &Found| found.source == super::DECLARED;
    found.sort_by(|a, b| {
        let key = |found: &Found| (found.range.start, std::cmp::Reverse(found.range.end));
        (key(a), !declared(a), a.form, &a.value).cmp(&(key(b), !declared(b), b.form, &b.value))
    });
    let mut kept: Vec<Found> = Vec::new();
    for next in found {
        let Some(last) = kept.last_mut().filter(|last| next.range.start < last.range.end) else {
            kept.push(next);
            continue;
        };
        let within = next.range.end <= last.range.end;
        let end = last.range.end.max(next.range.end);
        match (declared(last), declared(&next)) {
            // The first one hides what the second adds, but a second value declared is told of its own.
            (true, false) => last.range.end = end,
            (false, true) => *last = Found { range: last.range.start..end, ..next },
            (true, true) if within || last.value == next.value => last.range.end = end,
            (true, true) => {
                let start = last.range.end;
                kept.push(Found { range: start..next.range.end, ..next });
            }
            (false, false) => last.range.end = end,
        }
    }
    kept
}
