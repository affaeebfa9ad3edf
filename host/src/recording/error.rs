//! What can be wrong with a recording, each with its place.

use std::path::PathBuf;

use super::{DOCUMENT, MANIFEST};
use crate::document::SCHEMA;

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
    /// A folder whose writing was never finished.
    #[error("`{path}` is no complete recording: it has no `{MANIFEST}`")]
    Incomplete {
        /// The folder.
        path: PathBuf,
    },
    /// Not JSON, or not what it should be.
    #[error("`{path}` is no {what}: {reason}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// What it should be: `run document`, `manifest`, …
        what: &'static str,
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
    /// A file that the manifest lists is not there.
    #[error("`{path}` is missing, though the recording was complete once")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A blob or module that the manifest does not list.
    #[error("`{path}` does not belong to the recording")]
    Surplus {
        /// The file.
        path: PathBuf,
    },
    /// Other bytes than were recorded.
    #[error("`{path}` was changed since it was recorded: {reason}")]
    Changed {
        /// The file.
        path: PathBuf,
        /// What is different.
        reason: String,
    },
    /// Larger than this program reads.
    #[error("`{path}` has {bytes} bytes, more than the {limit_bytes} that are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most.
        limit_bytes: u64,
    },
    /// A name in the manifest or the index of blobs that no recording has.
    #[error("`{path}` names `{name}`, which is no file of a recording")]
    Name {
        /// The file that names it.
        path: PathBuf,
        /// The name, shortened and safe to print.
        name: String,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Version { .. } => "use the version of wassert that wrote it, or a newer one".to_owned(),
            Self::Incomplete { .. } => {
                format!(
                    "name a folder `<scenario>@<agent>` below `.wassert/runs/<run>/`, or a `{DOCUMENT}` alone"
                )
            }
            Self::Changed { .. } | Self::Missing { .. } | Self::Surplus { .. } => {
                format!(
                    "record it again; to judge a document you changed, name its `{DOCUMENT}` instead of the folder"
                )
            }
            Self::Io { .. } | Self::Shape { .. } | Self::TooLarge { .. } | Self::Name { .. } => return None,
        })
    }
}
