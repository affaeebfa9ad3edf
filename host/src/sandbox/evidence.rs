//! Evidence: a run document and the bytes it names, from a recording's folder or from one JSON file.
//!
//! Nothing is taken on trust: bytes must have the digest they are named by. What a module may see of it all is
//! [`Granted`], made once per set of grants and shared by every judging.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grant::Grant;
use crate::value::{Digest, canonical};

/// The largest document or blob that is read.
const FILE_LIMIT_BYTES: u64 = 512 << 20;

/// Blobs kept in memory between two judgings, together.
const KEPT_BLOBS_LIMIT_BYTES: usize = 64 << 20;

/// Sets of grants whose part of the document is kept.
const KEPT_GRANTS: usize = 16;

/// Where evidence is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    /// A recording's folder: `run.json`, `blobs.json` (name to digest), `blobs/<64 hex digits>`.
    Recording(PathBuf),
    /// One `wassert.run/1` JSON file; its blobs are the texts in it.
    Document(PathBuf),
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file can't be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than this program reads.
    #[error("{path} is larger than {} MiB", FILE_LIMIT_BYTES >> 20)]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file is not JSON of the right shape.
    #[error("{path} is not what it should be: {source}")]
    NotJson {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The document is of another schema.
    #[error(
        "{path} is not a run document of this version: its schema is {found:?}, expected \"wassert.run/1\""
    )]
    Schema {
        /// Which.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// Bytes do not have the digest they are named by.
    #[error("{path} does not have the bytes it was recorded with")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
}

/// A run document and its bytes.
pub(super) struct Evidence {
    document: Value,
    folder: Dir,
    folder_path: PathBuf,
    /// `None` for a bare document.
    names: Option<BTreeMap<String, Digest>>,
    granted: Mutex<BTreeMap<Vec<String>, Arc<Granted>>>,
    blobs: Mutex<KeptBlobs>,
}

#[derive(Default)]
struct KeptBlobs {
    by_digest: BTreeMap<Digest, Arc<[u8]>>,
    bytes: usize,
}

/// What a module may see, and what of it stands in the receipt.
pub(super) struct Granted {
    pub document: Value,
    /// Prefix to digest: of the granted part's canonical JSON, and of the names and digests of its blobs.
    pub digests: BTreeMap<String, Digest>,
    grant: Grant,
}

impl Evidence {
    pub fn load(source: &EvidenceSource) -> Result<Self, EvidenceError> {
        let (folder_path, file, is_recording) = match source {
            EvidenceSource::Recording(folder) => (folder.clone(), "run.json".into(), true),
            EvidenceSource::Document(path) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let parent = parent.unwrap_or(Path::new(".")).to_owned();
                (parent, path.file_name().unwrap_or_default().to_owned(), false)
            }
        };
        let folder = Dir::open_ambient_dir(&folder_path, ambient_authority())
            .map_err(|source| EvidenceError::Unreadable { path: folder_path.clone(), source })?;
        let path = folder_path.join(&file);
        let document: Value = parse(&path, &read(&folder, Path::new(&file), &path)?)?;
        let schema = document.get("schema").and_then(Value::as_str).unwrap_or_default();
        if schema != crate::document::SCHEMA {
            return Err(EvidenceError::Schema { path, found: schema.chars().take(80).collect() });
        }
        let names = if is_recording {
            let path = folder_path.join("blobs.json");
            Some(parse(&path, &read(&folder, Path::new("blobs.json"), &path)?)?)
        } else {
            None
        };
        Ok(Self { document, folder, folder_path, names, granted: Mutex::default(), blobs: Mutex::default() })
    }

    /// The part of the document that some path prefixes name; `schema` always is.
    pub fn granted(&self, prefixes: &[String]) -> Arc<Granted> {
        let mut prefixes = prefixes.to_vec();
        prefixes.sort();
        prefixes.dedup();
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = granted.get(&prefixes) {
            return Arc::clone(made);
        }
        let grant = Grant::new(prefixes.iter().map(String::as_str).chain(["schema"]));
        let digests = prefixes.iter().map(|prefix| (prefix.clone(), self.digest(prefix))).collect();
        let made = Arc::new(Granted { document: grant.prune(&self.document), digests, grant });
        if granted.len() == KEPT_GRANTS {
            granted.clear();
        }
        granted.insert(prefixes, Arc::clone(&made));
        made
    }

    fn digest(&self, prefix: &str) -> Digest {
        let grant = Grant::new([prefix]);
        let mut text = canonical(&grant.prune(&self.document));
        for (name, digest) in self.names.iter().flatten().filter(|(name, _)| grant.allows_blob(name)) {
            text.push('\n');
            text.push_str(&canonical(&Value::String(name.clone())));
            text.push(' ');
            text.push_str(&digest.to_string());
        }
        Digest::of(text)
    }

    /// The bytes of a name; `None` when there are none or they are not granted.
    pub fn blob(&self, granted: &Granted, name: &str) -> Result<Option<Arc<[u8]>>, EvidenceError> {
        if !granted.grant.allows_blob(name) {
            return Ok(None);
        }
        let Some(names) = &self.names else {
            return Ok(text_in_document(&self.document, name).map(Arc::from));
        };
        let Some(digest) = names.get(name) else { return Ok(None) };
        if let Some(kept) = self.blobs.lock().unwrap_or_else(PoisonError::into_inner).by_digest.get(digest) {
            return Ok(Some(Arc::clone(kept)));
        }
        let inner = Path::new("blobs").join(digest.hex());
        let path = self.folder_path.join(&inner);
        let bytes: Arc<[u8]> = read(&self.folder, &inner, &path)?.into();
        if Digest::of(&bytes) != *digest {
            return Err(EvidenceError::Damaged { path });
        }
        let mut kept = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes.len() <= KEPT_BLOBS_LIMIT_BYTES && !kept.by_digest.contains_key(digest) {
            kept.bytes += bytes.len();
            kept.by_digest.insert(*digest, Arc::clone(&bytes));
        }
        Ok(Some(bytes))
    }
}

