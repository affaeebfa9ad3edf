//! Secrets in files that are too large to be kept: searched while they are read for their digest, in the memory of one
//! window.

use std::collections::BTreeMap;

use super::Secrets;
use super::find::{OVERLAP_BYTES, WINDOW_BYTES, find};
use super::known::Known;
use crate::document::RedactionForm;

/// What was found of one secret in one file: its value, and how it was written and known.
type Seen = (Vec<u8>, RedactionForm, &'static str);

/// Searches files as their bytes pass, one file after the other.
#[derive(Debug, Default)]
pub struct Passing {
    known: Known,
    path: String,
    window: Vec<u8>,
    seen: BTreeMap<String, BTreeMap<Seen, u32>>,
}

impl Passing {
    /// The next bytes of a file; another path begins another file.
    pub fn piece(&mut self, path: &str, bytes: &[u8]) {
        if self.path != path {
            self.search(self.window.len());
            path.clone_into(&mut self.path);
        }
        for bytes in bytes.chunks(OVERLAP_BYTES) {
            self.window.extend_from_slice(bytes);
            if self.window.len() >= WINDOW_BYTES {
                self.search(self.window.len() - OVERLAP_BYTES);
            }
        }
    }

    /// Searches what has come; what begins before `end` counts, the rest stays for the next window.
    fn search(&mut self, end: usize) {
        for found in find(&self.known, &self.window, false) {
            if found.range.start < end {
                let seen = self.seen.entry(self.path.clone()).or_default();
                *seen.entry((found.value, found.form, found.source)).or_default() += 1;
            }
        }
        self.window.drain(..end);
    }

    /// What was found, by path.
    pub(in crate::recording) fn finish(mut self) -> BTreeMap<String, BTreeMap<Seen, u32>> {
        self.search(self.window.len());
        self.seen
    }
}

impl Secrets {
    /// A search of files that are not kept, for what is known now.
    pub fn passing(&self) -> Passing {
        Passing { known: self.known.clone(), ..Passing::default() }
    }

    /// Lists what was found in a file that is not kept.
    pub(in crate::recording) fn list_passed(&mut self, place: &str, seen: &BTreeMap<Seen, u32>) {
        for ((value, form, source), count) in seen {
            let number = self.number(value);
            *self.listed.entry((number, place.to_owned(), *form, source)).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_at_every_seam_once() {
        let secrets = Secrets::new(&["sk-test-123".to_owned()]);
        for at in [
            0,
            1,
            65_530,
            65_536,
            WINDOW_BYTES - OVERLAP_BYTES - 5,
            WINDOW_BYTES - 5,
            WINDOW_BYTES,
            3_000_000,
        ] {
            let mut bytes = vec![b'.'; 3_000_000];
            bytes.splice(at..at, *b"sk-test-123");
            for block in [1000, 64 * 1024, 2_000_000] {
                let mut passing = secrets.passing();
                passing.piece("other", b"sk-te");
                for bytes in bytes.chunks(block) {
                    passing.piece("large", bytes);
                    assert!(passing.window.len() <= WINDOW_BYTES + OVERLAP_BYTES);
                }
                let seen = passing.finish();
                assert_eq!(seen.keys().collect::<Vec<_>>(), ["large"], "{at}");
                assert_eq!(seen["large"].values().collect::<Vec<_>>(), [&1], "{at} {block}");
            }
        }
    }
}
