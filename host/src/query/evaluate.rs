//! Evaluates a query: one list of nodes after another, every node visited charged.

use std::rc::Rc;

use serde_json::Value;

use super::ast::{Origin, Query, Segment, Selector};
use super::pattern::Patterns;
use super::{Budget, Refusal};
use crate::value::{PathPart, push_path_part};

/// The most nodes one segment may select: a bound of memory, where the budget is one of time.
const NODES_LIMIT: usize = 1 << 20;

/// One match.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'v> {
    /// Normalized path (RFC 9535 section 2.7).
    pub path: String,
    /// What stands there.
    pub value: &'v Value,
}

/// The nodes a query selects, in the specification's order; members of objects in sorted order of their names.
///
/// # Errors
/// [`Refusal::Exhausted`] when the budget is used up on the way, [`Refusal::TooLarge`] for too many matches.
pub fn nodes<'v>(
    expression: &Query,
    document: &'v Value,
    budget: &mut Budget,
) -> Result<Vec<Node<'v>>, Refusal> {
    let located = Evaluation::new(document, budget).select(expression, document, true)?;
    Ok(located.into_iter().map(|node| Node { path: node.path(), value: node.value }).collect())
}

/// How many nodes a query selects, at the same charge.
///
/// # Errors
/// As [`nodes`].
pub fn count(expression: &Query, document: &Value, budget: &mut Budget) -> Result<usize, Refusal> {
    Ok(Evaluation::new(document, budget).select(expression, document, false)?.len())
}

pub(super) struct Evaluation<'v, 'b> {
    root: &'v Value,
    pub budget: &'b mut Budget,
    pub patterns: Patterns,
}

/// A value and, where paths are wanted, the way to it.
#[derive(Clone)]
pub(super) struct Located<'v> {
    pub value: &'v Value,
    place: Option<Rc<Place<'v>>>,
}

struct Place<'v> {
    parent: Option<Rc<Place<'v>>>,
    /// `None` at the root.
    part: Option<PathPart<'v>>,
}

impl<'v> Located<'v> {
    fn child(&self, part: PathPart<'v>, value: &'v Value) -> Self {
        let place = self
            .place
            .as_ref()
            .map(|place| Rc::new(Place { parent: Some(Rc::clone(place)), part: Some(part) }));
        Self { value, place }
    }

    fn path(&self) -> String {
        let mut parts = Vec::new();
        let mut place = self.place.as_deref();
        while let Some(here) = place {
            parts.extend(here.part);
            place = here.parent.as_deref();
        }
        let mut path = String::from("$");
        for part in parts.into_iter().rev() {
            push_path_part(&mut path, part);
        }
        path
    }

    fn children(&self) -> Vec<Self> {
        match self.value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.child(PathPart::Index(index), item))
                .collect(),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                // Already sorted unless some dependency switches serde_json to insertion order.
                if !members.is_sorted_by_key(|(name, _)| *name) {
                    members.sort_by_key(|(name, _)| *name);
                }
                members.into_iter().map(|(name, member)| self.child(PathPart::Name(name), member)).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'v, 'b> Evaluation<'v, 'b> {
    fn new(root: &'v Value, budget: &'b mut Budget) -> Self {
        Self { root, budget, patterns: Patterns::default() }
    }

    pub(super) fn select(
        &mut self,
        query: &Query,
        current: &'v Value,
        with_paths: bool,
    ) -> Result<Vec<Located<'v>>, Refusal> {
        let value = match query.origin {
            Origin::Root => self.root,
            Origin::Current => current,
        };
        self.budget.charge(1)?;
        let place = with_paths.then(|| Rc::new(Place { parent: None, part: None }));
        let mut selected = vec![Located { value, place }];
        for segment in &query.segments {
            let mut next = Vec::new();
            for node in &selected {
                if segment.descendant {
                    self.descend(segment, node, &mut next)?;
                } else {
                    self.apply(segment, node, &mut next)?;
                }
            }
            selected = next;
        }
        Ok(selected)
    }

