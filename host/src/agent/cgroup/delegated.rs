//! The group that the system hands to this program: found, checked, and prepared for groups of turns.
//!
//! Processes stand in leaves alone (cgroups(7), "no internal processes"), so this program first moves to one of its
//! own. It never moves a process that is not its own, and goes back when it is done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::turn::{TotalLimits, TurnGroup};
use super::{processes, put, words};
use crate::agent::processes::{all, descendants};

/// What a group must be able to count and limit.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The leaf that this program moves to.
const HOST: &str = "wassert-host";

/// How often what was started meanwhile is moved, too.
const ROUNDS: u32 = 100;

/// How often it is looked whether others are in its group: one that this program started, or that has just lost its
/// parent, may be taken for one of them once.
const LOOKS: u32 = 5;

const HELP: &str = "start it in a group of its own: \
    `systemd-run --user --scope --property=Delegate=yes wassert …`";

/// A group in which groups of turns can be made. Everything is as it was when this is dropped.
#[derive(Debug)]
pub struct Delegated {
    folder: PathBuf,
    /// Where this program is.
    host: PathBuf,
    switched_on: Vec<&'static str>,
    made: AtomicU32,
}

impl Delegated {
    /// Prepares the group that this program is in.
    ///
    /// # Errors
    /// Why the system does not give that.
    pub fn take() -> Result<Arc<Self>, String> {
        let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        let folder = own_folder(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)?;
        Self::take_at(folder, own_processes).map(Arc::new)
    }

    /// The same with the group's folder; `own` tells which processes may be moved, this program first.
    fn take_at(folder: PathBuf, own: impl Fn() -> Vec<i32>) -> Result<Self, String> {
        let there = words(&folder.join("cgroup.controllers"));
        let missing: Vec<_> =
            CONTROLLERS.into_iter().filter(|name| !there.iter().any(|there| there == name)).collect();
        if !missing.is_empty() {
            return Err(format!("its group has no controller for {}; {HELP}", missing.join(", ")));
        }
        let enabled = words(&folder.join("cgroup.subtree_control"));
        let missing: Vec<_> =
            CONTROLLERS.into_iter().filter(|name| !enabled.iter().any(|on| on == name)).collect();
        // In the root of all groups processes may stay, and it alone has no type.
        let is_root = !folder.join("cgroup.type").exists();
        let host = if is_root { folder.clone() } else { folder.join(HOST) };
        let others = if is_root { 0 } else { others(&folder, &own) };
        if others > 0 {
            return Err(format!("{others} other processes are in its group; {HELP}"));
        }
        match std::fs::create_dir(&host) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(format!("a group can't be made: {error}; {HELP}"));
            }
            _ => {}
        }
        let mut taken = Self { folder, host, switched_on: Vec::new(), made: AtomicU32::new(0) };
        if !is_root {
            taken.move_to_leaf(own)?;
        }
        if !missing.is_empty() {
            put(&taken.folder, "cgroup.subtree_control", &signed('+', &missing))
                .map_err(|error| format!("controllers can't be switched on: {error}"))?;
            taken.switched_on = missing;
        }
        Ok(taken)
    }

    fn move_to_leaf(&self, own: impl Fn() -> Vec<i32>) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let there = processes(&self.folder);
            if there.is_empty() {
                return Ok(());
            }
            for pid in own().into_iter().filter(|pid| there.contains(pid)) {
                let moved = put(&self.host, "cgroup.procs", &pid.to_string());
                // One that has ended meanwhile can't be moved, and need not be.
                if let Err(error) = moved
                    && processes(&self.folder).contains(&pid)
                {
                    return Err(format!("this program can't move: {error}"));
                }
            }
        }
        Err(format!("its group does not become empty; {HELP}"))
    }

    /// Makes a group for the processes of one turn.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn turn(self: &Arc<Self>, limits: &TotalLimits) -> std::io::Result<TurnGroup> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("wassert-{}-{number}", std::process::id()));
        TurnGroup::make(folder, self.host.clone(), limits, Some(Arc::clone(self)))
    }
}

/// How many processes are in a group at every look, and are not this program's own.
fn others(folder: &Path, own: impl Fn() -> Vec<i32>) -> usize {
    let mut others: Option<Vec<i32>> = None;
    for _ in 0..LOOKS {
        // In this order: what is started between the two is not among those that are there.
        let there = processes(folder);
        let own = own();
        let is_other =
            |pid: &i32| others.as_ref().is_none_or(|others| others.contains(pid)) && !own.contains(pid);
        let still: Vec<i32> = there.into_iter().filter(is_other).collect();
        if still.is_empty() {
            return 0;
        }
        others = Some(still);
    }
    others.map_or(0, |others| others.len())
}

impl Drop for Delegated {
    fn drop(&mut self) {
        if !self.switched_on.is_empty() {
            let _ = put(&self.folder, "cgroup.subtree_control", &signed('-', &self.switched_on));
        }
        if self.host != self.folder {
            for pid in processes(&self.host) {
                let _ = put(&self.folder, "cgroup.procs", &pid.to_string());
            }
            let _ = std::fs::remove_dir(&self.host);
        }
    }
}

fn signed(sign: char, controllers: &[&str]) -> String {
    controllers.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>().join(" ")
}

/// This program and everything below it.
fn own_processes() -> Vec<i32> {
    let this = rustix::process::getpid().as_raw_nonzero().get();
    let mut found = BTreeSet::from([this]);
    descendants(&all(), &mut found);
    found.remove(&this);
    std::iter::once(this).chain(found).collect()
}

