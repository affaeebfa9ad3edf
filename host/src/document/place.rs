//! Where in a run document values stand that differ from run to run, and of what kind they are. Profiles and scenarios
//! name such places; `recording/symbol` replaces what stands there.
//!
//! The path language is a small part of JSONPath, because it must be known on every floor and also be read inside texts:
//! `$`, then any of `.name`, `['name']`, `[0]`, `[*]` (every element or member) and `..name` (at any depth). A step into
//! a text that holds JSON goes on inside it.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

/// Kinds whose values are quantities: they become `⟦duration⟧` without a number, and only where they stand, because an
/// equal number elsewhere is no echo of them. `random` is for what says nothing, not even that it is the same again.
pub const QUANTITIES: [&str; 6] = ["count", "duration", "hash", "length", "random", "time"];

/// The kind of a member that is there in one run and not in the next, because of a race inside the agent: it is left out.
pub const RACE: &str = "race";

/// Kinds the host itself uses; no place may have one of them.
pub const HOST_KINDS: [&str; 8] = ["home", "root", "run", "run-key", "secret", "server", "tmp", "workspace"];

/// Longest path and longest pattern, in bytes.
const TEXT_LIMIT_BYTES: usize = 1000;

/// Longest kind, in bytes.
const KIND_LIMIT_BYTES: usize = 32;

/// Memory a compiled pattern may take.
const PATTERN_LIMIT_BYTES: usize = 1024 * 1024;

/// A place whose value differs from run to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the path begins in.
    pub section: PlaceSection,
    /// Path from there, such as `$.input[*].id`.
    pub path: Cow<'static, str>,
    /// A regular expression that finds the value in the text there; its first group, or all of it, is the value.
    /// Absent: the text or number is the value.
    pub pattern: Option<Cow<'static, str>>,
    /// What the value is: `thread`, `turn`, `date`, one of [`QUANTITIES`], [`RACE`], ….
    pub kind: Cow<'static, str>,
}

/// What a path begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceSection {
    /// The headers of each request: names in lower case, each with a list of values.
    Headers,
    /// The body of each request.
    Requests,
    /// Each item of each request's transcript.
    Transcript,
    /// Each item that a reply emitted.
    Reply,
    /// Each line of JSON the agent printed.
    Events,
    /// What each turn wrote to standard output, as one text.
    Stdout,
    /// What each turn wrote to standard error, as one text.
    Stderr,
    /// The text of each file of the workspace.
    Files,
    /// The text of the diff.
    Diff,
    /// The command line of each process that was left behind.
    Processes,
}

impl PlaceSection {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Headers,
        Self::Requests,
        Self::Transcript,
        Self::Reply,
        Self::Events,
        Self::Stdout,
        Self::Stderr,
        Self::Files,
        Self::Diff,
        Self::Processes,
    ];

    /// The word used in scenarios.
    pub fn word(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Requests => "requests",
            Self::Transcript => "transcript",
            Self::Reply => "reply",
            Self::Events => "events",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Files => "files",
            Self::Diff => "diff",
            Self::Processes => "processes",
        }
    }

    /// Whether it is text as a whole, so that only a pattern finds anything in it.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Stdout | Self::Stderr | Self::Files | Self::Diff | Self::Processes)
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of that name.
    Name(String),
    /// The element at that position, from 0.
    Index(usize),
    /// Every element or member.
    Every,
    /// The value itself and everything below it.
    Anywhere,
}

/// A place that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The path is none.
    #[error("`{path}` is no path: {reason} at byte {at}")]
    Path {
        /// The path.
        path: String,
        /// First byte that does not fit.
        at: usize,
        /// What was expected.
        reason: &'static str,
    },
    /// The pattern is none.
    #[error("`{pattern}` is no pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// The kind is no word, or one of the host's own.
    #[error(
        "`{0}` can't be a kind: expected small letters, digits and `-`, and none of the host's own words"
    )]
    Kind(String),
    /// A text without a pattern.
    #[error("`{0}` is text as a whole: a pattern must say where the value stands")]
    NoPattern(&'static str),
    /// Only a member can be left out.
    #[error("`{0}` can't be left out: the path of a race ends in the name of a member and has no pattern")]
    Race(String),
}

impl Place {
    /// A place as profiles write it.
    pub const fn new(section: PlaceSection, path: &'static str, kind: &'static str) -> Self {
        Self { section, path: Cow::Borrowed(path), pattern: None, kind: Cow::Borrowed(kind) }
    }

