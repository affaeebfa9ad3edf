//! Which value is which symbol.

use std::collections::BTreeMap;

use super::escape::OPEN;
use super::tokens::Tokens;

/// Values shorter than this are replaced only at their places: elsewhere the same letters are hardly an echo of them.
const ECHO_LEAST_BYTES: usize = 4;

/// Symbols given so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    by_value: BTreeMap<String, String>,
    counts: BTreeMap<String, u32>,
    is_masking: bool,
}

impl Table {
    /// The same, but from now on symbols have no numbers: only the kind of a value is left.
    pub(super) fn masking(&self) -> Self {
        Self { is_masking: true, ..self.clone() }
    }

    /// A value of the host's own, whose symbol has no number.
    pub(super) fn know(&mut self, kind: &str, value: &str) {
        self.by_value.entry(value.to_owned()).or_insert_with(|| format!("⟦{kind}⟧"));
    }

    /// The symbol of a value found at a place, the next of its kind when it is new; none for a value that says nothing
    /// or that holds a symbol already.
    pub(super) fn symbol(&mut self, kind: &str, value: &str, quantity: bool) -> Option<String> {
        if value.is_empty() || value.contains(OPEN) {
            return None;
        }
        if quantity {
            return Some(format!("⟦{kind}⟧"));
        }
        if let Some(symbol) = self.by_value.get(value) {
            return Some(symbol.clone());
        }
        if self.is_masking {
            let symbol = format!("⟦{kind}⟧");
            self.by_value.insert(value.to_owned(), symbol.clone());
            return Some(symbol);
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let symbol = format!("⟦{kind}#{count}⟧");
        self.by_value.insert(value.to_owned(), symbol.clone());
        Some(symbol)
    }

    /// Whether [`Table::tokens`] will replace the value wherever it stands.
    pub(super) fn echoes(value: &str, quantity: bool) -> bool {
        !quantity && value.len() >= ECHO_LEAST_BYTES
    }

    /// What replaces these values wherever they stand as whole tokens.
    pub(super) fn tokens(&self) -> Tokens {
        Tokens::new(self.by_value.iter().filter(|(value, _)| Self::echoes(value, false)))
    }
}
