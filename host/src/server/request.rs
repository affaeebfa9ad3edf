//! From the bytes of a request to what it says: decoded body and JSON.
//!
//! Pure, and bounded: a body that is too large, compressed or not, is refused before it is held.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::Violation;
use crate::profile::Transport;
use crate::value::first_duplicate;

use super::coding::decoded;
use super::conversation::quote;

/// The largest body that stands in the document itself.
const BODY_INLINE_LIMIT_BYTES: usize = 64 * 1024;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    /// What carried it.
    pub(super) transport: Transport,
    /// HTTP method; of a WebSocket frame, that of its upgrade.
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// Header names in lower case.
    pub(super) headers: BTreeMap<String, Vec<String>>,
    /// The body as it came, or why it did not.
    pub(super) raw: Result<Vec<u8>, Violation>,
    /// Whether it has the run's key, or none is asked for.
    pub(super) is_own: bool,
}

/// A body, decoded as far as it could be.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    /// The decoded bytes; the bytes as they came when they can't be decoded.
    pub(super) bytes: Vec<u8>,
    /// The bytes as JSON.
    pub(super) json: Option<Value>,
    /// What is wrong with it.
    pub(super) violation: Option<Violation>,
}

/// Whether a body is small enough to stand in the document itself.
pub(super) fn is_inline(bytes: usize) -> bool {
    bytes <= BODY_INLINE_LIMIT_BYTES
}

/// The form in which the document holds a decoded body.
pub(super) fn for_document(bytes: &[u8]) -> Value {
    if bytes.is_empty() || !is_inline(bytes.len()) {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

impl Incoming {
    /// Takes the body, decodes it within so many bytes, and parses it. An empty body is no violation.
    pub(super) fn take_body(&mut self, limit_bytes: usize) -> Body {
        let raw = match std::mem::replace(&mut self.raw, Ok(Vec::new())) {
            Ok(raw) => raw,
            Err(violation) => return Body { violation: Some(violation), ..Body::default() },
        };
        let encoding = match self.transport {
            Transport::Http => self.headers.get("content-encoding").map(|values| values.join(", ")),
            Transport::Websocket => None,
        };
        let bytes = match decoded(encoding.as_deref(), &raw, limit_bytes) {
            Ok(None) => raw,
            Ok(Some(bytes)) => bytes,
            Err(violation) => return Body { bytes: raw, json: None, violation: Some(violation) },
        };
        if bytes.is_empty() {
            return Body::default();
        }
        match serde_json::from_slice(&bytes) {
            Ok(json) => {
                let violation = first_duplicate(&bytes).map(|name| {
                    violation(
                        "duplicate-member",
                        format!("member {} stands twice in one object", quote(&name)),
                    )
                });
                Body { bytes, json: Some(json), violation }
            }
            Err(error) => {
                let violation = violation("body-not-json", format!("the body is not JSON: {error}"));
                Body { bytes, json: None, violation: Some(violation) }
            }
        }
    }
}

/// A violation with a code and a sentence.
pub(super) fn violation(code: &str, message: String) -> Violation {
    Violation { code: code.to_owned(), message }
}

/// What is said of a body beyond the limit.
pub(super) fn too_large(limit_bytes: usize) -> Violation {
    violation("body-too-large", format!("the body is larger than {limit_bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use serde_json::json;

    fn incoming(encoding: &str, raw: Vec<u8>) -> Incoming {
        Incoming {
            transport: Transport::Http,
            method: "POST".into(),
            target: "/v1/responses".into(),
            headers: BTreeMap::from([("content-encoding".into(), vec![encoding.into()])]),
            raw: Ok(raw),
            is_own: true,
        }
    }
    const LIMIT: usize = 1024 * 1024;
    fn code(body: &Body) -> Option<&str> {
        body.violation.as_ref().map(|violation| violation.code.as_str())
    }

    #[test]
    fn a_zstd_body_is_decoded() {
        let raw = compress_to_vec(&br#"{"model":"m"}"#[..], CompressionLevel::Fastest);
        let body = incoming("zstd", raw).take_body(LIMIT);
        assert_eq!(body.json, Some(json!({"model": "m"})));
        assert_eq!(code(&body), None);
    }

    #[test]
    fn what_cannot_be_decoded_is_said() {
        assert_eq!(code(&incoming("zstd", b"{}".to_vec()).take_body(LIMIT)), Some("body-not-decodable"));
        assert_eq!(code(&incoming("gzip", b"{}".to_vec()).take_body(LIMIT)), Some("body-not-decodable"));
        assert_eq!(code(&incoming("identity", b"{".to_vec()).take_body(LIMIT)), Some("body-not-json"));
        assert_eq!(
            code(&incoming("", br#"{"a":1,"a":2}"#.to_vec()).take_body(LIMIT)),
            Some("duplicate-member")
        );
        let deep = [b'['; 100_000].to_vec();
        assert_eq!(code(&incoming("identity", deep).take_body(LIMIT)), Some("body-not-json"));
        let nothing =
            Incoming { raw: Err(too_large(LIMIT)), ..incoming("identity", Vec::new()) }.take_body(LIMIT);
        assert_eq!(code(&nothing), Some("body-too-large"));
    }

    #[test]
    fn the_document_holds_small_bodies_only() {
        let large = format!("\"{}\"", "x".repeat(BODY_INLINE_LIMIT_BYTES));
        assert_eq!(for_document(large.as_bytes()), Value::Null);
        assert_eq!(for_document(br#"{"a":1}"#), json!({ "a": 1 }));
        assert_eq!(for_document(b"\xff"), json!("\u{fffd}"));
        assert_eq!(for_document(b""), Value::Null);
    }
}
