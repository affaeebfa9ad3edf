//! Shapes of keys that are secrets wherever they stand.
//!
//! A shape must be so particular that ordinary text never has it: a prefix its issuer made for this purpose, a length,
//! and, where the prefix is short, a digit.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::profile::is_fake_key;

/// How the issuers write them: OpenAI, Anthropic and OpenRouter `sk-`; GitHub "Behind GitHub's new authentication token
/// formats"; AWS "Unique identifiers" (AKIA, ASIA); Google `AIza`; Slack "Token types"; JWT RFC 7519 (a JSON object in
/// base64 begins with `eyJ`).
const TOKENS: &str = r"(?:\b|_)(?:sk-ant-[A-Za-z0-9_-]{16,}|sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{16,}|sk-[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|(?:AKIA|ASIA)[A-Z0-9]{16}\b|AIza[A-Za-z0-9_-]{35}|xox[abeoprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})";

/// RFC 7468 and its ancestors: a label, perhaps headers, lines of base64, perhaps the end. The end may be cut off, and
/// lines may be marked by a diff or a quotation.
const PRIVATE_KEY: &str = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s*(?:[A-Za-z-]{1,40}: [^\r\n]*\s+)*(?:[-+>| \t]{0,4}[A-Za-z0-9+/=]{16,}\s*)+(?:[-+>| \t]{0,4}[A-Za-z0-9+/=]{1,15}\s*)?(?:[-+>| \t]{0,4}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?";

/// RFC 6750 section 2.1, as it stands in headers, logs and command lines.
const BEARER: &str = r#"(?i:authorization)["'\\]*\s*[:=]\s*["'\\]*(?i:bearer)\s+([A-Za-z0-9._~+/=-]{8,})"#;

static KEYS: LazyLock<Regex> = LazyLock::new(|| compile(&format!("{TOKENS}|{PRIVATE_KEY}")));
static AUTHORIZATION: LazyLock<Regex> = LazyLock::new(|| compile(BEARER));

fn compile(pattern: &str) -> Regex {
    RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(4 << 20)
        .build()
        .expect("the pattern is a constant, and a test compiles it")
}

/// Calls `found` with the place and the word of every key in `bytes`.
pub(super) fn each(bytes: &[u8], mut found: impl FnMut(Range<usize>, &'static str)) {
    for hit in KEYS.find_iter(bytes) {
        let underscore = usize::from(hit.as_bytes().starts_with(b"_"));
        let range = hit.start() + underscore..hit.end();
        let (word, needs_digit) = word(&bytes[range.clone()]);
        if !needs_digit || bytes[range.clone()].iter().any(u8::is_ascii_digit) {
            found(range, word);
        }
    }
    for hit in AUTHORIZATION.captures_iter(bytes) {
        let Some(token) = hit.get(1) else { continue };
        // Documentation says `Bearer YOUR_TOKEN`; a token has a digit somewhere.
        if !is_fake(token.as_bytes()) && token.as_bytes().iter().any(u8::is_ascii_digit) {
            found(token.range(), "bearer");
        }
    }
}

fn is_fake(token: &[u8]) -> bool {
    std::str::from_utf8(token).is_ok_and(is_fake_key)
}

/// Whether a byte may stand in a key after its prefix.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// What a key is called, and whether it must have a digit to be one.
fn word(key: &[u8]) -> (&'static str, bool) {
    match key {
        [b's', b'k', b'-', b'a', b'n', b't', b'-', ..] => ("anthropic", false),
        [b's', ..] => ("openai", true),
        [b'g', ..] => ("github", true),
        [b'A', b'I', ..] => ("google", true),
        [b'A', ..] => ("aws", false),
        [b'x', ..] => ("slack", true),
        [b'e', ..] => ("jwt", false),
        _ => ("private-key", false),
    }
}
