//! Writes one recording.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::json;

use super::behind::{Behind, Failed, LARGEST_BYTES};
use super::blobs::{Blobs, file_name};
use super::hold::Held;
use super::inspect::{Inspected, inspect};
use super::manifest::{Entry, Manifest};
use super::pieces::{Piece, Pieces, Stretch};
use super::redact::Secrets;
use super::{BLOB_FOLDER, BLOBS, DOCUMENT, LOG_FOLDER, MANIFEST, MODULE_FOLDER, SCENARIO, VERDICTS, stored};
use crate::document::{Document, Raw};
use crate::value::{Digest, Verdict, canonical, excerpt, to_canonical_string};

/// Requests up to this size are kept whole.
const SHARED_ABOVE_BYTES: usize = 64 * 1024;

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

/// An open recording. It is complete when its document has been written, and no recording before that.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    pub(super) folder: Dir,
    pub(super) blobs: Blobs,
    pieces: Pieces,
    behind: Behind,
    pub(super) files: BTreeMap<String, Entry>,
    pub(super) secrets: Secrets,
    pub(super) held: Held,
    /// Whether the document has no secrets any more.
    pub(super) is_redacted: bool,
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
        for below in [BLOB_FOLDER, LOG_FOLDER] {
            folder.create_dir(below).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            folder,
            blobs: Blobs::default(),
            pieces: Pieces::default(),
            behind: Behind::default(),
            files: BTreeMap::new(),
            secrets: Secrets::default(),
            held: Held::default(),
            is_redacted: false,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps bytes in one piece, without a name yet. Equal bytes are kept once; those with a secret are written by
    /// [`Writer::redact`].
    ///
    /// # Errors
    /// When they can't be written.
    pub fn keep(&mut self, digest: Digest, bytes: &[u8]) -> std::io::Result<()> {
        if self.is_kept(digest) {
            Ok(())
        } else if self.secrets.are_in(bytes) {
            self.held.blob(digest, bytes);
            Ok(())
        } else {
            self.write_whole(digest, bytes).map_err(|(_, source)| source)
        }
    }

    fn write_whole(&mut self, digest: Digest, bytes: &[u8]) -> Result<(), Failed> {
        let name = file_name(digest);
        if !self.files.contains_key(&name) {
            if bytes.len() > LARGEST_BYTES {
                self.folder.write(&name, bytes).map_err(|source| (name.clone(), source))?;
            } else {
                self.behind.write(&self.folder, &name, bytes)?;
            }
            self.files.insert(name, Entry { bytes: bytes.len() as u64, sha256: None });
        }
        Ok(())
    }

    /// Gives kept bytes a name in the document. Bytes that were not kept stay without one.
    pub fn name(&mut self, name: String, digest: Digest) {
        if self.is_kept(digest) {
            self.blobs.names.insert(name, digest);
        }
    }

    fn is_kept(&self, digest: Digest) -> bool {
        self.blobs.parts.contains_key(&digest)
            || self.files.contains_key(&file_name(digest))
            || self.held.holds(&digest)
    }

    /// Keeps bytes under a name, and returns their digest. What requests above 64 KiB have in common is kept once.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn blob(&mut self, name: String, bytes: &[u8]) -> Result<Digest, WriteError> {
        let pieces = is_shared(&name, bytes).then_some(&self.pieces);
        let Inspected { digest, stretches, has_secrets } = inspect(&self.secrets, pieces, bytes);
        let has_secrets = has_secrets || is_stream(&name) && self.secrets.are_split_in(bytes);
        if !self.is_kept(digest) {
            if has_secrets {
                self.held.blob(digest, bytes);
            } else {
                self.write_inspected(digest, bytes, stretches)?;
            }
        }
        self.name(name, digest);
        Ok(digest)
    }

    /// Keeps a text of the document under a name. Once the document has been redacted, its texts have been searched.
    fn text(&mut self, name: String, text: &str) -> Result<Digest, WriteError> {
        if !self.is_redacted {
            return self.blob(name, text.as_bytes());
        }
        let digest = Digest::of(text);
        if !self.is_kept(digest) {
            self.write_blob(&name, digest, text.as_bytes())?;
        }
        self.name(name, digest);
        Ok(digest)
    }

    /// Writes bytes without secrets, in pieces where others have some of them too.
    pub(super) fn write_blob(&mut self, name: &str, digest: Digest, bytes: &[u8]) -> Result<(), WriteError> {
        let stretches = is_shared(name, bytes).then(|| self.pieces.stretches(bytes));
        self.write_inspected(digest, bytes, stretches)
    }

    fn write_inspected(
        &mut self,
        digest: Digest,
        bytes: &[u8],
        stretches: Option<Vec<Stretch>>,
    ) -> Result<(), WriteError> {
        let written = match stretches {
            _ if self.is_kept(digest) => Ok(()),
            Some(stretches) => self.write_stretches(digest, bytes, stretches),
            None => self.write_whole(digest, bytes),
        };
        written.map_err(|(file, source)| self.failed(&file, source))
    }

    /// Waits until every blob is on disk.
    pub(super) fn wait_for_blobs(&mut self) -> Result<(), WriteError> {
        self.behind.finish().map_err(|(file, source)| self.failed(&file, source))
    }

    fn write_stretches(
        &mut self,
        digest: Digest,
        bytes: &[u8],
        stretches: Vec<Stretch>,
    ) -> Result<(), Failed> {
        if let [Stretch::New(_, keys)] = &stretches[..] {
            self.write_whole(digest, bytes)?;
            self.pieces.note(digest, keys);
            return Ok(());
        }
        let mut parts = Vec::new();
        for stretch in stretches {
            parts.push(match stretch {
                Stretch::Known(piece) => piece,
                Stretch::New(range, keys) => {
                    let new = &bytes[range];
                    let file = Digest::of(new);
                    self.write_whole(file, new)?;
                    self.pieces.note(file, &keys);
                    Piece { file, start: 0, end: new.len() as u64 }
                }
            });
        }
        self.blobs.parts.insert(digest, parts);
        Ok(())
    }

    /// Keeps raw output in `log/`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn log(&mut self, name: &str, bytes: &[u8]) -> Result<Raw, WriteError> {
        if self.secrets.are_in_stream(bytes) {
            self.held.log(name, bytes);
        } else {
            self.file(&format!("{LOG_FOLDER}/{name}"), bytes)?;
        }
        Ok(Raw { sha256: Digest::of(bytes), bytes: bytes.len() as u64 })
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
        self.file(SCENARIO, text.as_bytes()).map(drop)
    }

    /// Keeps a module the scenario brought, which it calls `uses`.
    ///
    /// # Errors
    /// When it can't be written, or has a secret in it.
    pub fn module(&mut self, uses: &str, digest: Digest, bytes: &[u8]) -> Result<(), WriteError> {
        if self.secrets.are_in(bytes) {
            return Err(WriteError::SecretInModule { name: excerpt(uses, 100) });
        }
        let name = format!("{MODULE_FOLDER}/{}", digest.hex());
        let written =
            self.folder.create_dir_all(MODULE_FOLDER).and_then(|()| self.folder.write(&name, bytes));
        written.map_err(|source| self.failed(&name, source))?;
        self.files.insert(name, Entry { bytes: bytes.len() as u64, sha256: None });
        Ok(())
    }

    /// Writes the document in its stored form and the index of blobs, then the manifest, which completes the recording.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn document(&mut self, document: &Document) -> Result<(), WriteError> {
        let mut value = serde_json::to_value(document)?;
        stored::shrink(&mut value, &mut |name, text| self.text(name, text))?;
        let text = canonical(&value);
        drop(value);
        self.file(DOCUMENT, text.as_bytes())?;
        let index = to_canonical_string(&self.blobs)?;
        self.file(BLOBS, index.as_bytes())?;
        self.wait_for_blobs()?;
        let manifest = to_canonical_string(&Manifest::new(std::mem::take(&mut self.files)))?;
        let partial = format!("{MANIFEST}.partial");
        self.folder
            .write(&partial, manifest)
            .and_then(|()| self.folder.rename(&partial, &self.folder, MANIFEST))
            .map_err(|source| self.failed(MANIFEST, source))
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
        let partial = format!("{VERDICTS}.partial");
        self.folder
            .write(&partial, text)
            .and_then(|()| self.folder.rename(&partial, &self.folder, VERDICTS))
            .map_err(|source| self.failed(VERDICTS, source))
    }

    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) -> Result<Digest, WriteError> {
        self.folder.write(name, bytes).map_err(|source| self.failed(name, source))?;
        let sha256 = Digest::of(bytes);
        self.files.insert(name.to_owned(), Entry { bytes: bytes.len() as u64, sha256: Some(sha256) });
        Ok(sha256)
    }

    pub(super) fn failed(&self, below: &str, source: std::io::Error) -> WriteError {
        WriteError::Io { path: self.path.join(below), source }
    }
}

