//! Whether a filter holds for a node.

use std::ops::ControlFlow;

use super::ast::{Logical, Operand, Query, Selector};
use super::compare::{self, Comparable};
use super::evaluate::{Evaluation, PathParts};
use super::tree::{Json, Kind};
use super::{Budget, Refusal};

impl<'v, V: Json<'v>> Evaluation<'v, '_, V> {
    pub(super) fn holds(&mut self, logical: &Logical, current: V) -> Result<bool, Refusal> {
        match logical {
            Logical::Or(parts) => {
                for part in parts {
                    if self.holds(part, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Logical::And(parts) => {
                for part in parts {
                    if !self.holds(part, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Logical::Not(inner) => Ok(!self.holds(inner, current)?),
            Logical::Exists(query) if query.is_singular() => Ok(self.singular(query, current)?.is_some()),
            Logical::Exists(query) => Ok(self.first(query, current, 1)?.1.is_some()),
            Logical::Compare(left, comparison, right) => {
                let left = self.operand(left, current)?;
                let right = self.operand(right, current)?;
                compare::holds(&left, *comparison, &right, self.budget)
            }
            Logical::Matches { whole, text, pattern } => {
                let text = self.operand(text, current)?;
                let pattern = self.operand(pattern, current)?;
                match (text.kind(), pattern.kind()) {
                    (Some(Kind::Text(text)), Some(Kind::Text(pattern))) => {
                        self.patterns.matches(pattern, *whole, text, self.budget)
                    }
                    _ => Ok(false),
                }
            }
        }
    }

    fn operand<'q>(&mut self, operand: &'q Operand, current: V) -> Result<Comparable<'q, V>, Refusal> {
        Ok(match operand {
            Operand::Literal(literal) => Comparable::Literal(literal),
            Operand::Singular(query) => {
                self.singular(query, current)?.map_or(Comparable::Nothing, Comparable::Node)
            }
            Operand::Length(inner) => {
                let inner = self.operand(inner, current)?;
                length(inner.kind(), self.budget)?.map_or(Comparable::Nothing, Comparable::computed)
            }
            Operand::Count(query) => Comparable::computed(self.first(query, current, usize::MAX)?.0),
            Operand::Value(query) => match self.first(query, current, 2)? {
                (1, Some(value)) => Comparable::Node(value),
                _ => Comparable::Nothing,
            },
        })
    }

    /// What stands at the end of the one way that a singular query names; it costs what [`Self::first`] would.
    fn singular(&mut self, query: &Query, current: V) -> Result<Option<V>, Refusal> {
        let mut value = self.origin(query, current)?;
        for selector in query.segments.iter().flat_map(|segment| &segment.selectors) {
            let next = match selector {
                Selector::Name(name) => self.member(name, value)?.map(|(_, member)| member),
                Selector::Index(index) => self.element(*index, value)?.map(|(_, element)| element),
                Selector::Wildcard | Selector::Slice { .. } | Selector::Filter(_) => None,
            };
            match next {
                Some(next) => value = next,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }

    /// Looks for so many nodes: how many were found, and the first of them.
    fn first(&mut self, query: &Query, current: V, most: usize) -> Result<(usize, Option<V>), Refusal> {
        let mut count = 0;
        let mut first = None;
        self.select(query, current, &mut PathParts::unwanted(), &mut |_, _, value| {
            count += 1;
            first.get_or_insert(value);
            Ok(if count == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok((count, first))
    }
}

/// `None` is the specification's Nothing.
fn length(kind: Option<Kind<'_>>, budget: &mut Budget) -> Result<Option<usize>, Refusal> {
    Ok(match kind {
        Some(Kind::Text(text)) => {
            budget.charge(text.len() as u64)?;
            Some(text.chars().count())
        }
        Some(Kind::Array(length) | Kind::Object(length)) => Some(length),
        _ => None,
    })
}
