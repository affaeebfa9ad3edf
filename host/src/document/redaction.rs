//! Section `redactions`: which secrets stood where before they were replaced by symbols.

use serde::{Deserialize, Serialize};

/// One secret in one form at one place. The secret itself is nowhere in the recording: `⟦secret#1⟧` stands for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Redaction {
    /// Number of the symbol: 2 for `⟦secret#2⟧`. Numbers go by first place in document order.
    pub secret: u32,
    /// A normalized path in this document, the name of a blob (`requests/0/body`), of a raw capture (`log/stdout-1`),
    /// or `scenario.toml`.
    pub place: String,
    /// How it was written there.
    pub form: RedactionForm,
    /// How it was known: `declared` by the scenario, or its shape: `anthropic`, `aws`, `bearer`, `github`, `google`,
    /// `jwt`, `openai`, `private-key`, `slack`.
    pub source: String,
    /// How often it stood there in this form.
    pub count: u32,
}

/// How a secret was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedactionForm {
    /// As it is.
    #[default]
    Plain,
    /// With escapes of a JSON, TOML or C string in it: `\u0073k-…`, `\/`.
    JsonEscaped,
    /// With percent escapes in it: `%73k-…`.
    Percent,
    /// In base64 (standard or for URLs, at any alignment, with or without line breaks).
    Base64,
    /// In pieces: over consecutive lines, or over texts that follow one another at places of one name, such as the
    /// deltas or the parts of a message. Each piece counts.
    Split,
}
