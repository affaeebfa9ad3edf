//! Reads a recording: a folder, or a bare run document in one JSON file.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::{DOCUMENT, SCENARIO};
use crate::document::{Document, SCHEMA};

/// A run document larger than this is not read: no agent's run comes near it.
const DOCUMENT_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// A recording that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or folder.
    #[error("`{path}` can't be read: {source}")]
    Io {
        /// As the user named it, or below that.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder without a run document.
    #[error("`{path}` is no complete recording: it has no `{DOCUMENT}`")]
    Incomplete {
        /// The folder.
        path: PathBuf,
    },
    /// Not JSON, or not a run document.
    #[error("`{path}` is no run document: {reason}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another major version.
    #[error("`{path}` has schema `{schema}`, this program reads `{SCHEMA}`")]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        schema: String,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Version { .. } => {
                Some("use the version of wassert that wrote it, or a newer one".to_owned())
            }
            Self::Incomplete { .. } => {
                Some("name a folder `<scenario>@<agent>` below `.wassert/runs/<run>/`".to_owned())
            }
            Self::Io { .. } | Self::Shape { .. } => None,
        }
    }
}

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
/// When it is incomplete, not a run document, or of another major version.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let (parent, name) = (path.parent().filter(|parent| !parent.as_os_str().is_empty()), path.file_name());
    if let Ok(folder) = Dir::open_ambient_dir(path, ambient_authority()) {
        if !folder.exists(DOCUMENT) {
            return Err(ReadError::Incomplete { path: path.to_owned() });
        }
        let document = parse(&path.join(DOCUMENT), &bounded(&folder, DOCUMENT.as_ref()).map_err(io)?)?;
        let scenario =
            bounded(&folder, SCENARIO.as_ref()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return Ok(Recording { path: path.to_owned(), document, scenario });
    }
    let folder = Dir::open_ambient_dir(parent.unwrap_or(Path::new(".")), ambient_authority()).map_err(io)?;
    let bytes = bounded(&folder, Path::new(name.unwrap_or_default())).map_err(io)?;
    Ok(Recording { path: path.to_owned(), document: parse(path, &bytes)?, scenario: None })
}

fn bounded(folder: &Dir, name: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    folder.open(name)?.take(DOCUMENT_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DOCUMENT_LIMIT_BYTES {
        return Err(std::io::Error::other(format!("larger than {} MiB", DOCUMENT_LIMIT_BYTES >> 20)));
    }
    Ok(bytes)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Document, ReadError> {
    let shape = |reason: String| ReadError::Shape { path: path.to_owned(), reason };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| shape(error.to_string()))?;
    match value.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => serde_json::from_value(value).map_err(|error| shape(error.to_string())),
        Some(schema) if schema.starts_with("wassert.run/") => {
            Err(ReadError::Version { path: path.to_owned(), schema: crate::value::excerpt(schema, 40) })
        }
        _ => Err(shape(format!("it has no member `schema` that says `{SCHEMA}`"))),
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
