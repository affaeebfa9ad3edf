//! The words everything else is said in: digests, outcomes, canonical JSON, limits of names.
//!
//! Floor 0: knows nothing of files, processes, time or the network.

mod chunk;
mod decimal;
mod digest;
mod duplicate;
mod escape;
mod glob;
mod json;
mod outcome;
mod piecewise;
mod shared;
mod verdict;

pub use chunk::chunks;
pub use decimal::compare_numbers;
pub use digest::{Digest, Hasher};
pub use duplicate::first_duplicate;
pub use escape::{escape_terminal, excerpt};
pub use glob::glob_matches;
pub use json::{PathPart, canonical, canonical_start, push_path_part, to_canonical_string};
pub use outcome::{ExitStatus, Outcome};
pub use piecewise::parse_piecewise;
pub use shared::{SharedBytes, SharedStore};
pub use verdict::{ErrorClass, Finding, Place, Receipt, ReceiptInputs, ReceiptResult, Unjudged, Verdict};
