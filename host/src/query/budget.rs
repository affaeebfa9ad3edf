//! What a query may cost, and why one is refused.

/// Units a query may still use: one for every node visited and for every byte compared or searched.
#[derive(Debug)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// A budget of so many units.
    pub fn new(units: u64) -> Self {
        Self { left: units }
    }

    /// Units not used yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Uses some units.
    ///
    /// # Errors
    /// [`Refusal::Exhausted`] when fewer are left; then none are left.
    pub fn charge(&mut self, units: u64) -> Result<(), Refusal> {
        match self.left.checked_sub(units) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Refusal::Exhausted)
            }
        }
    }
}

/// Why a query gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not RFC 9535 JSONPath, or beyond this program's bounds.
    #[error("not a valid JSONPath at byte {position}: {detail}")]
    Invalid {
        /// Offset in the expression.
        position: usize,
        /// What is wrong there.
        detail: String,
    },
    /// A list of matches grew too long.
    #[error("the query selects more than {limit} nodes")]
    TooLarge {
        /// The most nodes one segment may select.
        limit: usize,
    },
    /// The paths of what matches grew too long together.
    #[error("the paths of what the query selects are longer than {limit_bytes} bytes together")]
    PathsTooLarge {
        /// The most bytes they may have.
        limit_bytes: usize,
    },
    /// The budget is used up.
    #[error("the budget for queries is used up")]
    Exhausted,
}
