//! `blobs.json`: which bytes a name stands for, and of which parts those above 64 KiB are made.

use std::collections::BTreeMap;
use std::path::Path;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use super::manifest::{INDEX_LIMIT_BYTES, Manifest, bounded};
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
    /// Digests whose bytes are several files in a row.
    pub(super) parts: BTreeMap<Digest, Vec<Digest>>,
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
        for digest in blobs.names.values().flat_map(|digest| blobs.files(digest)) {
            if !manifest.files.contains_key(&file_name(*digest)) {
                return Err(ReadError::Missing { path: path.join(file_name(*digest)) });
            }
        }
        Ok(blobs)
    }

    /// The files whose bytes in a row are those of a digest.
    fn files<'a>(&'a self, digest: &'a Digest) -> &'a [Digest] {
        self.parts.get(digest).map_or(std::slice::from_ref(digest), Vec::as_slice)
    }

    /// The bytes of a digest, checked.
    pub(super) fn bytes(
        &self,
        digest: &Digest,
        folder: &Dir,
        manifest: &Manifest,
        path: &Path,
    ) -> Result<Vec<u8>, ReadError> {
        let files = self.files(digest);
        let sizes = files.iter().filter_map(|file| manifest.files.get(&file_name(*file)));
        let size = sizes.fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        let at = path.join(file_name(*digest));
        if size > BLOB_LIMIT_BYTES {
            return Err(ReadError::TooLarge { path: at, bytes: size, limit_bytes: BLOB_LIMIT_BYTES });
        }
        let mut whole = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        for file in files {
            let name = file_name(*file);
            let limit_bytes = manifest.files.get(&name).map_or(0, |entry| entry.bytes);
            whole.extend(bounded(folder, &name, path, limit_bytes)?);
        }
        if Digest::of(&whole) != *digest {
            let reason = "its bytes do not have the digest they were recorded with".to_owned();
            let damaged = files.iter().map(|file| path.join(file_name(*file))).next().unwrap_or(at);
            return Err(ReadError::Changed { path: damaged, reason });
        }
        Ok(whole)
    }
}
