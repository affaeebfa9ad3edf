//! The git repository that the host was started in: an agent has no business there, and an accident there would hurt.
//!
//! Git lists its files once, and again only when the time of a folder has changed; between that a look is one `lstat`
//! a file. Ignored files and the recordings are not looked at, and nothing is read or written.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::sync::Mutex;

use super::root::{HOST_MARKER, MARKER_VARIABLE};
use super::workspace::shown_name;
use crate::document::{Change, FileKind, RepositoryWatch};

/// A repository with more files is not watched: a look should take a few milliseconds at most.
const FILES_LIMIT: usize = 5000;

/// The longest list of names that is read.
const LIST_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// How long git may take to list files.
const LIMIT: Duration = Duration::from_secs(10);

/// The repository, shared by all scenarios of a run.
#[derive(Debug)]
pub struct Launching {
    /// Its root; none when the host was started elsewhere.
    repository: Option<PathBuf>,
    /// Recordings lie below this.
    recordings: PathBuf,
    latest: Mutex<Option<Listing>>,
    running: AtomicUsize,
    begun: AtomicUsize,
}

/// A scenario's look before its first turn.
#[derive(Debug)]
pub struct LaunchingWatch {
    shared: Arc<Launching>,
    before: Listing,
    was_alone: bool,
    begun: usize,
}

/// What became of the repository while a scenario ran.
#[derive(Debug, Default)]
pub struct LaunchingChanges {
    pub(super) watch: RepositoryWatch,
    /// Paths below its root, sorted.
    pub(super) changes: Vec<(String, Change, FileKind)>,
    /// Whether other scenarios ran at the same time.
    pub(super) is_shared: bool,
}

/// What a file was like. Only what changes with its content or its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    mode: u32,
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
}

/// All files at one moment, or why not.
#[derive(Clone, Debug)]
enum Listing {
    Not(RepositoryWatch),
    Files(Arc<Files>),
}

#[derive(Debug, Default)]
struct Files {
    files: BTreeMap<PathBuf, Stamp>,
    folders: BTreeMap<PathBuf, Option<Stamp>>,
}

impl Launching {
    /// The repository around `directory`, without what lies below `recordings`. Looks for a `.git`, no further.
    pub fn new(directory: &Path, recordings: PathBuf) -> Arc<Self> {
        let repository = directory
            .ancestors()
            .find(|folder| folder.join(".git").symlink_metadata().is_ok())
            .map(Path::to_owned);
        Arc::new(Self {
            repository,
            recordings,
            latest: Mutex::default(),
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
        })
    }

    /// Looks before a scenario's first turn.
    pub async fn before(self: &Arc<Self>) -> LaunchingWatch {
        let was_alone = self.running.fetch_add(1, Ordering::SeqCst) == 0;
        let begun = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        // From here on it counts as running until it is dropped.
        let mut watch = LaunchingWatch {
            shared: Arc::clone(self),
            before: Listing::Not(RepositoryWatch::NoRepository),
            was_alone,
            begun,
        };
        watch.before = self.look().await;
        watch
    }

    /// What is there now; from what was there before, where no folder has changed.
    async fn look(&self) -> Listing {
        let Some(repository) = &self.repository else { return Listing::Not(RepositoryWatch::NoRepository) };
        let mut latest = self.latest.lock().await;
        let known = match &*latest {
            Some(Listing::Files(files)) => Some(Arc::clone(files)),
            Some(other) => return other.clone(),
            None => None,
        };
        let again = match known {
            Some(known) => {
                let root = repository.clone();
                let names = tokio::task::spawn_blocking(move || {
                    let now = stamp(&root, known.files.keys());
                    let is_complete = now.folders == known.folders;
                    (now, is_complete)
                });
                names.await.ok().and_then(|(now, is_complete)| is_complete.then_some(now))
            }
            None => None,
        };
        let listing = match again {
            Some(files) => Listing::Files(Arc::new(files)),
            None => self.list(repository).await,
        };
        *latest = Some(listing.clone());
        listing
    }

