//! What has a secret in it is held in memory until the run document says which symbol stands for which secret; only then
//! is it written. What has none is written at once.

use std::collections::{BTreeMap, BTreeSet};

use super::redact::{Passing, Secrets};
use super::write::{WriteError, Writer, is_stream};
use super::{BLOB_FOLDER, LOG_FOLDER, SCENARIO};
use crate::document::{Document, FileKind, FileState, Raw, Request};
use crate::value::Digest;

/// Bytes held at most. A blob beyond it is left out of the recording.
const HELD_LIMIT_BYTES: usize = 256 * 1024 * 1024;

/// Bytes with secrets in them.
#[derive(Debug, Default)]
pub(super) struct Held {
    blobs: BTreeMap<Digest, Vec<u8>>,
    logs: BTreeMap<String, Vec<u8>>,
    scenario: Option<String>,
    left_out: BTreeSet<Digest>,
    passed: Passing,
    blob_bytes: usize,
}

impl Held {
    /// Holds a blob; returns whether there was room.
    pub(super) fn blob(&mut self, digest: Digest, bytes: &[u8]) -> bool {
        if self.blob_bytes + bytes.len() > HELD_LIMIT_BYTES {
            self.left_out.insert(digest);
            return false;
        }
        self.blob_bytes += bytes.len();
        self.blobs.insert(digest, bytes.to_vec());
        true
    }

    /// Whether a blob is held.
    pub(super) fn holds(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest)
    }

    /// Holds raw output; there are two a turn, and their size is bounded.
    pub(super) fn log(&mut self, name: &str, bytes: &[u8]) {
        self.logs.insert(name.to_owned(), bytes.to_vec());
    }

    /// Holds the scenario.
    pub(super) fn scenario(&mut self, text: &str) {
        self.scenario = Some(text.to_owned());
    }
}

impl Writer {
    /// The secrets of the run; what is written from now on has symbols in their place.
    pub fn hide(&mut self, declared: &[String]) {
        self.secrets = Secrets::new(declared);
    }

    /// Files of the workspace that were not kept, searched as they are after the run.
    pub fn passed(&mut self, passed: Passing) {
        self.held.passed = passed;
    }

    /// The secrets of the run.
    pub fn secrets(&mut self) -> &mut Secrets {
        &mut self.secrets
    }

    /// Takes the tokens that requests authorise themselves with for secrets too. Where one stands in something written
    /// before, such as raw output, that is taken back. Called before any request's body is given.
    ///
    /// # Errors
    /// When what was written can't be read or removed.
    pub fn learn(&mut self, requests: &[Request]) -> Result<(), WriteError> {
        if !self.secrets.learn(requests) {
            return Ok(());
        }
        self.wait_for_blobs()?;
        for path in self.files.keys().cloned().collect::<Vec<_>>() {
            let Some((folder, name)) = path.split_once('/') else { continue };
            let blob = format!("sha256:{name}").parse().ok().filter(|_| folder == BLOB_FOLDER);
            if blob.is_none() && folder != LOG_FOLDER {
                continue;
            }
            let Some(bytes) = self.take_back(&path)? else { continue };
            match blob {
                Some(digest) => drop(self.held.blob(digest, &bytes)),
                None => self.held.log(name, &bytes),
            }
        }
        Ok(())
    }

    /// Removes a file that has a secret in it and returns its bytes.
    fn take_back(&mut self, path: &str) -> Result<Option<Vec<u8>>, WriteError> {
        let failed = |source| self.failed(path, source);
        let bytes = self.folder.read(path).map_err(failed)?;
        if !self.secrets.are_in_stream(&bytes) {
            return Ok(None);
        }
        self.folder.remove_file(path).map_err(failed)?;
        self.files.remove(path);
        Ok(Some(bytes))
    }

    /// Replaces the secrets of the document, then those of everything held, and writes that. Called once, when
    /// everything but the document has been given.
    ///
    /// # Errors
    /// When something can't be written, or a secret is also a word that has a meaning in the document.
    pub fn redact(&mut self, document: &mut Document) -> Result<(), WriteError> {
        let files = self.secrets.redact_document(document).map_err(WriteError::Meaning)?;
        let held = std::mem::take(&mut self.held);
        let names = std::mem::take(&mut self.blobs.names);
        let mut recorded = BTreeMap::new();
        for (name, digest) in names {
            let name = self.blob_name(&name, &files);
            let Some(bytes) = held.blobs.get(&digest) else {
                self.blobs.names.insert(name, digest);
                continue;
            };
            let redacted = self.redact_named(&name, bytes).unwrap_or_else(|| bytes.clone());
            let written = Digest::of(&redacted);
            self.write_blob(&name, written, &redacted)?;
            recorded.insert(digest, (written, redacted.len() as u64));
            self.blobs.names.insert(name, written);
        }
        for (path, seen) in held.passed.finish() {
            let name = self.blob_name(&format!("files/{path}/after"), &files);
            self.secrets.list_passed(&name, &seen);
        }
        for (name, bytes) in &held.logs {
            let path = format!("{LOG_FOLDER}/{name}");
            let redacted = self.redact_named(&path, bytes);
            let redacted = redacted.as_ref().unwrap_or(bytes);
            let sha256 = self.file(&path, redacted)?;
            document.raw.insert(name.clone(), Raw { sha256, bytes: redacted.len() as u64 });
        }
        if let Some(text) = &held.scenario {
            let redacted = self.secrets.redact_bytes(SCENARIO, text.as_bytes());
            let redacted = redacted.as_deref().unwrap_or(text.as_bytes());
            document.scenario.sha256 = Some(self.file(SCENARIO, redacted)?);
        }
        let states = document.files.values_mut().flat_map(|file| [&mut file.before, &mut file.after]);
        for state in states.flatten() {
            follow(state, &recorded, &held.left_out);
        }
        self.secrets.conclude(document);
        self.is_redacted = true;
        Ok(())
    }

    fn redact_named(&mut self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        if is_stream(name) {
            self.secrets.redact_stream(name, bytes)
        } else {
            self.secrets.redact_bytes(name, bytes)
        }
    }

    fn blob_name(&mut self, name: &str, files: &BTreeMap<String, String>) -> String {
        let file = name.strip_prefix("files/").and_then(|rest| rest.rsplit_once('/'));
        match file.and_then(|(path, when)| Some((files.get(path)?, when))) {
            Some((path, when)) => format!("files/{path}/{when}"),
            None => self.secrets.redact_text(name),
        }
    }
}

/// Digest and size of what is recorded in place of what was there.
fn follow(state: &mut FileState, recorded: &BTreeMap<Digest, (Digest, u64)>, left_out: &BTreeSet<Digest>) {
    let Some(digest) = state.sha256 else { return };
    match (state.kind, &state.text) {
        (FileKind::Link, Some(target)) => {
            state.sha256 = Some(Digest::of(target));
            state.bytes = target.len() as u64;
        }
        _ => {
            if let Some((digest, bytes)) = recorded.get(&digest) {
                state.sha256 = Some(*digest);
                state.bytes = *bytes;
            } else if left_out.contains(&digest) {
                state.sha256 = None;
            }
        }
    }
}
