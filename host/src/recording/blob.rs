//! Reads one blob of a recording by the name it has in the document. Bytes must have the digest they are named by.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::{BLOB_FOLDER, BLOBS};
use crate::value::Digest;

/// A blob larger than this is not read here; judging has a limit of its own.
const BLOB_LIMIT_BYTES: u64 = 64 << 20;

/// A map of names larger than this is not read.
const NAMES_LIMIT_BYTES: u64 = 64 << 20;

/// A blob that can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The recording is one JSON file.
    #[error("a bare run document has no blobs")]
    Bare,
    /// The recording has no bytes of that name.
    #[error("the recording has no blob `{0}`")]
    Missing(String),
    /// It can't be read.
    #[error("the blob `{name}` can't be read: {source}")]
    Io {
        /// Its name.
        name: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Its bytes are not those that were recorded.
    #[error("the blob `{0}` does not have the bytes it was recorded with")]
    Damaged(String),
}

/// The bytes of a blob: `requests/0/body`, `files/notes.txt/after`.
///
/// # Errors
/// Why there are none.
pub fn read_blob(recording: &Path, name: &str) -> Result<Vec<u8>, BlobError> {
    let failed = |source| BlobError::Io { name: name.to_owned(), source };
    if !recording.is_dir() {
        return Err(BlobError::Bare);
    }
    let folder = Dir::open_ambient_dir(recording, ambient_authority()).map_err(failed)?;
    let names: BTreeMap<String, Digest> =
        serde_json::from_slice(&bounded(&folder, BLOBS, NAMES_LIMIT_BYTES).map_err(failed)?)
            .map_err(|error| failed(error.into()))?;
    let digest = names.get(name).ok_or_else(|| BlobError::Missing(name.to_owned()))?;
    let path = format!("{BLOB_FOLDER}/{}", digest.hex());
    let bytes = bounded(&folder, &path, BLOB_LIMIT_BYTES).map_err(failed)?;
    if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(BlobError::Damaged(name.to_owned())) }
}

fn bounded(folder: &Dir, path: &str, limit_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    folder.open(path)?.take(limit_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(std::io::Error::other(format!("larger than {} MiB", limit_bytes >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::recording::Writer;

    #[test]
    fn a_blob_is_read_by_its_name_and_damage_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("runs/1/a@b");
        let mut writer = Writer::create(&path).unwrap();
        writer.blob("files/a b/after".into(), b"bytes").unwrap();
        writer.document(&Document::default()).unwrap();
        assert_eq!(read_blob(&path, "files/a b/after").unwrap(), b"bytes");
        assert!(matches!(read_blob(&path, "files/a b/before"), Err(BlobError::Missing(_))));
        std::fs::write(path.join("blobs").join(Digest::of("bytes").hex()), "other").unwrap();
        assert!(matches!(read_blob(&path, "files/a b/after"), Err(BlobError::Damaged(_))));
        assert!(matches!(read_blob(&path.join("run.json"), "x"), Err(BlobError::Bare)));
    }
}