/// Whether what bytes have in common with others is kept once.
fn is_shared(name: &str, bytes: &[u8]) -> bool {
    bytes.len() > SHARED_ABOVE_BYTES && name.starts_with("requests/")
}

/// Whether what follows one another in bytes may be one text: in output and bodies, but not in files.
pub(super) fn is_stream(name: &str) -> bool {
    ["requests/", "stdout/", "stderr/", "log/"].iter().any(|above| name.starts_with(above))
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
            format!(
                r#"{{"names":{{"stderr/0":"{hex}","stdout/0":"{hex}"}},"parts":{{}},"schema":"wassert.blobs/1"}}"#
            )
        );
        assert!(Writer::create(&path).is_err(), "a recording is written once");
    }

    fn bytes_below(path: &Path) -> u64 {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| match entry.file_type().unwrap().is_dir() {
                true => bytes_below(&entry.path()),
                false => entry.metadata().unwrap().len(),
            })
            .sum()
    }

    #[test]
    fn history_that_repeats_costs_once() {
        use crate::document::{Item, Request, Role};

        // Long enough to be a reference, and nothing in it repeats.
        let noise: String = (0..20_000).map(|block| Digest::of(format!("{block}")).hex()).collect();
        let said = |text: &str| Item::Message { role: Role::User, text: text.to_owned() };
        let requests: Vec<_> = (0..20)
            .map(|number| Request {
                lane: "main".to_owned(),
                conversation: 1,
                transcript: [said(&noise)].into_iter().chain((0..number).map(|_| said("more"))).collect(),
                ..Request::default()
            })
            .collect();
        let document =
            Document { schema: crate::document::SCHEMA.to_owned(), requests, ..Document::default() };
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a@b");
        let mut writer = Writer::create(&path).unwrap();
        for number in 0..20 {
            let body = format!("{{\"id\":{number},\"input\":[\"{noise}\"{}]}}", ",1".repeat(number));
            writer.blob(format!("requests/{number}/body"), body.as_bytes()).unwrap();
        }
        writer.document(&document).unwrap();
        let (disk, once) = (bytes_below(&path), noise.len() as u64);
        // Once in the bodies, once as a text of the transcript, and what each body changes at its ends.
        let most = 2 * once + 20 * 192 * 1024;
        assert!(disk < most, "{disk} bytes for 20 requests that replay {once} bytes");

        let opened = crate::recording::open(&path).unwrap();
        for (number, request) in opened.document["requests"].as_array().unwrap().iter().enumerate() {
            let body = opened.blob(&format!("requests/{number}/body")).unwrap().unwrap();
            assert!(body.ends_with(b"]}") && body.len() > noise.len());
            let name = request["transcript"][0]["text"]["$blob"].as_str().unwrap();
            assert_eq!(opened.blob(name).unwrap().unwrap(), noise.as_bytes());
            assert_eq!(request["transcript"].as_array().unwrap().len(), number + 1);
        }
    }

    #[test]
    fn what_was_not_finished_is_no_recording() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a@b");
        let mut writer = Writer::create(&path).unwrap();
        writer.blob("stdout/0".into(), b"out").unwrap();
        std::fs::create_dir(path.join("manifest.json.partial")).unwrap();
        assert!(writer.document(&Document::default()).is_err());
        assert!(path.join("run.json").exists());
        assert!(matches!(crate::recording::open(&path), Err(crate::recording::ReadError::Incomplete { .. })));
    }
}
