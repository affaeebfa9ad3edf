//! One run: which scenarios on which agents, each prepared, driven, recorded and judged, whatever happens to the
//! others.

mod assertions;
mod budget;
mod chaos;
mod conduct;
mod dispatch;
mod examples;
mod execute;
mod judge;
mod key;
mod name;
mod notices;
mod output;
mod parameters;
mod prepare;
mod receipt;
mod record;
mod repositories;
mod scaffold;
mod schema_bounds;
mod sections;
mod serve;
mod stage;
mod stream;
mod symbols;
mod tool_facts;
mod turns;
mod unreached;
mod verify;

pub use assertions::{ResolveError, Resolved, check_asked, resolve};
pub use budget::{Budgets, Ledger};
pub use chaos::chaos;
pub use dispatch::{Dispatch, Job, Settings, dispatch};
pub use examples::{PackFolder, PackFolderError, reduced};
pub use judge::{judge_document, judge_recording};
pub use name::{run_name, run_time};
pub use prepare::{Prepared, PreparedTurn, prepare};
pub use receipt::{Claim, Difference, Verified, claims, verify};
pub use record::{Record, Recorder};
pub use scaffold::Scaffold;
pub use serve::{Serve, Served, Serving};
pub use stream::{STREAM_SCHEMA, Stream, StreamAnswer, StreamError};
pub use verify::dispatch_twice;
