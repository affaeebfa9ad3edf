//! What a turn wrote to one stream, whole: the text in the document, or its blob.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Evidence, path};

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The section of the document.
    pub fn section(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What one turn wrote to a stream.
pub struct Output {
    /// The turn.
    pub turn: u64,
    /// Where it stands.
    pub place: String,
    /// What was written; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// Whether more was written than is kept.
    pub truncated: bool,
}

impl Output {
    /// `stdout of turn 1`.
    pub fn name(&self, stream: Stream) -> String {
        format!("{} of turn {}", stream.section(), self.turn)
    }
}

/// One turn's output, or that of every turn.
///
/// # Errors
/// When the turn wrote nothing that is in the evidence, or its bytes are missing.
pub fn outputs(evidence: &Evidence, stream: Stream, turn: Option<NonZeroU32>) -> Result<Vec<Output>, String> {
    let section = stream.section();
    let filter = turn.map_or_else(|| "*".to_owned(), |turn| format!("?@.turn == {turn}"));
    let nodes = evidence.query(&format!("$.{section}[{filter}]"))?;
    if nodes.is_empty() {
        return Err(format!("the evidence has no {section} of such a turn: nothing was looked at"));
    }
    nodes
        .into_iter()
        .map(|node| {
            let value: Value = node.read()?;
            let turn = value.get("turn").and_then(Value::as_u64).unwrap_or_default();
            let truncated = value.get("truncated").and_then(Value::as_bool).unwrap_or_default();
            if let Some(text) = value.get("text").and_then(Value::as_str) {
                let place = path::member(&node.path, "text");
                return Ok(Output { turn, place, text: text.to_owned(), truncated });
            }
            let index = match path::parts(&node.path).as_deref() {
                Some([_, path::Part::Index(index)]) => *index,
                _ => return Err(format!("{} is no entry of {section}", node.path)),
            };
            let blob = evidence.blob(&format!("{section}/{index}"))?;
            let text = String::from_utf8_lossy(&blob.read_all()).into_owned();
            Ok(Output { turn, place: blob.name().to_owned(), text, truncated })
        })
        .collect()
}

/// A text of which only the beginning is known says nothing about what is not in it.
///
/// # Errors
/// When more was written than is kept.
pub fn whole(output: &Output, stream: Stream) -> Result<(), String> {
    if output.truncated {
        return Err(format!("{} is longer than what is kept: the rest can't be judged", output.name(stream)));
    }
    Ok(())
}
