//! Finds secrets in bytes: as they are, and behind escapes, percent signs and base64, also one inside the other.
//!
//! Bytes are searched in windows that overlap by more than a secret in any form, so that what has been undone never
//! takes much memory. The time is linear in the bytes.

use std::ops::Range;

use super::base64::each_run;
use super::known::Known;
use super::shape;
use super::unescape::{backslashes, percents};
use crate::document::RedactionForm;

/// Bytes searched at once.
const WINDOW_BYTES: usize = 1 << 20;
/// By how much windows overlap: the longest declared secret with every byte escaped six to one, and room to spare.
const OVERLAP_BYTES: usize = 64 << 10;
/// Layers of escapes that are undone: JSON in JSON in a line of JSON.
const MOST_LAYERS: u8 = 3;
/// Fewer bytes than this at a cut are no beginning of a secret.
const SHORTEST_BEGINNING_BYTES: usize = 4;

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
    let mut found = Vec::new();
    let mut start = 0;
    loop {
        let end = bytes.len().min(start + WINDOW_BYTES);
        let search = Search { known, cut: cut && end == bytes.len() };
        let back = |range: Range<usize>| range.start + start..range.end + start;
        search.layer(&bytes[start..end], &back, RedactionForm::Plain, 0, &mut found);
        if end == bytes.len() {
            return without_parts(found);
        }
        start = end - OVERLAP_BYTES;
    }
}

struct Search<'a> {
    known: &'a Known,
    cut: bool,
}

impl Search<'_> {
    /// Searches bytes from which `layers` layers were taken; `back` leads to the bytes they were taken from.
    fn layer(
        &self,
        bytes: &[u8],
        back: &dyn Fn(Range<usize>) -> Range<usize>,
        form: RedactionForm,
        layers: u8,
        found: &mut Vec<Found>,
    ) {
        self.plain(bytes, |range, value, source| {
            found.push(Found { range: back(range), value, source, form });
        });
        each_run(bytes, |run| {
            // Without an escape in it, it was searched a layer above.
            if layers > 0 && back(run.range.clone()).len() == run.range.len() {
                return;
            }
            for phase in 0..4 {
                let decoded = run.decoded(phase);
                self.plain(&decoded, |range, value, source| {
                    let range = back(run.original(phase, range));
                    found.push(Found { range, value, source, form: RedactionForm::Base64 });
                });
            }
        });
        if layers == MOST_LAYERS {
            return;
        }
        for (undone, made) in
            [(backslashes(bytes), RedactionForm::JsonEscaped), (percents(bytes), RedactionForm::Percent)]
        {
            if let Some(undone) = undone {
                let back = |range: Range<usize>| back(undone.original(range));
                self.layer(&undone.bytes, &back, form.max(made), layers + 1, found);
            }
        }
    }

    fn plain(&self, bytes: &[u8], mut found: impl FnMut(Range<usize>, Vec<u8>, &'static str)) {
        self.known.each(bytes, |range, source| {
            let value = bytes[range.clone()].to_vec();
            found(range, value, source);
        });
        shape::each(bytes, |range, source| {
            let value = bytes[range.clone()].to_vec();
            found(range, value, source);
        });
        if self.cut {
            for (length, value, source) in self.known.begun_at_end(bytes, SHORTEST_BEGINNING_BYTES) {
                found(bytes.len() - length..bytes.len(), value.to_vec(), source);
            }
        }
    }
}

/// Leaves out what lies within another find: the same one seen through another layer, a shape that is part of a longer
/// one, a shape around or beside a declared value (whose place then grows to hide both).
fn without_parts(mut found: Vec<Found>) -> Vec<Found> {
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
