//! What is in the workspace at one moment, and what differs between two moments. Links are never followed, and memory
//! is bounded whatever an agent makes: what is too much to keep is known by its digest, what is too much to read by
//! its size, and both are said.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read as _;

use cap_std::fs::{Dir, FileType, Metadata, MetadataExt as _};

use super::plain_file;
use super::workspace::{DEPTH_LIMIT, ENTRIES_LIMIT, WorkspaceError, entries};
use crate::document::{Change, FileChange, FileKind, FileState, TEXT_INLINE_LIMIT_BYTES};
use crate::value::Digest;

/// Files up to this size are kept as blobs; of larger ones only the digest.
const BLOB_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// What one look keeps in all: bytes as blobs, text in the document, and bytes read for their digest.
const KEPT_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
const TEXT_LIMIT_BYTES: u64 = 32 * 1024 * 1024;
const READ_LIMIT_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// Path to what is there, folders included. Paths are `/`-separated; what is not UTF-8 in them is escaped.
pub type Snapshot = BTreeMap<String, FileState>;

/// Gets the bytes of a file with their digest.
type Keep<'a> = dyn FnMut(&Digest, &[u8]) -> std::io::Result<()> + 'a;

/// Gets the bytes of a file that is not kept, piece by piece.
type Pass<'a> = dyn FnMut(&str, &[u8]) + 'a;

/// What is in a workspace now. `keep` gets the bytes of every file that is not too large, but for those that are the
/// same as `before`.
///
/// # Errors
/// When bytes can't be kept, or there are too many files where there was no look before. What may not be read is told, and
/// no error; and so is what is too much, once an agent had its hands on it.
pub fn snapshot(
    workspace: &Dir,
    before: Option<&Snapshot>,
    keep: &mut Keep<'_>,
) -> Result<Snapshot, WorkspaceError> {
    snapshot_and_pass(workspace, before, keep, &mut |_, _| ())
}

/// The same; `pass` gets the path and the bytes of what is read and not kept.
///
/// # Errors
/// As [`snapshot`].
pub fn snapshot_and_pass(
    workspace: &Dir,
    before: Option<&Snapshot>,
    keep: &mut Keep<'_>,
    pass: &mut Pass<'_>,
) -> Result<Snapshot, WorkspaceError> {
    let left = Left {
        kept: KEPT_LIMIT_BYTES,
        text: TEXT_LIMIT_BYTES,
        read: READ_LIMIT_BYTES,
        entries: ENTRIES_LIMIT,
    };
    Look { before, keep, pass, left, seen: Snapshot::new() }.whole(workspace)
}

/// What may still be kept and read.
struct Left {
    kept: u64,
    text: u64,
    read: u64,
    entries: usize,
}

/// What is told of what is not looked at.
const TOO_MANY: &str = "not looked at: there are more files than are looked at";
const TOO_DEEP: &str = "not looked at: it lies deeper than folders are looked into";

struct Look<'a, 'k> {
    before: Option<&'a Snapshot>,
    keep: &'a mut Keep<'k>,
    pass: &'a mut Pass<'k>,
    left: Left,
    seen: Snapshot,
}

impl Look<'_, '_> {
    fn whole(mut self, workspace: &Dir) -> Result<Snapshot, WorkspaceError> {
        self.folder(workspace, "", 0)?;
        if self.left.entries == 0 {
            // What was there before need not be gone.
            let unseen = |(path, state): (&String, &FileState)| {
                let state = FileState { kind: state.kind, ..unread(None, TOO_MANY.to_owned()) };
                (!self.seen.contains_key(path)).then(|| (path.clone(), state))
            };
            let unseen: Vec<_> = self.before.into_iter().flatten().filter_map(unseen).collect();
            self.seen.extend(unseen);
        }
        Ok(self.seen)
    }