/// Where the group of a process is, from its `cgroup` file (cgroups(7)) and its `mountinfo` (proc_pid_mountinfo(5)).
pub(super) fn own_folder(groups: &str, mounts: &str) -> Result<PathBuf, String> {
    let path = groups
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .ok_or("this system has no groups of version 2")?;
    let (root, mounted) = mounts
        .lines()
        .find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let fields: Vec<&str> = mount.split(' ').collect();
            kind.starts_with("cgroup2 ").then_some((*fields.get(3)?, *fields.get(4)?))
        })
        .ok_or("no groups of version 2 are mounted")?;
    let below = Path::new(path)
        .strip_prefix(root)
        .ok()
        .filter(|below| !below.components().any(|part| part == std::path::Component::ParentDir))
        .ok_or("its group is not below what is mounted")?;
    let mounted = Path::new(mounted);
    Ok(if below.as_os_str().is_empty() { mounted.to_owned() } else { mounted.join(below) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with files like those of a group, and nobody in it.
    fn group(controllers: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("cgroup.controllers", controllers),
            ("cgroup.subtree_control", ""),
            ("cgroup.type", "domain\n"),
            ("cgroup.procs", ""),
        ] {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        folder
    }

    fn at(folder: &tempfile::TempDir, file: &str) -> String {
        std::fs::read_to_string(folder.path().join(file)).unwrap()
    }

    fn refusal(folder: &tempfile::TempDir, own: &[i32]) -> String {
        Delegated::take_at(folder.path().to_owned(), || own.to_vec()).unwrap_err()
    }

    #[test]
    fn what_is_missing_is_switched_on_and_off_again() {
        let folder = group("cpuset cpu io memory pids\n");
        std::fs::write(folder.path().join("cgroup.subtree_control"), "memory\n").unwrap();
        let taken = Delegated::take_at(folder.path().to_owned(), Vec::new).unwrap();
        assert_eq!(at(&folder, "cgroup.subtree_control"), "+cpu +pids");
        assert!(folder.path().join(HOST).is_dir());
        drop(taken);
        assert_eq!(at(&folder, "cgroup.subtree_control"), "-cpu -pids");
        assert!(!folder.path().join(HOST).exists());
    }

    #[test]
    fn a_group_with_others_in_it_is_left_alone() {
        let folder = group("cpu memory pids");
        std::fs::write(folder.path().join("cgroup.procs"), "7\n8\n9\n").unwrap();
        assert!(refusal(&folder, &[8]).starts_with("2 other processes are in its group"));
        assert!(!folder.path().join(HOST).exists());
        assert_eq!(at(&folder, "cgroup.subtree_control"), "");
    }

    #[test]
    fn one_that_is_taken_for_another_once_is_no_reason_to_refuse() {
        let folder = group("cpu memory pids");
        std::fs::write(folder.path().join("cgroup.procs"), "7\n8\n").unwrap();
        let looks = std::cell::Cell::new(0);
        let own = || {
            looks.set(looks.get() + 1);
            if looks.get() == 1 { vec![8] } else { vec![8, 7] }
        };
        assert_eq!(others(folder.path(), own), 0);
        assert_eq!(others(folder.path(), || vec![8]), 1);
    }

    #[test]
    fn own_processes_move_to_a_leaf_and_one_that_stays_is_told() {
        let folder = group("cpu memory pids");
        // The kernel would take it off this list.
        std::fs::write(folder.path().join("cgroup.procs"), "8\n").unwrap();
        assert!(refusal(&folder, &[8]).starts_with("its group does not become empty"));
        assert_eq!(at(&folder, "cgroup.procs"), "8", "it was put back");
        assert_eq!(at(&folder, &format!("{HOST}/cgroup.procs")), "8");
    }

    #[test]
    fn what_no_controller_can_hold_is_named() {
        assert!(
            refusal(&group("memory hugetlb"), &[]).starts_with("its group has no controller for cpu, pids")
        );
        assert!(refusal(&tempfile::tempdir().unwrap(), &[]).contains("cpu, memory, pids"));
    }

    #[test]
    fn the_own_group_is_found_below_where_groups_are_mounted() {
        let line =
            |root: &str, at: &str| format!("30 23 0:26 {root} {at} rw,nosuid shared:4 - cgroup2 cgroup rw\n");
        let whole = format!("22 1 8:1 / / rw - ext4 /dev/sda rw\n{}", line("/", "/sys/fs/cgroup"));
        for (groups, mounts, expected) in [
            ("0::/user.slice/a.scope\n", &whole, Ok("/sys/fs/cgroup/user.slice/a.scope")),
            ("4:memory:/x\n0::/\n", &whole, Ok("/sys/fs/cgroup")),
            ("0::/a/b\n", &line("/a", "/cg"), Ok("/cg/b")),
            ("0::/../b\n", &line("/", "/cg"), Err("its group is not below what is mounted")),
            ("0::/b\n", &line("/a", "/cg"), Err("its group is not below what is mounted")),
            ("0::/\n", &String::new(), Err("no groups of version 2 are mounted")),
            ("4:memory:/x\n", &whole, Err("this system has no groups of version 2")),
        ] {
            let found = own_folder(groups, mounts);
            assert_eq!(found, expected.map(PathBuf::from).map_err(str::to_owned), "{groups}{mounts}");
        }
    }
}
