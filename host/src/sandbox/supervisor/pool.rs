//! Worker processes: started when they are needed, asked one question at a time, replaced when they die.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::shelf::{Made, Shelved};
use crate::sandbox::channel::Channel;
use crate::sandbox::evidence::EvidenceSource;
use crate::sandbox::limits::Limits;
use crate::sandbox::start::{Child, Stdio, start};
use crate::sandbox::worker::lines::{Begin, FromWorker, ToWorker};
use crate::value::Digest;

/// The word that makes this program a worker.
const WORKER: &str = "judge-worker";

/// A worker that holds this many modules is replaced: it never forgets one.
const MODULES_LIMIT: usize = 64;

/// Workers of one back end.
pub(super) struct Pool {
    program: PathBuf,
    begin: Begin,
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Worker>,
    running: usize,
}

impl Pool {
    pub fn new(program: PathBuf, begin: Begin, most: usize) -> Self {
        Self { program, begin, most: most.max(1), state: Mutex::default(), changed: Condvar::new() }
    }

    /// A worker that is nobody else's, until it is given back or dropped by [`Pool::lost`]. Rather one that judged this
    /// evidence last.
    pub fn take(&self, evidence: Option<&EvidenceSource>) -> io::Result<Worker> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if !state.idle.is_empty() {
                let last = state.idle.len() - 1;
                let knows = |worker: &Worker| evidence.is_some() && worker.evidence.as_ref() == evidence;
                let position = state.idle.iter().position(knows).unwrap_or(last);
                return Ok(state.idle.remove(position));
            }
            if state.running < self.most {
                state.running += 1;
                drop(state);
                return Worker::start(&self.program, &self.begin).inspect_err(|_| self.lost());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Starts the first worker, so that it gets ready while something else is made ready for it.
    pub fn warm(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.running > 0 {
            return;
        }
        state.running += 1;
        drop(state);
        match Worker::start(&self.program, &self.begin) {
            Ok(worker) => self.give_back(worker),
            // Whoever needs one is told.
            Err(_) => self.lost(),
        }
    }

    /// Takes a worker back that answered.
    pub fn give_back(&self, worker: Worker) {
        if worker.modules.len() >= MODULES_LIMIT {
            drop(worker);
            return self.lost();
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.push(worker);
        self.changed.notify_one();
    }

    /// One worker less: the next question may start another.
    pub fn lost(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).running -= 1;
        self.changed.notify_one();
    }
}

/// One worker process.
pub(super) struct Worker {
    child: Child,
    channel: Channel,
    modules: BTreeSet<(Digest, Limits)>,
    pub evidence: Option<EvidenceSource>,
}

impl Worker {
    fn start(program: &std::path::Path, begin: &Begin) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let child =
            start(program, WORKER, &[], Stdio::from(OwnedFd::from(theirs)), Stdio::null(), Stdio::null())?;
        let mut worker =
            Self { child, channel: Channel::new(ours), modules: BTreeSet::new(), evidence: None };
        worker.channel.send(&ToWorker::Begin(begin.clone()), &[])?;
        Ok(worker)
    }

    /// Makes sure that it has a module.
    pub fn hand_over(&mut self, shelved: &Shelved) -> io::Result<()> {
        if !self.modules.insert((shelved.digest, shelved.limits.clone())) {
            return Ok(());
        }
        // What the limits of an earlier question made of it no longer holds.
        self.modules.retain(|(digest, limits)| *digest != shelved.digest || *limits == shelved.limits);
        let line = |made| ToWorker::Module { digest: shelved.digest, made };
        match &shelved.made {
            Ok(Made { way, code }) => self.channel.send(&line(Ok(way.clone())), &[code.descriptor()]),
            Err(unjudged) => self.channel.send(&line(Err(unjudged.clone())), &[]),
        }
    }

    pub fn tell(&mut self, line: &ToWorker) -> io::Result<()> {
        self.channel.send(line, &[])
    }

    /// The next line it says, within this time.
    pub fn hear(&mut self, time: Duration) -> io::Result<FromWorker> {
        self.channel.socket().set_read_timeout(Some(time))?;
        self.channel.receive()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// How it ended, for people; it is ended if it was not.
    pub fn epitaph(mut self, error: &io::Error) -> String {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            return "the judge did not answer in time and was ended".to_owned();
        }
        // A worker that lives and talks nonsense is ended before it is waited for.
        if error.kind() != io::ErrorKind::UnexpectedEof && !is_gone(error) {
            let _ = self.child.kill();
            return format!("the judge ended unexpectedly: {error}");
        }
        match self.child.wait().ok().map(|status| (status.signal(), status.code())) {
            Some((Some(signal), _)) => format!("the judge ended unexpectedly: signal {signal}"),
            Some((None, Some(code))) => format!("the judge ended unexpectedly: exit code {code}"),
            _ => "the judge ended unexpectedly".to_owned(),
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It holds nothing that is worth a farewell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
