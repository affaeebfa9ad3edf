//! The group of one turn: its limits, who is in it, what they used, and their end.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::delegated::Delegated;
use super::{processes, put, words};

/// How long the processes of a group may take to be gone.
const INSIST: Duration = Duration::from_secs(2);

/// Groups below it that are looked at in one look; the rest is for the next.
const GROUPS_LIMIT: usize = 10_000;

/// Between two looks meanwhile.
const PAUSE: Duration = Duration::from_millis(1);

/// The kernel counts processor time in periods of 100 ms (`cpu.max`).
const PERIOD_US: u64 = 100_000;

/// Limits of all processes of a turn together; none where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TotalLimits {
    /// Bytes of memory, cached files among them. Beyond them the kernel ends all of them.
    pub memory_bytes: Option<u64>,
    /// Processes and threads; a start beyond them fails.
    pub tasks: Option<u64>,
    /// Processor time in percent of one processor; beyond it they wait.
    pub cpu_percent: Option<u64>,
}

/// What the processes of a group used, counted by the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupUsed {
    /// User and system time of all of them.
    pub cpu_ms: Option<u64>,
    /// Most memory at once, cached files among it (Linux 5.19).
    pub peak_memory_bytes: Option<u64>,
    /// Most processes and threads at once (Linux 6.1).
    pub peak_tasks: Option<u64>,
    /// Processes that were ended for want of memory.
    pub out_of_memory: u64,
    /// Starts that failed since there were too many processes.
    pub starts_refused: u64,
}

/// The group of one turn; ended and removed when this is dropped.
#[derive(Debug)]
pub struct TurnGroup {
    folder: PathBuf,
    /// The group of this program.
    host: PathBuf,
    /// Stays prepared as long as this is there.
    _delegated: Option<Arc<Delegated>>,
}

impl TotalLimits {
    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl TurnGroup {
    /// Makes it.
    pub(super) fn make(
        folder: PathBuf,
        host: PathBuf,
        limits: &TotalLimits,
        delegated: Option<Arc<Delegated>>,
    ) -> std::io::Result<Self> {
        std::fs::create_dir(&folder)?;
        let made = Self { folder, host, _delegated: delegated };
        if let Some(bytes) = limits.memory_bytes {
            put(&made.folder, "memory.max", &bytes.to_string())?;
            // Absent where nothing can be swapped out, and on old kernels.
            let _ = put(&made.folder, "memory.swap.max", "0");
            let _ = put(&made.folder, "memory.oom.group", "1");
        }
        if let Some(tasks) = limits.tasks {
            put(&made.folder, "pids.max", &tasks.to_string())?;
        }
        if let Some(percent) = limits.cpu_percent {
            put(&made.folder, "cpu.max", &format!("{} {PERIOD_US}", percent * PERIOD_US / 100))?;
        }
        Ok(made)
    }

    /// The way in, and the way back to this program's own group: who writes `0` there goes there (cgroups(7)). Who
    /// may go is decided by who opened them, so one without any rights can be given them.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn doors(&self) -> std::io::Result<[OwnedFd; 2]> {
        let open = |folder: &Path| -> std::io::Result<OwnedFd> {
            Ok(OpenOptions::new().write(true).open(folder.join("cgroup.procs"))?.into())
        };
        Ok([open(&self.folder)?, open(&self.host)?])
    }

    /// Goes through such a door.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn go(door: &OwnedFd) -> std::io::Result<()> {
        use std::io::Write as _;
        File::from(door.try_clone()?).write_all(b"0")
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who is in it, and in groups that were made below it.
    pub fn members(&self) -> Vec<i32> {
        self.folders().iter().flat_map(|folder| processes(folder)).collect()
    }

    /// Its folder and those below it, the deepest first.
    fn folders(&self) -> Vec<PathBuf> {
        let mut found = vec![self.folder.clone()];
        let mut looked = 0;
        while looked < found.len() && found.len() < GROUPS_LIMIT {
            let below = std::fs::read_dir(&found[looked]).into_iter().flatten().flatten();
            let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let below: Vec<_> = below.map(|entry| entry.path()).take(GROUPS_LIMIT).collect();
            found.extend(below);
            looked += 1;
        }
        found.reverse();
        found
    }

    /// What they used so far.
    pub fn used(&self) -> GroupUsed {
        let number = |file: &str| words(&self.folder.join(file)).first()?.parse::<u64>().ok();
        let entry = |file: &str, name: &str| -> Option<u64> {
            let words = words(&self.folder.join(file));
            words.chunks_exact(2).find(|pair| pair[0] == name)?[1].parse().ok()
        };
        GroupUsed {
            cpu_ms: entry("cpu.stat", "usage_usec").map(|microseconds| microseconds / 1000),
            peak_memory_bytes: number("memory.peak"),
            peak_tasks: number("pids.peak"),
            out_of_memory: entry("memory.events", "oom_kill").unwrap_or(0),
            starts_refused: entry("pids.events", "max").unwrap_or(0),
        }
    }

