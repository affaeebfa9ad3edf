//! Sections `files` and `git`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::Digest;

/// Text up to this size stands in the document; a file's bytes are a blob `files/<path>/before` or `…/after` unless
/// its state says `digest_only`.
pub const TEXT_INLINE_LIMIT_BYTES: usize = 64 * 1024;

/// One path of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileChange {
    /// What the run did to it.
    pub change: Change,
    /// As it was before the first turn; absent when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<FileState>,
    /// As it was after the last turn; absent when it was gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
}

/// What a run did to a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing.
    #[default]
    Unchanged,
    /// It was not there before.
    Added,
    /// Bytes, kind or permissions differ.
    Modified,
    /// It is not there any more.
    Removed,
}

/// A path at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileState {
    /// What it is.
    pub kind: FileKind,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Permissions in octal, such as `0644`; absent for links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Size of a file, or of a link's target text: with symbols, where something in it was replaced.
    pub bytes: u64,
    /// Digest of a file's bytes, or of a link's target text: of the text with symbols where something in it was
    /// replaced, so that two runs have equal digests and the blob has the digest it is named by. A file larger than is
    /// kept is not searched, and its digest is that of the bytes as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Text of a file, or a link's target, when it is UTF-8 and at most 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The file's bytes are not kept as a blob: it is larger than 16 MiB, or the files before it took up the 256 MiB
    /// that are kept of a workspace.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub digest_only: bool,
    /// Why nothing is known of what is in it: it may not be read, or all files together are beyond 8 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// What a path is. Links are never followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    #[default]
    File,
    /// A symbolic link.
    Link,
    /// A folder. Folders are told when they are empty, can't be read, or stand where something else stood.
    Folder,
    /// A socket, pipe or device.
    Other,
}

/// The workspace against the baseline commit, seen through a git directory of the host's own. What the baseline does not
/// ignore is told, whatever the agent's own `.gitignore` and `.gitattributes` say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Git {
    /// Paths that differ from the baseline, sorted by path; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<GitChange>>,
    /// The unified diff of tracked files; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Why it is not known: git refused, or did not come to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// The scenario's worktrees by their folder below the workspace, each against what lay in it before the first turn.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub worktrees: BTreeMap<String, GitWorktree>,
}

/// One worktree; paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitWorktree {
    /// Paths that differ, sorted by path; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<GitChange>>,
    /// The unified diff of files that were there; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Why it is not known: git refused, or did not come to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// One line of `git status --porcelain`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitChange {
    /// The two letters, such as `??` or ` M`.
    pub code: String,
    /// Path, relative to the workspace.
    pub path: String,
}
