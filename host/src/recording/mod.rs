//! Recordings: a folder a run, written once, read by everything else. `docs/recording.md` is the contract.
//!
//! ```text
//! .wassert/runs/<run>/<scenario>@<agent>/
//!   run.json        the run document (`wassert.run/1`) in its stored form, canonical JSON
//!   blobs.json      blob name (`requests/0/body`, `files/notes.txt/after`, `stdout/0`) to digest, and the parts of
//!                   those that are kept in parts (`wassert.blobs/1`)
//!   blobs/<hex>     bytes, each once, named by SHA-256
//!   scenario.toml   the scenario as it was run
//!   modules/<hex>   the assertion modules the scenario brought
//!   log/            raw output of the agent: stdout-1, stderr-1, …
//!   manifest.json   every file above with size and digest; written last, so its presence means "complete"
//!   verdicts.json   what was concluded (`wassert.verdicts/1`); no evidence, so the manifest leaves it out
//! ```
//!
//! What is written has symbols in place of secrets (`redact/`): everything passes through [`Writer`].
//!
//! Nothing here knows the time: run names and ages are passed in.

mod archive;
mod behind;
mod blobs;
mod error;
mod hold;
mod inspect;
mod manifest;
mod open;
mod pieces;
mod read;
mod redact;
mod retain;
mod stored;
mod symbol;
mod write;

pub use archive::{ArchiveError, export, is_archive, unpack};
pub use error::ReadError;
pub use open::{Opened, check, open, open_below};
pub use read::{Recording, read};
pub use redact::{Passing, Secrets};
pub use retain::{Keep, PastRun, surplus};
pub use stored::REFERENCED_ABOVE_BYTES;
pub use symbol::{Symbols, Texts, escape, unescape};
pub use write::{WriteError, Writer};

/// File name of the run document.
pub const DOCUMENT: &str = "run.json";
/// File name of the index of blobs.
pub const BLOBS: &str = "blobs.json";
/// Folder of the blobs.
pub const BLOB_FOLDER: &str = "blobs";
/// File name of the scenario.
pub const SCENARIO: &str = "scenario.toml";
/// Folder of the modules a scenario brought.
pub const MODULE_FOLDER: &str = "modules";
/// Folder of raw output.
pub const LOG_FOLDER: &str = "log";
/// File name of the list of everything, with sizes and digests.
pub const MANIFEST: &str = "manifest.json";
/// File name of the verdicts.
pub const VERDICTS: &str = "verdicts.json";
