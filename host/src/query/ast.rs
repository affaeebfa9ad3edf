//! What a JSONPath says, once it is known to be well-formed and well-typed.

use super::tree::Kind;
use super::{Refusal, parse};

/// A parsed query; parse one with [`Query::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub(super) origin: Origin,
    pub(super) segments: Vec<Segment>,
}

impl Query {
    /// Reads an RFC 9535 JSONPath.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the place of the mistake.
    pub fn parse(expression: &str) -> Result<Self, Refusal> {
        parse::query(expression)
    }

    /// The members it starts with by name, what selects elements left out: `turns`, `exit` of `$.turns[*].exit`.
    pub fn leading_names(&self) -> impl Iterator<Item = &str> {
        let fixed = |segment: &&Segment| !segment.descendant && segment.selectors.len() == 1;
        self.segments
            .iter()
            .take_while(fixed)
            .map_while(|segment| match &segment.selectors[..] {
                [Selector::Name(name)] => Some(Some(name.as_str())),
                _ => Some(None),
            })
            .flatten()
    }

    /// Whether it can select at most one node (RFC 9535 section 2.3.5.1, `singular-query`).
    pub fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| {
            !segment.descendant && matches!(segment.selectors[..], [Selector::Name(_) | Selector::Index(_)])
        })
    }
}

/// Where a query starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// `$`: the document.
    Root,
    /// `@`: the node a filter looks at.
    Current,
}

/// A segment has at least one selector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub descendant: bool,
    pub selectors: Vec<Selector>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Logical),
}

/// Something that is true or false of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Logical {
    Or(Vec<Logical>),
    And(Vec<Logical>),
    Not(Box<Logical>),
    Exists(Query),
    Compare(Operand, Comparison, Operand),
    /// `match` when `whole`, otherwise `search`.
    Matches {
        whole: bool,
        text: Operand,
        pattern: Operand,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Something of the specification's ValueType.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Literal(Literal),
    /// A singular query.
    Singular(Query),
    Length(Box<Operand>),
    Count(Query),
    Value(Query),
}

/// A value written in the expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
}

impl Literal {
    pub fn kind(&self) -> Kind<'_> {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(bool) => Kind::Bool(*bool),
            Self::Number(lexeme) => Kind::Number(lexeme),
            Self::Text(text) => Kind::Text(text),
        }
    }
}
