//! The agent's working directory: filled before the first turn, looked at before and after. All of it through a
//! directory handle, so that no path and no link leads elsewhere. Git's own folder is not part of it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};

use crate::document::{Change, FileChange, FileKind, FileState, TEXT_INLINE_LIMIT_BYTES};
use crate::scenario::Workspace;
use crate::value::Digest;

/// Files up to this size are kept as blobs; of larger ones only the digest.
const BLOB_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// Entries looked at in one workspace.
const ENTRIES_LIMIT: usize = 200_000;

/// Folders in folders.
const DEPTH_LIMIT: usize = 128;

/// A workspace could not be filled or looked at.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A file or folder could not be read or written.
    #[error("workspace: `{path}`: {source}")]
    Io {
        /// Relative to the workspace.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// More than anybody means to have there.
    #[error("workspace: `{path}` goes beyond {ENTRIES_LIMIT} entries or {DEPTH_LIMIT} folders in folders")]
    TooLarge {
        /// Where counting stopped.
        path: String,
    },
}

/// Path to what is there. Paths are `/`-separated; what is not UTF-8 in them is replaced.
pub type Snapshot = BTreeMap<String, FileState>;

/// Copies `from` (beside the scenario) and writes `files`.
///
/// # Errors
/// When something can't be read or written.
pub fn populate(workspace: &Dir, wanted: &Workspace, beside: &Path) -> Result<(), WorkspaceError> {
    if let Some(from) = &wanted.from {
        let failed = |source| WorkspaceError::Io { path: from.clone(), source };
        let source = Dir::open_ambient_dir(beside, ambient_authority())
            .and_then(|dir| dir.open_dir(from))
            .map_err(failed)?;
        copy(&source, workspace, "", 0)?;
    }
    for (path, text) in &wanted.files {
        let failed = |source| WorkspaceError::Io { path: path.clone(), source };
        if let Some((folder, _)) = path.rsplit_once('/') {
            workspace.create_dir_all(folder).map_err(failed)?;
        }
        workspace.write(path, text).map_err(failed)?;
    }
    Ok(())
}

/// Copies files and folders; links are copied as links, the rest is left out.
fn copy(from: &Dir, to: &Dir, below: &str, depth: usize) -> Result<(), WorkspaceError> {
    for (name, path, kind) in entries(from, below, depth)? {
        let failed = |source| WorkspaceError::Io { path: path.clone(), source };
        if kind.is_dir() {
            to.create_dir_all(&name).map_err(failed)?;
            copy(
                &from.open_dir(&name).map_err(failed)?,
                &to.open_dir(&name).map_err(failed)?,
                &path,
                depth + 1,
            )?;
        } else if kind.is_symlink() {
            to.symlink_contents(from.read_link_contents(&name).map_err(failed)?, &name).map_err(failed)?;
        } else if kind.is_file() {
            let mut source = from.open(&name).map_err(failed)?;
            let mode = source.metadata().map_err(failed)?.mode();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode & 0o777);
            let mut target = to.open_with(&name, &options).map_err(failed)?;
            std::io::copy(&mut source, &mut target).and_then(|_| target.flush()).map_err(failed)?;
        }
    }
    Ok(())
}

/// What is in a workspace now. `keep` gets the bytes of every file that is not too large, with their digest.
///
/// # Errors
/// When something can't be read, or there is too much of it.
pub fn snapshot(
    workspace: &Dir,
    keep: &mut dyn FnMut(&Digest, &[u8]) -> std::io::Result<()>,
) -> Result<Snapshot, WorkspaceError> {
    let mut seen = Snapshot::new();
    look(workspace, "", 0, keep, &mut seen)?;
    Ok(seen)
}

fn look(
    folder: &Dir,
    below: &str,
    depth: usize,
    keep: &mut dyn FnMut(&Digest, &[u8]) -> std::io::Result<()>,
    seen: &mut Snapshot,
) -> Result<(), WorkspaceError> {
    for (name, path, kind) in entries(folder, below, depth)? {
        if seen.len() >= ENTRIES_LIMIT {
            return Err(WorkspaceError::TooLarge { path });
        }
        let failed = |source| WorkspaceError::Io { path: path.clone(), source };
        if kind.is_dir() {
            look(&folder.open_dir(&name).map_err(failed)?, &path, depth + 1, keep, seen)?;
            continue;
        }
        let state = if kind.is_symlink() {
            let target = folder.read_link_contents(&name).map_err(failed)?.to_string_lossy().into_owned();
            FileState {
                kind: FileKind::Link,
                bytes: target.len() as u64,
                sha256: Some(Digest::of(&target)),
                text: Some(target),
                executable: false,
            }
        } else if kind.is_file() {
            file_state(folder, &name, keep).map_err(failed)?
        } else {
            FileState { kind: FileKind::Other, ..FileState::default() }
        };
        seen.insert(path, state);
    }
    Ok(())
}

