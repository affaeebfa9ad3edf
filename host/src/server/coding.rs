//! Content codings (RFC 9110 section 8.4.1): undoes zstd, gzip and deflate, also one around the other, so that a body is
//! read, searched for secrets and recorded as what it says.
//!
//! Bounded: a body that grows beyond the limit is refused before it is held, and so is a window that asks for much
//! memory. What can't be undone stays as it came.

use std::io::{Read, Take};

use crate::document::Violation;

use super::conversation::quote;
use super::request::{too_large, violation};

/// The largest window a zstd body may ask memory for; RFC 8878 section 3.1.1.1.2 recommends at least 8 MiB.
const WINDOW_LIMIT_BYTES: u64 = 32 * 1024 * 1024;
/// Codings around each other; one is what agents send.
const MOST_CODINGS: usize = 3;

/// The bytes without their codings, `encoding` being the header `content-encoding`; none when there is nothing to undo.
///
/// # Errors
/// When a coding is unknown, when the bytes are not what it says, or when they would be too many.
pub(super) fn decoded(
    encoding: Option<&str>,
    raw: &[u8],
    limit_bytes: usize,
) -> Result<Option<Vec<u8>>, Violation> {
    let codings: Vec<String> = encoding
        .unwrap_or_default()
        .split(',')
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !matches!(coding.as_str(), "" | "identity"))
        .collect();
    if codings.len() > MOST_CODINGS {
        let message = format!("the body has {} content codings, more than {MOST_CODINGS}", codings.len());
        return Err(violation("body-not-decodable", message));
    }
    let mut bytes = None;
    // The last one named was applied last.
    for coding in codings.iter().rev() {
        bytes = Some(undone(coding, bytes.as_deref().unwrap_or(raw), limit_bytes)?);
    }
    Ok(bytes)
}

fn undone(coding: &str, raw: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Violation> {
    let unreadable = |error: &dyn std::fmt::Display| {
        violation("body-not-decodable", format!("the body is not {coding}: {error}"))
    };
    let mut bytes = Vec::new();
    let read = match coding {
        "zstd" => ruzstd::decoding::StreamingDecoder::new_with_max_window_size(raw, WINDOW_LIMIT_BYTES)
            .map_err(|error| unreadable(&error))
            .map(|decoder| bounded(decoder, limit_bytes).read_to_end(&mut bytes))?,
        "gzip" | "x-gzip" => {
            bounded(flate2::read::MultiGzDecoder::new(raw), limit_bytes).read_to_end(&mut bytes)
        }
        // RFC 9110 section 8.4.1.2: what is called deflate is the zlib format.
        "deflate" => bounded(flate2::read::ZlibDecoder::new(raw), limit_bytes).read_to_end(&mut bytes),
        other => {
            let message = format!(
                "the body has the content coding {}; zstd, gzip, deflate and identity are understood",
                quote(other)
            );
            return Err(violation("body-not-decodable", message));
        }
    };
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() > limit_bytes { Err(too_large(limit_bytes)) } else { Ok(bytes) }
}

fn bounded<R: Read>(decoder: R, limit_bytes: usize) -> Take<R> {
    decoder.take(limit_bytes as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    const LIMIT: usize = 4 * 1024 * 1024;
    const TEXT: &[u8] = br#"{"model":"m"}"#;

    fn all(mut reader: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    }
    fn gzip(bytes: impl Read) -> Vec<u8> {
        all(GzEncoder::new(bytes, Compression::fast()))
    }
    fn zstd(bytes: impl Read) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }
    fn code(encoding: &str, raw: &[u8]) -> String {
        decoded(Some(encoding), raw, LIMIT).unwrap_err().code
    }

    #[test]
    fn every_coding_is_undone() {
        for (encoding, raw) in [
            ("zstd", zstd(TEXT)),
            ("gzip", gzip(TEXT)),
            ("x-gzip", gzip(TEXT)),
            ("GZIP", gzip(TEXT)),
            ("deflate", all(ZlibEncoder::new(TEXT, Compression::fast()))),
            ("gzip, zstd", zstd(&gzip(TEXT)[..])),
            ("identity, gzip", gzip(TEXT)),
            ("gzip", [gzip(&TEXT[..5]), gzip(&TEXT[5..])].concat()),
        ] {
            assert_eq!(decoded(Some(encoding), &raw, LIMIT).unwrap().as_deref(), Some(TEXT), "{encoding}");
        }
        for nothing in [None, Some(""), Some("identity")] {
            assert_eq!(decoded(nothing, TEXT, LIMIT).unwrap(), None);
        }
    }

    #[test]
    fn bombs_are_refused() {
        let spaces = || std::io::repeat(b' ').take(LIMIT as u64 + 1);
        for (encoding, raw) in [
            ("zstd", zstd(spaces())),
            ("gzip", gzip(spaces())),
            ("deflate", all(ZlibEncoder::new(spaces(), Compression::fast()))),
        ] {
            assert_eq!(code(encoding, &raw), "body-too-large", "{encoding}");
        }
        assert_eq!(code("gzip, gzip, gzip, gzip", TEXT), "body-not-decodable");
    }

    #[test]
    fn what_is_no_such_coding_is_said() {
        let whole = gzip(TEXT);
        for (encoding, raw) in [
            ("zstd", TEXT),
            ("gzip", TEXT),
            ("gzip", &whole[..whole.len() - 9]),
            ("deflate", TEXT),
            ("br", TEXT),
        ] {
            assert_eq!(code(encoding, raw), "body-not-decodable", "{encoding}");
        }
    }
}
