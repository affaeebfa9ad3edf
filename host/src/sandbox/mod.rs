//! Judges assertions in WebAssembly.
