//! Lists of models: nobody chooses from them, but clients want to find one in their own shape.

use serde_json::{Value, json};

/// The shape of a list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum ModelList {
    /// That of OpenAI.
    OpenAi,
    /// That of codex, which asks with `client_version`.
    Codex,
    /// That of Anthropic, whose clients ask with `anthropic-version`.
    Anthropic,
    /// That of Gemini.
    Gemini,
}

/// The list.
pub(in crate::server) fn models(list: ModelList) -> Value {
    match list {
        ModelList::Codex => json!({"models": []}),
        ModelList::OpenAi => json!({"object": "list", "data": [
            {"id": "fake-model", "object": "model", "created": 0, "owned_by": "wassert"},
        ]}),
        // Clients keep only names that begin so.
        ModelList::Anthropic => json!({"data": [
            {"type": "model", "id": "claude-fake", "display_name": "Fake", "created_at": "1970-01-01T00:00:00Z"},
        ], "has_more": false, "first_id": "claude-fake", "last_id": "claude-fake"}),
        ModelList::Gemini => json!({"models": [{
            "name": "models/gemini-fake", "version": "1", "displayName": "Fake",
            "inputTokenLimit": 1_000_000, "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }]}),
    }
}
