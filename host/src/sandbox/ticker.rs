//! Real time for the engine: a thread that advances its epoch, only while something runs.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// How finely real time is measured.
const TICK: Duration = Duration::from_millis(50);

/// Ticks that a time takes, at least one.
pub(super) fn ticks(time_ms: u64) -> u64 {
    time_ms.div_ceil(TICK.as_millis() as u64).max(1)
}

/// Starts its thread at the first check and ends it when dropped.
#[derive(Default)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: bool,
    running: u32,
    /// The thread will look again by itself: checks that follow each other within a tick need not wake it.
    awake: bool,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticker {
    /// Time passes for the engine until the guard is dropped.
    pub fn run(&self, engine: &Engine) -> Running<'_> {
        let mut state = self.shared.lock();
        state.running += 1;
        if !state.started {
            state.started = true;
            let (shared, engine) = (Arc::clone(&self.shared), engine.weak());
            // Without the thread only the backstop is missing: fuel and host work still bound every check.
            let _ =
                std::thread::Builder::new().name("epoch".to_owned()).spawn(move || tick(&shared, &engine));
        }
        if !state.awake {
            self.shared.changed.notify_one();
        }
        Running { shared: &self.shared }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

pub(super) struct Running<'a> {
    shared: &'a Shared,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.shared.lock().running -= 1;
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut state = shared.lock();
    while !state.ended {
        state.awake = state.running > 0;
        if !state.awake {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let (next, waited) = shared.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
        state = next;
        if waited.timed_out() {
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    }
}
