//! Outcomes and diagnostics rendered as text or JSON; one file a format.

mod diagnostic;

pub use diagnostic::{render_human, render_json};
