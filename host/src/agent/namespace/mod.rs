//! Isolation `full` on Linux: a place of its own for one run, with its own processes, files and network, and the
//! supervisor's hand on it.
//!
//! `enter` leaves the machine's namespaces, `init` is the first process of the new ones, `mounts` and `network` make
//! the place, `message` is what is said over the socket, `place` decides what of the machine is seen inside.

mod enter;
mod init;
mod message;
mod mounts;
mod network;
mod place;

use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

pub use enter::main as enter_main;
pub use message::Refusal;
use message::{Order, Report, Start, Swept, receive, send};
pub use place::Place;

use super::cgroup::TurnGroup;
use super::spawn::Command;

/// How long the place may take to be made, and the first process to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The sockets that the host listens on inside, and one that sees every packet to the outside.
#[derive(Debug)]
pub struct Sockets {
    /// For the model server.
    pub server: TcpListener,
    /// For the refusing proxy.
    pub proxy: TcpListener,
    /// For name look-ups.
    pub names: (UdpSocket, TcpListener),
    /// The beginning of every packet to an address that is not loopback's.
    pub packets: OwnedFd,
}

/// A running place. Everything in it ends when this is dropped.
#[derive(Debug)]
pub struct Namespace {
    /// The process outside that waits for the first one inside.
    outer: tokio::process::Child,
    socket: Arc<UnixStream>,
    /// Where something of the machine was mounted in the run's temporary folder: empty outside, and not the agent's.
    mount_points: Vec<PathBuf>,
    reports: mpsc::UnboundedReceiver<(Report, Vec<OwnedFd>)>,
}

impl Namespace {
    /// Makes a place for a run; `sockets` are there when its network is its own.
    ///
    /// # Errors
    /// When the system does not give it, with the step at which it refused.
    pub async fn start(place: &Place) -> Result<(Self, Option<Sockets>), Refusal> {
        use enter::at;
        let (here, there) = UnixStream::pair().map_err(at("open a socket"))?;
        // This very program, also when another has been put in its place meanwhile.
        let mut command = tokio::process::Command::new("/proc/self/exe");
        command.arg("enter");
        if !place.has_own_network() {
            command.arg(enter::HOST_NETWORK);
        }
        let outer = command
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(there)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(at("start `wassert enter`"))?;
        // Closes this program's copy of the other end.
        drop(command);
        let socket = here.try_clone().map_err(at("open a socket"))?;
        let (sender, reports) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("namespace".to_owned())
            .spawn(move || {
                while let Ok(Some(report)) = receive::<Report>(&here) {
                    if sender.send(report).is_err() {
                        break;
                    }
                }
            })
            .map_err(at("start a thread"))?;
        let mount_points = place.mount_points();
        let mut namespace = Self { outer, socket: Arc::new(socket), mount_points, reports };
        let ordered = namespace.order(&Order::Prepare(place.plan()), &[]).map_err(at("say what is wanted"));
        // One that was refused at its first step is gone before it is told anything, but has said why.
        match (namespace.report().await, ordered) {
            (Some((Report::Refused(refusal), _)), _) | (_, Err(refusal)) => Err(refusal),
            (Some((Report::Ready, beside)), Ok(())) => Ok((namespace, sockets(beside)?)),
            (_, Ok(())) => Err(Refusal {
                step: "start the first process".to_owned(),
                error: "it said nothing".to_owned(),
            }),
        }
    }

    /// Number of the process outside, above all those inside.
    pub(super) fn outer(&self) -> Option<i32> {
        i32::try_from(self.outer.id()?).ok()
    }

