//! What stands at a place a module points at, rendered by the host: a module can't forge a quotation.

use super::evidence::{Evidence, EvidenceError, Granted};
use super::shown::Shown;
use crate::query::{self, Json, Kind};
use crate::value::{Place, excerpt};

/// The most characters of a quotation.
const ACTUAL_LIMIT_CHARACTERS: usize = 200;

/// Bytes looked at for one quotation; characters take four bytes at most.
const QUOTED_LIMIT_BYTES: usize = 4 * ACTUAL_LIMIT_CHARACTERS + 4;

/// The place with its normalized path and quotation; `None` when nothing stands there.
pub(super) fn resolve(
    evidence: &Evidence,
    granted: &Granted,
    path: &str,
    start: Option<u64>,
    end: Option<u64>,
) -> Result<Option<Place>, EvidenceError> {
    if !path.starts_with('$') {
        let blob = evidence.blob(granted, path)?;
        return Ok(blob.and_then(|bytes| {
            let (start, end, quoted) = range(&bytes, start, end)?;
            Some(Place {
                path: path.to_owned(),
                start: Some(start),
                end: Some(end),
                actual: Some(quote(quoted)),
            })
        }));
    }
    let Some((path, value)) = query::singular_path(path, evidence.shown(granted)) else { return Ok(None) };
    if start.is_none() && end.is_none() {
        let actual = Some(excerpt(&bounded_canonical(value), ACTUAL_LIMIT_CHARACTERS));
        return Ok(Some(Place { path, start: None, end: None, actual }));
    }
    // A range within a text of the document counts its bytes.
    let Kind::Text(text) = value.kind() else { return Ok(None) };
    Ok(range(text.as_bytes(), start, end).map(|(start, end, quoted)| Place {
        path,
        start: Some(start),
        end: Some(end),
        actual: Some(quote(quoted)),
    }))
}

fn range(bytes: &[u8], start: Option<u64>, end: Option<u64>) -> Option<(u64, u64, &[u8])> {
    let size = bytes.len() as u64;
    let (start, end) = (start.unwrap_or(0), end.unwrap_or(size));
    let quoted = bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
    Some((start, end, quoted))
}

fn quote(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(QUOTED_LIMIT_BYTES)];
    excerpt(&String::from_utf8_lossy(cut), ACTUAL_LIMIT_CHARACTERS)
}

/// Canonical JSON; of long containers only their size, so that quoting costs little.
fn bounded_canonical(value: Shown<'_>) -> String {
    match value.kind() {
        Kind::Array(length) if length > ACTUAL_LIMIT_CHARACTERS => format!("[… {length} elements]"),
        Kind::Object(length) if length > ACTUAL_LIMIT_CHARACTERS => format!("{{… {length} members}}"),
        _ => value.canonical_start(QUOTED_LIMIT_BYTES),
    }
}
