//! Which recordings of past runs are no longer kept. Decides only; times are passed in, and nothing is removed here.

use std::time::Duration;

/// How much is kept. A run goes as soon as one of these is exceeded, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Runs.
    pub runs: usize,
    /// Age of a run.
    pub age: Duration,
    /// Bytes of all runs together.
    pub bytes: u64,
}

impl Default for Keep {
    /// 50 runs, 30 days, 2 GiB.
    fn default() -> Self {
        Self { runs: 50, age: Duration::from_secs(30 * 24 * 60 * 60), bytes: 2 << 30 }
    }
}

/// A run whose recordings are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// Name of its folder.
    pub name: String,
    /// How long ago it began.
    pub age: Duration,
    /// Size of its recordings.
    pub bytes: u64,
}

/// The runs that are not kept, the newest first. The newest of all is kept whatever its size and age.
pub fn surplus(mut runs: Vec<PastRun>, keep: Keep) -> Vec<PastRun> {
    runs.sort_by(|a, b| (a.age, &b.name).cmp(&(b.age, &a.name)));
    let mut bytes: u64 = 0;
    let mut kept = 0;
    runs.retain(|run| {
        bytes = bytes.saturating_add(run.bytes);
        let is_kept = kept == 0 || (kept < keep.runs && run.age <= keep.age && bytes <= keep.bytes);
        kept += usize::from(is_kept);
        !is_kept
    });
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(keep: Keep) -> Vec<String> {
        let runs = [("c", 1, 10), ("a", 300, 40), ("b", 20, 30)];
        let runs = runs.map(|(name, seconds, bytes)| PastRun {
            name: name.to_owned(),
            age: Duration::from_secs(seconds),
            bytes,
        });
        surplus(runs.into(), keep).into_iter().map(|run| run.name).collect()
    }

    #[test]
    fn the_oldest_go_first_whatever_is_exceeded() {
        let all = Keep::default();
        assert!(removed(all).is_empty());
        assert_eq!(removed(Keep { runs: 2, ..all }), ["a"]);
        assert_eq!(removed(Keep { age: Duration::from_secs(20), ..all }), ["a"]);
        assert_eq!(removed(Keep { bytes: 79, ..all }), ["a"]);
        assert_eq!(removed(Keep { bytes: 39, ..all }), ["b", "a"]);
    }

    #[test]
    fn the_newest_is_never_removed() {
        let nothing = Keep { runs: 0, age: Duration::ZERO, bytes: 0 };
        assert_eq!(removed(nothing), ["b", "a"]);
    }
}
