//! What held replies wait for: events of the run, told here as they happen.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use cap_std::fs::Dir;
use tokio::sync::watch;

use super::peer::{OWN_NETWORK, Queues, queues};
use super::socket::Socket;
use crate::scenario::Gate;

/// How often what nobody tells is looked at.
const LOOK_EVERY: Duration = Duration::from_micros(300);
/// How long a peer that can't be seen gets to read what its kernel has.
const UNSEEN_PAUSE: Duration = Duration::from_millis(50);
/// Bytes of an agent's output that are searched.
const PRINTED_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// What has happened so far.
#[derive(Debug)]
pub(in crate::server) struct Gates {
    happened: Mutex<Happened>,
    changed: watch::Sender<()>,
    workspace: Option<Arc<Dir>>,
    /// Where the kernel tells of the network that peers are in, where it is not this program's.
    network: OnceLock<PathBuf>,
}

#[derive(Debug, Default)]
struct Happened {
    printed: Vec<u8>,
    /// Lane, step and number of each request that arrived.
    requests: Vec<(String, u32, usize)>,
}

impl Gates {
    /// Nothing has happened; files are looked for in `workspace`.
    pub(in crate::server) fn new(workspace: Option<Dir>) -> Self {
        Self {
            happened: Mutex::default(),
            changed: watch::Sender::new(()),
            workspace: workspace.map(Arc::new),
            network: OnceLock::new(),
        }
    }

    /// Peers are in this network. Said once, before they come.
    pub(in crate::server) fn peers_are_in(&self, network: PathBuf) {
        let _ = self.network.set(network);
    }

    fn happened(&self) -> MutexGuard<'_, Happened> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn begins: what was printed in the one before counts no more.
    pub(in crate::server) fn begin_turn(&self) {
        self.happened().printed.clear();
    }

    /// The agent wrote to its standard output.
    pub(in crate::server) fn printed(&self, bytes: &[u8]) {
        {
            let mut happened = self.happened();
            let room = PRINTED_LIMIT_BYTES.saturating_sub(happened.printed.len());
            happened.printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        self.changed.send_replace(());
    }

    /// A request arrived.
    pub(in crate::server) fn arrived(&self, lane: &str, step: u32, number: usize) {
        self.happened().requests.push((lane.to_owned(), step, number));
        self.changed.send_replace(());
    }

    /// Waits until a gate is open. `own` is the number of the request whose reply is held.
    pub(super) async fn opened(&self, gate: &Gate, socket: &Socket, own: usize) {
        match gate {
            Gate::Drained => self.drained(socket).await,
            Gate::File(path) => self.appears(path.clone()).await,
            Gate::Printed(_) | Gate::Request { .. } => {
                let mut changed = self.changed.subscribe();
                while !self.is_open(gate, own) {
                    if changed.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn is_open(&self, gate: &Gate, own: usize) -> bool {
        match gate {
            Gate::Printed(text) => {
                let happened = self.happened();
                happened.printed.windows(text.len().max(1)).any(|window| window == text.as_bytes())
            }
            Gate::Request { lane, step } => self.happened().requests.iter().any(|(reached, at, number)| {
                reached == lane && *number != own && step.is_none_or(|step| step == *at)
            }),
            Gate::File(_) | Gate::Drained => false,
        }
    }

    /// Waits until a file is there. The runtime's timer counts in milliseconds; a thread that sleeps sees it sooner.
    async fn appears(&self, path: String) {
        let Some(workspace) = self.workspace.clone() else { return std::future::pending().await };
        // Whoever waits may be gone before the file comes: then nobody looks any more.
        let waiting = Arc::new(());
        let asked = Arc::downgrade(&waiting);
        let looking = tokio::task::spawn_blocking(move || {
            while asked.strong_count() > 0 && workspace.symlink_metadata(&path).is_err() {
                std::thread::sleep(LOOK_EVERY);
            }
        });
        let _ = looking.await;
        drop(waiting);
    }

    /// Waits until the peer's program has read everything. Where its end of the connection can't be seen, on another
    /// machine for example, its kernel has everything, and some time has passed: no proof.
    pub(super) async fn drained(&self, socket: &Socket) {
        let Some((ours, peers)) = socket.ends() else { return };
        let network = self.network.get().map_or(Path::new(OWN_NETWORK), PathBuf::as_path);
        loop {
            match queues(network, ours, peers) {
                Queues::Drained => return,
                Queues::Unknown => return tokio::time::sleep(UNSEEN_PAUSE).await,
                Queues::Waiting if socket.is_left() => return,
                Queues::Waiting => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}