    fn descend(
        &mut self,
        segment: &Segment,
        node: &Located<'v>,
        out: &mut Vec<Located<'v>>,
    ) -> Result<(), Refusal> {
        self.apply(segment, node, out)?;
        self.budget.charge(child_count(node.value))?;
        for child in node.children() {
            self.descend(segment, &child, out)?;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        segment: &Segment,
        node: &Located<'v>,
        out: &mut Vec<Located<'v>>,
    ) -> Result<(), Refusal> {
        for selector in &segment.selectors {
            self.budget.charge(1)?;
            match selector {
                Selector::Name(name) => {
                    if let Value::Object(members) = node.value
                        && let Some((name, member)) = members.get_key_value(name)
                    {
                        out.push(node.child(PathPart::Name(name), member));
                    }
                }
                Selector::Index(index) => {
                    if let Value::Array(items) = node.value
                        && let Some(index) = position(*index, items.len())
                    {
                        out.push(node.child(PathPart::Index(index), &items[index]));
                    }
                }
                Selector::Wildcard => {
                    self.budget.charge(child_count(node.value))?;
                    out.extend(node.children());
                }
                Selector::Slice { start, end, step } => {
                    if let Value::Array(items) = node.value {
                        for index in slice(*start, *end, *step, items.len()) {
                            self.budget.charge(1)?;
                            out.push(node.child(PathPart::Index(index), &items[index]));
                        }
                    }
                }
                Selector::Filter(logical) => {
                    self.budget.charge(child_count(node.value))?;
                    for child in node.children() {
                        if self.holds(logical, child.value)? {
                            out.push(child);
                        }
                    }
                }
            }
            if out.len() > NODES_LIMIT {
                return Err(Refusal::TooLarge { limit: NODES_LIMIT });
            }
        }
        Ok(())
    }
}

fn child_count(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.len() as u64,
        Value::Object(members) => members.len() as u64,
        _ => 0,
    }
}

/// Where an index points, counted from the end when it is negative.
pub(super) fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let position = if index < 0 { index + length } else { index };
    (0..length).contains(&position).then(|| usize::try_from(position).ok()).flatten()
}

/// The positions a slice selects (RFC 9535 section 2.3.4.2.2).
fn slice(start: Option<i64>, end: Option<i64>, step: i64, length: usize) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let normalize = |index: i64| if index < 0 { index + length } else { index };
    let (first, stop) = if step >= 0 {
        let first = normalize(start.unwrap_or(0)).clamp(0, length);
        (first, normalize(end.unwrap_or(length)).clamp(0, length))
    } else {
        let first = start.map_or(length - 1, normalize).clamp(-1, length - 1);
        (first, end.map_or(-1, normalize).clamp(-1, length - 1))
    };
    let first = (step != 0).then_some(first);
    std::iter::successors(first, move |index| index.checked_add(step))
        .take_while(move |index| if step > 0 { *index < stop } else { *index > stop })
        .filter_map(|index| usize::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_stops_when_its_budget_is_used_up() {
        let document = json!({ "a": vec![vec![0; 100]; 100] });
        let query = Query::parse("$..*").unwrap();
        let mut budget = Budget::new(500);
        assert_eq!(nodes(&query, &document, &mut budget), Err(Refusal::Exhausted));
        assert_eq!(budget.left(), 0);
        let mut budget = Budget::new(100_000);
        assert_eq!(count(&query, &document, &mut budget), Ok(10_101));
        let used = 100_000 - budget.left();
        assert!((20_000..40_000).contains(&used), "{used}");
    }

    #[test]
    fn quadratic_filters_are_charged() {
        let document = json!(vec![0; 1_000]);
        let query = Query::parse("$[?count($[*]) == 0]").unwrap();
        assert_eq!(count(&query, &document, &mut Budget::new(900_000)), Err(Refusal::Exhausted));
    }

    #[test]
    fn a_list_of_matches_is_bounded() {
        let document = json!(vec![vec![0; 1_000]; 1_000]);
        let query = Query::parse("$[*,*][*,*]").unwrap();
        assert!(matches!(
            count(&query, &document, &mut Budget::new(u64::MAX)),
            Err(Refusal::TooLarge { .. })
        ));
    }
}
