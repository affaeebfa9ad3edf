//! What was laid for stand-ins, compared with what is there after the run: only what they write down themselves is
//! theirs, and anything else there would be found first on PATH.

use std::collections::BTreeMap;

use cap_std::fs::{FileType, MetadataExt as _};

use super::FOLDER;
use crate::agent::plain_file;
use crate::agent::root::Root;
use crate::document::{Change, FileKind};

/// The scripts as they were laid, by name; none where there are no stand-ins.
#[derive(Debug, Default)]
pub struct Laid {
    pub(super) scripts: BTreeMap<String, Script>,
}

/// One script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) mode: u32,
}

/// Folders that stand-ins write in, and the file that tells them the turn.
const WRITTEN: [&str; 2] = ["calls", "state"];
const TURN: &str = "turn";

impl Laid {
    /// What became of `path`, which begins with `..`: none where it has nothing to do with stand-ins, and no change where
    /// it is as it has to be.
    pub(in crate::agent) fn became(&self, root: &Root, path: &str, kind: Option<FileType>) -> Option<Change> {
        let within = path.strip_prefix("../")?.strip_prefix(FOLDER)?.strip_prefix('/')?;
        if self.scripts.is_empty() {
            return None;
        }
        let is_right = match within.split_once('/') {
            None if WRITTEN.contains(&within) => kind.is_some_and(|kind| kind.is_dir()),
            None if within == TURN => kind.is_some_and(|kind| kind.is_file()),
            Some(("bin", name)) => self.scripts.get(name)?.is_at(root, name),
            _ => return None,
        };
        Some(if is_right { Change::Unchanged } else { Change::Modified })
    }

    /// What is gone, as paths that begin with `..`.
    pub(in crate::agent) fn gone(&self, root: &Root) -> Vec<(String, FileKind)> {
        let scripts = self.scripts.keys().map(|name| (format!("bin/{name}"), FileKind::File));
        let folders = WRITTEN.into_iter().map(|name| (name.to_owned(), FileKind::Folder));
        scripts
            .chain(folders.filter(|_| !self.scripts.is_empty()))
            .filter(|(path, _)| root.whole.symlink_metadata(format!("{FOLDER}/{path}")).is_err())
            .map(|(path, kind)| (format!("../{FOLDER}/{path}"), kind))
            .collect()
    }
}

impl Script {
    fn is_at(&self, root: &Root, name: &str) -> bool {
        let path = format!("{FOLDER}/bin/{name}");
        let text = plain_file::read(&root.whole, path.as_ref(), self.text.len() as u64 + 1);
        let metadata = root.whole.symlink_metadata(&path);
        text.is_ok_and(|text| text == self.text.as_bytes())
            && metadata.is_ok_and(|metadata| metadata.mode() == self.mode)
    }
}
