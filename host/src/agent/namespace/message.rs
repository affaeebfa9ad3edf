//! What the supervisor and the first process of a namespace say to each other: JSON behind a length, over a Unix
//! socket, with file descriptors beside it.

use std::ffi::OsString;
use std::io::{IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agent::Limits;
use crate::agent::strays::Stray;

/// The longest message. A prompt reaches the agent as an argument, and the kernel takes 128 KiB of one.
const MESSAGE_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// File descriptors beside one message.
const DESCRIPTORS_LIMIT: usize = 8;

/// To the first process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Make the place. The first order; answered by `Ready` or `Refused`.
    Prepare(Plan),
    /// Start the agent, with standard input, output and error beside, and then, where it has a group of its own, the
    /// doors of that. Answered by `Started` or `NotStarted`.
    Start(Start),
    /// Send a signal to the agent's process group, or to the agent alone.
    Signal {
        /// Its number.
        number: i32,
        /// To the agent alone.
        alone: bool,
    },
    /// End whatever is left of the turn. Answered by `Swept`.
    Sweep,
}

/// From the first process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The place is made; its sockets are beside.
    Ready,
    /// The system does not give it.
    Refused(Refusal),
    /// The agent runs.
    Started,
    /// It could not be started.
    NotStarted(String),
    /// The agent has ended; what it started may still run.
    Ended {
        /// Exit code.
        exit: Option<i32>,
        /// Signal number.
        signal: Option<i32>,
    },
    /// Nothing of the turn is left.
    Swept(Swept),
}

/// What the place is made of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Whether the network is its own: loopback alone.
    pub(super) own_network: bool,
    /// The run's folder, seen as `/wassert` inside.
    pub(super) folder: PathBuf,
    /// An empty folder on which the new root is built.
    pub(super) base: PathBuf,
    /// Files and folders that are seen inside, read-only, beside the system's.
    pub(super) exposed: Vec<Exposed>,
    /// Files and folders that stay hidden even where something above them is exposed.
    pub(super) hidden: Vec<PathBuf>,
}

/// Something of the machine that is seen inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Exposed {
    /// Where it is.
    pub(super) source: PathBuf,
    /// Where it is seen.
    pub(super) target: PathBuf,
}

/// What is started.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Pairs: what JSON calls names are texts, and these may be no UTF-8.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
    pub(super) limits: Limits,
}

/// Why there is no such place on this system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was being done, such as `unshare user namespace`.
    pub step: String,
    /// What the system said.
    pub error: String,
}

/// What a turn left behind and used.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::agent) struct Swept {
    /// What was still there, and was ended.
    pub(in crate::agent) left: Vec<Stray>,
    /// User and system time of everything that ran.
    pub(in crate::agent) cpu_ms: u64,
    /// Bytes given to write calls by everything that ran.
    pub(in crate::agent) bytes_written: u64,
    /// Processes and threads that were started.
    pub(in crate::agent) tasks_started: u64,
}

/// Sends one message with descriptors beside it.
pub(super) fn send(
    socket: &UnixStream,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> std::io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?.to_le_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_LIMIT))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    // Four bytes are never split by the kernel when the socket is empty of them, and it is: one writer at a time.
    let sent = sendmsg(socket, &[IoSlice::new(&length)], &mut beside, SendFlags::NOSIGNAL)?;
    let mut socket = socket;
    socket.write_all(&length[sent..])?;
    socket.write_all(&body)
}

/// Receives one message with what is beside it; `None` at the end.
pub(super) fn receive<M: DeserializeOwned>(
    socket: &UnixStream,
) -> std::io::Result<Option<(M, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_LIMIT))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got = loop {
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
        match recvmsg(socket.as_fd(), &mut [IoSliceMut::new(&mut length)], &mut beside, flags) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?.bytes,
        }
    };
    let mut descriptors = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    if got == 0 {
        return Ok(None);
    }
    let mut socket = socket;
    socket.read_exact(&mut length[got..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_LIMIT_BYTES {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, descriptors)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn a_message_arrives_with_what_is_beside_it() {
        let (here, there) = UnixStream::pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        let prompt = "p".repeat(300_000);
        let start = Start {
            program: "/bin/sh".into(),
            arguments: vec![prompt.clone()],
            environment: vec![("A".into(), OsString::from_vec(vec![0xff]))],
            directory: "/".into(),
            limits: Limits::default(),
        };
        let sending = std::thread::spawn(move || {
            send(&here, &Order::Start(start), &[writer.as_fd()]).unwrap();
            send(&here, &Order::Sweep, &[]).unwrap();
        });
        let (order, beside) = receive::<Order>(&there).unwrap().unwrap();
        assert!(matches!(order, Order::Start(start) if start.arguments == [prompt.clone()]));
        assert_eq!(beside.len(), 1);
        let mut written = std::fs::File::from(beside.into_iter().next().unwrap());
        let (order, beside) = receive::<Order>(&there).unwrap().unwrap();
        assert!(matches!(order, Order::Sweep) && beside.is_empty());
        assert!(receive::<Order>(&there).unwrap().is_none());
        sending.join().unwrap();
        written.write_all(b"x").unwrap();
        drop(written);
        assert_eq!(std::io::read_to_string(reader).unwrap(), "x");
    }
}
