//! Recordings: written once, read by everything else.
