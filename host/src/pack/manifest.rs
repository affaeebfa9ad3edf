//! `pack.toml`: what a pack is and what it holds.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::PackError;
use crate::document::SECTIONS;

/// A manifest, checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the pack is.
    pub pack: PackEntry,
    /// Its modules; exactly one for now.
    #[serde(rename = "module")]
    pub modules: Vec<ModuleEntry>,
    /// Its assertions, in the order of the file; never empty.
    #[serde(rename = "assertion")]
    pub assertions: Vec<AssertionEntry>,
}

/// `[pack]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackEntry {
    /// Kebab-case; the part of `use` before the slash.
    pub name: Spanned<String>,
    /// Version, for people.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// SPDX expression.
    pub license: String,
}

/// `[[module]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleEntry {
    /// Path below the pack's folder.
    pub path: Spanned<String>,
}

/// `[[assertion]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AssertionEntry {
    /// Kebab-case; the part of `use` after the slash. The module describes the same.
    pub name: Spanned<String>,
    /// One sentence, read after "the agent".
    pub summary: String,
    /// Path prefixes of the run document it may look at. The module describes the same.
    pub reads: Vec<Spanned<String>>,
    /// Whether it may report a skip.
    #[serde(default)]
    pub may_skip: bool,
    /// Path below the pack's folder: the JSON Schema of its parameters, for a module that can't describe itself (a WASI
    /// command). One that can says so itself.
    #[serde(default)]
    pub parameters: Option<Spanned<String>>,
}

impl Manifest {
    /// Reads and checks the text of a `pack.toml`.
    ///
    /// # Errors
    /// [`PackError::Manifest`]: syntax, unknown or missing keys, names that are not kebab-case or not unique, a `reads`
    /// outside the document's sections, a module path that leaves the pack's folder.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let manifest: Self = toml::from_str(text).map_err(|error| PackError::Manifest {
            message: error.message().to_owned(),
            span: error.span(),
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The assertion of that name.
    pub fn assertion(&self, name: &str) -> Option<&AssertionEntry> {
        self.assertions.iter().find(|assertion| assertion.name.as_ref() == name)
    }

    fn check(&self) -> Result<(), PackError> {
        check_name(&self.pack.name)?;
        match self.modules.as_slice() {
            [module] => check_path(&module.path)?,
            [_, second, ..] => return Err(wrong(&second.path, "a pack has one module".to_owned())),
            [] => {
                return Err(PackError::Manifest {
                    message: "a pack needs a `[[module]]`".to_owned(),
                    span: None,
                });
            }
        }
        if self.assertions.is_empty() {
            let message = "a pack needs an `[[assertion]]`".to_owned();
            return Err(PackError::Manifest { message, span: None });
        }
        let mut names = BTreeSet::new();
        for assertion in &self.assertions {
            check_name(&assertion.name)?;
            let name: &str = assertion.name.as_ref();
            if !names.insert(name) {
                return Err(wrong(&assertion.name, format!("assertion `{name}` is there twice")));
            }
            if assertion.reads.is_empty() {
                return Err(wrong(
                    &assertion.name,
                    format!("assertion `{name}` reads nothing, so it proves nothing"),
                ));
            }
            assertion.reads.iter().try_for_each(check_reads)?;
            assertion.parameters.iter().try_for_each(check_path)?;
        }
        Ok(())
    }
}

fn check_name(name: &Spanned<String>) -> Result<(), PackError> {
    let text: &str = name.as_ref();
    let fits = text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits {
        Ok(())
    } else {
        Err(wrong(name, format!("`{}` is not a kebab-case name", text.escape_debug())))
    }
}

fn check_path(path: &Spanned<String>) -> Result<(), PackError> {
    let text: &str = path.as_ref();
    let inside =
        text.split('/').all(|part| !matches!(part, "" | "." | "..")) && !text.contains(['\\', ':', '\0']);
    if inside {
        Ok(())
    } else {
        Err(wrong(path, format!("`{}` is not a path below the pack's folder", text.escape_debug())))
    }
}

fn check_reads(reads: &Spanned<String>) -> Result<(), PackError> {
    let text: &str = reads.as_ref();
    let section = text.split('.').next().unwrap_or_default();
    if SECTIONS.contains(&section) && text.split('.').all(|part| !part.is_empty()) {
        Ok(())
    } else {
        let sections = SECTIONS.join(", ");
        Err(wrong(reads, format!("`{}` is not in a section; there are {sections}", text.escape_debug())))
    }
}

fn wrong(at: &Spanned<String>, message: String) -> PackError {
    PackError::Manifest { message, span: Some(at.span()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[pack]
name = "mine"
version = "0.1.0"
summary = "Checks of mine"
license = "MIT"

[[module]]
path = "mine.wasm"

[[assertion]]
name = "tidy"
summary = "left things tidy"
reads = ["files", "requests.transcript"]
"#;

    fn error(from: &str, to: &str) -> (String, Option<String>) {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replace(from, to);
        match Manifest::parse(&text) {
            Err(PackError::Manifest { message, span }) => (message, span.map(|span| text[span].to_owned())),
            other => panic!("expected a manifest error for {to}: {other:?}"),
        }
    }

    #[test]
    fn a_manifest_is_read() {
        let manifest = Manifest::parse(GOOD).unwrap();
        let assertion = manifest.assertion("tidy").unwrap();
        assert_eq!(assertion.summary, "left things tidy");
        assert!(!assertion.may_skip);
        assert!(manifest.assertion("untidy").is_none());
    }

    #[test]
    fn an_unknown_key_is_named_where_it_stands() {
        let (message, at) = error("license = \"MIT\"", "license = \"MIT\"\nlicence = \"MIT\"");
        assert!(message.contains("unknown field `licence`"), "{message}");
        assert_eq!(at.as_deref(), Some("licence"));
    }

    #[test]
    fn names_are_kebab_case_and_unique() {
        let (message, at) = error("\"tidy\"", "\"Tidy\"");
        assert!(message.contains("kebab-case"), "{message}");
        assert_eq!(at.as_deref(), Some("\"Tidy\""));
        let twice = "[[assertion]]\nname = \"tidy\"\nsummary = \"s\"\nreads = [\"files\"]\n[[assertion]]\nname = \"tidy\"";
        let (message, _) = error("[[assertion]]\nname = \"tidy\"", twice);
        assert_eq!(message, "assertion `tidy` is there twice");
    }

    #[test]
    fn a_module_stays_below_the_packs_folder() {
        for path in ["../mine.wasm", "/mine.wasm", "a//b.wasm", "", "c:mine.wasm", "a\\\\b.wasm"] {
            let (message, _) = error("mine.wasm", path);
            assert!(message.contains("below the pack's folder"), "{path}: {message}");
        }
    }

    #[test]
    fn reads_name_a_section_of_the_document() {
        let (message, at) = error("\"files\"", "\"filez\"");
        assert!(message.contains("there are scenario, agent"), "{message}");
        assert_eq!(at.as_deref(), Some("\"filez\""));
        error("\"files\"", "\"files.\"");
        error("[\"files\", \"requests.transcript\"]", "[]");
    }

    #[test]
    fn a_pack_without_assertions_is_refused() {
        let start = GOOD.find("[[assertion]]").unwrap();
        assert!(Manifest::parse(&GOOD[..start]).is_err());
    }
}
