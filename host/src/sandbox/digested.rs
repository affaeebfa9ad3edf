//! The digest of limits, as it stands in receipts: nearly every question has the limits of the one before.

use std::sync::{Mutex, PoisonError};

use super::limits::Limits;
use crate::value::{Digest, to_canonical_string};

/// What the last limits that were asked for came to.
#[derive(Debug, Default)]
pub(super) struct Digested(Mutex<Option<(Limits, Digest)>>);

impl Digested {
    pub fn of(&self, limits: &Limits) -> Digest {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, digest)) if known == limits => *digest,
            _ => {
                let digest = Digest::of(to_canonical_string(limits).unwrap_or_default());
                *last = Some((limits.clone(), digest));
                digest
            }
        }
    }
}
