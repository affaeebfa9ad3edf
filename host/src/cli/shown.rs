//! A recording as `show` needs it: typed for people, as JSON for paths, and its blobs by name.

use std::path::Path;

use anyhow::anyhow;
use serde_json::Value;

use super::given::{Given, told};
use crate::document::Document;
use crate::recording::{Opened, VERDICTS};
use crate::value::{Verdict, excerpt};

/// An open recording.
pub(super) struct Shown {
    /// The run document.
    pub(super) document: Document,
    /// The recording, for its blobs and for what lies beside the document.
    pub(super) opened: Opened,
    given: Given,
}

impl Shown {
    /// Reads a recording; the error says what to do about it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let given = Given::new(path)?;
        let opened = given.open().map_err(told)?;
        let document = opened.typed().map_err(told)?;
        Ok(Self { document, opened, given })
    }

    /// The document as the JSON that paths lead into.
    pub(super) fn json(&self) -> &Value {
        &self.opened.document
    }

    /// The bytes the document names.
    pub(super) fn blob(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        self.opened.blob(name)?.ok_or_else(|| anyhow!("the recording has no blob `{}`", excerpt(name, 200)))
    }

    /// What was concluded when the recording was made; nothing where that is not known.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        std::fs::read(self.given.path().join(VERDICTS))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .and_then(|mut value| serde_json::from_value(value["verdicts"].take()).ok())
            .unwrap_or_default()
    }
}
