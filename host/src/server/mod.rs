//! The fake model server: OpenAI Responses over HTTP and over WebSocket, Chat Completions, Anthropic Messages and Gemini,
//! scripted.
//!
//! Raw bytes become a canonical request; the request's lane and transcript decide, by causality alone, which step of
//! the script it reaches; everything is kept. It judges nothing: what did not fit is told in [`Traffic::script`].

mod answer;
mod capture;
mod coding;
mod conversation;
mod defaults;
mod exchange;
mod expect;
mod fault;
mod invariant;
mod kept;
mod key;
mod lane;
mod listen;
mod neutral;
mod pace;
mod part;
mod protocol;
mod refused;
mod request;
mod route;
mod script;
mod shape;
mod share;
mod takeover;
#[cfg(test)]
mod tests;
mod unnamed;
mod upstream;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::document::{Request, Script};
use crate::profile::Profile;
use crate::scenario::{Reception, Step};

use exchange::Exchange;
use listen::Shared;
pub use neutral::{frames, neutral};
pub use shape::Shape;
pub use share::SharedBytes;
pub use upstream::{Passed, TlsError, Unreached, reach};

/// What a server needs to know.
pub struct ServerSettings {
    /// The script, in any order; numbers count within a lane.
    pub steps: Vec<Step>,
    /// What is known of the agent.
    pub profile: &'static dyn Profile,
    /// Whether a WebSocket upgrade is accepted; refused with status 426 otherwise, on which agents use HTTP.
    pub accept_websocket: bool,
    /// How many bytes of decoded bodies are kept. What exceeds them is answered with 400.
    pub capture_limit_bytes: u64,
    /// Where gates look for files.
    pub workspace: Option<cap_std::fs::Dir>,
    /// Whether nobody begins turns: any client may open a conversation at any time.
    pub free: bool,
    /// What is taken from clients, and which lanes a real endpoint answers.
    pub reception: Reception,
    /// The run's key: requests without it are not the agent's, and use up nothing. Absent: nobody else gets here.
    pub key: Option<String>,
}

/// A running server.
pub struct Server {
    base_url: String,
    shared: Shared,
    accepting: AbortHandle,
}

/// Where an agent's output is told to a server.
#[derive(Clone)]
pub struct Tap(Arc<Exchange>);

impl Tap {
    /// The agent wrote these bytes.
    pub fn printed(&self, bytes: &[u8]) {
        self.0.gates().printed(bytes);
    }
}

/// Everything that reached a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Sorted by turn, lane (main first, then by name), conversation, step, attempt and arrival.
    pub requests: Vec<Request>,
    /// Decoded bodies, one a request, in the same order.
    pub bodies: Vec<SharedBytes>,
    /// How the script was followed; its positions are positions in `requests`.
    pub script: Script,
    /// Positions in `requests`, in order of arrival.
    pub arrival: Vec<usize>,
    /// What real endpoints answered, by position in `requests`.
    pub passed: BTreeMap<usize, Passed>,
    /// When each of them arrived, in the same order: milliseconds from the start of the server.
    pub arrived_ms: Vec<u64>,
}

impl Server {
    /// Binds a free port of 127.0.0.1 and serves it on tasks of the current tokio runtime.
    ///
    /// # Errors
    /// `InvalidInput` when the profile can't translate a scripted call; otherwise what binding returns.
    pub async fn start(settings: ServerSettings) -> std::io::Result<Self> {
        Self::start_on(settings, std::net::TcpListener::bind(("127.0.0.1", 0))?)
    }

    /// The same on a socket that listens already, in another network for example.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_on(settings: ServerSettings, listener: std::net::TcpListener) -> std::io::Result<Self> {
        let exchange = Exchange::new(settings)
            .map_err(|reason| std::io::Error::new(std::io::ErrorKind::InvalidInput, reason))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
        let closing = watch::Sender::new(false);
        let shared = Shared { exchange: Arc::new(exchange), tasks, closing };
        let accepting = tokio::spawn(listen::accept(listener, shared.clone())).abort_handle();
        Ok(Self { base_url, shared, accepting })
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Tells how many connections are open, whenever it is asked; for the last time when the server is gone.
    pub fn connections(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let tasks = Arc::clone(&self.shared.tasks);
        move || {
            let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.len()
        }
    }

    /// Tells how many requests there were so far, whenever it is asked.
    pub fn requests(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let exchange = Arc::clone(&self.shared.exchange);
        move || exchange.requests()
    }

    /// Says where the kernel tells of the network that clients are in (proc_pid_net(5)), where it is not this
    /// program's own: whether they have read what was sent is seen there.
    pub fn clients_are_in(&self, network: std::path::PathBuf) {
        self.shared.exchange.gates().peers_are_in(network);
    }

    /// From now on requests belong to this turn. Called before each agent process starts.
    pub fn begin_turn(&self, turn: u32, prompt: &str, resumes: bool) {
        self.shared.exchange.begin_turn(turn, prompt, resumes);
    }

    /// Takes what the agent writes to its standard output, for gates that wait for it.
    pub fn tap(&self) -> Tap {
        Tap(self.shared.exchange.clone())
    }

    /// Waits until every step has served its reply; for ever where a step may be repeated.
    pub fn used_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut used_up = self.shared.exchange.used_up();
        async move {
            // Its sender lives as long as the server; without one there is nothing to wait for.
            let _ = used_up.wait_for(|is_used_up| *is_used_up).await;
        }
    }

    /// Stops listening, lets every connection send the reply it is at, for as long as `patience`, and then does as
    /// [`Server::finish`].
    pub async fn drain(self, patience: Duration) -> Traffic {
        self.accepting.abort();
        self.shared.closing.send_replace(true);
        let _ = tokio::time::timeout(patience, self.shared.ended()).await;
        self.finish().await
    }

    /// Stops listening, ends every connection whatever its peer does, and returns everything that arrived. Called
    /// after the last agent process has ended.
    pub async fn finish(self) -> Traffic {
        self.accepting.abort();
        self.shared.end().await;
        self.shared.exchange.finish()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
