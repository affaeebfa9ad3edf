//! Evaluates a query depth first: one node at a time goes through all segments, which gives the specification's order
//! without a list between two segments, and ends as soon as nobody wants to know more.

use std::marker::PhantomData;
use std::ops::ControlFlow;

use super::ast::{Logical, Origin, Query, Segment, Selector};
use super::pattern::Patterns;
use super::slice::slice;
use super::tree::{Json, Kind};
use super::{Budget, Refusal};
use crate::value::{PathPart, push_path_part};

/// The most nodes one answer may have: a bound of memory, where the budget is one of time.
const NODES_LIMIT: usize = 1 << 20;

/// The most bytes the paths of one answer may have together: names of members come from agents.
const PATHS_LIMIT_BYTES: usize = 64 << 20;

/// Bytes of a name that are compared for one unit.
const NAME_BYTES_PER_UNIT: usize = 16;

/// One match.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<V> {
    /// Normalized path (RFC 9535 section 2.7).
    pub path: String,
    /// What stands there.
    pub value: V,
}

/// The nodes a query selects, in the specification's order; members of objects in sorted order of their names.
///
/// # Errors
/// [`Refusal::Exhausted`] when the budget is used up on the way, [`Refusal::TooLarge`] and
/// [`Refusal::PathsTooLarge`] for too many matches.
pub fn nodes<'v, V: Json<'v>>(
    query: &Query,
    document: V,
    budget: &mut Budget,
) -> Result<Vec<Node<V>>, Refusal> {
    page(query, document, 0, usize::MAX, budget)
}

