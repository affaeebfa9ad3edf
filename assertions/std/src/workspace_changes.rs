//! `workspace-changes`: exactly these paths of the workspace changed, and in this way.

use std::collections::BTreeSet;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Node, Report, path};

use crate::texts;

/// See the module.
pub struct WorkspaceChanges;

/// What it demands; a list that is left out is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    added: BTreeSet<String>,
    modified: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Assertion for WorkspaceChanges {
    const NAME: &'static str = "workspace-changes";
    const SUMMARY: &'static str = "changed exactly these files of the workspace";
    const READS: &'static [&'static str] = &["files"];
    const SCHEMA: &'static str = include_str!("../schemas/workspace-changes.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let files = evidence.section("files")?;
        for (change, expected) in [
            ("added", &parameters.added),
            ("modified", &parameters.modified),
            ("removed", &parameters.removed),
        ] {
            let nodes = evidence.query(&format!("$.files[?@.change == '{change}'].change"))?;
            let found: BTreeSet<String> = nodes.iter().filter_map(file_of).collect();
            if &found == expected {
                let paths = found.iter().map(|name| path::member(&files, name)).collect();
                report.pass(&texts::places(paths, &files), format!("{change}: {}", list(expected)));
                continue;
            }
            for name in found.difference(expected) {
                report.fail(
                    &path::member(&files, name),
                    format!("`{name}` was {change}"),
                    format!("{change}: {}", list(expected)),
                );
            }
            for name in expected.difference(&found) {
                let entry = path::member(&files, name);
                let at = if evidence.count(&entry)? > 0 { entry } else { files.clone() };
                report.fail(
                    &at,
                    format!("`{name}` was not {change}"),
                    format!("{change}: {}", list(expected)),
                );
            }
        }
        Ok(())
    }
}

/// The file that a node below `files` belongs to.
fn file_of(node: &Node) -> Option<String> {
    match path::parts(&node.path)?.into_iter().nth(1)? {
        path::Part::Name(name) => Some(name.into_owned()),
        path::Part::Index(_) => None,
    }
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
