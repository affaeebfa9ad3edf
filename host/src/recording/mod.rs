//! Recordings: a folder a run, written once, read by everything else.
//!
//! ```text
//! .wassert/runs/<run>/<scenario>@<agent>/
//!   run.json        the run document (`wassert.run/1`), canonical JSON; written last, so its presence means "complete"
//!   blobs.json      blob name (`requests/0/body`, `files/notes.txt/after`, `stdout/0`) to digest
//!   blobs/<hex>     the bytes, each once, named by SHA-256
//!   scenario.toml   the scenario as it was run
//!   modules/<hex>   the assertion modules the scenario brought
//!   verdicts.json   what was concluded (`wassert.verdicts/1`)
//!   log/            raw output of the agent: stdout-1, stderr-1, …
//! ```
//!
//! What is written has symbols in place of secrets (`redact/`): everything passes through [`Writer`].
//!
//! Nothing here knows the time: run names are passed in.

mod blob;
mod hold;
mod read;
mod redact;
mod symbol;
mod write;

pub use blob::{BlobError, read_blob};
pub use read::{ReadError, Recording, read};
pub use redact::Secrets;
pub use symbol::{Symbols, Texts, escape, unescape};
pub use write::{WriteError, Writer};

/// File name of the run document.
pub const DOCUMENT: &str = "run.json";
/// File name of the map from blob names to digests.
pub const BLOBS: &str = "blobs.json";
/// Folder of the blobs.
pub const BLOB_FOLDER: &str = "blobs";
/// File name of the scenario.
pub const SCENARIO: &str = "scenario.toml";
/// Folder of the modules a scenario brought.
pub const MODULE_FOLDER: &str = "modules";
/// File name of the verdicts.
pub const VERDICTS: &str = "verdicts.json";
