//! Outcomes and diagnostics rendered as text or JSON; one file a format.
