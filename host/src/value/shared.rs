//! Bytes in memory: what several byte strings share is there once.
//!
//! An agent sends its whole history with every request. Chunks that their content cuts are found again wherever they
//! stand, so fifty requests that replay one image hold it once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{Digest, chunks};

/// Bytes that may share parts with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedBytes {
    parts: Vec<Arc<[u8]>>,
}

impl SharedBytes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// All of them, in one piece; a copy only where they are more than one.
    pub fn whole(&self) -> Cow<'_, [u8]> {
        match &self.parts[..] {
            [part] => Cow::Borrowed(part),
            _ => Cow::Owned(self.to_vec()),
        }
    }

    /// All of them, in one piece that nobody shares.
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts.concat()
    }
}

impl From<Vec<u8>> for SharedBytes {
    /// Bytes that share nothing yet.
    fn from(bytes: Vec<u8>) -> Self {
        Self { parts: if bytes.is_empty() { Vec::new() } else { vec![bytes.into()] } }
    }
}

/// Every part there is.
#[derive(Debug, Default)]
pub struct SharedStore {
    parts: HashMap<Digest, Arc<[u8]>>,
}

impl SharedStore {
    /// Keeps bytes; what is new in them is taken off `left_bytes`. None, and nothing kept, when that is too little.
    pub fn keep(&mut self, bytes: &[u8], left_bytes: &mut u64) -> Option<SharedBytes> {
        let mut left = *left_bytes;
        let (mut parts, mut added) = (Vec::new(), Vec::new());
        for part in chunks(bytes) {
            let digest = Digest::of(part);
            let kept = match self.parts.entry(digest) {
                Entry::Occupied(there) => Arc::clone(there.get()),
                Entry::Vacant(place) => {
                    let Some(rest) = left.checked_sub(part.len() as u64) else {
                        added.iter().for_each(|digest| drop(self.parts.remove(digest)));
                        return None;
                    };
                    left = rest;
                    added.push(digest);
                    Arc::clone(place.insert(part.into()))
                }
            };
            parts.push(kept);
        }
        *left_bytes = left;
        Some(SharedBytes { parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replayed_is_kept_once() {
        let image: String = (0..40_000).map(|block| Digest::of(format!("{block}")).hex()).collect();
        let mut store = SharedStore::default();
        let mut left = u64::MAX;
        let bodies: Vec<_> = (0..50)
            .map(|number| {
                let history = ",{\"text\":\"more\"}".repeat(number);
                let body = format!("{{\"id\":{number},\"input\":[\"{image}\"{history}]}}");
                (store.keep(body.as_bytes(), &mut left).unwrap(), body)
            })
            .collect();
        for (kept, body) in &bodies {
            assert_eq!(kept.to_vec(), body.as_bytes());
            assert_eq!(kept.len(), body.len());
        }
        let kept: usize = store.parts.values().map(|part| part.len()).sum();
        assert_eq!(kept as u64, u64::MAX - left);
        let each = (kept - image.len()) / bodies.len();
        assert!(each < 192 * 1024, "{each} bytes for each of 50 bodies with an image of {}", image.len());
    }

    #[test]
    fn nothing_is_kept_of_what_is_too_much() {
        let mut store = SharedStore::default();
        let mut left = 100_000;
        let noise: Vec<u8> =
            (0..10_000).flat_map(|number| *Digest::of(format!("{number}")).as_bytes()).collect();
        assert!(store.keep(&noise, &mut left).is_none());
        assert_eq!((store.parts.len(), left), (0, 100_000));
        assert_eq!(store.keep(&noise[..100_000], &mut left).unwrap().to_vec(), &noise[..100_000]);
        assert_eq!(left, 0);
        assert!(store.keep(&noise[..100_000], &mut left).is_some(), "it is there");
    }

    #[test]
    fn bytes_of_one_part_are_not_copied() {
        let one = SharedBytes::from(b"one".to_vec());
        assert!(matches!(one.whole(), Cow::Borrowed(b"one")));
        assert!(SharedBytes::from(Vec::new()).is_empty());
        assert_eq!(SharedBytes::default().whole(), &b""[..]);
    }
}