    /// A place within a text.
    pub const fn within(
        section: PlaceSection,
        path: &'static str,
        pattern: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            section,
            path: Cow::Borrowed(path),
            pattern: Some(Cow::Borrowed(pattern)),
            kind: Cow::Borrowed(kind),
        }
    }

    /// Whether its values are quantities.
    pub fn is_quantity(&self) -> bool {
        QUANTITIES.contains(&&*self.kind)
    }

    /// Whether it is there at all is a race.
    pub fn is_race(&self) -> bool {
        self.kind == RACE
    }

    /// The steps of its path.
    ///
    /// # Errors
    /// When it is no path.
    pub fn steps(&self) -> Result<Vec<Step>, PlaceError> {
        parse(&self.path)
    }

    /// Its pattern, compiled. Matching takes time linear in the text.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn regex(&self) -> Result<Option<Regex>, PlaceError> {
        let Some(pattern) = &self.pattern else { return Ok(None) };
        let wrong =
            |reason: String| PlaceError::Pattern { pattern: crate::value::excerpt(pattern, 80), reason };
        if pattern.len() > TEXT_LIMIT_BYTES {
            return Err(wrong(format!("it is longer than {TEXT_LIMIT_BYTES} bytes")));
        }
        let regex = RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT_BYTES).build().map_err(|error| {
            let told = error.to_string();
            wrong(told.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        })?;
        if regex.captures_len() > 2 {
            return Err(wrong("it has more than one group; write the others as `(?:…)`".to_owned()));
        }
        Ok(Some(regex))
    }

    /// Whether everything about it is right.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self) -> Result<(), PlaceError> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = self.kind.len() <= KIND_LIMIT_BYTES
            && self.kind.starts_with(|c: char| c.is_ascii_lowercase())
            && self.kind.chars().all(word);
        if !fits || HOST_KINDS.contains(&&*self.kind) {
            return Err(PlaceError::Kind(crate::value::excerpt(&self.kind, 80)));
        }
        if self.section.is_text() && self.pattern.is_none() {
            return Err(PlaceError::NoPattern(self.section.word()));
        }
        let steps = self.steps()?;
        if self.is_race() && (self.pattern.is_some() || !matches!(steps.last(), Some(Step::Name(_)))) {
            return Err(PlaceError::Race(crate::value::excerpt(&self.path, 80)));
        }
        self.regex().map(drop)
    }
}

fn parse(path: &str) -> Result<Vec<Step>, PlaceError> {
    let wrong =
        |at: usize, reason| Err(PlaceError::Path { path: crate::value::excerpt(path, 80), at, reason });
    if path.len() > TEXT_LIMIT_BYTES {
        return wrong(TEXT_LIMIT_BYTES, "expected its end");
    }
    let Some(mut rest) = path.strip_prefix('$') else { return wrong(0, "expected `$`") };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let at = path.len() - rest.len();
        if let Some(after) = rest.strip_prefix("[*]").or_else(|| rest.strip_prefix(".*")) {
            steps.push(Step::Every);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("['") {
            let Some((name, after)) = after.split_once("']") else {
                return wrong(at, "expected `']` after this");
            };
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let Some((digits, after)) = after.split_once(']') else {
                return wrong(at, "expected `]` after this");
            };
            let Ok(index) = digits.parse() else { return wrong(at + 1, "expected a position or `*`") };
            steps.push(Step::Index(index));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            let after = match after.strip_prefix('.') {
                Some(after) => {
                    steps.push(Step::Anywhere);
                    after
                }
                None => after,
            };
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            let end = after.find(|c| !word(c)).unwrap_or(after.len());
            if end == 0 {
                return wrong(path.len() - after.len(), "expected a name");
            }
            steps.push(Step::Name(after[..end].to_owned()));
            rest = &after[end..];
        } else {
            return wrong(at, "expected `.` or `[`");
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_step_by_step() {
        let name = |name: &str| Step::Name(name.to_owned());
        for (path, steps) in [
            ("$", vec![]),
            ("$.input[*].id", vec![name("input"), Step::Every, name("id")]),
            ("$['x-codex']['a.b'][0].*", vec![name("x-codex"), name("a.b"), Step::Index(0), Step::Every]),
            ("$..session_id", vec![Step::Anywhere, name("session_id")]),
        ] {
            assert_eq!(parse(path), Ok(steps), "{path}");
        }
        for (path, at) in
            [("", 0), ("a", 0), ("$a", 1), ("$.", 2), ("$[", 1), ("$['a", 1), ("$[x]", 2), ("$...a", 3)]
        {
            assert!(matches!(parse(path), Err(PlaceError::Path { at: found, .. }) if found == at), "{path}");
        }
    }

    #[test]
    fn only_a_member_can_be_left_out() {
        let race = |path| Place::new(PlaceSection::Requests, path, RACE).check();
        assert_eq!(race("$.meta.workspaces"), Ok(()));
        assert_eq!(race("$.list[*]"), Err(PlaceError::Race("$.list[*]".to_owned())));
        assert_eq!(race("$"), Err(PlaceError::Race("$".to_owned())));
        let within = Place::within(PlaceSection::Requests, "$.text", "x", RACE);
        assert_eq!(within.check(), Err(PlaceError::Race("$.text".to_owned())));
    }

    #[test]
    fn a_place_is_checked_as_a_whole() {
        let within = |pattern, kind| Place::within(PlaceSection::Stdout, "$", pattern, kind).check();
        assert_eq!(within("took (\\d+) ms", "duration"), Ok(()));
        assert!(matches!(within("(", "duration"), Err(PlaceError::Pattern { .. })));
        assert!(matches!(within("(a)(b)", "duration"), Err(PlaceError::Pattern { .. })));
        assert!(matches!(within("(?:\\w{1000}){1000}", "duration"), Err(PlaceError::Pattern { .. })));
        for kind in ["", "Thread", "workspace", "a b", "⟦", "9"] {
            assert!(matches!(within("x", kind), Err(PlaceError::Kind(_))), "{kind}");
        }
        let bare = Place::new(PlaceSection::Stderr, "$", "pid");
        assert_eq!(bare.check(), Err(PlaceError::NoPattern("stderr")));
    }
}
