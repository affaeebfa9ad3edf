//! The agent's working directory: filled before the first turn. What is in it is told by `snapshot`. All of it goes
//! through a directory handle, so that no path and no link leads elsewhere. Git's own folder is not part of it.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, MetadataExt as _, OpenOptions, OpenOptionsExt as _};

use crate::scenario::{FileText, Workspace, files_after};

/// Entries looked at in one workspace.
pub(super) const ENTRIES_LIMIT: usize = 200_000;

/// What is written at once of a text that is repeated.
const BLOCK_BYTES: usize = 64 * 1024;

/// Folders in folders.
pub(super) const DEPTH_LIMIT: usize = 128;

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

/// Writes the files of the last commit, copies `from` (beside the scenario) over them, and writes `files`.
///
/// # Errors
/// When something can't be read or written.
pub fn populate(workspace: &Dir, wanted: &Workspace, beside: &Path) -> Result<(), WorkspaceError> {
    for (path, text) in files_after(&wanted.commits) {
        write(workspace, path, text)?;
    }
    if let Some(from) = &wanted.from {
        let failed = |source| WorkspaceError::Io { path: from.clone(), source };
        let source = Dir::open_ambient_dir(beside, ambient_authority())
            .and_then(|dir| dir.open_dir(from))
            .map_err(failed)?;
        copy(&source, workspace, "", 0)?;
    }
    wanted.files.iter().try_for_each(|(path, text)| write(workspace, path, text))
}

/// Makes the folders of the worktrees, with what each has of the workspace's commits and its own files.
///
/// # Errors
/// As [`populate`]; and when something is there already.
pub fn populate_worktrees(workspace: &Dir, wanted: &Workspace, beside: &Path) -> Result<(), WorkspaceError> {
    for worktree in &wanted.worktrees {
        let failed = |source| WorkspaceError::Io { path: worktree.path.clone(), source };
        if let Some((folder, _)) = worktree.path.rsplit_once('/') {
            workspace.create_dir_all(folder).map_err(failed)?;
        }
        workspace.create_dir(&worktree.path).map_err(failed)?;
        let folder = workspace.open_dir(&worktree.path).map_err(failed)?;
        match worktree.commits {
            None => populate(&folder, wanted, beside)?,
            Some(commits) => {
                for (path, text) in files_after(&wanted.commits[..commits]) {
                    write(&folder, path, text)?;
                }
            }
        }
        worktree.files.iter().try_for_each(|(path, text)| write(&folder, path, text))?;
    }
    Ok(())
}

