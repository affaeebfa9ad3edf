//! Finds in bytes what is already on disk, and what is new: stretches, not single chunks, so that what nothing shares
//! stays one file.
//!
//! Chunks are told apart by a quick hash that is never written. Should two differ and agree in it, the digest of the
//! whole, which every reader compares, says so.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::value::{Digest, chunks};

/// A stretch of a file in `blobs/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    /// The file.
    pub(super) file: Digest,
    /// Where in it the stretch begins.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
}

/// A stretch of bytes that are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// They are on disk.
    Known(Piece),
    /// They are not; the chunks in them, by key, in order.
    New(Range<usize>, Vec<Key>),
}

/// What tells chunks apart: a hash, and the length.
pub(super) type Key = (u64, usize);

/// Every chunk on disk.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    chunks: BTreeMap<Key, (Digest, u64)>,
    places: BTreeMap<(Digest, u64), Key>,
}

impl Pieces {
    /// The stretches of some bytes, in order.
    pub(super) fn stretches(&self, bytes: &[u8]) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut at = 0;
        while let Some(chunk) =
            self.expected(&bytes[at..], stretches.last()).or_else(|| chunks(&bytes[at..]).next())
        {
            let range = at..at + chunk.len();
            at = range.end;
            let key = key(chunk);
            let known = self.chunks.get(&key);
            match (known, stretches.last_mut()) {
                (Some((file, start)), Some(Stretch::Known(last)))
                    if last.file == *file && last.end == *start =>
                {
                    last.end += chunk.len() as u64;
                }
                (Some((file, start)), _) => {
                    let end = start + chunk.len() as u64;
                    stretches.push(Stretch::Known(Piece { file: *file, start: *start, end }));
                }
                (None, Some(Stretch::New(last, keys))) => {
                    last.end = range.end;
                    keys.push(key);
                }
                (None, _) => stretches.push(Stretch::New(range, vec![key])),
            }
        }
        stretches
    }

    /// After a stretch of a file, the chunk that follows there, where it follows here too: comparing is quicker than
    /// looking for the next cut.
    fn expected<'b>(&self, rest: &'b [u8], last: Option<&Stretch>) -> Option<&'b [u8]> {
        let Some(Stretch::Known(last)) = last else { return None };
        let next = self.places.get(&(last.file, last.end))?;
        rest.get(..next.1).filter(|chunk| key(chunk) == *next)
    }

    /// Notes that chunks are on disk now, one after the other from the beginning of `file`.
    pub(super) fn note(&mut self, file: Digest, keys: &[Key]) {
        let mut at = 0;
        for key in keys {
            self.chunks.entry(*key).or_insert((file, at));
            self.places.insert((file, at), *key);
            at += key.1 as u64;
        }
    }
}

/// Multiplies and folds eight bytes at a time, in four lanes that do not wait for each other; the length tells apart what
/// padding would not.
fn key(chunk: &[u8]) -> Key {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (blocks, rest) = chunk.as_chunks::<32>();
    let mut last = [0; 32];
    last[..rest.len()].copy_from_slice(rest);
    let mut lanes = [FACTOR, FACTOR << 1, FACTOR << 2, FACTOR << 3];
    for block in blocks.iter().chain([&last]) {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = fold(*lane, u64::from_le_bytes(*word));
        }
    }
    (lanes.into_iter().fold(FACTOR, fold), chunk.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize, seed: u8) -> Vec<u8> {
        (0..)
            .flat_map(|block: u64| Digest::of(format!("{seed} {block}")).hex().into_bytes())
            .take(bytes)
            .collect()
    }

    #[test]
    fn what_is_new_is_one_stretch_and_what_is_shared_too() {
        let mut pieces = Pieces::default();
        let first = noise(1_000_000, 1);
        let stretches = pieces.stretches(&first);
        let [Stretch::New(range, keys)] = &stretches[..] else { panic!("{stretches:?}") };
        assert_eq!(*range, 0..1_000_000);
        let file = Digest::of(&first);
        pieces.note(file, keys);
        let whole = Stretch::Known(Piece { file, start: 0, end: 1_000_000 });
        assert_eq!(pieces.stretches(&first), [whole]);

        let second = [noise(100_000, 2), first.clone(), noise(100_000, 3)].concat();
        let stretches = pieces.stretches(&second);
        let [Stretch::New(head, _), Stretch::Known(shared), Stretch::New(tail, _)] = &stretches[..] else {
            panic!("{stretches:?}")
        };
        assert!(shared.end - shared.start > 700_000);
        assert_eq!((head.start, tail.end), (0, second.len()));
        let known = &second[head.end..tail.start];
        assert_eq!(known, &first[shared.start as usize..shared.end as usize]);
    }

    #[test]
    fn keys_differ_where_bytes_do() {
        let keys = [&b""[..], b"\0", b"\0\0", b"a", b"12345678", b"123456780", b"123456789"].map(key);
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
    }
}
