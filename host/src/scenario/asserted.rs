//! What a scenario asserts: by what it is judged, and with which parameters.

use std::ops::Range;

use serde_json::Value;

/// One `[[assert]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// Where the judge comes from.
    pub uses: Uses,
    /// Parameters; an empty object where none were given.
    pub with: Value,
    /// Path prefixes of the run document it may read, instead of those it declares.
    pub grant: Option<Vec<String>>,
    /// Byte range of the `use` value in the scenario's text.
    pub use_span: Range<usize>,
    /// Byte range of the `with` value, or of the `use` value where there is none.
    pub with_span: Range<usize>,
}

/// What an assertion is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uses {
    /// `std/file`: an assertion of a pack.
    Pack {
        /// The pack's name.
        pack: String,
        /// The assertion's name.
        assertion: String,
    },
    /// `./check.wasm` or `./check.wasm#name`: a module beside the scenario.
    Module {
        /// Path relative to the scenario file; checked like a path of `files`.
        path: String,
        /// The assertion's name; may be left out when the module has just one.
        assertion: Option<String>,
    },
}

impl std::fmt::Display for Uses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pack { pack, assertion } => write!(f, "{pack}/{assertion}"),
            Self::Module { path, assertion: None } => write!(f, "./{path}"),
            Self::Module { path, assertion: Some(assertion) } => write!(f, "./{path}#{assertion}"),
        }
    }
}

impl std::str::FromStr for Uses {
    type Err = NotAUse;

    /// `pack/assertion`, or `./path.wasm` with `#assertion` where the module has several. Only the grammar is checked,
    /// not the path.
    fn from_str(text: &str) -> Result<Self, NotAUse> {
        let name = |text: &str| {
            !text.is_empty()
                && text.len() <= 128
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if let Some(module) = text.strip_prefix("./") {
            let (path, assertion) = match module.split_once('#') {
                Some((path, assertion)) => (path, Some(assertion)),
                None => (module, None),
            };
            return if path.is_empty() || !assertion.is_none_or(name) {
                Err(NotAUse)
            } else {
                Ok(Self::Module { path: path.to_owned(), assertion: assertion.map(str::to_owned) })
            };
        }
        match text.split_once('/') {
            Some((pack, assertion)) if name(pack) && name(assertion) => {
                Ok(Self::Pack { pack: pack.to_owned(), assertion: assertion.to_owned() })
            }
            _ => Err(NotAUse),
        }
    }
}

/// The text names no assertion.
#[derive(Debug, thiserror::Error)]
#[error("expected `pack/assertion` or `./module.wasm`")]
pub struct NotAUse;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_survives_its_text() {
        for text in ["std/file", "./check.wasm", "./sub/check.wasm#sorted"] {
            assert_eq!(text.parse::<Uses>().unwrap().to_string(), text);
        }
        for text in ["", "std", "std/", "/file", "std/a/b", "./", "./a.wasm#", "check.wasm", "../a.wasm"] {
            assert!(text.parse::<Uses>().is_err(), "{text}");
        }
    }
}