    /// Ends whoever is left in it and below it, and removes it; whether it is gone. Blocks for a moment.
    pub fn end(&self) -> bool {
        let begun = Instant::now();
        loop {
            // Linux 5.14, and it reaches all groups below; one by one before.
            let has_kill = self.folder.join("cgroup.kill").exists();
            if !has_kill || put(&self.folder, "cgroup.kill", "1").is_err() {
                for pid in self.members().into_iter().filter_map(Pid::from_raw) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            for folder in self.folders() {
                let _ = std::fs::remove_dir(folder);
            }
            if !self.folder.exists() {
                return true;
            }
            if begun.elapsed() > INSIST {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for TurnGroup {
    fn drop(&mut self) {
        if self.folder.exists() {
            self.end();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::print_stderr, reason = "a test that can't be done here says so")]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::delegated::own_folder;
    use super::*;

    #[test]
    fn limits_are_written_and_figures_read_as_the_kernel_has_them() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("turn");
        let limits = TotalLimits { memory_bytes: Some(4096), tasks: Some(9), cpu_percent: Some(150) };
        let group = TurnGroup::make(folder.clone(), above.path().to_owned(), &limits, None).unwrap();
        for (file, text) in [
            ("memory.max", "4096"),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),
            ("pids.max", "9"),
            ("cpu.max", "150000 100000"),
        ] {
            assert_eq!(std::fs::read_to_string(folder.join(file)).unwrap(), text, "{file}");
        }
        assert_eq!(group.used(), GroupUsed::default(), "what the kernel does not tell is not known");
        for (file, text) in [
            ("cpu.stat", "usage_usec 12345\nuser_usec 12000\n"),
            ("memory.peak", "8192\n"),
            ("memory.events", "low 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 1\n"),
            ("pids.peak", "5\n"),
            ("pids.events", "max 4\n"),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let used = GroupUsed {
            cpu_ms: Some(12),
            peak_memory_bytes: Some(8192),
            peak_tasks: Some(5),
            out_of_memory: 3,
            starts_refused: 4,
        };
        assert_eq!(group.used(), used);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(group.end(), "it is gone already");
        let unlimited = TurnGroup::make(folder.clone(), folder, &TotalLimits::default(), None).unwrap();
        assert!(unlimited.end(), "nothing was written");
    }

    /// A group of this kernel, without limits: they need controllers, which this program is not given everywhere.
    fn real() -> Option<TurnGroup> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let above = own_folder(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"));
        let name = format!("wassert-test-{}-{:?}", std::process::id(), std::thread::current().id());
        let made = above.and_then(|above| {
            TurnGroup::make(above.join(name), above, &TotalLimits::default(), None)
                .map_err(|error| error.to_string())
        });
        made.inspect_err(|reason| eprintln!("SKIPPED: no group of version 2 can be made here: {reason}")).ok()
    }

    #[test]
    fn who_goes_through_the_doors_of_a_real_group_comes_back_and_what_it_left_is_ended() {
        let Some(group) = real() else { return };
        let [into, back] = group.doors().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "echo 0 >&0; setsid env -i /bin/sleep 1000 & echo 0 >&1; echo ready >&2; wait"])
            .stdin(Stdio::from(into))
            .stdout(Stdio::from(back))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 5];
        std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut said).unwrap();
        let this = i32::try_from(child.id()).unwrap();
        let (inside, was_refused) = (group.members(), &said != b"ready");
        let _ = kill_process(Pid::from_raw(this).unwrap(), Signal::KILL);
        let used = group.used();
        assert!(group.end());
        assert!(!child.wait().unwrap().success());
        if was_refused {
            return eprintln!("SKIPPED: a process can't be put into a group here");
        }
        assert_eq!(inside.len(), 1, "what it started there stayed");
        assert!(!inside.contains(&this));
        assert!(used.cpu_ms.is_some());
        assert!(!group.folder.exists());
    }

    #[test]
    fn who_hides_in_a_group_below_is_seen_and_ended() {
        let Some(group) = real() else { return };
        let hide = "mkdir -p $0/a/b $0/c && echo $$ > $0/a/b/cgroup.procs && echo ready && exec sleep 1000";
        let mut child = Command::new("sh")
            .args(["-c", hide])
            .arg(&group.folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = [0; 5];
        let is_in = std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).is_ok();
        let this = i32::try_from(child.id()).unwrap();
        let members = group.members();
        let is_gone = group.end();
        let _ = kill_process(Pid::from_raw(this).unwrap(), Signal::KILL);
        child.wait().unwrap();
        if !is_in {
            return eprintln!("SKIPPED: a process can't be put into a group here");
        }
        assert_eq!((members, is_gone, group.folder.exists()), (vec![this], true, false));
    }
}
