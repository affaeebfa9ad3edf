//! A text to look for: never empty, for an empty text is found everywhere and proves nothing.

use serde::Deserialize;

/// A text that has at least one character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Needle(String);

impl Needle {
    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it occurs.
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(&self.0)
    }

    /// How often it occurs, not counting overlaps.
    pub fn times_in(&self, text: &str) -> u32 {
        text.matches(&self.0).count() as u32
    }
}

impl TryFrom<String> for Needle {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() { Err("an empty text is found everywhere") } else { Ok(Self(text)) }
    }
}
