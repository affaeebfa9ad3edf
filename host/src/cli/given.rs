//! A recording as a user names it: a folder, an archive, or a run document alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::recording::{Opened, ReadError, Recording, check, is_archive, open, read, unpack};
use crate::report::Problem;

/// A recording that can be opened, for as long as this lives.
#[derive(Debug)]
pub(super) struct Given {
    path: PathBuf,
    /// Where an archive was unpacked.
    _unpacked: Option<tempfile::TempDir>,
}

impl Given {
    /// Unpacks an archive; what is none is taken as it is.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        Self::new_below(path, &std::env::temp_dir())
    }

    /// The same; an archive is unpacked below this folder.
    pub(super) fn new_below(path: &Path, scratch: &Path) -> anyhow::Result<Self> {
        if !is_archive(path) {
            return Ok(Self { path: path.to_owned(), _unpacked: None });
        }
        let named = || format!("`{}`", path.display());
        let folder = tempfile::tempdir_in(scratch).context("an archive needs a temporary folder")?;
        let into = Dir::open_ambient_dir(folder.path(), ambient_authority())?;
        let mut archive = std::io::BufReader::new(std::fs::File::open(path).with_context(named)?);
        unpack(&mut archive, &into).with_context(named)?;
        Ok(Self { path: folder.path().to_owned(), _unpacked: Some(folder) })
    }

    /// Its folder or file; of an archive, where it was unpacked.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Opened, ReadError> {
        open(&self.path)
    }

    /// Reads it.
    pub(super) fn read(&self) -> Result<Recording, ReadError> {
        read(&self.path)
    }

    /// Reads it, and compares every byte of it with its digest.
    pub(super) fn read_checked(&self) -> Result<Recording, Problem> {
        let problem =
            |error: ReadError| Problem { id: "recording", message: error.to_string(), help: error.help() };
        check(&self.path).and_then(|()| self.read()).map_err(problem)
    }
}

/// Why a recording can't be used, and what to do about it.
pub(super) fn told(error: ReadError) -> anyhow::Error {
    match error.help() {
        Some(help) => anyhow!("{error}\nhelp: {help}"),
        None => anyhow!(error),
    }
}
