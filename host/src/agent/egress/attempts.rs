//! What was tried so far, by turn, protocol and destination; bounded, whatever is tried.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::document::{DESTINATIONS_LIMIT, EgressAttempt, EgressProtocol, MORE_DESTINATIONS};

/// Attempts of one run.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    turn: AtomicU32,
    /// Turn, protocol and destination to how often.
    counts: Mutex<BTreeMap<(u32, EgressProtocol, String), u32>>,
}

impl Attempts {
    /// What comes from now on belongs to this turn.
    pub(super) fn begin_turn(&self, turn: u32) {
        self.turn.store(turn, Ordering::SeqCst);
    }

    /// One more.
    pub(super) fn note(&self, protocol: EgressProtocol, destination: String) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (self.turn.load(Ordering::SeqCst), protocol, destination);
        if counts.len() >= DESTINATIONS_LIMIT && !counts.contains_key(&key) {
            key.2 = MORE_DESTINATIONS.to_owned();
        }
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// All of them, in order of turn, protocol and destination.
    pub(super) fn list(&self) -> Vec<EgressAttempt> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|((turn, protocol, destination), count)| EgressAttempt {
                turn: *turn,
                protocol: *protocol,
                destination: destination.clone(),
                count: *count,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_destinations_are_counted_under_one() {
        let attempts = Attempts::default();
        attempts.begin_turn(1);
        for index in 0..DESTINATIONS_LIMIT + 10 {
            attempts.note(EgressProtocol::Http, format!("{index}.example:80"));
        }
        let list = attempts.list();
        assert_eq!(list.len(), DESTINATIONS_LIMIT + 1);
        let more = list.iter().find(|attempt| attempt.destination == MORE_DESTINATIONS).unwrap();
        assert_eq!((more.turn, more.count), (1, 10));
    }
}