/// As [`nodes`], without the first `skip` and at most `max`; what comes after them is not looked at.
///
/// # Errors
/// As [`nodes`]; only matches that are returned are counted as too many.
pub fn page<'v, V: Json<'v>>(
    query: &Query,
    document: V,
    skip: usize,
    max: usize,
    budget: &mut Budget,
) -> Result<Vec<Node<V>>, Refusal> {
    let mut found = Vec::new();
    let (mut to_skip, mut paths_bytes) = (skip, 0);
    if max == 0 {
        return Ok(found);
    }
    Evaluation::new(document, budget).select(
        query,
        document,
        &mut PathParts::wanted(),
        &mut |budget, path, value| {
            if to_skip > 0 {
                to_skip -= 1;
                return Ok(ControlFlow::Continue(()));
            }
            if found.len() == NODES_LIMIT {
                return Err(Refusal::TooLarge { limit: NODES_LIMIT });
            }
            let path = path.normalized();
            paths_bytes += path.len();
            if paths_bytes > PATHS_LIMIT_BYTES {
                return Err(Refusal::PathsTooLarge { limit_bytes: PATHS_LIMIT_BYTES });
            }
            budget.charge(path.len() as u64)?;
            found.push(Node { path, value });
            Ok(if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    Ok(found)
}

/// How many nodes a query selects.
///
/// # Errors
/// [`Refusal::Exhausted`] when the budget is used up on the way.
pub fn count<'v, V: Json<'v>>(query: &Query, document: V, budget: &mut Budget) -> Result<usize, Refusal> {
    let mut count = 0;
    Evaluation::new(document, budget).select(
        query,
        document,
        &mut PathParts::unwanted(),
        &mut |_, _, _| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(count)
}

/// The way to the node that is looked at; kept only where it is wanted.
pub(super) struct PathParts<'v> {
    parts: Option<Vec<PathPart<'v>>>,
}

impl<'v> PathParts<'v> {
    pub fn wanted() -> Self {
        Self { parts: Some(Vec::new()) }
    }

    pub fn unwanted() -> Self {
        Self { parts: None }
    }

    fn push(&mut self, part: PathPart<'v>) {
        if let Some(parts) = &mut self.parts {
            parts.push(part);
        }
    }

    fn pop(&mut self) {
        if let Some(parts) = &mut self.parts {
            parts.pop();
        }
    }

    fn normalized(&self) -> String {
        let mut path = String::from("$");
        for part in self.parts.iter().flatten() {
            push_path_part(&mut path, *part);
        }
        path
    }
}

/// Told of every child, on the way to what is selected; says whether to go on.
type Visit<'f, 'v, E, V> = dyn FnMut(&mut E, &mut PathParts<'v>, V) -> Result<ControlFlow<()>, Refusal> + 'f;

/// Told of every node that is selected; says whether to go on.
type Found<'f, 'v, V> = dyn FnMut(&mut Budget, &PathParts<'v>, V) -> Result<ControlFlow<()>, Refusal> + 'f;

pub(super) struct Evaluation<'v, 'b, V> {
    root: V,
    pub budget: &'b mut Budget,
    pub patterns: Patterns,
    document: PhantomData<&'v ()>,
}

impl<'v, 'b, V: Json<'v>> Evaluation<'v, 'b, V> {
    fn new(root: V, budget: &'b mut Budget) -> Self {
        Self { root, budget, patterns: Patterns::default(), document: PhantomData }
    }

    pub(super) fn select(
        &mut self,
        query: &Query,
        current: V,
        path: &mut PathParts<'v>,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<(), Refusal> {
        let value = self.origin(query, current)?;
        self.follow(&query.segments, path, value, found).map(|_| ())
    }

    /// Where a query starts.
    pub(super) fn origin(&mut self, query: &Query, current: V) -> Result<V, Refusal> {
        self.budget.charge(1)?;
        Ok(match query.origin {
            Origin::Root => self.root,
            Origin::Current => current,
        })
    }

    /// What a name selects, with the name as the document has it.
    pub(super) fn member(&mut self, name: &str, value: V) -> Result<Option<(&'v str, V)>, Refusal> {
        self.budget.charge(cost_of_name(name))?;
        Ok(value.member(name))
    }

    /// What a position selects, counted from the end where it is negative.
    pub(super) fn element(&mut self, index: i64, value: V) -> Result<Option<(usize, V)>, Refusal> {
        self.budget.charge(1)?;
        Ok(value.at(index))
    }

    /// Sends one node through the segments that are left.
    fn follow(
        &mut self,
        segments: &[Segment],
        path: &mut PathParts<'v>,
        value: V,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        let Some((segment, rest)) = segments.split_first() else { return found(self.budget, path, value) };
        if segment.descendant {
            self.descend(segment, rest, path, value, found)
        } else {
            self.apply(segment, rest, path, value, found)
        }
    }

    fn descend(
        &mut self,
        segment: &Segment,
        rest: &[Segment],
        path: &mut PathParts<'v>,
        value: V,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        if self.apply(segment, rest, path, value, found)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        // Most values of a document hold no others: nothing is selected there, which costs as much as to find that out.
        let barren = Some(segment.selectors.iter().map(cost_of_looking).sum());
        self.children(path, value, barren, &mut |this, path, child| {
            this.descend(segment, rest, path, child, found)
        })
    }

    fn apply(
        &mut self,
        segment: &Segment,
        rest: &[Segment],
        path: &mut PathParts<'v>,
        value: V,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        for selector in &segment.selectors {
            if self.selected(selector, rest, path, value, found)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn selected(
        &mut self,
        selector: &Selector,
        rest: &[Segment],
        path: &mut PathParts<'v>,
        value: V,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        match selector {
            Selector::Name(name) => match self.member(name, value)? {
                Some((name, member)) => self.step(PathPart::Name(name), rest, path, member, found),
                None => Ok(ControlFlow::Continue(())),
            },
            Selector::Index(index) => match self.element(*index, value)? {
                Some((index, element)) => self.step(PathPart::Index(index), rest, path, element, found),
                None => Ok(ControlFlow::Continue(())),
            },
            Selector::Wildcard => {
                self.budget.charge(1)?;
                self.children(path, value, None, &mut |this, path, child| {
                    this.follow(rest, path, child, found)
                })
            }
            Selector::Slice { start, end, step } => {
                self.budget.charge(1)?;
                let Kind::Array(length) = value.kind() else { return Ok(ControlFlow::Continue(())) };
                for index in slice(*start, *end, *step, length) {
                    self.budget.charge(1)?;
                    let Some(element) = value.element(index) else { continue };
                    if self.step(PathPart::Index(index), rest, path, element, found)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            }
            Selector::Filter(logical) => {
                self.budget.charge(1)?;
                self.filtered(logical, rest, path, value, found)
            }
        }
    }

    fn filtered(
        &mut self,
        logical: &Logical,
        rest: &[Segment],
        path: &mut PathParts<'v>,
        value: V,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        self.children(path, value, None, &mut |this, path, child| {
            if this.holds(logical, child)? {
                this.follow(rest, path, child, found)
            } else {
                Ok(ControlFlow::Continue(()))
            }
        })
    }

    fn step(
        &mut self,
        part: PathPart<'v>,
        rest: &[Segment],
        path: &mut PathParts<'v>,
        value: V,
        found: &mut Found<'_, 'v, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        path.push(part);
        let going = self.follow(rest, path, value, found);
        path.pop();
        going
    }

    /// Visits every child, each charged when it is reached; with `barren`, only those that hold values themselves, and
    /// the others cost so much more.
    fn children(
        &mut self,
        path: &mut PathParts<'v>,
        value: V,
        barren: Option<u64>,
        visit: &mut Visit<'_, 'v, Self, V>,
    ) -> Result<ControlFlow<()>, Refusal> {
        let mut reach = |this: &mut Self, part, child: V| {
            this.budget.charge(1)?;
            if let Some(units) = barren
                && !child.is_array()
                && !child.is_object()
            {
                this.budget.charge(units)?;
                return Ok(ControlFlow::Continue(()));
            }
            path.push(part);
            let going = visit(this, path, child);
            path.pop();
            going
        };
        if value.is_array() {
            for (index, element) in value.elements().enumerate() {
                if reach(self, PathPart::Index(index), element)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        } else if value.is_object() {
            for (name, member) in value.members() {
                if reach(self, PathPart::Name(name), member)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// What a selector costs before it selects anything.
fn cost_of_looking(selector: &Selector) -> u64 {
    match selector {
        Selector::Name(name) => cost_of_name(name),
        Selector::Index(_) | Selector::Wildcard | Selector::Slice { .. } | Selector::Filter(_) => 1,
    }
}

fn cost_of_name(name: &str) -> u64 {
    1 + (name.len() / NAME_BYTES_PER_UNIT) as u64
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
        let mut unlimited = Budget::new(u64::MAX);
        assert_eq!(nodes(&query, &document, &mut unlimited), Err(Refusal::TooLarge { limit: NODES_LIMIT }));
        assert_eq!(count(&query, &document, &mut unlimited), Ok(4_000_000));
    }

    #[test]
    fn long_paths_are_charged_and_bounded() {
        let document = json!({ "x".repeat(100_000): vec![0; 1_000] });
        let query = Query::parse("$.*[*]").unwrap();
        let mut unlimited = Budget::new(u64::MAX);
        let refused = Err(Refusal::PathsTooLarge { limit_bytes: PATHS_LIMIT_BYTES });
        assert_eq!(nodes(&query, &document, &mut unlimited), refused);
        assert_eq!(count(&query, &document, &mut unlimited), Ok(1_000));
        let mut budget = Budget::new(1_000_000);
        assert_eq!(nodes(&query, &document, &mut budget), Err(Refusal::Exhausted));
        assert_eq!(page(&query, &document, 0, 5, &mut Budget::new(1_000_000)).unwrap().len(), 5);
    }

    #[test]
    fn a_page_costs_what_comes_before_its_end() {
        let document = json!(vec![0; 1_000]);
        let query = Query::parse("$[*]").unwrap();
        let mut budget = Budget::new(10_000);
        let found = page(&query, &document, 10, 2, &mut budget).unwrap();
        assert_eq!(found.iter().map(|node| node.path.as_str()).collect::<Vec<_>>(), ["$[10]", "$[11]"]);
        assert_eq!(10_000 - budget.left(), 14 + "$[10]$[11]".len() as u64);
        assert_eq!(page(&query, &document, 2_000, 2, &mut budget), Ok(Vec::new()));
        assert_eq!(page(&query, &document, 0, 0, &mut budget), Ok(Vec::new()));
    }

    /// Each visit counted: what holds nothing is passed over quickly, and costs what it would if it were visited.
    #[test]
    fn what_holds_nothing_costs_a_visit() {
        let document = json!({ "a": [1, { "a": 2 }], "b": "x", "c": {} });
        for (expression, found, units) in [
            ("$..[?@.a]", 1, 32),
            ("$..['a name of more than sixteen bytes', 0, *]", 7, 48),
            ("$..[::2]..a", 0, 16),
        ] {
            let mut budget = Budget::new(1_000);
            assert_eq!(count(&Query::parse(expression).unwrap(), &document, &mut budget), Ok(found));
            assert_eq!(1_000 - budget.left(), units, "{expression}");
        }
    }

    #[test]
    fn the_cost_of_a_query_is_that_of_what_it_touches() {
        let query = Query::parse("$.requests[3].lane").unwrap();
        let used = |requests: usize| {
            let document = json!({ "requests": vec![json!({ "lane": "main" }); requests] });
            let mut budget = Budget::new(1_000);
            assert_eq!(count(&query, &document, &mut budget), Ok(1));
            1_000 - budget.left()
        };
        assert_eq!(used(5), used(50_000));
    }
}