    fn folder(&mut self, folder: &Dir, below: &str, depth: usize) -> Result<(), WorkspaceError> {
        for (name, path, kind) in entries(folder, below, depth)? {
            if self.left.entries == 0 {
                return match self.before {
                    Some(_) => Ok(()),
                    None => Err(WorkspaceError::TooLarge { path }),
                };
            }
            self.left.entries -= 1;
            let state = if self.left.entries == 0 && self.before.is_some() {
                FileState { kind: told_by(kind), ..unread(None, TOO_MANY.to_owned()) }
            } else if kind.is_dir() && depth >= DEPTH_LIMIT {
                FileState { kind: FileKind::Folder, ..unread(None, TOO_DEEP.to_owned()) }
            } else if kind.is_dir() {
                let (state, inside) = folder_state(folder, &name);
                if let Some(inside) = inside {
                    self.folder(&inside, &path, depth + 1)?;
                }
                state
            } else if kind.is_symlink() {
                link_state(folder, &name)
            } else if kind.is_file() {
                self.file(folder, &name, &path)?
            } else {
                FileState { kind: FileKind::Other, ..FileState::default() }
            };
            self.seen.insert(path, state);
        }
        Ok(())
    }

    fn file(&mut self, folder: &Dir, name: &OsStr, path: &str) -> Result<FileState, WorkspaceError> {
        let (metadata, file) = match plain_file::open(folder, name.as_ref()) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(FileState { kind: FileKind::Other, ..FileState::default() }),
            Err(error) => {
                let metadata = folder.symlink_metadata(name).ok();
                return Ok(unread(metadata.as_ref(), error.to_string()));
            }
        };
        if metadata.len() > self.left.read {
            return Ok(unread(Some(&metadata), "all files together are beyond 8 GiB".to_owned()));
        }
        self.left.read -= metadata.len();
        let content = if metadata.len() > BLOB_LIMIT_BYTES {
            let reader = Passed { reader: file.take(metadata.len()), path, pass: &mut *self.pass };
            Digest::of_reader(reader).map(|digest| (digest, None))
        } else {
            let mut bytes = Vec::new();
            file.take(BLOB_LIMIT_BYTES).read_to_end(&mut bytes).map(|_| (Digest::of(&bytes), Some(bytes)))
        };
        let (digest, bytes) = match content {
            Ok(content) => content,
            Err(error) => return Ok(unread(Some(&metadata), error.to_string())),
        };
        let state = FileState {
            executable: metadata.mode() & 0o100 != 0,
            mode: Some(mode(&metadata)),
            bytes: bytes.as_ref().map_or(metadata.len(), |bytes| bytes.len() as u64),
            sha256: Some(digest),
            ..FileState::default()
        };
        if let Some(same) =
            self.before.and_then(|before| before.get(path)).filter(|old| old.sha256 == Some(digest))
        {
            return Ok(FileState { text: same.text.clone(), digest_only: same.digest_only, ..state });
        }
        self.content(path, state, &digest, bytes)
            .map_err(|source| WorkspaceError::Io { path: path.to_owned(), source })
    }

    /// Keeps what may be kept of a file's bytes.
    fn content(
        &mut self,
        path: &str,
        mut state: FileState,
        digest: &Digest,
        bytes: Option<Vec<u8>>,
    ) -> std::io::Result<FileState> {
        let Some(bytes) = bytes else { return Ok(FileState { digest_only: true, ..state }) };
        if bytes.len() as u64 > self.left.kept {
            (self.pass)(path, &bytes);
            return Ok(FileState { digest_only: true, ..state });
        }
        let size = bytes.len() as u64;
        (self.keep)(digest, &bytes)?;
        self.left.kept -= size;
        if bytes.len() <= TEXT_INLINE_LIMIT_BYTES && size <= self.left.text {
            state.text = String::from_utf8(bytes).ok();
            self.left.text -= state.text.as_ref().map_or(0, |_| size);
        }
        Ok(state)
    }
}

/// A reader whose bytes are seen on their way.
struct Passed<'a, 'k, R> {
    reader: R,
    path: &'a str,
    pass: &'a mut Pass<'k>,
}

impl<R: std::io::Read> std::io::Read for Passed<'_, '_, R> {
    fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(block)?;
        (self.pass)(self.path, &block[..read]);
        Ok(read)
    }
}

fn told_by(kind: FileType) -> FileKind {
    match kind {
        kind if kind.is_dir() => FileKind::Folder,
        kind if kind.is_symlink() => FileKind::Link,
        kind if kind.is_file() => FileKind::File,
        _ => FileKind::Other,
    }
}

