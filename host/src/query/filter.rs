//! Whether a filter holds for a node.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::ast::{Logical, Operand, Query};
use super::evaluate::Evaluation;
use super::{Refusal, compare};

impl<'v> Evaluation<'v, '_> {
    pub(super) fn holds(&mut self, logical: &Logical, current: &'v Value) -> Result<bool, Refusal> {
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
            Logical::Exists(query) => Ok(!self.values(query, current)?.is_empty()),
            Logical::Compare(left, comparison, right) => {
                let left = self.operand(left, current)?;
                let right = self.operand(right, current)?;
                compare::holds(left.as_deref(), *comparison, right.as_deref(), self.budget)
            }
            Logical::Matches { whole, text, pattern } => {
                let text = self.operand(text, current)?;
                let pattern = self.operand(pattern, current)?;
                let (Some(Value::String(text)), Some(Value::String(pattern))) =
                    (text.as_deref(), pattern.as_deref())
                else {
                    return Ok(false);
                };
                self.patterns.matches(pattern, *whole, text, self.budget)
            }
        }
    }

    /// `None` is the specification's Nothing.
    fn operand<'q>(
        &mut self,
        operand: &'q Operand,
        current: &'v Value,
    ) -> Result<Option<Cow<'q, Value>>, Refusal>
    where
        'v: 'q,
    {
        match operand {
            Operand::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Operand::Singular(query) => Ok(self.values(query, current)?.first().copied().map(Cow::Borrowed)),
            Operand::Length(inner) => {
                let inner = self.operand(inner, current)?;
                let length = match inner.as_deref() {
                    Some(Value::String(text)) => {
                        self.budget.charge(text.len() as u64)?;
                        text.chars().count()
                    }
                    Some(Value::Array(items)) => items.len(),
                    Some(Value::Object(members)) => members.len(),
                    _ => return Ok(None),
                };
                Ok(Some(Cow::Owned(Value::Number(Number::from(length)))))
            }
            Operand::Count(query) => {
                let count = self.values(query, current)?.len();
                Ok(Some(Cow::Owned(Value::Number(Number::from(count)))))
            }
            Operand::Value(query) => match self.values(query, current)?[..] {
                [value] => Ok(Some(Cow::Borrowed(value))),
                _ => Ok(None),
            },
        }
    }

    fn values(&mut self, query: &Query, current: &'v Value) -> Result<Vec<&'v Value>, Refusal> {
        Ok(self.select(query, current, false)?.into_iter().map(|located| located.value).collect())
    }
}
