//! Files of the workspace as they were and are, kept until it is known what in them is replaced: on disk, because a
//! workspace may be large, and beside the run's other folders, because a recording gets nothing raw.

use std::collections::BTreeSet;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::value::Digest;

/// Bytes by digest.
#[derive(Debug)]
pub(super) struct Stage {
    folder: Dir,
    kept: BTreeSet<Digest>,
}

impl Stage {
    /// A new folder.
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        Dir::create_ambient_dir_all(path, ambient_authority())?;
        Ok(Self { folder: Dir::open_ambient_dir(path, ambient_authority())?, kept: BTreeSet::new() })
    }

    /// Keeps bytes, equal ones once.
    pub(super) fn keep(&mut self, digest: Digest, bytes: &[u8]) -> std::io::Result<()> {
        if self.kept.insert(digest) {
            self.folder.write(digest.hex(), bytes)?;
        }
        Ok(())
    }

    /// What was kept; none when it was not.
    pub(super) fn read(&self, digest: &Digest) -> std::io::Result<Option<Vec<u8>>> {
        if self.kept.contains(digest) { self.folder.read(digest.hex()).map(Some) } else { Ok(None) }
    }
}
