//! What the tests of this module share: a scenario with every key, and where it lies.

use std::path::PathBuf;

use super::{LoadContext, Loaded, load};

/// Every key that there is, used rightly.
pub(super) const EVERY_KEY: &str = include_str!("../../../tests/fixtures/every-key.toml");

/// Loads a text beside which there are `check.wasm` and `workspace/`.
pub(super) fn load_text(name: &str, bytes: &[u8]) -> Loaded {
    let environment = LoadContext {
        file_exists: &|path| path == "check.wasm",
        folder_exists: &|path| path == "workspace",
        agents: &[],
    };
    load(name.trim_end_matches(".toml").to_owned(), PathBuf::from(name), bytes, &environment)
}