fn folder_state(parent: &Dir, name: &OsStr) -> (FileState, Option<Dir>) {
    let state = FileState {
        kind: FileKind::Folder,
        mode: parent.symlink_metadata(name).ok().as_ref().map(mode),
        ..FileState::default()
    };
    match parent.open_dir(name).and_then(|folder| folder.entries().map(|_| folder)) {
        Ok(folder) => (state, Some(folder)),
        Err(error) => (FileState { unread: Some(error.to_string()), ..state }, None),
    }
}

fn link_state(folder: &Dir, name: &OsStr) -> FileState {
    let target = match folder.read_link_contents(name) {
        Ok(target) => super::workspace::shown_name(target.as_os_str()),
        Err(error) => return FileState { kind: FileKind::Link, ..unread(None, error.to_string()) },
    };
    FileState {
        kind: FileKind::Link,
        bytes: target.len() as u64,
        sha256: Some(Digest::of(&target)),
        text: Some(target),
        digest_only: true,
        ..FileState::default()
    }
}

fn unread(metadata: Option<&Metadata>, why: String) -> FileState {
    FileState {
        executable: metadata.is_some_and(|metadata| metadata.mode() & 0o100 != 0),
        mode: metadata.map(mode),
        bytes: metadata.map_or(0, Metadata::len),
        digest_only: true,
        unread: Some(why),
        ..FileState::default()
    }
}

fn mode(metadata: &Metadata) -> String {
    format!("{:04o}", metadata.mode() & 0o7777)
}

/// Every path of both snapshots, and what became of it. A folder has a place of its own where it was or is empty or
/// unreadable, where something else stood or stands, and where its permissions changed.
pub fn compare(before: &Snapshot, after: &Snapshot) -> BTreeMap<String, FileChange> {
    let told = |path: &String| {
        let states = [(before, before.get(path)), (after, after.get(path))];
        let is_plain = |(snapshot, state): &(&Snapshot, Option<&FileState>)| {
            state.is_none_or(|state| {
                state.kind == FileKind::Folder && state.unread.is_none() && !is_empty(snapshot, path)
            })
        };
        let modes = states.map(|(_, state)| state.and_then(|state| state.mode.as_ref()));
        let is_changed = modes[0].is_some() && modes[1].is_some() && modes[0] != modes[1];
        is_changed || !states.iter().all(is_plain)
    };
    before
        .keys()
        .chain(after.keys().filter(|path| !before.contains_key(*path)))
        .filter(|path| told(path))
        .map(|path| {
            let (before, after) = (before.get(path), after.get(path));
            let change = match (before, after) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (Some(before), Some(after)) if is_same(before, after) => Change::Unchanged,
                _ => Change::Modified,
            };
            (path.clone(), FileChange { change, before: before.cloned(), after: after.cloned() })
        })
        .collect()
}

/// Whether there is nothing below a folder: what is below it would follow it, but for names that sort before `/`.
fn is_empty(snapshot: &Snapshot, folder: &str) -> bool {
    let below = format!("{folder}/");
    !snapshot.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below))
}

