//! Comparisons of a filter (RFC 9535 section 2.3.5.2.2); `None` is the specification's Nothing.

use std::cmp::Ordering;

use serde_json::Value;

use super::ast::Comparison;
use super::{Budget, Refusal};
use crate::value::compare_numbers;

pub(super) fn holds(
    left: Option<&Value>,
    comparison: Comparison,
    right: Option<&Value>,
    budget: &mut Budget,
) -> Result<bool, Refusal> {
    Ok(match comparison {
        Comparison::Equal => equal(left, right, budget)?,
        Comparison::NotEqual => !equal(left, right, budget)?,
        Comparison::Less => less(left, right, budget)?,
        Comparison::Greater => less(right, left, budget)?,
        Comparison::LessOrEqual => less(left, right, budget)? || equal(left, right, budget)?,
        Comparison::GreaterOrEqual => less(right, left, budget)? || equal(left, right, budget)?,
    })
}

fn less(left: Option<&Value>, right: Option<&Value>, budget: &mut Budget) -> Result<bool, Refusal> {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            let (left, right) = (left.as_str(), right.as_str());
            budget.charge((left.len() + right.len()) as u64)?;
            Ok(compare_numbers(left, right) == Ordering::Less)
        }
        (Some(Value::String(left)), Some(Value::String(right))) => {
            budget.charge(left.len().min(right.len()) as u64)?;
            // UTF-8 sorts as its scalar values do, which is what the specification asks for.
            Ok(left < right)
        }
        _ => Ok(false),
    }
}

fn equal(left: Option<&Value>, right: Option<&Value>, budget: &mut Budget) -> Result<bool, Refusal> {
    match (left, right) {
        (None, None) => Ok(true),
        (Some(left), Some(right)) => equal_values(left, right, budget),
        _ => Ok(false),
    }
}

fn equal_values(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Refusal> {
    budget.charge(1)?;
    match (left, right) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_str(), right.as_str());
            budget.charge((left.len() + right.len()) as u64)?;
            Ok(compare_numbers(left, right) == Ordering::Equal)
        }
        (Value::String(left), Value::String(right)) => {
            budget.charge(left.len().min(right.len()) as u64)?;
            Ok(left == right)
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right) {
                if !equal_values(left, right, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(left), Value::Object(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (name, left) in left {
                let Some(right) = right.get(name) else { return Ok(false) };
                if !equal_values(left, right, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}