    /// Asks git for every file it does not ignore.
    async fn list(&self, repository: &Path) -> Listing {
        let names = match tokio::time::timeout(LIMIT, list_files(repository)).await {
            Ok(Ok(names)) => names,
            _ => return Listing::Not(RepositoryWatch::NotListed),
        };
        if names.len() as u64 > LIST_LIMIT_BYTES {
            return Listing::Not(RepositoryWatch::TooLarge);
        }
        let below = self.recordings.strip_prefix(repository).ok().map(Path::to_owned);
        let paths: BTreeSet<PathBuf> = names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| PathBuf::from(std::os::unix::ffi::OsStrExt::from_bytes(name) as &std::ffi::OsStr))
            .filter(|path| !below.as_ref().is_some_and(|below| path.starts_with(below)))
            .filter(|path| !path.components().any(|part| part.as_os_str() == ".wassert"))
            .collect();
        if paths.len() > FILES_LIMIT {
            return Listing::Not(RepositoryWatch::TooLarge);
        }
        let root = repository.to_owned();
        let stamped = tokio::task::spawn_blocking(move || stamp(&root, paths.iter())).await;
        stamped.map_or(Listing::Not(RepositoryWatch::NotListed), |files| Listing::Files(Arc::new(files)))
    }
}

impl LaunchingWatch {
    /// Looks again, after the last turn.
    pub async fn after(self) -> LaunchingChanges {
        let now = self.shared.look().await;
        let is_shared = !self.was_alone || self.shared.begun.load(Ordering::SeqCst) != self.begun;
        match (&self.before, &now) {
            (Listing::Files(before), Listing::Files(now)) => LaunchingChanges {
                watch: RepositoryWatch::Compared,
                changes: differences(before, now),
                is_shared,
            },
            (Listing::Not(watch), _) | (_, Listing::Not(watch)) => {
                LaunchingChanges { watch: *watch, ..LaunchingChanges::default() }
            }
        }
    }
}

impl Drop for LaunchingWatch {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Files in the index and new ones that are not ignored, each with a NUL behind it; a little more than the limit when
/// there are too many.
async fn list_files(repository: &Path) -> std::io::Result<Vec<u8>> {
    let mut command = tokio::process::Command::new("git");
    command
        .args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.untrackedCache=false",
        ])
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .env_clear()
        // Which files are ignored is in the user's own configuration, too.
        .envs(
            ["PATH", "HOME", "XDG_CONFIG_HOME"]
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .env(MARKER_VARIABLE, HOST_MARKER)
        .current_dir(repository)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut names = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(LIST_LIMIT_BYTES + 1).read_to_end(&mut names).await?;
    }
    if names.len() as u64 <= LIST_LIMIT_BYTES && !child.wait().await?.success() {
        return Err(std::io::Error::other("git refused"));
    }
    Ok(names)
}

/// Looks at every file, and at every folder with one of them in it.
fn stamp<'a>(root: &Path, paths: impl Iterator<Item = &'a PathBuf>) -> Files {
    let mut seen = Files::default();
    seen.folders.insert(PathBuf::new(), of(root));
    for path in paths {
        for folder in path.ancestors().skip(1) {
            if seen.folders.contains_key(folder) {
                break;
            }
            seen.folders.insert(folder.to_owned(), of(&root.join(folder)));
        }
        // A folder in the list is a repository of its own; what is gone has no stamp.
        if let Some(stamp) = of(&root.join(path)).filter(|stamp| kind(stamp) != FileKind::Folder) {
            seen.files.insert(path.clone(), stamp);
        }
    }
    seen
}

fn of(path: &Path) -> Option<Stamp> {
    let metadata = path.symlink_metadata().ok()?;
    Some(Stamp {
        mode: metadata.mode(),
        bytes: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        inode: metadata.ino(),
    })
}

