//! `blobs.json`: which bytes a name stands for, and of which stretches those that share some are made.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use super::manifest::{INDEX_LIMIT_BYTES, Manifest, bounded};
use super::pieces::Piece;
use super::{BLOB_FOLDER, BLOBS, ReadError};
use crate::value::{Digest, excerpt};

/// What the index says it is.
const SCHEMA: &str = "wassert.blobs/1";

/// The largest blob that is read into memory.
const BLOB_LIMIT_BYTES: u64 = 512 << 20;

/// Name to digest, and digest to parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Blobs {
    schema: String,
    /// Name to the digest of its bytes.
    pub(super) names: BTreeMap<String, Digest>,
    /// Digests whose bytes are stretches of other files in a row.
    pub(super) parts: BTreeMap<Digest, Vec<Piece>>,
}

impl Default for Blobs {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), names: BTreeMap::new(), parts: BTreeMap::new() }
    }
}

/// The file of a digest.
pub(super) fn file_name(digest: Digest) -> String {
    format!("{BLOB_FOLDER}/{}", digest.hex())
}

impl Blobs {
    /// Reads the index; every digest in it must be a file of the manifest.
    pub(super) fn read(folder: &Dir, manifest: &Manifest, path: &Path) -> Result<Self, ReadError> {
        let bytes = bounded(folder, BLOBS, path, INDEX_LIMIT_BYTES)?;
        manifest.check(BLOBS, &bytes, path)?;
        let at = path.join(BLOBS);
        let shape = |reason: String| ReadError::Shape { path: at.clone(), what: "index of blobs", reason };
        let blobs: Self = serde_json::from_slice(&bytes).map_err(|error| shape(error.to_string()))?;
        if blobs.schema != SCHEMA {
            let found = excerpt(&blobs.schema, 40);
            return Err(shape(format!("its schema is `{found}`, this program reads `{SCHEMA}`")));
        }
        for piece in blobs.names.values().flat_map(|digest| blobs.pieces(digest, manifest)) {
            let name = file_name(piece.file);
            let Some(entry) = manifest.files.get(&name) else {
                return Err(ReadError::Missing { path: path.join(name) });
            };
            if piece.start > piece.end || piece.end > entry.bytes {
                return Err(shape(format!("it names bytes that `{name}` does not have")));
            }
        }
        Ok(blobs)
    }

    /// The stretches whose bytes in a row are those of a digest.
    fn pieces(&self, digest: &Digest, manifest: &Manifest) -> Vec<Piece> {
        self.parts.get(digest).cloned().unwrap_or_else(|| {
            let end = manifest.files.get(&file_name(*digest)).map_or(0, |entry| entry.bytes);
            vec![Piece { file: *digest, start: 0, end }]
        })
    }

    /// The bytes of a digest, checked.
    pub(super) fn bytes(
        &self,
        digest: &Digest,
        folder: &Dir,
        manifest: &Manifest,
        path: &Path,
    ) -> Result<Vec<u8>, ReadError> {
        let pieces = self.pieces(digest, manifest);
        let bytes = pieces.iter().fold(0, |sum: u64, piece| sum.saturating_add(piece.end - piece.start));
        let at = |file: Digest| path.join(file_name(file));
        if bytes > BLOB_LIMIT_BYTES {
            return Err(ReadError::TooLarge { path: at(*digest), bytes, limit_bytes: BLOB_LIMIT_BYTES });
        }
        let mut whole = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        for piece in &pieces {
            let mut read = || {
                let mut file = folder.open(file_name(piece.file))?;
                file.seek(SeekFrom::Start(piece.start))?;
                file.take(piece.end - piece.start).read_to_end(&mut whole)
            };
            read().map_err(|source| ReadError::Io { path: at(piece.file), source })?;
        }
        if Digest::of(&whole) != *digest {
            let reason = "its bytes do not have the digest they were recorded with".to_owned();
            let damaged = pieces.first().map_or(*digest, |piece| piece.file);
            return Err(ReadError::Changed { path: at(damaged), reason });
        }
        Ok(whole)
    }
}
