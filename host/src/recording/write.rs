//! Writes one recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::json;

use super::hold::Held;
use super::redact::Secrets;
use super::{BLOB_FOLDER, BLOBS, DOCUMENT, MODULE_FOLDER, SCENARIO, VERDICTS};
use crate::document::{Document, Raw};
use crate::value::{Digest, Verdict, canonical, excerpt, to_canonical_string};

/// A recording could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file or folder.
    #[error("recording `{path}`: {source}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A value that JSON can't hold.
    #[error("recording: {0}")]
    Json(#[from] serde_json::Error),
    /// A secret that has a meaning in the run document.
    #[error("recording: a secret is also a word or number that has a meaning in the run document")]
    Meaning(#[source] serde_json::Error),
    /// A module can't be recorded without its secret.
    #[error(
        "recording: the module `{name}` has a secret in it; a module that had a symbol in its place would be another"
    )]
    SecretInModule {
        /// The module as the scenario names it.
        name: String,
    },
}

/// An open recording.
#[derive(Debug)]
pub struct Writer {
    pub(super) path: PathBuf,
    pub(super) folder: Dir,
    pub(super) names: BTreeMap<String, Digest>,
    pub(super) written: BTreeSet<Digest>,
    pub(super) logs: BTreeSet<String>,
    pub(super) secrets: Secrets,
    pub(super) held: Held,
}

impl Writer {
    /// A new recording; its parents are made, it must not exist itself.
    ///
    /// # Errors
    /// When it exists, or can't be made.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let failed = |source| WriteError::Io { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            Dir::create_ambient_dir_all(parent, ambient_authority()).map_err(failed)?;
            Dir::open_ambient_dir(parent, ambient_authority())
                .and_then(|parent| parent.create_dir(path.file_name().unwrap_or_default()))
                .map_err(failed)?;
        }
        let folder = Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?;
        for below in [BLOB_FOLDER, "log"] {
            folder.create_dir(below).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            folder,
            names: BTreeMap::new(),
            written: BTreeSet::new(),
            logs: BTreeSet::new(),
            secrets: Secrets::default(),
            held: Held::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps bytes, without a name yet. Equal bytes are kept once; those with a secret are written by
    /// [`Writer::redact`].
    ///
    /// # Errors
    /// When they can't be written.
    pub fn keep(&mut self, digest: Digest, bytes: &[u8]) -> std::io::Result<()> {
        if self.written.contains(&digest) {
            return Ok(());
        }
        if !self.secrets.are_in(bytes) {
            self.folder.write(format!("{BLOB_FOLDER}/{}", digest.hex()), bytes)?;
        } else if !self.held.blob(digest, bytes) {
            return Ok(());
        }
        self.written.insert(digest);
        Ok(())
    }

    /// Writes bytes without secrets.
    pub(super) fn write_blob(&mut self, bytes: &[u8]) -> std::io::Result<Digest> {
        let digest = Digest::of(bytes);
        self.folder.write(format!("{BLOB_FOLDER}/{}", digest.hex()), bytes)?;
        Ok(digest)
    }

    /// Gives kept bytes a name in the document. Bytes that were not kept stay without one.
    pub fn name(&mut self, name: String, digest: Digest) {
        if self.written.contains(&digest) {
            self.names.insert(name, digest);
        }
    }

    /// Keeps bytes under a name.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn blob(&mut self, name: String, bytes: &[u8]) -> Result<(), WriteError> {
        let digest = Digest::of(bytes);
        self.keep(digest, bytes).map_err(|source| self.failed(&name, source))?;
        self.name(name, digest);
        Ok(())
    }

    /// Keeps raw output in `log/`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn log(&mut self, name: &str, bytes: &[u8]) -> Result<Raw, WriteError> {
        self.logs.insert(name.to_owned());
        if self.secrets.are_in(bytes) {
            self.held.log(name, bytes);
        } else {
            self.write_log(name, bytes)?;
        }
        Ok(Raw { sha256: Digest::of(bytes), bytes: bytes.len() as u64 })
    }

    /// Writes raw output without secrets.
    pub(super) fn write_log(&self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        self.folder.write(format!("log/{name}"), bytes).map_err(|source| self.failed(name, source))
    }

    /// Keeps the scenario's text.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn scenario(&mut self, text: &str) -> Result<(), WriteError> {
        if self.secrets.are_in(text.as_bytes()) {
            self.held.scenario(text);
            return Ok(());
        }
        self.folder.write(SCENARIO, text).map_err(|source| self.failed(SCENARIO, source))
    }

    /// Keeps a module the scenario brought, which it calls `name`.
    ///
    /// # Errors
    /// When it can't be written, or has a secret in it.
    pub fn module(&self, name: &str, digest: Digest, bytes: &[u8]) -> Result<(), WriteError> {
        if self.secrets.are_in(bytes) {
            return Err(WriteError::SecretInModule { name: excerpt(name, 100) });
        }
        let failed = |source| self.failed(MODULE_FOLDER, source);
        self.folder.create_dir_all(MODULE_FOLDER).map_err(failed)?;
        self.folder.write(format!("{MODULE_FOLDER}/{}", digest.hex()), bytes).map_err(failed)
    }

    /// Writes the names of the blobs, then the document, which completes the recording.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn document(&self, document: &Document) -> Result<(), WriteError> {
        self.folder
            .write(BLOBS, to_canonical_string(&self.names)?)
            .map_err(|source| self.failed(BLOBS, source))?;
        let text = to_canonical_string(document)?;
        let partial = format!("{DOCUMENT}.partial");
        self.folder
            .write(&partial, text)
            .and_then(|()| self.folder.rename(&partial, &self.folder, DOCUMENT))
            .map_err(|source| self.failed(DOCUMENT, source))
    }

    /// Writes what was concluded.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn verdicts(&self, verdicts: &[Verdict]) -> Result<(), WriteError> {
        let mut value = json!({ "schema": "wassert.verdicts/1", "verdicts": verdicts });
        // The document has no secrets, but a module may say what it likes.
        self.secrets.clone().redact_value(&mut value);
        let text = canonical(&value);
        self.folder.write(VERDICTS, text).map_err(|source| self.failed(VERDICTS, source))
    }

    pub(super) fn failed(&self, below: &str, source: std::io::Error) -> WriteError {
        WriteError::Io { path: self.path.join(below), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_kept_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("runs/1/a@b");
        let mut writer = Writer::create(&path).unwrap();
        writer.blob("stdout/0".into(), b"same").unwrap();
        writer.blob("stderr/0".into(), b"same").unwrap();
        writer.document(&Document::default()).unwrap();
        assert_eq!(std::fs::read_dir(path.join("blobs")).unwrap().count(), 1);
        let hex = Digest::of("same");
        assert_eq!(
            std::fs::read_to_string(path.join("blobs.json")).unwrap(),
            format!(r#"{{"stderr/0":"{hex}","stdout/0":"{hex}"}}"#)
        );
        assert!(Writer::create(&path).is_err(), "a recording is written once");
    }
}
