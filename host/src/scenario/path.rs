//! Which paths a scenario may name: relative, below its folder or workspace, the same on every machine.
//!
//! It compares text; nothing is looked up.

/// Longest path, in bytes.
const MOST_BYTES: usize = 1024;
/// Longest part of a path, in bytes: the limit of every common file system.
const MOST_PART_BYTES: usize = 255;

/// Why a path may not be used, and what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPath {
    #[error("the path is empty")]
    Empty,
    #[error("the path is absolute")]
    Absolute,
    #[error("the path leads out of its folder")]
    Escapes,
    #[error("the path has a part that is empty or `.`")]
    EmptyPart,
    #[error("the path has a backslash")]
    Backslash,
    #[error("the path has a control character")]
    Control,
    #[error("the path leads into `.git`")]
    Git,
    #[error("the path is too long")]
    TooLong,
}

impl BadPath {
    /// What to write instead.
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Empty | Self::EmptyPart => "write parts separated by one `/`, such as `src/notes.txt`",
            Self::Absolute => "write a path relative to the folder, such as `src/notes.txt`",
            Self::Escapes => "`..` is not allowed: nothing outside the folder is touched",
            Self::Backslash => "separate the parts with `/`, on every system",
            Self::Control => "use printable characters only",
            Self::Git => {
                "the repository is made by `git = true`, and its history is scripted with `[[workspace.commit]]`"
            }
            Self::TooLong => "a path has at most 1024 bytes and each part at most 255",
        }
    }
}

/// Checks a path of `files`, `from` or `use`.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn check(path: &str) -> Result<(), BadPath> {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if path.is_empty() {
        return Err(BadPath::Empty);
    }
    if path.starts_with('/') || drive {
        return Err(BadPath::Absolute);
    }
    if path.contains('\\') {
        return Err(BadPath::Backslash);
    }
    if path.chars().any(char::is_control) {
        return Err(BadPath::Control);
    }
    if path.len() > MOST_BYTES || path.split('/').any(|part| part.len() > MOST_PART_BYTES) {
        return Err(BadPath::TooLong);
    }
    for part in path.split('/') {
        match part {
            ".." => return Err(BadPath::Escapes),
            "" | "." => return Err(BadPath::EmptyPart),
            part if is_git(part) => return Err(BadPath::Git),
            _ => {}
        }
    }
    Ok(())
}

/// `.git` as any common file system may read it: without case, with trailing dots or blanks, as `git~1`, or as an
/// alternate stream.
fn is_git(part: &str) -> bool {
    let name = part.split(':').next().unwrap_or(part).trim_end_matches([' ', '.']).to_ascii_lowercase();
    name == ".git" || name == "git~1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let cases = [
            ("", BadPath::Empty),
            ("/etc/passwd", BadPath::Absolute),
            ("c:/x", BadPath::Absolute),
            ("../escape.txt", BadPath::Escapes),
            ("a/../../b", BadPath::Escapes),
            ("a//b", BadPath::EmptyPart),
            ("a/", BadPath::EmptyPart),
            ("./a", BadPath::EmptyPart),
            ("a\\b", BadPath::Backslash),
            ("a\0b", BadPath::Control),
            ("a\nb", BadPath::Control),
            (".git", BadPath::Git),
            ("sub/.GIT/config", BadPath::Git),
            (".git./config", BadPath::Git),
            ("GIT~1/config", BadPath::Git),
            (".git::$INDEX_ALLOCATION/config", BadPath::Git),
        ];
        for (path, reason) in cases {
            assert_eq!(check(path), Err(reason), "{path:?}");
        }
        assert_eq!(check(&"a".repeat(256)), Err(BadPath::TooLong));
        assert_eq!(check(&"a/".repeat(600)), Err(BadPath::TooLong));
    }

    #[test]
    fn ordinary_paths_are_taken() {
        for path in ["notes.txt", "src/é/main.rs", ".gitignore", "a b/...x", ".github/workflows/ci.yml"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }
}