fn write(workspace: &Dir, path: &str, FileText { text, times }: &FileText) -> Result<(), WorkspaceError> {
    let failed = |source| WorkspaceError::Io { path: path.to_owned(), source };
    if let Some((folder, _)) = path.rsplit_once('/') {
        workspace.create_dir_all(folder).map_err(failed)?;
    }
    let mut file = workspace.create(path).map_err(failed)?;
    // Short texts are put together: a file of a million lines is not a million writes.
    let together = (BLOCK_BYTES / text.len().max(1)).clamp(1, *times as usize);
    let block = text.repeat(together);
    let (blocks, rest) = (*times as usize / together, *times as usize % together);
    for _ in 0..blocks {
        file.write_all(block.as_bytes()).map_err(failed)?;
    }
    file.write_all(&block.as_bytes()[..rest * text.len()]).map_err(failed)
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
            // A commit's file may be there.
            match to.remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            let mut target = to.open_with(&name, &options).map_err(failed)?;
            std::io::copy(&mut source, &mut target).and_then(|_| target.flush()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Name, path below the workspace, and kind.
pub(super) type Entry = (OsString, String, FileType);

/// The entries of a folder by name, without git's own.
pub(super) fn entries(folder: &Dir, below: &str, depth: usize) -> Result<Vec<Entry>, WorkspaceError> {
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
        let shown = shown_name(&name);
        let path = if below.is_empty() { shown } else { format!("{below}/{shown}") };
        entries.push((name, path, entry.file_type().map_err(failed)?));
    }
    entries.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(entries)
}

/// A name as text: what is not UTF-8 in it is escaped, so that different names stay different.
pub(super) fn shown_name(name: &OsStr) -> String {
    let chunks = name.as_bytes().utf8_chunks();
    chunks.fold(String::new(), |mut shown, chunk| {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::{AUTHOR, Commit, DATE, Worktree};

    fn open(path: &Path) -> Dir {
        Dir::open_ambient_dir(path, ambient_authority()).unwrap()
    }

    #[test]
    fn what_was_asked_for_is_there() {
        let beside = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(beside.path().join("base/sub")).unwrap();
        std::fs::write(beside.path().join("base/sub/a"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", beside.path().join("base/link")).unwrap();
        let root = tempfile::tempdir().unwrap();
        let wanted = Workspace {
            files: BTreeMap::from([("deep/b.txt".into(), "b".into())]),
            from: Some("base".into()),
            ..Workspace::default()
        };
        populate(&open(root.path()), &wanted, beside.path()).unwrap();
        let read = |path: &str| std::fs::read_to_string(root.path().join(path)).unwrap();
        assert_eq!((read("deep/b.txt"), read("sub/a")), ("b".into(), "a".into()));
        assert_eq!(std::fs::read_link(root.path().join("link")).unwrap(), Path::new("/etc/passwd"));
    }

    #[test]
    fn a_text_is_repeated_to_the_letter() {
        let root = tempfile::tempdir().unwrap();
        for (text, times) in [("ab\n", 1), ("ab\n", 100_001), (&*"x".repeat(70_000), 3)] {
            let content = FileText { text: text.to_owned(), times };
            write(&open(root.path()), "sub/file", &content).unwrap();
            let written = std::fs::read_to_string(root.path().join("sub/file")).unwrap();
            assert!(written == text.repeat(times as usize), "{times}");
            assert_eq!(written.len() as u64, content.bytes());
        }
    }

    #[test]
    fn what_is_copied_and_written_lies_over_the_commits() {
        let beside = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(beside.path().join("base")).unwrap();
        std::fs::write(beside.path().join("base/b"), "copied").unwrap();
        let files =
            |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "committed".into())).collect();
        let commit = |added: &[&str], removed: &[&str]| Commit {
            message: "m".into(),
            author: AUTHOR.into(),
            date: DATE.into(),
            files: files(added),
            removed: removed.iter().map(|name| (*name).to_owned()).collect(),
        };
        let wanted = Workspace {
            git: true,
            commits: vec![commit(&["a", "b", "c", "d"], &[]), commit(&[], &["d"])],
            worktrees: vec![
                Worktree { path: "t/all".into(), branch: "x".into(), commits: None, files: files(&["e"]) },
                Worktree { path: "t/one".into(), branch: "y".into(), commits: Some(1), files: files(&[]) },
            ],
            files: BTreeMap::from([("c".into(), "written".into())]),
            from: Some("base".into()),
        };
        let root = tempfile::tempdir().unwrap();
        populate(&open(root.path()), &wanted, beside.path()).unwrap();
        populate_worktrees(&open(root.path()), &wanted, beside.path()).unwrap();
        let read = |path: &str| std::fs::read_to_string(root.path().join(path)).unwrap_or_default();
        let all = |below: &str| ["a", "b", "c", "d", "e"].map(|name| read(&format!("{below}{name}")));
        assert_eq!(all(""), ["committed", "copied", "written", "", ""]);
        assert_eq!(all("t/all/"), ["committed", "copied", "written", "", "committed"]);
        assert_eq!(all("t/one/"), ["committed", "committed", "committed", "committed", ""]);
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        assert_eq!(shown_name(OsStr::from_bytes(b"a\xffb\xfe")), "a\\xffb\\xfe");
        assert_eq!(shown_name(OsStr::new("é b")), "é b");
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
