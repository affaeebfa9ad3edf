//! The `run/*` assertions, computed from the document alone.
