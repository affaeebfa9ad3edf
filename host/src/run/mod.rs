//! One run: which scenarios on which agents, each prepared, driven, recorded and judged, whatever happens to the
//! others.

mod assertions;
mod dispatch;
mod execute;
mod judge;
mod name;

pub use assertions::{ResolveError, Resolved, resolve};
pub use dispatch::{Dispatch, Job, Settings, dispatch};
pub use judge::{judge_document, judge_recording};
pub use name::{run_name, run_time};
