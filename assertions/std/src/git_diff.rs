//! `git-diff`: what the agent changed in tracked files, judged by the difference itself.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::glob::glob_matches;
use crate::needle::Needle;
use crate::several::Several;
use crate::wanted::With;

/// See the module.
pub struct GitDiff;

/// What it demands of the unified diff, beside demands on its text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    /// Patterns of files that may change.
    allowed: Option<Vec<Needle>>,
    /// Patterns of files that may not.
    denied: Option<Vec<Needle>>,
    /// Texts that no added line has.
    added_omits: Option<Several>,
    max_files: Option<u32>,
    max_bytes: Option<u32>,
}

impl Assertion for GitDiff {
    const NAME: &'static str = "git-diff";
    const SUMMARY: &'static str = "changed tracked files only like this";
    const READS: &'static [&'static str] = &["git.diff"];
    const SCHEMA: &'static str = include_str!("../schemas/git-diff.json");
    type Parameters = With<Parameters>;

    fn check(parameters: With<Parameters>, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let With { own: Parameters { allowed, denied, added_omits, max_files, max_bytes }, text: wanted } =
            parameters;
        let is_empty = allowed.is_none() && denied.is_none() && added_omits.is_none();
        if is_empty && max_files.is_none() && max_bytes.is_none() && wanted.is_empty() {
            return Err("parameters: nothing is demanded of the diff".to_owned());
        }
        let node = evidence
            .first("$.git.diff")?
            .ok_or("the evidence has no git diff: the scenario's workspace is no repository")?;
        let diff: String = node.read()?;
        let files = files(&diff);
        let fits =
            |patterns: &[Needle], path: &str| patterns.iter().any(|one| glob_matches(one.text(), path));
        for (patterns, is_allowed) in [(&allowed, true), (&denied, false)] {
            let Some(patterns) = patterns else { continue };
            let wrong: Vec<&String> =
                files.iter().filter(|path| fits(patterns, path) != is_allowed).collect();
            let list: Vec<String> = patterns.iter().map(|one| format!("`{}`", one.text())).collect();
            let expected = format!("{} {}", if is_allowed { "only" } else { "none of" }, list.join(", "));
            for path in &wrong {
                report.fail(&node, format!("`{path}` was changed"), expected.clone());
            }
            if wrong.is_empty() {
                report.pass(
                    &node,
                    format!("{} changed: {expected}", demand::counted(files.len() as u32, "file")),
                );
            }
        }
        for needle in added_omits.iter().flat_map(Several::list) {
            let quoted = demand::quoted(needle.text());
            let found = added(&diff).find(|line| needle.is_in(line));
            let message = match found {
                Some(line) => format!("an added line contains {quoted}: {}", demand::quoted(line)),
                None => format!("no added line contains {quoted}"),
            };
            report.demand(found.is_none(), &node, message, format!("no added line with {quoted}"));
        }
        let sizes = [("file", files.len() as u32, max_files), ("byte", diff.len() as u32, max_bytes)];
        for (noun, number, max) in sizes {
            if let Some(max) = max {
                report.demand(
                    number <= max,
                    &node,
                    demand::counted(number, noun),
                    format!("at most {}", demand::counted(max, noun)),
                );
            }
        }
        wanted.judge(report, &node, "the diff", &diff);
        Ok(())
    }
}

/// The files a diff changes, by their name after it; before it where they are gone.
fn files(diff: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut in_header = false;
    let mut before = None;
    for line in diff.lines() {
        if let Some(names) = line.strip_prefix("diff --git ") {
            in_header = true;
            before = names.strip_prefix("a/").and_then(|names| names.split_once(" b/")).map(|(name, _)| name);
            files.extend(before.map(str::to_owned));
        } else if line.starts_with("@@") {
            in_header = false;
        } else if in_header
            && let Some(after) = line.strip_prefix("+++ b/")
            && Some(after) != before
        {
            files.pop();
            files.push(after.to_owned());
        }
    }
    files
}

/// The lines a diff adds, without their sign.
fn added(diff: &str) -> impl Iterator<Item = &str> {
    let mut in_header = true;
    diff.lines().filter_map(move |line| {
        if line.starts_with("diff --git ") {
            in_header = true;
        } else if line.starts_with("@@") {
            in_header = false;
        } else if !in_header {
            return line.strip_prefix('+');
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::{added, files};

    const DIFF: &str = "diff --git a/a b.txt b/a b.txt\n--- a/a b.txt\n+++ b/a b.txt\n@@ -1 +1 @@\n-old\n+new\n+++ b/x\n\
                        diff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";

    #[test]
    fn files_and_added_lines_are_read_off_a_diff() {
        assert_eq!(files(DIFF), ["a b.txt", "gone"]);
        assert_eq!(added(DIFF).collect::<Vec<_>>(), ["new", "++ b/x"]);
    }
}
