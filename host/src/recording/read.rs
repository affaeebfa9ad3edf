//! Reads a recording into the typed document: for the host's own checks and for people.
//!
//! Where the document has a reference to a blob, the typed one has a sentence that says so.

use std::path::{Path, PathBuf};

use super::{ReadError, open, stored};
use crate::document::Document;

/// A recording, read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The folder, or the bare document's file.
    pub path: PathBuf,
    /// The run document.
    pub document: Document,
    /// The scenario as it was run; a bare document has none.
    pub scenario: Option<String>,
}

/// Reads a folder or a bare run document.
///
/// # Errors
/// When it is incomplete, was changed, is not a run document, or of another major version.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    open(path)?.typed()
}

impl super::Opened {
    /// The typed document.
    ///
    /// # Errors
    /// When a member has another type than this version gives it.
    pub fn typed(self) -> Result<Recording, ReadError> {
        let path = self.path().to_owned();
        let mut document = self.document;
        stored::describe_references(&mut document);
        let document = serde_json::from_value(document).map_err(|error| {
            let (path, reason) = (path.clone(), error.to_string());
            ReadError::Shape { path, what: "run document", reason }
        })?;
        Ok(Recording { path, document, scenario: self.scenario })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Recording, ReadError> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("run.json");
        std::fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn missing_sections_and_unknown_members_are_tolerated() {
        let recording =
            read_text(r#"{"schema":"wassert.run/1","turns":[{"turn":1,"exit":3,"later":true}],"new":{}}"#)
                .unwrap();
        assert_eq!(recording.document.turns[0].exit, Some(3));
        assert!(recording.document.requests.is_empty());
    }

    #[test]
    fn a_newer_version_is_refused_in_a_sentence() {
        let error = read_text(r#"{"schema":"wassert.run/2"}"#).unwrap_err();
        assert!(
            error.to_string().contains("has schema `wassert.run/2`, this program reads `wassert.run/1`"),
            "{error}"
        );
        assert!(error.help().is_some());
    }

    #[test]
    fn what_is_no_document_is_named() {
        for text in ["", "[]", "{}", r#"{"schema":"other/1"}"#, r#"{"schema":"wassert.run/1","turns":7}"#] {
            assert!(matches!(read_text(text), Err(ReadError::Shape { .. })), "{text}");
        }
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(read(empty.path()), Err(ReadError::Incomplete { .. })));
    }

    #[test]
    fn a_transcript_with_numbers_survives() {
        let text = r#"{"schema":"wassert.run/1","requests":[{"transcript":[{"kind":"call","call":"c","tool":"t","input":{"n":1.50}}],"body":{"n":9007199254740993}}]}"#;
        let document = read_text(text).unwrap().document;
        let again = crate::value::to_canonical_string(&document).unwrap();
        assert!(again.contains(r#""input":{"n":1.50}"#) && again.contains("9007199254740993"), "{again}");
    }
}
