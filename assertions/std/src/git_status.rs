//! `git-status`: what git says of the workspace after the run, against its baseline.

use std::collections::BTreeSet;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::glob::glob_matches;
use crate::needle::Needle;
use crate::several::Several;
use crate::texts;

/// See the module.
pub struct GitStatus;

/// What it demands; lines are those of `git status --porcelain`, such as `?? new.txt` and ` M old.txt`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    equals: Option<BTreeSet<String>>,
    contains_all: Option<Several>,
    not_contains: Option<Several>,
    allowed: Option<Vec<Needle>>,
}

impl Assertion for GitStatus {
    const NAME: &'static str = "git-status";
    const SUMMARY: &'static str = "left the repository in this state";
    const READS: &'static [&'static str] = &["git.status"];
    const SCHEMA: &'static str = include_str!("../schemas/git-status.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { equals, contains_all, not_contains, allowed } = parameters;
        if equals.is_none() && contains_all.is_none() && not_contains.is_none() && allowed.is_none() {
            return Err(
                "parameters: `equals`, `contains-all`, `not-contains` or `allowed` is needed".to_owned()
            );
        }
        let section = evidence
            .first("$.git.status")?
            .ok_or("the evidence has no git status: the scenario's workspace is no repository")?;
        let lines = lines(evidence)?;
        let path_of = |line: &str| {
            lines.iter().find(|(_, known)| known == line).map_or(&section.path, |(path, _)| path)
        };
        if let Some(wanted) = &equals {
            let found: BTreeSet<String> = lines.iter().map(|(_, line)| line.clone()).collect();
            for line in found.difference(wanted) {
                report.fail(path_of(line), format!("git says `{line}`"), list(wanted));
            }
            for line in wanted.difference(&found) {
                report.fail(&section, format!("git does not say `{line}`"), list(wanted));
            }
            if &found == wanted {
                report.pass(&section, format!("git says {}", list(wanted)));
            }
        }
        for (several, is_wanted) in [(&contains_all, true), (&not_contains, false)] {
            for needle in several.iter().flat_map(|several| several.list()) {
                let found = lines.iter().find(|(_, line)| needle.is_in(line));
                let says = if found.is_some() { "says" } else { "does not say" };
                let at = found.map_or(&section.path, |(path, _)| path);
                let expected = if is_wanted { "a line with it" } else { "no line with it" };
                report.demand(
                    found.is_some() == is_wanted,
                    at,
                    format!("git {says} `{}`", needle.text()),
                    expected,
                );
            }
        }
        if let Some(allowed) = allowed {
            within(&allowed, &lines, &section.path, report);
        }
        Ok(())
    }
}

/// Each entry with its path in the document and its line.
fn lines(evidence: &Evidence) -> Result<Vec<(String, String)>, String> {
    let nodes = evidence.query("$.git.status[*]")?;
    nodes
        .into_iter()
        .map(|node| {
            let entry: Entry = node.read()?;
            Ok((node.path, format!("{} {}", entry.code, entry.path)))
        })
        .collect()
}

#[derive(Deserialize)]
struct Entry {
    code: String,
    path: String,
}

/// Every path fits a pattern of the list.
fn within(allowed: &[Needle], lines: &[(String, String)], section: &str, report: &mut Report) {
    let patterns: Vec<String> = allowed.iter().map(|pattern| format!("`{}`", pattern.text())).collect();
    let fits = |path: &str| allowed.iter().any(|pattern| glob_matches(pattern.text(), path));
    let (inside, outside): (Vec<_>, Vec<_>) =
        lines.iter().partition(|(_, line)| fits(line.get(3..).unwrap_or(line)));
    for (path, line) in &outside {
        report.fail(
            path,
            format!("`{line}` is outside of what may change"),
            format!("only {}", patterns.join(", ")),
        );
    }
    if outside.is_empty() {
        let paths = inside.into_iter().map(|(path, _)| path.clone()).collect();
        report.pass(&texts::places(paths, section), format!("only {} changed", patterns.join(", ")));
    }
}

fn list(lines: &BTreeSet<String>) -> String {
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ")
}
