//! How long a peer takes for the head of a request. A connection that is idle may stay idle for ever; one that has begun
//! a request has to go on with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What the peer of one connection is at.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Pace(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    at: Mutex<At>,
    begun: Notify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// Between two requests.
    #[default]
    Idle,
    /// Sending a head, since then.
    Head(Instant),
    /// Sending a body, waiting for its answer, or no HTTP any more.
    Busy,
}

/// While it is held, the peer waits for an answer; then it may begin another request.
#[derive(Debug)]
pub(in crate::server) struct Answering(Pace);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.becomes(At::Idle);
    }
}

impl Pace {
    fn becomes(&self, at: At) {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn at(&self) -> At {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came.
    pub(in crate::server) fn came(&self) {
        let mut at = self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
        if *at == At::Idle {
            *at = At::Head(Instant::now());
            self.0.begun.notify_one();
        }
    }

    /// The connection is at its beginning, or an answer that was written past HTTP's own machinery is out.
    pub(super) fn idle(&self) {
        self.becomes(At::Idle);
    }

    /// The head is whole.
    pub(super) fn has_head(&self) {
        self.becomes(At::Busy);
    }

    /// The same until the answer is out.
    pub(super) fn answering(&self) -> Answering {
        self.becomes(At::Busy);
        Answering(self.clone())
    }

    /// Waits until a head has taken longer than that.
    pub(super) async fn too_slow(&self, limit: Duration) {
        loop {
            match self.at() {
                At::Head(since) => {
                    sleep_until(since + limit).await;
                    if self.at() == At::Head(since) {
                        return;
                    }
                }
                At::Idle | At::Busy => self.0.begun.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is slow at once: the limit is nothing, so what is waited for has passed.
    async fn slow(pace: &Pace) -> bool {
        tokio::select! {
            biased;
            () = pace.too_slow(Duration::ZERO) => true,
            () = tokio::time::sleep(Duration::from_millis(5)) => false,
        }
    }

    #[tokio::test]
    async fn only_a_head_that_was_begun_is_waited_for() {
        let pace = Pace::default();
        assert!(!slow(&pace).await, "idle");
        pace.came();
        pace.has_head();
        assert!(!slow(&pace).await, "an answer may take its time");
        drop(pace.answering());
        pace.came();
        pace.too_slow(Duration::ZERO).await;
    }
}
