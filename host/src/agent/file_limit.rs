//! Where no file may grow any more (`ulimit -f`), the system sends SIGXFSZ, which ends a program that does not catch it.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// Makes it an error of `write` (EFBIG), as a full disk is one: in this program, and not in agents, as a caught signal
/// has its default effect again in a program that is started.
///
/// # Errors
/// When the signal can't be caught.
pub fn report_file_limit() -> std::io::Result<()> {
    // The signal stays caught when nobody listens any more, the runtime included.
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(async { signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop) })
}
