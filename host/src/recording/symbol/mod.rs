//! Symbols: what differs from run to run (identifiers, times, ports, temporary paths) becomes `⟦thread#1⟧`,
//! `⟦server⟧`, `⟦workspace⟧`, so that two runs of a scenario give equal documents and "the same id was echoed" can
//! still be checked.
//!
//! - A value is found only at a *place*: a typed path that the agent's profile or the scenario's `volatile` names, or a
//!   value the host itself chose (the folders of the run, the server's address). What stands at no place stays.
//! - An identity found at a place is replaced wherever it stands as a whole token, in the document (member names
//!   included) and in the texts beside it. Values under four bytes are replaced at their places only.
//! - A quantity (`duration`, `time`, `count`, `length`, `hash`, `random`) is replaced where it stands, without a number.
//! - Numbers are given by turn, then lane, conversation, step, attempt and field, as the sorted document has them;
//!   never by arrival.
//! - A literal `⟦` of the data is doubled; `unescape` gives it back.
//! - JSON in which a value at a place was replaced is kept in canonical form: where identifiers differ, agents write
//!   members in a different order too. All other text keeps its bytes.
//!
//! The sections `schema`, `scenario`, `raw` and `timing` are not touched: the first two were never captured, the others
//! differ by design.

mod escape;
mod host;
mod order;
mod settle;
mod table;
mod tokens;
mod walk;

#[cfg(test)]
pub(super) mod generate;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use escape::{escape, unescape};
pub use settle::Texts;

use crate::document::{Place, PlaceError};
use table::Table;
use tokens::Tokens;
use walk::Places;

/// Replaces what differs from run to run by symbols.
#[derive(Clone, Debug)]
pub struct Symbols {
    places: Places,
    table: Table,
    tokens: Tokens,
}

impl Symbols {
    /// Looks at these places, and for the host's own values: kind and value, such as `workspace` and its path.
    ///
    /// # Errors
    /// The first place that can't be used.
    pub fn new<'a>(
        places: impl IntoIterator<Item = &'a Place>,
        host: &[(&str, String)],
    ) -> Result<Self, PlaceError> {
        let mut table = Table::default();
        for (kind, value) in host {
            table.know(kind, value);
        }
        let places = Places::new(host::PLACES.iter().chain(places))?;
        Ok(Self { places, table, tokens: Tokens::default() })
    }
}

/// Applies `change` to every text of a value, member names included.
fn every_text(value: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(changed) = change(text) {
                *text = changed;
            }
        }
        Value::Array(elements) => {
            for element in elements {
                every_text(element, change);
            }
        }
        Value::Object(members) => {
            for member in members.values_mut() {
                every_text(member, change);
            }
            let renamed: Vec<_> =
                members.keys().filter_map(|name| Some((name.clone(), change(name)?))).collect();
            for (name, changed) in renamed {
                if let Some(member) = members.remove(&name) {
                    members.insert(changed, member);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