    /// Starts an agent, in its group where it has one. Standard input, output and error are inherited by it.
    pub(super) async fn start_agent(
        &mut self,
        command: &Command,
        descriptors: [OwnedFd; 3],
    ) -> Result<(), String> {
        let start = Start {
            program: command.program.clone(),
            arguments: command.arguments.clone(),
            environment: command.environment.clone().into_iter().collect(),
            directory: command.directory.clone(),
            limits: command.limits.clone(),
        };
        let lost = || "its namespace is gone".to_owned();
        let doors = command.cgroup.as_deref().map(TurnGroup::doors).transpose();
        let doors = doors.map_err(|error| error.to_string())?;
        let beside: Vec<_> = descriptors.iter().chain(doors.iter().flatten()).map(OwnedFd::as_fd).collect();
        self.order(&Order::Start(start), &beside).map_err(|error| error.to_string())?;
        match self.report().await {
            Some((Report::Started, _)) => Ok(()),
            Some((Report::NotStarted(error), _)) => Err(error),
            _ => Err(lost()),
        }
    }

    /// Waits for the agent's end: exit code and signal; `None` when the whole place is gone.
    pub(super) async fn ended(&mut self) -> Option<(Option<i32>, Option<i32>)> {
        loop {
            if let Report::Ended { exit, signal } = self.reports.recv().await?.0 {
                return Some((exit, signal));
            }
        }
    }

    /// A way to send signals while somebody waits for the agent's end.
    pub(super) fn signals(&self) -> Signals {
        Signals(Arc::clone(&self.socket))
    }

    /// Ends what is left of the turn, and tells what it was.
    pub(super) async fn sweep(&mut self) -> Swept {
        if self.order(&Order::Sweep, &[]).is_err() {
            return Swept::default();
        }
        match self.report().await {
            Some((Report::Swept(swept), _)) => swept,
            _ => Swept::default(),
        }
    }

    /// Ends everything, and returns when nothing is left.
    pub async fn end(mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if timeout(PATIENCE, self.outer.wait()).await.is_err() {
            let _ = self.outer.kill().await;
        }
        for point in &self.mount_points {
            let _ = std::fs::remove_file(point).or_else(|_| std::fs::remove_dir(point));
            // Folders above it go when nothing else is in them.
            let above = point.ancestors().skip(1).take_while(|above| !above.ends_with("tmp"));
            above.take_while(|above| std::fs::remove_dir(above).is_ok()).for_each(drop);
        }
    }

    fn order(&self, order: &Order, descriptors: &[BorrowedFd<'_>]) -> std::io::Result<()> {
        send(&self.socket, order, descriptors)
    }

    async fn report(&mut self) -> Option<(Report, Vec<OwnedFd>)> {
        timeout(PATIENCE, self.reports.recv()).await.ok()?
    }
}

/// Sends signals to the agent that runs.
#[derive(Clone, Debug)]
pub(super) struct Signals(Arc<UnixStream>);

impl Signals {
    /// To the agent's group, or to the agent alone.
    pub(super) fn send(&self, signal: rustix::process::Signal, alone: bool) {
        let _ = send(&self.0, &Order::Signal { number: signal.as_raw(), alone }, &[]);
    }
}

fn sockets(descriptors: Vec<OwnedFd>) -> Result<Option<Sockets>, Refusal> {
    if descriptors.is_empty() {
        return Ok(None);
    }
    let [server, proxy, names, names_by_stream, packets] =
        <[OwnedFd; 5]>::try_from(descriptors).map_err(|got| Refusal {
            step: "receive sockets".to_owned(),
            error: format!("{} came", got.len()),
        })?;
    Ok(Some(Sockets {
        server: server.into(),
        proxy: proxy.into(),
        names: (names.into(), names_by_stream.into()),
        packets,
    }))
}

/// Whether this system gives such a place, tried with an empty one.
///
/// # Errors
/// When it does not.
pub async fn probe(has_own_network: bool) -> Result<(), Refusal> {
    let folder =
        |error: std::io::Error| Refusal { step: "make a folder".to_owned(), error: error.to_string() };
    let run = tempfile::tempdir().map_err(folder)?;
    let host = tempfile::tempdir().map_err(folder)?;
    std::fs::create_dir(run.path().join("tmp")).map_err(folder)?;
    let place = Place::new(run.path(), host.path(), Path::new("/bin/sh"), has_own_network, &[], &[]);
    let (namespace, _) = Namespace::start(&place).await?;
    namespace.end().await;
    Ok(())
}
