//! `wassert` runs an agent against a scripted model server, records everything it did, and lets sandboxed
//! WebAssembly assertions decide whether it passed.
//!
//! The modules stand on floors: each imports only from lower ones. ARCHITECTURE.md has the map and the rules, and a
//! test reads the `use` lines to keep them true.

// Floor 0: words.
pub mod diagnostic;
pub mod document;
pub mod value;

// Floor 1: knowledge and pure functions, no tokio, no clock, no process, no network.
pub mod hostcheck;
pub mod import;
pub mod pack;
pub mod profile;
pub mod query;
pub mod recording;
pub mod report;
pub mod scenario;

// Floor 2: the outside world, one module each.
pub mod agent;
pub mod example_agent;
pub mod sandbox;
pub mod server;

// Floor 3: one run.
pub mod run;

// Floor 4: the program.
pub mod cli;
