//! A recording as `show` needs it: typed for people, as JSON for paths, and its blobs by name.

use std::path::Path;

use anyhow::anyhow;
use serde_json::Value;

use crate::document::Document;
use crate::recording::{VERDICTS, read, read_blob};
use crate::value::Verdict;

/// An open recording.
pub(super) struct Shown {
    /// The run document.
    pub(super) document: Document,
    /// The same as the JSON that paths lead into.
    pub(super) json: Value,
    path: std::path::PathBuf,
}

impl Shown {
    /// Reads a recording; the error says what to do about it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let recording = read(path).map_err(|error| match error.help() {
            Some(help) => anyhow!("{error}\nhelp: {help}"),
            None => anyhow!(error),
        })?;
        let json = serde_json::to_value(&recording.document)?;
        Ok(Self { document: recording.document, json, path: recording.path })
    }

    /// The bytes the document names.
    pub(super) fn blob(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        Ok(read_blob(&self.path, name)?)
    }

    /// What was concluded when the recording was made; nothing where that is not known.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        std::fs::read(self.path.join(VERDICTS))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .and_then(|mut value| serde_json::from_value(value["verdicts"].take()).ok())
            .unwrap_or_default()
    }
}
