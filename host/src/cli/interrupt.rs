//! Ctrl-C: the first ends the agents and prints what is known, the second ends the program.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::value::ExitStatus;

/// Watches for interrupts; the receiver turns true at the first.
pub(super) fn watch_interrupts() -> std::io::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send_replace(true) {
                #[expect(clippy::exit, reason = "the user asked twice; nothing is left to say")]
                std::process::exit(i32::from(ExitStatus::Interrupted.code()));
            }
        }
    });
    Ok(receiver)
}
