//! Packs: manifests, examples, the standard pack embedded in the program, and the digest of its source that a module
//! carries.
//!
//! Nothing here runs a module, and nothing here fetches one.

mod build;
mod embedded;
mod example;
mod manifest;
mod patch;
mod pointer;

use std::ops::Range;

pub use build::{SOURCE_SECTION, digest_sources, source_digest_of, with_source_digest};
pub use embedded::{EmbeddedPack, embedded};
pub use example::{
    EXAMPLES, Example, ExampleError, Examples, check_document, parameters, promised, read_example,
    read_examples,
};
pub use manifest::{AssertionEntry, Manifest, ModuleEntry, PackEntry};
pub use patch::{Patch, PatchError};

/// What can be wrong with a pack.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// `pack.toml` can't be used.
    #[error("{message}")]
    Manifest {
        /// What is wrong, for people.
        message: String,
        /// Where, as a byte range of the text; absent when it is about the whole.
        span: Option<Range<usize>>,
    },
    /// A source that the digest should cover can't be read.
    #[error("source `{path}`: {error}")]
    Source {
        /// The path, relative to the root.
        path: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}
