//! Comparisons of a filter (RFC 9535 section 2.3.5.2.2).

use std::cmp::Ordering;

use super::ast::{Comparison, Literal};
use super::tree::{Json, Kind};
use super::{Budget, Refusal};
use crate::value::compare_numbers;

/// One side of a comparison.
pub(super) enum Comparable<'q, V> {
    /// The specification's Nothing.
    Nothing,
    Literal(&'q Literal),
    /// A number that a function computed.
    Computed(String),
    Node(V),
}

impl<'q, V> Comparable<'q, V> {
    pub fn computed(number: usize) -> Self {
        Self::Computed(number.to_string())
    }

    pub fn kind<'v: 'k, 'k>(&'k self) -> Option<Kind<'k>>
    where
        'q: 'k,
        V: Json<'v>,
    {
        match self {
            Self::Nothing => None,
            Self::Literal(literal) => Some(literal.kind()),
            Self::Computed(lexeme) => Some(Kind::Number(lexeme)),
            Self::Node(node) => Some(node.kind()),
        }
    }
}

pub(super) fn holds<'v, V: Json<'v>>(
    left: &Comparable<'_, V>,
    comparison: Comparison,
    right: &Comparable<'_, V>,
    budget: &mut Budget,
) -> Result<bool, Refusal> {
    budget.charge(1)?;
    Ok(match comparison {
        Comparison::Equal => equal(left, right, budget)?,
        Comparison::NotEqual => !equal(left, right, budget)?,
        Comparison::Less => less(left, right, budget)?,
        Comparison::Greater => less(right, left, budget)?,
        Comparison::LessOrEqual => less(left, right, budget)? || equal(left, right, budget)?,
        Comparison::GreaterOrEqual => less(right, left, budget)? || equal(left, right, budget)?,
    })
}

fn less<'v, V: Json<'v>>(
    left: &Comparable<'_, V>,
    right: &Comparable<'_, V>,
    budget: &mut Budget,
) -> Result<bool, Refusal> {
    match (left.kind(), right.kind()) {
        (Some(Kind::Number(left)), Some(Kind::Number(right))) => {
            budget.charge((left.len() + right.len()) as u64)?;
            Ok(compare_numbers(left, right) == Ordering::Less)
        }
        (Some(Kind::Text(left)), Some(Kind::Text(right))) => {
            budget.charge(left.len().min(right.len()) as u64)?;
            // UTF-8 sorts as its scalar values do, which is what the specification asks for.
            Ok(left < right)
        }
        _ => Ok(false),
    }
}

fn equal<'v, V: Json<'v>>(
    left: &Comparable<'_, V>,
    right: &Comparable<'_, V>,
    budget: &mut Budget,
) -> Result<bool, Refusal> {
    if let (Comparable::Node(left), Comparable::Node(right)) = (left, right) {
        return equal_values(*left, *right, budget);
    }
    match (left.kind(), right.kind()) {
        (None, None) => Ok(true),
        // A literal is neither an array nor an object.
        (Some(left), Some(right)) => Ok(equal_kinds(left, right, budget)? == Some(true)),
        _ => Ok(false),
    }
}

/// `None` for two arrays or two objects of one size.
fn equal_kinds(left: Kind<'_>, right: Kind<'_>, budget: &mut Budget) -> Result<Option<bool>, Refusal> {
    budget.charge(1)?;
    Ok(Some(match (left, right) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(left), Kind::Bool(right)) => left == right,
        (Kind::Number(left), Kind::Number(right)) => {
            budget.charge((left.len() + right.len()) as u64)?;
            compare_numbers(left, right) == Ordering::Equal
        }
        (Kind::Text(left), Kind::Text(right)) => {
            budget.charge(left.len().min(right.len()) as u64)?;
            left == right
        }
        (Kind::Array(left), Kind::Array(right)) | (Kind::Object(left), Kind::Object(right))
            if left == right =>
        {
            return Ok(None);
        }
        _ => false,
    }))
}

fn equal_values<'v, V: Json<'v>>(left: V, right: V, budget: &mut Budget) -> Result<bool, Refusal> {
    if let Some(known) = equal_kinds(left.kind(), right.kind(), budget)? {
        return Ok(known);
    }
    for (left, right) in left.elements().zip(right.elements()) {
        if !equal_values(left, right, budget)? {
            return Ok(false);
        }
    }
    // Both are in the order of their names.
    for ((left_name, left), (right_name, right)) in left.members().zip(right.members()) {
        budget.charge(left_name.len().min(right_name.len()) as u64)?;
        if left_name != right_name || !equal_values(left, right, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}
