//! How long an agent has been silent: an agent that neither prints nor ends is stuck, or waits for somebody who is.
//!
//! Whether it has connections open to the server decides how long it may be silent: one that waits for an answer is
//! given more time than one that waits for nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::capture::Captured;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How many connections to the server are open now.
pub type Connections = Arc<dyn Fn() -> usize + Send + Sync>;

/// How long an agent may be silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// While it has no connection open; absent: as long as it likes.
    pub alone: Option<Duration>,
    /// While it has one open; absent: as long as it likes.
    pub connected: Option<Duration>,
}

/// What was seen of an agent's silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// The longest time without a byte of output.
    pub longest: Duration,
    /// Whether it was ever silent for 60 percent of what it may.
    pub is_slow: bool,
    /// Whether connections were open when it had been silent for too long.
    pub stalled: Option<bool>,
}

/// Looks at an agent from time to time; returns when it has been silent for too long. What it has seen is in `seen` at
/// every moment.
pub(super) async fn watch(
    streams: [Arc<Mutex<Captured>>; 2],
    patience: Patience,
    connections: Option<Connections>,
    seen: &Mutex<Silence>,
) {
    let started = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        let latest = streams
            .iter()
            .filter_map(|stream| stream.lock().unwrap_or_else(PoisonError::into_inner).latest)
            .max()
            .unwrap_or(started);
        let is_connected = connections.as_ref().is_some_and(|open| open() > 0);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if judge(&mut seen, latest.elapsed(), patience, is_connected) {
            return;
        }
    }
}

/// Notes one look; true when it was one too many.
fn judge(seen: &mut Silence, silent: Duration, patience: Patience, is_connected: bool) -> bool {
    seen.longest = seen.longest.max(silent);
    let Some(limit) = (if is_connected { patience.connected } else { patience.alone }) else { return false };
    seen.is_slow |= silent >= limit.mul_f64(0.6);
    if silent >= limit {
        seen.stalled = Some(is_connected);
    }
    silent >= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_an_answer_is_given_more_time() {
        let second = Duration::from_secs(1);
        let patience = Patience { alone: Some(5 * second), connected: Some(20 * second) };
        let mut seen = Silence::default();
        assert!(!judge(&mut seen, 2 * second, patience, false));
        assert!(!seen.is_slow);
        assert!(!judge(&mut seen, 3 * second, patience, false));
        assert_eq!((seen.is_slow, seen.stalled), (true, None), "three of five seconds are slow");
        assert!(!judge(&mut seen, 19 * second, patience, true));
        assert!(judge(&mut seen.clone(), 20 * second, patience, true));
        assert!(judge(&mut seen, 5 * second, patience, false));
        assert_eq!((seen.stalled, seen.longest), (Some(false), 19 * second));
        assert!(!judge(&mut Silence::default(), 900 * second, Patience::default(), false));
    }
}
