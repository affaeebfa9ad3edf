//! One item of a reply, in the agent's own tools, before a protocol gives it its form.

use crate::document::{Item, Role};
use crate::profile::{Profile, WireCall};
use crate::scenario::Reply;

/// One item of a reply.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// What the model thought.
    Reasoning {
        /// Its text, in the portions in which it is sent.
        chunks: Vec<String>,
        /// A mark that the agent must send back unchanged.
        signature: Option<String>,
        /// The whole thought, readable for the model alone; the agent must send it back unchanged.
        encrypted: Option<String>,
    },
    /// The model's message.
    Text {
        /// Its text, in the portions in which it is sent.
        chunks: Vec<String>,
    },
    /// A tool call.
    Call {
        /// Its identifier, as scripted.
        id: String,
        /// What goes over the wire.
        wire: WireCall,
        /// In how many portions the arguments are sent, where the protocol can divide them.
        pieces: usize,
    },
}

impl Part {
    /// A message that is sent in one portion.
    pub(super) fn text(text: &str) -> Self {
        Self::Text { chunks: vec![text.to_owned()] }
    }

    /// The part in the document's words.
    pub(super) fn item(&self) -> Item {
        match self {
            Self::Reasoning { .. } => Item::Reasoning { text: self.whole() },
            Self::Text { .. } => Item::Message { role: Role::Assistant, text: self.whole() },
            Self::Call { id, wire: WireCall::Function { name, arguments }, .. } => {
                Item::Call { call: id.clone(), tool: name.clone(), input: arguments.clone() }
            }
            Self::Call { id, wire: WireCall::Custom { name, input }, .. } => {
                Item::Call { call: id.clone(), tool: name.clone(), input: input.clone().into() }
            }
        }
    }

    /// Its text; of a call the arguments, or the input where that is text.
    pub(super) fn whole(&self) -> String {
        match self {
            Self::Reasoning { chunks, .. } | Self::Text { chunks } => chunks.concat(),
            Self::Call { wire: WireCall::Function { arguments, .. }, .. } => arguments.to_string(),
            Self::Call { wire: WireCall::Custom { input, .. }, .. } => input.clone(),
        }
    }

    /// [`Part::whole`] in the portions in which it is sent; never empty.
    pub(super) fn portions(&self) -> Vec<String> {
        match self {
            Self::Reasoning { chunks, .. } | Self::Text { chunks } if !chunks.is_empty() => chunks.clone(),
            Self::Call { pieces, .. } => divided(&self.whole(), *pieces),
            Self::Reasoning { .. } | Self::Text { .. } => vec![String::new()],
        }
    }

    /// The same sent in two halves, the first the larger one.
    pub(super) fn halved(&self) -> Self {
        let mut half = self.clone();
        match &mut half {
            Self::Reasoning { chunks, .. } | Self::Text { chunks } => *chunks = divided(&chunks.concat(), 2),
            Self::Call { pieces, .. } => *pieces = 2,
        }
        half
    }

    /// What an agent keeps that received only this text of it. Agents keep partial messages, never partial calls.
    pub(super) fn shortened_to(&self, text: String) -> Option<Self> {
        match self {
            Self::Reasoning { .. } => {
                Some(Self::Reasoning { chunks: vec![text], signature: None, encrypted: None })
            }
            Self::Text { .. } => Some(Self::Text { chunks: vec![text] }),
            Self::Call { .. } => None,
        }
    }
}

/// The items of a scripted reply; none when it is a failure.
///
/// # Errors
/// What the profile says of a tool it can't translate.
pub(super) fn translated(reply: &Reply, profile: &dyn Profile) -> Result<Vec<Part>, String> {
    let Reply::Items { reasoning, text, calls, manner } = reply else { return Ok(Vec::new()) };
    let mut parts = Vec::new();
    parts.extend(reasoning.as_deref().map(|text| Part::Reasoning {
        chunks: portioned(text, &manner.reasoning_portions),
        signature: manner.signature.clone(),
        encrypted: manner.encrypted.clone(),
    }));
    parts.extend(text.as_deref().map(|text| Part::Text { chunks: portioned(text, &manner.text_portions) }));
    for call in calls {
        let wire = profile.tool(&call.tool, &call.input)?;
        parts.push(Part::Call { id: call.id.clone(), wire, pieces: call.pieces });
    }
    Ok(parts)
}

/// A text in portions of so many characters, and what is left over.
fn portioned(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut rest = text;
    let mut portions = Vec::new();
    for &length in lengths {
        let end = rest.char_indices().nth(length).map_or(rest.len(), |(end, _)| end);
        let (portion, later) = rest.split_at(end);
        portions.push(portion.to_owned());
        rest = later;
    }
    if !rest.is_empty() || portions.is_empty() {
        portions.push(rest.to_owned());
    }
    portions
}

/// A text in so many portions of whole characters, the first ones larger; one where there are fewer characters.
fn divided(text: &str, pieces: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let size = characters.len().div_ceil(pieces.max(1)).max(1);
    let portions: Vec<String> = characters.chunks(size).map(|portion| portion.iter().collect()).collect();
    if portions.is_empty() { vec![String::new()] } else { portions }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn portions_are_whole_characters_and_lose_nothing() {
        assert_eq!(divided("héllo", 2), ["hél", "lo"]);
        assert_eq!(divided("ab", 5), ["a", "b"]);
        assert_eq!(divided("", 3), [""]);
        let wire = WireCall::Function { name: "f".into(), arguments: json!({"a": 1}) };
        let call = Part::Call { id: "c".into(), wire, pieces: 3 };
        assert_eq!(call.portions(), ["{\"a", "\":1", "}"]);
        assert_eq!(call.shortened_to("{".into()), None);
        assert_eq!(portioned("héllo", &[2, 0, 1]), ["hé", "", "l", "lo"]);
        assert_eq!(portioned("a", &[5, 5]), ["a", ""]);
        assert_eq!(portioned("a", &[]), ["a"]);
        assert_eq!(Part::text("abc").halved().portions(), ["ab", "c"]);
    }
}
