//! `wassert enter`, the hidden verb: a process of one thread that leaves the machine's namespaces behind and starts
//! the first process of the new ones. A process with threads can't enter a user namespace, so the supervisor starts
//! itself again for this.
//!
//! Its standard input is the socket on which it is told what to do. It prints nothing: what the system refuses is
//! reported there.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::process::{getegid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, configure_capability_in_ambient_set,
    set_capabilities,
};

use super::init;
use super::message::{Refusal, Report, send};
use crate::agent::cgroup::{INTO_GROUP, into_group};

/// The argument of the second stage.
const INIT: &str = "init";

/// The argument that leaves the network as it is.
pub(super) const HOST_NETWORK: &str = "host-network";

/// User and group inside: an ordinary one, whoever the caller is. Some agents refuse to run as root.
pub(super) const ORDINARY: u32 = 1000;

/// What the first process needs to make the place; it gives all of it up before it starts anything.
const NEEDED: [CapabilitySet; 5] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::NET_ADMIN,
    CapabilitySet::NET_RAW,
    CapabilitySet::NET_BIND_SERVICE,
    CapabilitySet::SYS_CHROOT,
];

/// The verb; returns the exit code. `arguments` are those after `enter`.
pub fn main(arguments: &[String]) -> u8 {
    if let Some((INTO_GROUP, arguments)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return into_group(arguments);
    }
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else { return 1 };
    let socket = UnixStream::from(socket);
    if arguments.first().is_some_and(|first| first == INIT) {
        return init::main(socket);
    }
    let has_own_network = !arguments.iter().any(|argument| argument == HOST_NETWORK);
    match enter(has_own_network) {
        Ok(mut init) => {
            // The supervisor's end of the socket must be the only other one.
            drop(socket);
            match init.wait() {
                Ok(status) if status.success() => 0,
                _ => 1,
            }
        }
        Err(refusal) => {
            let _ = send(&socket, &Report::Refused(refusal), &[]);
            1
        }
    }
}

/// Says what was being done when the system refused.
pub(super) fn at<E: std::fmt::Display>(step: impl Into<String>) -> impl FnOnce(E) -> Refusal {
    |error| Refusal { step: step.into(), error: error.to_string() }
}

fn enter(has_own_network: bool) -> Result<std::process::Child, Refusal> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWUSER).map_err(at("unshare the user namespace"))?;
    let map = |file: &str, text: String| {
        std::fs::write(format!("/proc/self/{file}"), text).map_err(at(format!("write {file}")))
    };
    map("setgroups", "deny".to_owned())?;
    map("uid_map", format!("{ORDINARY} {user} 1"))?;
    map("gid_map", format!("{ORDINARY} {group} 1"))?;

    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if has_own_network {
        flags |= UnshareFlags::NEWNET;
    }
    unshare(flags).map_err(at("unshare process, mount and network namespaces"))?;
    keep_capabilities().map_err(at("keep capabilities"))?;

    // The next process is number 1 of the new namespace.
    Command::new("/proc/self/exe")
        .args(["enter", INIT])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(at("start the first process"))
}

/// An ordinary user loses its capabilities when it executes a program, but for the ambient ones.
fn keep_capabilities() -> rustix::io::Result<()> {
    let now = capabilities(None)?;
    let needed = NEEDED.into_iter().collect();
    set_capabilities(None, CapabilitySets { inheritable: needed, ..now })?;
    NEEDED.into_iter().try_for_each(|needed| configure_capability_in_ambient_set(needed, true))
}

/// Safe here: what makes it unsafe is unsharing the table of file descriptors, and this never does.
#[expect(
    deprecated,
    reason = "its successor is the same call for every flag, and unsafe for one not used here"
)]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}
