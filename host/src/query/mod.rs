//! RFC 9535 JSONPath over a JSON value, with a budget for every node visited.
//!
//! Expressions come from strangers, so the parser is linear and bounded ([`EXPRESSION_LIMIT_BYTES`],
//! [`NESTING_LIMIT`]), and evaluation stops in the middle when the budget is used up. It deliberately has no
//! extension functions, and inside a filter of a filter neither `..` nor a query from the root (`$`) is allowed: that
//! is where a short expression becomes polynomial work of a high degree.
//!
//! Where the specification leaves a choice: members of an object come in sorted order of their names, numbers are
//! compared by their exact decimal value, and a literal regular expression that is none of I-Regexp (RFC 9485) is
//! refused instead of never matching.
//! The compliance suite in `tests/conformance/jsonpath` decides what is right; what is refused on purpose is listed
//! beside it.

mod ast;
mod budget;
mod compare;
#[cfg(test)]
mod compliance;
mod evaluate;
#[cfg(test)]
mod examples;
mod filter;
mod iregexp;
mod parse;
mod parse_filter;
mod pattern;
mod resolve;
mod slice;
mod text;
mod tree;

pub use ast::Query;
pub use budget::{Budget, Refusal};
pub use evaluate::{Node, count, nodes, page};
pub use parse::{EXPRESSION_LIMIT_BYTES, NESTING_LIMIT};
pub use resolve::{resolve, singular_path};
pub use tree::{Json, Kind};

/// Changes whenever the same expression may select other nodes or cost another number of units; part of the engine's
/// identity in receipts.
pub const QUERY_VERSION: u32 = 3;
