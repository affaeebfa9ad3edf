//! `command-allowed`: every command the agent really ran is one that may be run.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::commands::commands;
use crate::demand;
use crate::needle::Needle;
use crate::texts;

/// See the module.
pub struct CommandAllowed;

/// What may be run and what not: words at the beginning of a command line, whole words, in `allow`; texts anywhere in
/// it in `deny`. At least one of the lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    allow: Vec<Needle>,
    deny: Vec<Needle>,
}

impl Assertion for CommandAllowed {
    const NAME: &'static str = "command-allowed";
    const SUMMARY: &'static str = "ran only commands that may be run";
    const READS: &'static [&'static str] = crate::commands::READS;
    const SCHEMA: &'static str = include_str!("../schemas/command-allowed.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { allow, deny } = parameters;
        if allow.is_empty() && deny.is_empty() {
            return Err("parameters: `allow` or `deny` is needed".to_owned());
        }
        let commands = commands(evidence, None)?;
        if commands.is_empty() {
            return Err("no command was run: there is nothing to allow".to_owned());
        }
        let list: Vec<String> = allow.iter().map(|needle| demand::quoted(needle.text())).collect();
        let mut allowed = Vec::new();
        let mut clean = true;
        for command in &commands {
            let line = demand::quoted(&command.line);
            if let Some(denied) = deny.iter().find(|denied| denied.is_in(&command.line)) {
                clean = false;
                let denied = demand::quoted(denied.text());
                report.fail(
                    &command.path,
                    format!("{line} contains {denied}"),
                    format!("no command with {denied} in it"),
                );
            } else if !allow.is_empty() && !allow.iter().any(|allowed| begins(&command.line, allowed.text()))
            {
                clean = false;
                report.fail(
                    &command.path,
                    format!("{line} may not be run"),
                    format!("a command that begins with {}", list.join(" or ")),
                );
            } else {
                allowed.push(command.path.clone());
            }
        }
        if clean {
            let number = demand::counted(allowed.len() as u32, "command");
            report.pass(&texts::places(allowed, "$['events']"), format!("{number}, each of them allowed"));
        }
        Ok(())
    }
}

/// Whether a command line begins with these words: `git status` allows `git status -s` and not `git statusx`. A line
/// that goes on after it with another command is another command.
fn begins(line: &str, words: &str) -> bool {
    let joins = |rest: &str| ["&&", "||", ";", "|", "\n", "`", "$("].iter().any(|sign| rest.contains(sign));
    line.strip_prefix(words).is_some_and(|rest| (rest.is_empty() || rest.starts_with(' ')) && !joins(rest))
}

#[cfg(test)]
mod tests {
    use super::begins;

    #[test]
    fn a_line_begins_with_whole_words_and_goes_on_with_no_other_command() {
        assert!(begins("git status -s", "git status"));
        assert!(begins("git status", "git status"));
        assert!(!begins("git statusx", "git status"));
        for line in ["git status; rm x", "git status && rm x", "git status | sh", "git status $(rm x)"] {
            assert!(!begins(line, "git status"), "{line}");
        }
    }
}