fn kind(stamp: &Stamp) -> FileKind {
    match rustix::fs::FileType::from_raw_mode(stamp.mode) {
        rustix::fs::FileType::RegularFile => FileKind::File,
        rustix::fs::FileType::Symlink => FileKind::Link,
        rustix::fs::FileType::Directory => FileKind::Folder,
        _ => FileKind::Other,
    }
}

fn differences(before: &Files, now: &Files) -> Vec<(String, Change, FileKind)> {
    let paths: BTreeSet<&PathBuf> = before.files.keys().chain(now.files.keys()).collect();
    paths
        .into_iter()
        .filter_map(|path| {
            let (change, stamp) = match (before.files.get(path), now.files.get(path)) {
                (None, Some(now)) => (Change::Added, now),
                (Some(before), None) => (Change::Removed, before),
                (Some(before), Some(now)) if before != now => (Change::Modified, now),
                _ => return None,
            };
            Some((shown_name(path.as_os_str()), change, kind(stamp)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let done = std::process::Command::new("git").args(arguments).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet"]);
        for (path, text) in [(".gitignore", "target/\n"), ("src/a.rs", "a"), ("gone", "g"), ("target/x", "x")]
        {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), text).unwrap();
        }
        git(folder.path(), &["add", "."]);
        folder
    }

    #[tokio::test]
    async fn changes_are_told_but_for_what_is_ignored() {
        let folder = repository();
        let at = |path: &str| folder.path().join(path);
        let launching = Launching::new(&at("src"), at("runs"));
        let quiet = launching.before().await;
        assert_eq!(quiet.after().await.changes, []);
        let watch = launching.before().await;
        std::fs::write(at("src/a.rs"), "longer").unwrap();
        std::fs::write(at("src/new.rs"), "").unwrap();
        std::fs::write(at("target/y"), "").unwrap();
        std::fs::remove_file(at("gone")).unwrap();
        for folder in ["runs", ".wassert/runs", "fresh/deep"] {
            std::fs::create_dir_all(at(folder)).unwrap();
            std::fs::write(at(folder).join("f"), "").unwrap();
        }
        let seen = watch.after().await;
        assert_eq!((seen.watch, seen.is_shared), (RepositoryWatch::Compared, false));
        let told: Vec<_> = seen.changes.iter().map(|(path, change, _)| (path.as_str(), *change)).collect();
        assert_eq!(
            told,
            [
                ("fresh/deep/f", Change::Added),
                ("gone", Change::Removed),
                ("src/a.rs", Change::Modified),
                ("src/new.rs", Change::Added),
            ]
        );
        // Told once: the next scenario begins where this one ended.
        assert_eq!(launching.before().await.after().await.changes, []);
    }

    #[tokio::test]
    async fn who_ran_at_the_same_time_is_known() {
        let folder = repository();
        let launching = Launching::new(folder.path(), PathBuf::new());
        let first = launching.before().await;
        let second = launching.before().await;
        assert!(second.after().await.is_shared);
        assert!(first.after().await.is_shared);
        assert!(!launching.before().await.after().await.is_shared);
    }

    #[tokio::test]
    async fn elsewhere_there_is_nothing_to_compare() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Launching::new(folder.path(), PathBuf::new()).before().await.after().await;
        assert_eq!(seen.watch, RepositoryWatch::NoRepository);
        std::fs::write(folder.path().join(".git"), "nonsense").unwrap();
        let seen = Launching::new(folder.path(), PathBuf::new()).before().await.after().await;
        assert_eq!(seen.watch, RepositoryWatch::NotListed);
    }

    #[tokio::test]
    async fn a_large_repository_is_not_watched_and_said_so() {
        let folder = repository();
        for index in 0..=FILES_LIMIT {
            std::fs::write(folder.path().join(format!("{index}")), "").unwrap();
        }
        let seen = Launching::new(folder.path(), PathBuf::new()).before().await.after().await;
        assert_eq!(seen.watch, RepositoryWatch::TooLarge);
    }
}
