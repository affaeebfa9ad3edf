//! Removes recordings of past runs that are no longer kept, after a run.
//!
//! Touches only folders that are named like runs and that no other process is writing; never follows a link. What can't
//! be removed stays.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::recording::{Keep, PastRun, surplus};
use crate::run::run_time;

/// Held while a run is going on, so that another one does not remove it.
const LOCK: &str = "lock";

/// A run's folder, locked until this is dropped.
#[derive(Debug)]
pub(super) struct Going {
    folder: PathBuf,
    _lock: File,
}

impl Going {
    /// Makes a run's folder, which must not exist, and locks it.
    pub(super) fn begin(folder: PathBuf) -> std::io::Result<Self> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::create_dir(&folder)?;
        let lock = File::create_new(folder.join(LOCK))?;
        // Where a file system knows no locks, a run is safe from others by being the newest.
        let _ = lock.lock();
        Ok(Self { folder, _lock: lock })
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(LOCK));
        // A run that recorded nothing leaves nothing.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Removes what is not kept of the runs below a folder; `just_made` always stays.
pub(super) fn retain(runs: &Path, just_made: &str, keep: Keep, now: SystemTime) {
    let Ok(entries) = fs::read_dir(runs) else { return };
    let past = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let age = now.duration_since(run_time(&name).filter(|_| is_folder)?).unwrap_or_default();
        Some(PastRun { age, bytes: bytes_below(&entry.path()), name })
    });
    for run in surplus(past.collect(), keep) {
        let folder = runs.join(&run.name);
        if run.name != just_made && !is_going(&folder) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn is_going(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn only_what_looks_like_a_finished_run_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let runs = root.path().join("runs");
        let elsewhere = root.path().join("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        fs::write(elsewhere.join("kept"), "x").unwrap();
        let old = |day: u32| format!("202611{day:02}-000000-aaaa");
        for name in [&old(1), &old(2), &old(3), "notes"] {
            fs::create_dir_all(runs.join(name).join("a@b")).unwrap();
            fs::write(runs.join(name).join("a@b/run.json"), "x").unwrap();
        }
        fs::write(runs.join(old(4)), "a file").unwrap();
        std::os::unix::fs::symlink(&elsewhere, runs.join(old(5))).unwrap();
        std::os::unix::fs::symlink(&elsewhere, runs.join(old(1)).join("link")).unwrap();
        let going = Going::begin(runs.join(old(6))).unwrap();
        fs::write(runs.join(old(6)).join("partly"), "x").unwrap();
        assert!(Going::begin(runs.join(old(6))).is_err(), "two runs never share a folder");

        let now = UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let nothing = Keep { runs: 0, age: Duration::ZERO, bytes: 0 };
        retain(&runs, &old(3), nothing, now);
        let left = |name: &str| fs::symlink_metadata(runs.join(name)).is_ok();
        assert!(!left(&old(1)) && !left(&old(2)));
        assert!(left(&old(3)), "the run just made stays");
        assert!(left("notes") && left(&old(4)) && left(&old(5)) && left(&old(6)));
        assert!(elsewhere.join("kept").exists(), "links are not followed");
        drop(going);
        fs::create_dir(runs.join(old(7))).unwrap();
        retain(&runs, &old(7), nothing, now);
        assert!(!left(&old(6)) && !left(&old(3)));
    }

    #[test]
    fn a_run_without_recordings_leaves_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("runs/20261101-000000-aaaa");
        drop(Going::begin(folder.clone()).unwrap());
        assert!(!folder.exists());
    }
}
