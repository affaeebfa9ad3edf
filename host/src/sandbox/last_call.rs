//! What a module asked the host for last: told when it is stopped, so that its author knows how far it came.

use crate::value::excerpt;

/// Bytes of an argument that are looked at, and characters that are told.
const KEPT_BYTES: usize = 240;
const TOLD_CHARACTERS: usize = 60;

/// A call, and the text it came with.
#[derive(Default)]
pub(super) struct LastCall {
    name: &'static str,
    argument: String,
}

impl LastCall {
    /// The same buffer is used again: this happens at every call.
    pub fn set(&mut self, name: &'static str, argument: &str) {
        self.name = name;
        self.argument.clear();
        let end = argument.floor_char_boundary(KEPT_BYTES);
        self.argument.push_str(&argument[..end]);
    }

    /// In a few words; nothing where nothing was asked.
    pub fn told(&self) -> Option<String> {
        match (self.name, self.argument.as_str()) {
            ("", _) => None,
            (name, "") => Some(format!("`{name}`")),
            (name, argument) => Some(format!("`{name}` of `{}`", excerpt(argument, TOLD_CHARACTERS))),
        }
    }
}
