//! Judges assertions in WebAssembly: loads a module, runs one assertion of it in a sandbox, concludes a verdict.
//!
//! Everything goes through [`Judge`], and through lines of JSON ([`Request`], [`Answer`]), so that a judge can as
//! well be another process. This is the only place that names wasmtime. It does not know scenarios, packs or locks:
//! whoever asks says which module, which assertion, what it may read and within which limits.

mod answers;
mod ask;
mod attempts;
mod backtrace;
mod cache;
mod cap;
mod case;
mod channel;
mod code;
mod compile;
mod conclude;
mod confine;
#[cfg(test)]
mod determinism_tests;
mod digested;
mod door;
#[cfg(test)]
mod door_tests;
mod earlier;
mod engine;
mod evidence;
mod excerpt;
mod forge;
mod grant;
mod guest;
#[cfg(test)]
mod guest_tests;
mod imports;
mod judge;
mod last_call;
mod limits;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod made_guests;
mod message;
mod module;
mod pool;
mod roots;
mod search;
mod shown;
mod start;
mod stop;
mod supervisor;
#[cfg(test)]
mod tests;
mod ticker;
mod worker;

pub use confine::{Confinement, Fence, confinement};
pub use door::{DoorKind, Inspection, ModuleError, inspect, wrap};
pub use engine::ENGINE_ID;
pub use evidence::{EvidenceError, EvidenceSource};
pub use forge::forge;
pub use judge::{BackEnd, JudgeError, JudgeSettings};
pub use limits::{Limits, Shape};
pub use message::{Answer, Description, JudgeRequest, ModuleSource, Request};
pub use module::on_big_stack;
pub use supervisor::{Judge, WorkerSettings};
pub use worker::worker;
