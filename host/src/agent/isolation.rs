//! Which level of isolation a run gets: what was asked for, what the system gives, and what is true at that level.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::cgroup::{Delegated, TotalLimits, TurnGroup};
use super::egress::Egress;
#[cfg(target_os = "linux")]
use super::egress::OwnNetwork;
#[cfg(target_os = "linux")]
use super::namespace::{Namespace, Place};
use super::root::Root;
use super::running::Surroundings;
use crate::document::{Isolation, IsolationLevel};

/// Which level is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// `full` where the system gives it, else `group`.
    #[default]
    Best,
    /// `full` or nothing.
    Full,
    /// `group`.
    Group,
}

/// What is asked for, the same for every run.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The level.
    pub level: Level,
    /// Whether the agent shares the machine's network.
    pub host_network: bool,
    /// Files and folders of the machine that agents may read, beside the system's and their own programs.
    pub readable: Vec<PathBuf>,
    /// Files and folders that no agent may see: recordings.
    pub hidden: Vec<PathBuf>,
    /// What the system said when it was asked first; the same for all.
    refused: OnceLock<String>,
    /// Where groups of turns are made; asked for by a turn that needs one, and again by the next when it was refused.
    delegated: Mutex<Option<Arc<Delegated>>>,
}

/// Where one run's agent runs, and what watches it.
#[derive(Debug)]
pub struct Around {
    /// Its processes.
    pub surroundings: Surroundings,
    /// Its way out.
    pub egress: Egress,
    /// A socket that listens where the agent reaches it, for the model server.
    pub listener: TcpListener,
    /// Where the kernel tells of its network (proc_pid_net(5)); absent where that is this program's own.
    pub network: Option<PathBuf>,
    /// The agent's program as it is seen there.
    pub program: PathBuf,
    /// Where the run's folder is seen there, when that is elsewhere.
    pub seen: Option<PathBuf>,
    /// What is true of it.
    pub isolation: Isolation,
}

impl Wanted {
    /// This level, in this network.
    pub fn new(level: Level, host_network: bool, readable: Vec<PathBuf>, hidden: Vec<PathBuf>) -> Self {
        Self { level, host_network, readable, hidden, ..Self::default() }
    }

    /// A group for the processes of a turn that has such limits.
    ///
    /// # Errors
    /// Why the system does not give one.
    pub fn group_of_turn(&self, limits: &TotalLimits) -> Result<TurnGroup, String> {
        let delegated = {
            let mut kept = self.delegated.lock().unwrap_or_else(PoisonError::into_inner);
            match &*kept {
                Some(delegated) => Arc::clone(delegated),
                None => Arc::clone(kept.insert(Delegated::take()?)),
            }
        };
        delegated.turn(limits).map_err(|error| error.to_string())
    }

    /// Makes the surroundings of one run.
    ///
    /// # Errors
    /// When level `full` was asked for and the system does not give it, with its reason; or nothing can listen.
    pub async fn around(&self, root: &Root, program: &Path) -> Result<Around, String> {
        let reason = match (self.level, self.refused.get()) {
            (Level::Group, _) => "level group was asked for".to_owned(),
            (Level::Best, Some(refused)) => refused.clone(),
            _ => match self.full(root, program).await {
                Ok(around) => return Ok(around),
                Err(refused) if self.level == Level::Full => return Err(refused),
                Err(refused) => self.refused.get_or_init(|| refused).clone(),
            },
        };
        self.group(program, reason).map_err(|error| format!("nothing can listen on loopback: {error}"))
    }

    /// What is weaker than it could be, for people: at level `group`, and in the machine's network.
    pub fn weaker(&self) -> Option<String> {
        let group = match (self.level, self.refused.get()) {
            (Level::Group, _) => Some(String::new()),
            (_, Some(refused)) => Some(format!(" (level full was refused at: {refused})")),
            _ => None,
        };
        match (group, self.host_network) {
            (Some(reason), _) => Some(format!(
                "note: isolation group{reason}: direct connections are not seen, files of the machine can be read, \
                 and only known processes were ended"
            )),
            (None, true) => {
                Some("note: agents shared the machine's network: direct connections are not seen".to_owned())
            }
            (None, false) => None,
        }
    }

    fn group(&self, program: &Path, reason: String) -> std::io::Result<Around> {
        Ok(Around {
            surroundings: Surroundings::Group,
            egress: Egress::of_the_machine()?,
            listener: TcpListener::bind(("127.0.0.1", 0))?,
            network: None,
            program: program.to_owned(),
            seen: None,
            isolation: Isolation {
                level: IsolationLevel::Group,
                own_home: true,
                own_environment: true,
                own_process_group: true,
                asked_for_host_network: self.host_network,
                why_not_full: Some(reason),
                ..Isolation::default()
            },
        })
    }

    #[cfg(target_os = "linux")]
    async fn full(&self, root: &Root, program: &Path) -> Result<Around, String> {
        let base = root.host().join("root");
        std::fs::create_dir_all(&base).map_err(|error| error.to_string())?;
        let hidden = [&self.hidden[..], &[root.host().to_owned()]].concat();
        let place = Place::new(root.folder(), &base, program, !self.host_network, &self.readable, &hidden);
        let (namespace, sockets) = Namespace::start(&place)
            .await
            .map_err(|refusal| format!("{}: {}", refusal.step, refusal.error))?;
        let listening = |error: std::io::Error| format!("listen: {error}");
        let own = sockets.is_some();
        let (listener, egress) = match sockets {
            Some(sockets) => {
                let network =
                    OwnNetwork { proxy: sockets.proxy, names: sockets.names, packets: sockets.packets };
                (sockets.server, Egress::of_its_own(network).map_err(listening)?)
            }
            None => (
                TcpListener::bind(("127.0.0.1", 0)).map_err(listening)?,
                Egress::of_the_machine().map_err(listening)?,
            ),
        };
        Ok(Around {
            network: namespace.outer().filter(|_| own).map(|outer| format!("/proc/{outer}/net").into()),
            surroundings: Surroundings::Full(Box::new(namespace)),
            egress,
            listener,
            program: place.program().to_owned(),
            seen: Some(place.seen(root.folder())),
            isolation: Isolation {
                level: IsolationLevel::Full,
                own_home: true,
                own_environment: true,
                own_process_group: true,
                own_processes: true,
                own_files: true,
                no_network: own,
                direct_connections_seen: own,
                asked_for_host_network: self.host_network,
                why_not_full: None,
            },
        })
    }

    #[cfg(not(target_os = "linux"))]
    async fn full(&self, _root: &Root, _program: &Path) -> Result<Around, String> {
        Err("namespaces are there on Linux alone".to_owned())
    }
}

impl Surroundings {
    /// Ends everything in them.
    pub async fn end(self) {
        #[cfg(target_os = "linux")]
        if let Self::Full(namespace) = self {
            namespace.end().await;
        }
    }
}