fn file_state(
    folder: &Dir,
    name: &std::ffi::OsStr,
    keep: &mut dyn FnMut(&Digest, &[u8]) -> std::io::Result<()>,
) -> std::io::Result<FileState> {
    let file = folder.open(name)?;
    let metadata = file.metadata()?;
    let mut state =
        FileState { executable: metadata.mode() & 0o100 != 0, bytes: metadata.len(), ..FileState::default() };
    if metadata.len() > BLOB_LIMIT_BYTES {
        state.sha256 = Some(Digest::of_reader(file)?);
        return Ok(state);
    }
    // One byte more than allowed tells a file that is growing meanwhile.
    let mut bytes = Vec::new();
    file.take(BLOB_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    let digest = Digest::of(&bytes);
    keep(&digest, &bytes)?;
    state.bytes = bytes.len() as u64;
    state.sha256 = Some(digest);
    if bytes.len() <= TEXT_INLINE_LIMIT_BYTES {
        state.text = String::from_utf8(bytes).ok();
    }
    Ok(state)
}

type Entry = (std::ffi::OsString, String, cap_std::fs::FileType);

/// The entries of a folder by name, without git's own.
fn entries(folder: &Dir, below: &str, depth: usize) -> Result<Vec<Entry>, WorkspaceError> {
    if depth > DEPTH_LIMIT {
        return Err(WorkspaceError::TooLarge { path: below.to_owned() });
    }
    let failed = |source| WorkspaceError::Io { path: below.to_owned(), source };
    let mut entries = Vec::new();
    for entry in folder.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name == ".git" {
            continue;
        }
        let shown = name.to_string_lossy();
        let path = if below.is_empty() { shown.into_owned() } else { format!("{below}/{shown}") };
        entries.push((name, path, entry.file_type().map_err(failed)?));
    }
    entries.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(entries)
}

/// Every path of both snapshots, and what became of it.
pub fn compare(before: &Snapshot, after: &Snapshot) -> BTreeMap<String, FileChange> {
    before
        .keys()
        .chain(after.keys())
        .map(|path| {
            let (before, after) = (before.get(path), after.get(path));
            let change = match (before, after) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (Some(before), Some(after)) if before == after => Change::Unchanged,
                _ => Change::Modified,
            };
            (path.clone(), FileChange { change, before: before.cloned(), after: after.cloned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Dir {
        Dir::open_ambient_dir(path, ambient_authority()).unwrap()
    }

    fn look_at(dir: &Dir) -> Snapshot {
        snapshot(dir, &mut |_, _| Ok(())).unwrap()
    }

    #[test]
    fn what_was_asked_for_is_there_and_changes_are_seen() {
        let beside = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(beside.path().join("base/sub")).unwrap();
        std::fs::write(beside.path().join("base/sub/a"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", beside.path().join("base/link")).unwrap();
        let root = tempfile::tempdir().unwrap();
        let dir = open(root.path());
        let wanted = Workspace {
            git: false,
            files: BTreeMap::from([("deep/b.txt".into(), "b".into()), ("gone".into(), String::new())]),
            from: Some("base".into()),
        };
        populate(&dir, &wanted, beside.path()).unwrap();
        let before = look_at(&dir);
        assert_eq!(before.keys().collect::<Vec<_>>(), ["deep/b.txt", "gone", "link", "sub/a"]);
        assert_eq!(before["link"].kind, FileKind::Link);
        assert_eq!(before["link"].text.as_deref(), Some("/etc/passwd"));

        dir.write("deep/b.txt", "changed").unwrap();
        dir.write("new", [0xff, 0xfe]).unwrap();
        dir.remove_file("gone").unwrap();
        dir.create_dir(".git").unwrap();
        dir.write(".git/config", "not ours").unwrap();
        let changes = compare(&before, &look_at(&dir));
        let of = |path: &str| changes[path].change;
        assert_eq!(
            (of("deep/b.txt"), of("new"), of("gone"), of("link"), changes.len()),
            (Change::Modified, Change::Added, Change::Removed, Change::Unchanged, 5)
        );
        assert_eq!(changes["new"].after.as_ref().unwrap().text, None);
        assert_eq!(changes["deep/b.txt"].after.as_ref().unwrap().text.as_deref(), Some("changed"));
    }

    #[test]
    fn a_folder_that_leads_out_is_not_followed() {
        let beside = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        let wanted = Workspace { from: Some("../..".into()), ..Workspace::default() };
        assert!(populate(&open(root.path()), &wanted, beside.path()).is_err());
        std::os::unix::fs::symlink("/tmp", root.path().join("out")).unwrap();
        let wanted =
            Workspace { files: BTreeMap::from([("out/x".into(), "x".into())]), ..Workspace::default() };
        assert!(populate(&open(root.path()), &wanted, beside.path()).is_err());
    }
}
