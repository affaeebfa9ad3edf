//! What the evaluator asks of a JSON value, so that it does not matter how one is laid out in memory.

use serde_json::Value;

use super::slice::position;

/// A value within a document.
pub trait Json<'v>: Copy {
    /// What it is, and what it holds when it holds no other values.
    fn kind(self) -> Kind<'v>;

    /// Whether it is an array.
    fn is_array(self) -> bool;

    /// Whether it is an object.
    fn is_object(self) -> bool;

    /// A member by its name, with the name as the document has it; `None` when there is none or this is no object.
    fn member(self, name: &str) -> Option<(&'v str, Self)>;

    /// The element at a position; `None` beyond the end or when this is no array.
    fn element(self, index: usize) -> Option<Self>;

    /// The element at a position that is counted from the end where it is negative, and its position from the beginning.
    fn at(self, index: i64) -> Option<(usize, Self)> {
        let Kind::Array(length) = self.kind() else { return None };
        let index = position(index, length)?;
        Some((index, self.element(index)?))
    }

    /// Members in the order of their names' bytes; none when this is no object.
    fn members(self) -> impl Iterator<Item = (&'v str, Self)>;

    /// Elements in order; none when this is no array.
    fn elements(self) -> impl Iterator<Item = Self>;
}

/// A value without the values in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'v> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The lexeme as it was written.
    Number(&'v str),
    /// A text, its escapes resolved.
    Text(&'v str),
    /// So many elements.
    Array(usize),
    /// So many members.
    Object(usize),
}

impl Kind<'_> {
    /// How many values it holds directly.
    pub fn children(self) -> u64 {
        match self {
            Self::Array(length) | Self::Object(length) => length as u64,
            _ => 0,
        }
    }
}

impl<'v> Json<'v> for &'v Value {
    fn kind(self) -> Kind<'v> {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(bool) => Kind::Bool(*bool),
            Value::Number(number) => Kind::Number(number.as_str()),
            Value::String(text) => Kind::Text(text),
            Value::Array(elements) => Kind::Array(elements.len()),
            Value::Object(members) => Kind::Object(members.len()),
        }
    }

    fn is_array(self) -> bool {
        Value::is_array(self)
    }

    fn is_object(self) -> bool {
        Value::is_object(self)
    }

    fn member(self, name: &str) -> Option<(&'v str, Self)> {
        let (name, member) = self.as_object()?.get_key_value(name)?;
        Some((name, member))
    }

    fn element(self, index: usize) -> Option<Self> {
        self.as_array()?.get(index)
    }

    fn members(self) -> impl Iterator<Item = (&'v str, Self)> {
        self.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
    }

    fn elements(self) -> impl Iterator<Item = Self> {
        self.as_array().into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It would not, if some dependency switched serde_json to the order of insertion.
    #[test]
    fn serde_json_sorts_members() {
        let value: Value = serde_json::from_str(r#"{"b":1,"é":2,"a":3,"B":4}"#).unwrap();
        assert_eq!((&value).members().map(|(name, _)| name).collect::<Vec<_>>(), ["B", "a", "b", "é"]);
    }
}
