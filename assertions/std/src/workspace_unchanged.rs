//! `workspace-unchanged`: the workspace is as it was: for whoever only reads, and for gates.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;
use crate::glob::glob_matches;
use crate::needle::Needle;
use crate::texts;

/// Folders that tools keep for themselves, in the root or below.
const CACHES: [&str; 9] = [
    ".cache",
    ".gradle",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    "__pycache__",
    "node_modules",
    "target",
];

/// Files in which tools write down what they resolved.
const LOCKS: [&str; 10] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "composer.lock",
    "go.sum",
    "package-lock.json",
    "pnpm-lock.yaml",
    "uv.lock",
    "yarn.lock",
];

/// See the module.
pub struct WorkspaceUnchanged;

/// What may change all the same; nothing unless said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    except: Vec<Needle>,
    caches: bool,
    locks: bool,
}

impl Parameters {
    fn lets(&self, name: &str) -> bool {
        self.except.iter().any(|pattern| glob_matches(pattern.text(), name))
            || self.caches && is_cache(name)
            || self.locks && is_lock(name)
    }
}

fn is_cache(name: &str) -> bool {
    name.split('/').any(|part| CACHES.contains(&part)) || name.ends_with(".pyc")
}

fn is_lock(name: &str) -> bool {
    LOCKS.contains(&name.rsplit('/').next().unwrap_or(name))
}

impl Assertion for WorkspaceUnchanged {
    const NAME: &'static str = "workspace-unchanged";
    const SUMMARY: &'static str = "left the workspace as it was";
    const READS: &'static [&'static str] = &["files"];
    const SCHEMA: &'static str = include_str!("../schemas/workspace-unchanged.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let files = evidence.section("files")?;
        let mut same = Vec::new();
        let (mut let_through, mut clean) = (0, true);
        for node in evidence.query("$.files[*].change")? {
            let change: Value = node.read()?;
            let change = change.as_str().unwrap_or_default();
            let parts = path::parts(&node.path);
            let Some([_, path::Part::Name(name), ..]) = parts.as_deref() else { continue };
            if change == "unchanged" {
                same.push(node.path.clone());
            } else if parameters.lets(name) {
                let_through += 1;
            } else {
                clean = false;
                let kind = if is_lock(name) {
                    ", a lock file"
                } else if is_cache(name) {
                    ", part of a cache"
                } else {
                    ""
                };
                report.fail(&node, format!("`{name}` was {change}{kind}"), "no change");
            }
        }
        if clean {
            let mut message = format!("{} as before", demand::counted(same.len() as u32, "file"));
            if let_through > 0 {
                message.push_str(&format!("; {} let through", demand::counted(let_through, "change")));
            }
            report.pass(&texts::places(same, &files), message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{is_cache, is_lock};

    #[test]
    fn caches_and_locks_are_known_by_name() {
        assert!(is_cache("src/__pycache__/a.cpython-312.pyc") && is_cache(".pytest_cache/v/x"));
        assert!(is_lock("sub/uv.lock") && !is_lock("uv.lock/x") && !is_cache("src/cache.rs"));
    }
}