/// A bare document has only the texts in it.
fn text_in_document(document: &Value, name: &str) -> Option<Vec<u8>> {
    let (section, rest) = name.split_once('/')?;
    let value = match section {
        "files" => {
            let (path, moment) = rest.rsplit_once('/')?;
            if !matches!(moment, "before" | "after") {
                return None;
            }
            document.get("files")?.get(path)?.get(moment)?.get("text")?
        }
        "stdout" | "stderr" => element(document.get(section)?, rest)?.get("text")?,
        "requests" => {
            let body = element(document.get(section)?, rest.strip_suffix("/body")?)?.get("body")?;
            match body {
                Value::Null | Value::String(_) => body,
                json => return Some(canonical(json).into_bytes()),
            }
        }
        _ => return None,
    };
    value.as_str().map(|text| text.as_bytes().to_vec())
}

fn element<'v>(array: &'v Value, position: &str) -> Option<&'v Value> {
    let index: usize = position.parse().ok()?;
    // One name for one place: `0`, not `00` or `+0`.
    (index.to_string() == position).then(|| array.get(index)).flatten()
}

fn read(folder: &Dir, file: &Path, path: &Path) -> Result<Vec<u8>, EvidenceError> {
    let unreadable = |source| EvidenceError::Unreadable { path: path.to_owned(), source };
    let metadata = folder.metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        // A pipe would block, a device never end.
        return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file")));
    }
    if metadata.len() > FILE_LIMIT_BYTES {
        return Err(EvidenceError::TooLarge { path: path.to_owned() });
    }
    folder.read(file).map_err(unreadable)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, EvidenceError> {
    serde_json::from_slice(bytes).map_err(|source| EvidenceError::NotJson { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recording(body: &str) -> (tempfile::TempDir, Evidence) {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of("the body");
        std::fs::write(
            folder.path().join("run.json"),
            json!({ "schema": "wassert.run/1", "turns": [{}], "requests": [{ "transcript": [], "body": null }] }).to_string(),
        )
        .unwrap();
        std::fs::write(folder.path().join("blobs.json"), json!({ "requests/0/body": digest }).to_string())
            .unwrap();
        std::fs::create_dir(folder.path().join("blobs")).unwrap();
        std::fs::write(folder.path().join("blobs").join(digest.hex()), body).unwrap();
        let evidence = Evidence::load(&EvidenceSource::Recording(folder.path().to_owned())).unwrap();
        (folder, evidence)
    }

    #[test]
    fn a_blob_is_read_where_it_is_granted() {
        let (_folder, evidence) = recording("the body");
        let granted = evidence.granted(&["requests".to_owned()]);
        assert_eq!(
            evidence.blob(&granted, "requests/0/body").unwrap().as_deref(),
            Some(b"the body".as_slice())
        );
        assert_eq!(evidence.blob(&granted, "requests/1/body").unwrap(), None);
        let granted = evidence.granted(&["turns".to_owned(), "requests.transcript".to_owned()]);
        assert_eq!(evidence.blob(&granted, "requests/0/body").unwrap(), None);
    }

    #[test]
    fn changed_bytes_are_noticed() {
        let (_folder, evidence) = recording("another body");
        let granted = evidence.granted(&["requests".to_owned()]);
        assert!(matches!(evidence.blob(&granted, "requests/0/body"), Err(EvidenceError::Damaged { .. })));
    }

    #[test]
    fn a_digest_covers_the_granted_part_alone() {
        let (_folder, evidence) = recording("the body");
        let part = evidence.granted(&["requests.transcript".to_owned()]);
        assert_eq!(part.digests["requests.transcript"], Digest::of(r#"{"requests":[{"transcript":[]}]}"#));
        let whole = evidence.granted(&["requests".to_owned()]);
        let line = format!("\"requests/0/body\" {}", Digest::of("the body"));
        assert_eq!(
            whole.digests["requests"],
            Digest::of(format!("{{\"requests\":[{{\"body\":null,\"transcript\":[]}}]}}\n{line}"))
        );
    }

    #[test]
    fn a_bare_document_has_the_texts_in_it() {
        let document = json!({
            "files": { "a/b.txt": { "after": { "text": "new" } } },
            "stdout": [{ "text": "out" }],
            "requests": [{ "body": { "b": 1, "a": 2 } }, { "body": "text" }, { "body": null }],
        });
        for (name, expected) in [
            ("files/a/b.txt/after", Some("new")),
            ("files/a/b.txt/before", None),
            ("files/a/b.txt/text", None),
            ("stdout/0", Some("out")),
            ("stdout/00", None),
            ("requests/0/body", Some(r#"{"a":2,"b":1}"#)),
            ("requests/1/body", Some("text")),
            ("requests/2/body", None),
            ("schema", None),
        ] {
            assert_eq!(text_in_document(&document, name).as_deref(), expected.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn a_document_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        std::fs::write(&path, r#"{"schema":"wassert.run/2"}"#).unwrap();
        assert!(matches!(Evidence::load(&EvidenceSource::Document(path)), Err(EvidenceError::Schema { .. })));
    }
}
