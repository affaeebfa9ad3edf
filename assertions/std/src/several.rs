//! One text, or a list of texts: never none.

use serde::Deserialize;

use crate::needle::Needle;

/// Texts to look for, at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Several(Vec<Needle>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts, none of them empty")]
enum Written {
    One(Needle),
    List(Vec<Needle>),
}

impl Several {
    /// The texts.
    pub fn list(&self) -> &[Needle] {
        &self.0
    }
}

impl TryFrom<Written> for Several {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::One(needle) => Ok(Self(vec![needle])),
            Written::List(needles) if needles.is_empty() => Err("an empty list of texts demands nothing"),
            Written::List(needles) => Ok(Self(needles)),
        }
    }
}
