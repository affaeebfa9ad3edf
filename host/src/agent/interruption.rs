//! Interrupts that a scenario plans: something happens, and the agent gets a signal, or its standard input is closed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::capture::Captured;

/// Between two looks for what is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether what is waited for has happened. It is given what standard output has brought since the last time, in whole
/// lines.
pub type Due = Box<dyn FnMut(&str) -> bool + Send>;

/// What is done to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A signal to the agent alone, as from `kill`.
    Signal(Signal),
    /// A signal to its process group, as from a terminal.
    SignalGroup(Signal),
    /// Its standard input, open until then, is closed.
    CloseStdin,
}

/// One interrupt.
pub struct Interruption {
    /// When.
    pub due: Due,
    /// What.
    pub action: Action,
    /// How long the agent may take to end then.
    pub within: Duration,
}

/// What became of an interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interrupted {
    /// Whether what it waited for happened.
    pub sent: bool,
    /// Whether the agent ended in its time after that.
    pub ended: bool,
}

/// Returns when the interrupt is due; never where there is none.
pub(super) async fn is_due(interruption: Option<&mut Interruption>, stdout: &Mutex<Captured>) {
    let Some(interruption) = interruption else { return std::future::pending().await };
    let mut read = 0;
    loop {
        let lines = {
            let captured = stdout.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = &captured.kept[read..];
            let whole = fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            read += whole;
            String::from_utf8_lossy(&fresh[..whole]).into_owned()
        };
        if (interruption.due)(&lines) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
