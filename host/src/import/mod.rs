//! Scenarios of other tools become scenarios of this one: from text to text. What can't be carried over is named, in the
//! result and as a comment in the file, and never dropped.
//!
//! Nothing is read or written here, and the same text gives the same bytes. Formats are read as they are described by
//! their users; what is not known of them is named as unknown.

mod harness;
mod text;
mod workgraph;

pub use harness::code_exec_harness;
pub use workgraph::{SCRIPT_AGENT, workgraph};

/// One scenario that was carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its file's or folder's name, without ending: kebab-case letters, digits, `-`, `_` and `.`.
    pub slug: String,
    /// The scenario.
    pub toml: String,
    /// What was not carried over, one sentence each; the same stand in the scenario as comments.
    pub not_carried: Vec<String>,
    /// What must be copied into the folder `workspace` beside the scenario.
    pub copies: Vec<Copy>,
}

/// Something that lies elsewhere and belongs into the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where it lies: absolute, or relative to what `beside` names.
    pub source: String,
    /// Where it goes, below the workspace; checked to stay there.
    pub target: String,
    /// What relative sources are relative to.
    pub beside: Beside,
}

/// What a source is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The imported file.
    File,
    /// The repository around it.
    Repository,
    /// The imported file; it is a skill, or a folder of skills: each goes below the target under its own name.
    Skills,
    /// The imported file; files beside it that begin with `_` go with it, since scripts share their helpers so.
    Script,
}

/// A file that can't be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not in its format.
    #[error("it is not {format}: {reason}")]
    NotInFormat {
        /// Such as `a JSON object`.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A name stands twice: one of the two would hide the other.
    #[error("the scenario `{0}` stands in it twice")]
    Twice(String),
}

/// A name that is safe as a file's: what is not a letter, digit, `-`, `_` or `.` becomes `-`.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let mapped: String = name.chars().map(plain).collect();
    let joined = mapped.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let trimmed = joined.trim_matches('.').to_owned();
    if trimmed.is_empty() { "scenario".to_owned() } else { trimmed.chars().take(80).collect() }
}

/// Whether a path stays below the workspace.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"))
}

#[cfg(test)]
mod tests {
    use super::{is_inside, slug};

    #[test]
    fn a_name_becomes_that_of_a_file() {
        assert_eq!(slug("exec basic/smoke!"), "exec-basic-smoke");
        assert_eq!(slug("../.."), "..-..".trim_matches('.'));
        assert_eq!(slug("///"), "scenario");
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        assert!(is_inside("a/b.txt"));
        for path in ["", "/etc", "../x", "a/../x", "./a", "a//b", ".git/config"] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
