//! Hashes bytes, finds in them what is on disk, and searches them for secrets, all at once on two threads where that is
//! worth one.
//!
//! What is on disk has been searched: only what is new is searched again, with its surroundings.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::pieces::{Pieces, Stretch};
use super::redact::{Secrets, windows};
use crate::value::Digest;

/// Fewer bytes than this are not worth a thread.
const PARALLEL_ABOVE_BYTES: usize = 256 * 1024;
/// A secret in any form is smaller, so what is on disk further away than this from anything new is no part of one.
const SURROUNDINGS_BYTES: usize = 64 * 1024;

/// What is to be known of bytes before they are written.
#[derive(Debug)]
pub(super) struct Inspected {
    /// Their digest.
    pub(super) digest: Digest,
    /// What of them is on disk; none when nobody asked.
    pub(super) stretches: Option<Vec<Stretch>>,
    /// Whether there may be a secret in them; when not, there is none.
    pub(super) has_secrets: bool,
}

/// Inspects bytes; with `pieces`, also what of them is on disk.
pub(super) fn inspect(secrets: &Secrets, pieces: Option<&Pieces>, bytes: &[u8]) -> Inspected {
    let stretch = || pieces.map(|pieces| pieces.stretches(bytes));
    if bytes.len() <= PARALLEL_ABOVE_BYTES {
        let stretches = stretch();
        let has_secrets = to_search(stretches.as_deref(), bytes.len())
            .into_iter()
            .any(|range| secrets.are_in(&bytes[range]));
        return Inspected { digest: Digest::of(bytes), stretches, has_secrets };
    }
    let (ranges, next, has_secrets) = (OnceLock::new(), AtomicUsize::new(0), AtomicBool::new(false));
    let search = || {
        let ranges: &Vec<Range<usize>> = ranges.wait();
        while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
            if has_secrets.load(Ordering::Relaxed) || secrets.are_in(&bytes[range.clone()]) {
                has_secrets.store(true, Ordering::Relaxed);
                return;
            }
        }
    };
    std::thread::scope(|threads| {
        let hashing = std::thread::Builder::new().spawn_scoped(threads, || {
            let digest = Digest::of(bytes);
            search();
            digest
        });
        let stretches = stretch();
        let all = to_search(stretches.as_deref(), bytes.len()).into_iter().flat_map(windows).collect();
        ranges.set(all).expect("nobody else sets it");
        search();
        // Where no thread can be had, one does it all.
        let digest =
            hashing.ok().and_then(|hashing| hashing.join().ok()).unwrap_or_else(|| Digest::of(bytes));
        Inspected { digest, stretches, has_secrets: has_secrets.load(Ordering::Relaxed) }
    })
}

/// What is new, with its surroundings; ranges that meet are one.
fn to_search(stretches: Option<&[Stretch]>, length: usize) -> Vec<Range<usize>> {
    let Some(stretches) = stretches else { return std::iter::once(0..length).collect() };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut around = |start: usize, end: usize| {
        let start = start.saturating_sub(SURROUNDINGS_BYTES);
        let end = length.min(end + SURROUNDINGS_BYTES);
        match ranges.last_mut().filter(|last| start <= last.end) {
            Some(last) => last.end = last.end.max(end),
            None => ranges.push(start..end),
        }
    };
    let mut at = 0;
    for stretch in stretches {
        let bytes = match stretch {
            Stretch::Known(piece) => usize::try_from(piece.end - piece.start).unwrap_or(length),
            Stretch::New(range, _) => range.len(),
        };
        match stretch {
            // What was apart on disk may make a secret where it meets.
            Stretch::Known(_) => around(at, at),
            Stretch::New(..) => around(at, at + bytes),
        }
        at += bytes;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize, seed: usize) -> Vec<u8> {
        let blocks = (0..).flat_map(|block: u64| Digest::of(format!("{seed} {block}")).hex().into_bytes());
        blocks.take(bytes).collect()
    }

    /// Pieces with `bytes` on disk.
    fn on_disk(bytes: &[u8]) -> Pieces {
        let mut pieces = Pieces::default();
        if let [Stretch::New(_, keys)] = &pieces.stretches(bytes)[..] {
            pieces.note(Digest::of(bytes), keys);
        }
        pieces
    }

    #[test]
    fn a_secret_is_found_wherever_it_is_new() {
        let secrets = Secrets::new(&["sk-test-123".to_owned()]);
        let old = noise(3 << 20, 1);
        let pieces = on_disk(&old);
        let new = |at: usize, text: &str| {
            let mut bytes = old.clone();
            bytes.splice(at..at, text.bytes());
            bytes
        };
        for at in [0, 1, 70_000, 1 << 20, (1 << 20) - 5, old.len() - 1, old.len()] {
            let bytes = new(at, "sk-test-123");
            for pieces in [None, Some(&pieces)] {
                let found = inspect(&secrets, pieces, &bytes);
                assert!(found.has_secrets, "{at}");
                assert_eq!(found.digest, Digest::of(&bytes));
            }
            let clean = inspect(&secrets, Some(&pieces), &new(at, "sk-test-124"));
            assert!(!clean.has_secrets, "{at}");
            assert!(clean.stretches.is_some_and(|stretches| stretches.len() > 1));
        }
        for small in [&b"= sk-test-123"[..], b"c2stdGVzdC0xMjM="] {
            assert!(inspect(&secrets, Some(&pieces), small).has_secrets);
            assert!(inspect(&secrets, None, small).has_secrets);
        }
    }

    #[test]
    fn what_meets_for_the_first_time_is_searched() {
        // Each half ends with the end of its chunks, so that both are on disk as they are.
        let secrets = Secrets::new(&["sk-test-123".to_owned()]);
        let (first, second) = (
            [noise(300_000, 2), b"sk-te".to_vec()].concat(),
            [b"st-123".to_vec(), noise(300_000, 3)].concat(),
        );
        let mut pieces = on_disk(&first);
        if let [Stretch::New(_, keys)] = &pieces.stretches(&second)[..] {
            pieces.note(Digest::of(&second), keys);
        }
        assert!(inspect(&secrets, Some(&pieces), &[first, second].concat()).has_secrets);
    }

    #[test]
    fn what_is_on_disk_is_not_searched_again() {
        let bytes = noise(2 << 20, 4);
        let stretches = on_disk(&bytes).stretches(&bytes);
        let only = |ranges: Vec<Range<usize>>| <[_; 1]>::try_from(ranges).map(|[range]| range);
        assert_eq!(only(to_search(Some(&stretches), bytes.len())), Ok(0..SURROUNDINGS_BYTES));
        assert_eq!(only(to_search(None, 7)), Ok(0..7));
    }
}
