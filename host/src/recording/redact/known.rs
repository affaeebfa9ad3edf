//! Values known to be secrets, and where they stand in bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::prefilter::Prefilter;

/// Bytes of each value that the automaton looks for; the rest is compared.
const LOOKED_FOR_BYTES: usize = 16;

/// Values known to be secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Longest first.
    values: Vec<(Vec<u8>, &'static str)>,
    beginnings: Option<Regex>,
    /// Of the values; without any, [`SHAPES`] does.
    prefilter: Option<Prefilter>,
}

/// What rules out the shapes alone.
static SHAPES: LazyLock<Prefilter> = LazyLock::new(|| Prefilter::new([]));

impl Known {
    /// More values; those that are known already change nothing.
    pub(super) fn add<'v>(&mut self, values: impl IntoIterator<Item = &'v str>, source: &'static str) {
        for value in values {
            if !self.values.iter().any(|(known, _)| known == value.as_bytes()) {
                self.values.push((value.as_bytes().to_vec(), source));
            }
        }
        self.values.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let beginnings: Vec<String> = self
            .values
            .iter()
            .map(|(value, _)| {
                let looked_for = &value[..value.len().min(LOOKED_FOR_BYTES)];
                looked_for.iter().map(|byte| format!(r"\x{byte:02x}")).collect()
            })
            .collect();
        self.prefilter = Some(Prefilter::new(self.values.iter().map(|(value, _)| value.as_slice())));
        self.beginnings = (!beginnings.is_empty()).then(|| {
            RegexBuilder::new(&beginnings.join("|"))
                .unicode(false)
                .size_limit(64 << 20)
                .build()
                .expect("hexadecimal escapes, at most some hundred times sixteen of them")
        });
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether a value is one of them.
    pub(super) fn has(&self, value: &[u8]) -> bool {
        self.values.iter().any(|(known, _)| known == value)
    }

    /// What rules out that there is any secret, quickly.
    pub(super) fn prefilter(&self) -> &Prefilter {
        self.prefilter.as_ref().unwrap_or(&SHAPES)
    }

    /// Calls `found` with every place of every value; places of one value that overlap are one.
    pub(super) fn each(&self, bytes: &[u8], mut found: impl FnMut(Range<usize>, &[u8], &'static str)) {
        let Some(beginnings) = &self.beginnings else { return };
        let mut last: BTreeMap<usize, Range<usize>> = BTreeMap::new();
        let mut at = 0;
        while let Some(hit) = beginnings.find_at(bytes, at) {
            let rest = &bytes[hit.start()..];
            for (index, (value, source)) in self.values.iter().enumerate() {
                if !rest.starts_with(value) {
                    continue;
                }
                let place = hit.start()..hit.start() + value.len();
                match last.get_mut(&index).filter(|last| place.start < last.end) {
                    Some(last) => last.end = place.end,
                    None => {
                        if let Some(before) = last.insert(index, place) {
                            found(before, value, source);
                        }
                    }
                }
            }
            // Values may overlap.
            at = hit.start() + 1;
        }
        for (index, place) in last {
            let (value, source) = &self.values[index];
            found(place, value, source);
        }
    }

    /// The values of which at least `shortest` bytes stand at the very end, but not all: how many bytes, and the value.
    pub(super) fn begun_at_end(
        &self,
        bytes: &[u8],
        shortest: usize,
    ) -> impl Iterator<Item = (usize, &[u8], &'static str)> {
        self.values.iter().filter_map(move |(value, source)| {
            let longest = (shortest..value.len()).rev().find(|length| bytes.ends_with(&value[..*length]))?;
            Some((longest, value.as_slice(), *source))
        })
    }
}
