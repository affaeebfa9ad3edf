//! Bytes in memory: what several byte strings share is there once.
//!
//! An agent sends its whole history with every request. Chunks that their content cuts are found again wherever they
//! stand, so fifty requests that replay one image hold it once.

use std::borrow::Cow;
use std::collections::BTreeMap;
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
    parts: BTreeMap<Digest, Arc<[u8]>>,
}

impl SharedStore {
    /// Keeps bytes; what is new in them is taken off `left_bytes`. None, and nothing kept, when that is too little.
    pub fn keep(&mut self, bytes: &[u8], left_bytes: &mut u64) -> Option<SharedBytes> {
        let parts: Vec<_> = chunks(bytes).map(|part| (Digest::of(part), part)).collect();
        let new: BTreeMap<_, _> =
            parts.iter().filter(|(digest, _)| !self.parts.contains_key(digest)).copied().collect();
        *left_bytes = left_bytes.checked_sub(new.values().map(|part| part.len() as u64).sum())?;
        self.parts.extend(new.into_iter().map(|(digest, part)| (digest, part.into())));
        let shared = parts.iter().filter_map(|(digest, _)| self.parts.get(digest).cloned());
        Some(SharedBytes { parts: shared.collect() })
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
    fn bytes_of_one_part_are_not_copied() {
        let one = SharedBytes::from(b"one".to_vec());
        assert!(matches!(one.whole(), Cow::Borrowed(b"one")));
        assert!(SharedBytes::from(Vec::new()).is_empty());
        assert_eq!(SharedBytes::default().whole(), &b""[..]);
    }
}