/// What is kept of a file may differ between two looks; what it is may not.
fn is_same(before: &FileState, after: &FileState) -> bool {
    let fact = |state: &FileState| {
        (state.kind, state.executable, state.mode.clone(), state.bytes, state.sha256, state.unread.clone())
    };
    fact(before) == fact(after)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use cap_std::ambient_authority;

    use super::*;

    fn open(path: &Path) -> Dir {
        Dir::open_ambient_dir(path, ambient_authority()).unwrap()
    }

    fn look_at(path: &Path, before: Option<&Snapshot>) -> Snapshot {
        snapshot(&open(path), before, &mut |_, _| Ok(())).unwrap()
    }

    /// What is done to a workspace, and what is told of it.
    type Case = (fn(&Path), &'static [(&'static str, Change, Option<FileKind>)]);

    /// What became of each path when `act` had its way with a workspace.
    fn told(act: impl FnOnce(&Path)) -> Vec<(String, Change, Option<FileKind>)> {
        let root = tempfile::tempdir().unwrap();
        for folder in ["full", "empty", ".git"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        for file in ["a", "full/b", ".git/config"] {
            std::fs::write(root.path().join(file), file).unwrap();
        }
        symlink("a", root.path().join("link")).unwrap();
        let before = look_at(root.path(), None);
        act(root.path());
        let after = look_at(root.path(), Some(&before));
        compare(&before, &after)
            .into_iter()
            .filter(|(_, change)| change.change != Change::Unchanged)
            .map(|(path, change)| (path, change.change, change.after.map(|after| after.kind)))
            .collect()
    }

    #[test]
    fn every_kind_of_change_is_told() {
        use Change::{Added, Modified, Removed};
        use FileKind::{File, Folder, Link, Other};
        let cases: [Case; 14] = [
            (|_| (), &[]),
            (|at| std::fs::write(at.join("a"), "b").unwrap(), &[("a", Modified, Some(File))]),
            (|at| std::fs::remove_file(at.join("full/b")).unwrap(), &[("full/b", Removed, None)]),
            (
                |at| std::fs::set_permissions(at.join("a"), Permissions::from_mode(0o600)).unwrap(),
                &[("a", Modified, Some(File))],
            ),
            (
                |at| {
                    std::fs::remove_file(at.join("a")).unwrap();
                    symlink("/etc/passwd", at.join("a")).unwrap();
                },
                &[("a", Modified, Some(Link))],
            ),
            (
                |at| {
                    std::fs::remove_file(at.join("a")).unwrap();
                    std::fs::create_dir(at.join("a")).unwrap();
                    std::fs::write(at.join("a/new"), "").unwrap();
                },
                &[("a", Modified, Some(Folder)), ("a/new", Added, Some(File))],
            ),
            (
                |at| {
                    std::fs::remove_dir_all(at.join("full")).unwrap();
                    std::fs::write(at.join("full"), "").unwrap();
                },
                &[("full", Modified, Some(File)), ("full/b", Removed, None)],
            ),
            (|at| std::fs::create_dir_all(at.join("x/y")).unwrap(), &[("x/y", Added, Some(Folder))]),
            (|at| std::fs::remove_dir(at.join("empty")).unwrap(), &[("empty", Removed, None)]),
            (|at| std::fs::write(at.join("empty/c"), "").unwrap(), &[("empty/c", Added, Some(File))]),
            (
                |at| {
                    std::fs::remove_file(at.join("link")).unwrap();
                    symlink("b", at.join("link")).unwrap();
                },
                &[("link", Modified, Some(Link))],
            ),
            (
                |at| {
                    let path = at.join("pipe");
                    rustix::fs::mknodat(
                        rustix::fs::CWD,
                        &path,
                        rustix::fs::FileType::Fifo,
                        rustix::fs::Mode::RUSR,
                        0,
                    )
                    .unwrap();
                },
                &[("pipe", Added, Some(Other))],
            ),
            (
                |at| std::fs::set_permissions(at.join("full"), Permissions::from_mode(0o700)).unwrap(),
                &[("full", Modified, Some(Folder))],
            ),
            (|at| std::fs::write(at.join(".git/config"), "evil").unwrap(), &[]),
        ];
        for (index, (act, expected)) in cases.into_iter().enumerate() {
            let expected: Vec<_> =
                expected.iter().map(|(path, change, kind)| ((*path).to_owned(), *change, *kind)).collect();
            assert_eq!(told(act), expected, "case {index}");
        }
    }

    #[test]
    fn ten_thousand_files_are_told_and_nothing_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        for index in 0..10_000 {
            let folder = root.path().join(format!("{:02}", index / 100));
            if index % 100 == 0 {
                std::fs::create_dir(&folder).unwrap();
                symlink(outside.path(), folder.join("out")).unwrap();
                symlink(root.path(), folder.join("loop")).unwrap();
            }
            std::fs::write(folder.join(format!("{index}")), format!("{index}\n")).unwrap();
        }
        let mut kept = 0;
        let before = snapshot(&open(root.path()), None, &mut |_, bytes| {
            assert_ne!(bytes, b"secret");
            kept += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(kept, 10_000);
        std::fs::write(root.path().join("42/4242"), "changed\n").unwrap();
        let mut kept_after = Vec::new();
        let after = snapshot(&open(root.path()), Some(&before), &mut |_, bytes| {
            kept_after.push(bytes.to_vec());
            Ok(())
        })
        .unwrap();
        assert_eq!(kept_after, [b"changed\n"]);
        let files = compare(&before, &after);
        assert_eq!(files.len(), 10_200);
        assert!(!files.keys().any(|path| path.contains("secret") || path.contains("loop/")));
        let changed: Vec<_> = files.iter().filter(|(_, file)| file.change != Change::Unchanged).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].0, "42/4242");
        assert_eq!(changed[0].1.before.as_ref().unwrap().text.as_deref(), Some("4242\n"));
    }

    #[test]
    fn of_a_gigabyte_the_digest_is_told() {
        let root = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(root.path().join("large")).unwrap();
        file.set_len(1024 * 1024 * 1024).unwrap();
        std::fs::File::create(root.path().join("too-large")).unwrap().set_len(1 << 40).unwrap();
        let seen = snapshot(&open(root.path()), None, &mut |_, _| panic!("too large to be kept")).unwrap();
        let large = &seen["large"];
        assert!(large.digest_only && large.unread.is_none());
        assert_eq!(
            large.sha256.unwrap().hex(),
            "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
        );
        assert_eq!((seen["too-large"].sha256, seen["too-large"].bytes), (None, 1 << 40));
        assert_eq!(seen["too-large"].unread.as_deref(), Some("all files together are beyond 8 GiB"));
    }

    #[test]
    fn what_is_kept_is_bounded_and_never_taken_for_a_change() {
        let (before, after) = (FileState::default(), FileState { digest_only: true, ..FileState::default() });
        assert!(is_same(&before, &after));
        let root = tempfile::tempdir().unwrap();
        let sixteen = vec![7; BLOB_LIMIT_BYTES as usize];
        for index in 0..3 {
            std::fs::write(root.path().join(format!("{index}")), &sixteen).unwrap();
        }
        let left = Left { kept: 2 * BLOB_LIMIT_BYTES, text: 0, read: READ_LIMIT_BYTES, entries: 10 };
        let mut keep = |_: &Digest, _: &[u8]| Ok(());
        let mut look =
            Look { before: None, keep: &mut keep, pass: &mut |_, _| (), left, seen: Snapshot::new() };
        look.folder(&open(root.path()), "", 0).unwrap();
        let told: Vec<_> = look.seen.values().map(|state| state.digest_only).collect();
        assert_eq!(told, [false, false, true]);
    }

    #[test]
    fn what_is_too_much_after_a_run_is_told_and_nothing_is_taken_for_gone() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::write(at("z"), "z").unwrap();
        let before = look_at(root.path(), None);
        for name in ["a", "b", "c"] {
            std::fs::write(at(name), "").unwrap();
        }
        let look = |before: Option<&Snapshot>, entries: usize| {
            let left = Left { kept: 9, text: 9, read: 9, entries };
            let mut keep = |_: &Digest, _: &[u8]| Ok(());
            Look { before, keep: &mut keep, pass: &mut |_, _| (), left, seen: Snapshot::new() }
                .whole(&open(root.path()))
        };
        assert!(look(None, 3).is_err(), "a scenario may not begin like that");
        let told = compare(&before, &look(Some(&before), 2).unwrap());
        let unread = |path: &str| told[path].after.as_ref().unwrap().unread.is_some();
        assert_eq!(told.keys().collect::<Vec<_>>(), ["a", "b", "z"]);
        assert_eq!(["a", "b", "z"].map(unread), [false, true, true]);
        assert_eq!(told["z"].change, Change::Modified);
        let deep = format!("deep{}", "/d".repeat(DEPTH_LIMIT + 3));
        std::fs::create_dir_all(at(&deep)).unwrap();
        let told = compare(&before, &look_at(root.path(), Some(&before)));
        let deepest = told.keys().max_by_key(|path| path.len()).unwrap();
        assert_eq!(deepest.matches('/').count(), DEPTH_LIMIT);
        assert_eq!(told[deepest].after.as_ref().unwrap().unread.as_deref(), Some(TOO_DEEP));
    }
}
