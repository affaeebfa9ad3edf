//! How long an agent has been silent: an agent that neither prints nor ends is stuck, or waits for somebody who is.
//!
//! Whether it has connections open to the server decides how long it may be silent: one that waits for an answer is
//! given more time than one that waits for nothing. Long before that it is told that the agent is slow.

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
    /// While it has no connection open; absent: to the end of its time.
    pub alone: Option<Duration>,
    /// While it has one open; absent: to the end of its time.
    pub connected: Option<Duration>,
    /// When it is said that it is slow; absent: after 60 percent of what it may be silent.
    pub slow: Option<Duration>,
}

/// What was seen of an agent's silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// The longest time without a byte of output.
    pub longest: Duration,
    /// Whether it was ever silent for so long that it was said, and whether connections were open the first time.
    pub slow: Option<bool>,
    /// Whether connections were open when it had been silent for too long.
    pub stalled: Option<bool>,
}

/// An agent that has been silent for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// For how long.
    pub silent: Duration,
    /// How long it may be.
    pub limit: Duration,
    /// Whether it has a connection to the server open.
    pub is_connected: bool,
}

/// Who is told of a silence, once.
pub type TellSlow = Arc<dyn Fn(Slow) + Send + Sync>;

/// Looks at an agent from time to time; returns when it has been silent for too long. What it has seen is in `seen` at
/// every moment. Its time is up at `deadline`.
pub(super) async fn watch(
    streams: [Arc<Mutex<Captured>>; 2],
    patience: Patience,
    deadline: Instant,
    connections: Option<Connections>,
    tell: Option<TellSlow>,
    seen: &Mutex<Silence>,
) {
    let started = Instant::now();
    let whole = deadline.saturating_duration_since(started);
    let mut told = false;
    loop {
        tokio::time::sleep(PAUSE).await;
        let latest = streams
            .iter()
            .filter_map(|stream| stream.lock().unwrap_or_else(PoisonError::into_inner).latest)
            .max()
            .unwrap_or(started);
        let is_connected = connections.as_ref().is_some_and(|open| open() > 0);
        let (is_slow, is_over) = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            judge(&mut seen, latest.elapsed(), patience, whole, is_connected)
        };
        if let (Some(slow), false, Some(tell)) = (is_slow, told, &tell) {
            tell(slow);
        }
        told = is_slow.is_some();
        if is_over {
            return;
        }
    }
}

/// Notes one look: whether it is slow, and whether that was one look too many. `whole` is all the time it has.
fn judge(
    seen: &mut Silence,
    silent: Duration,
    patience: Patience,
    whole: Duration,
    is_connected: bool,
) -> (Option<Slow>, bool) {
    seen.longest = seen.longest.max(silent);
    let named = if is_connected { patience.connected } else { patience.alone };
    let limit = named.unwrap_or(whole);
    let is_slow = silent >= patience.slow.unwrap_or(limit.mul_f64(0.6));
    if is_slow {
        seen.slow = seen.slow.or(Some(is_connected));
    }
    let is_over = named.is_some_and(|limit| silent >= limit);
    if is_over {
        seen.stalled = Some(is_connected);
    }
    (is_slow.then_some(Slow { silent, limit, is_connected }), is_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn who_waits_for_an_answer_is_given_more_time() {
        let patience = Patience { alone: Some(5 * SECOND), connected: Some(20 * SECOND), slow: None };
        let mut seen = Silence::default();
        let mut look = |silent, is_connected| judge(&mut seen, silent * SECOND, patience, HOUR, is_connected);
        let slow = |silent, limit, is_connected| {
            Some(Slow { silent: silent * SECOND, limit: limit * SECOND, is_connected })
        };
        assert_eq!(look(2, false), (None, false));
        assert_eq!(look(3, false), (slow(3, 5, false), false), "three of five seconds are slow");
        assert_eq!(look(11, true), (None, false));
        assert_eq!(look(19, true), (slow(19, 20, true), false));
        assert_eq!(look(20, true), (slow(20, 20, true), true));
        assert_eq!(look(5, false), (slow(5, 5, false), true));
        let wanted = Silence { longest: 20 * SECOND, slow: Some(false), stalled: Some(false) };
        assert_eq!(seen, wanted);
    }

    #[test]
    fn without_a_limit_it_is_slow_long_before_its_time_is_up() {
        let mut seen = Silence::default();
        let mut look = |silent, patience| judge(&mut seen, silent * SECOND, patience, 60 * SECOND, false);
        assert_eq!(look(35, Patience::default()), (None, false));
        let slow = Slow { silent: 36 * SECOND, limit: 60 * SECOND, is_connected: false };
        assert_eq!(look(36, Patience::default()), (Some(slow), false));
        let early = Patience { slow: Some(10 * SECOND), ..Patience::default() };
        assert_eq!(look(10, early), (Some(Slow { silent: 10 * SECOND, ..slow }), false));
        assert!(!look(900, early).1, "the time limit is not its business");
    }
}
