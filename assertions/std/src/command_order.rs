//! `command-order`: in which order the agent began its commands.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::commands::{Command, commands};
use crate::demand;
use crate::needle::Needle;

/// See the module.
pub struct CommandOrder;

/// Three ways to demand an order; at least one is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Parameters {
    /// The first commands, without others between; texts that follow one another may stand in one command.
    begins_with: Vec<Needle>,
    /// Commands in this order, others may stand between.
    in_order: Vec<Needle>,
    /// A command, and one that must stand before it every time.
    before: Option<Before>,
}

/// A command and what must stand before it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    command: Needle,
    comes: Needle,
}

impl Assertion for CommandOrder {
    const NAME: &'static str = "command-order";
    const SUMMARY: &'static str = "began its commands in this order";
    const READS: &'static [&'static str] = crate::commands::READS;
    const SCHEMA: &'static str = include_str!("../schemas/command-order.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { begins_with, in_order, before } = parameters;
        if begins_with.is_empty() && in_order.is_empty() && before.is_none() {
            return Err("parameters: `begins-with`, `in-order` or `before` is needed".to_owned());
        }
        if in_order.len() == 1 {
            return Err("parameters: an order needs two entries in `in-order`".to_owned());
        }
        let section = evidence.section("events")?;
        let commands = commands(evidence, None)?;
        if commands.is_empty() {
            report.fail(&section, "no command was run", "commands in this order");
            return Ok(());
        }
        if !begins_with.is_empty() {
            begin(&begins_with, &commands, report);
        }
        if !in_order.is_empty() {
            follow(&in_order, &commands, report);
        }
        if let Some(before) = &before {
            precede(before, &commands, &section, report);
        }
        Ok(())
    }
}

fn begin(wanted: &[Needle], commands: &[Command], report: &mut Report) {
    let mut at = 0;
    let mut is_first = true;
    for needle in wanted {
        let here = commands.get(at).is_some_and(|command| needle.is_in(&command.line));
        if !here && !is_first && commands.get(at + 1).is_some_and(|command| needle.is_in(&command.line)) {
            at += 1;
        } else if !here {
            let place = commands.get(if is_first { 0 } else { at + 1 }).or(commands.last());
            let quoted = demand::quoted(needle.text());
            let message = match place.filter(|_| is_first || at + 1 < commands.len()) {
                Some(command) => format!("{} stands where {quoted} should", demand::quoted(&command.line)),
                None => format!("no command comes after this one, and {quoted} should"),
            };
            if let Some(place) = place {
                report.fail(&place.path, message, format!("a command containing {quoted}"));
            }
            return;
        }
        is_first = false;
    }
    let paths: Vec<String> = commands.iter().take(at + 1).map(|command| command.path.clone()).collect();
    report.pass(&paths, "the first commands are these");
}

fn follow(wanted: &[Needle], commands: &[Command], report: &mut Report) {
    let mut rest = commands.iter();
    let mut found: Vec<String> = Vec::new();
    for needle in wanted {
        match rest.find(|command| needle.is_in(&command.line)) {
            Some(command) => found.push(command.path.clone()),
            None => {
                let at = found.last().or(commands.first().map(|command| &command.path));
                let quoted = demand::quoted(needle.text());
                let after = if found.is_empty() { "there is" } else { "after this, there is" };
                if let Some(at) = at {
                    report.fail(
                        at,
                        format!("{after} no command containing {quoted}"),
                        format!("a command containing {quoted}"),
                    );
                }
                return;
            }
        }
    }
    report.pass(&found, format!("the {} commands come in this order", found.len()));
}

fn precede(before: &Before, commands: &[Command], section: &str, report: &mut Report) {
    let (later, earlier) = (demand::quoted(before.command.text()), demand::quoted(before.comes.text()));
    let first = commands.iter().position(|command| before.command.is_in(&command.line));
    let Some(first) = first else {
        report.fail(section, format!("no command contains {later}"), format!("{later}, after {earlier}"));
        return;
    };
    match commands[..first].iter().find(|command| before.comes.is_in(&command.line)) {
        Some(command) => report.pass(
            &vec![command.path.clone(), commands[first].path.clone()],
            format!("{earlier} comes before {later}"),
        ),
        None => report.fail(
            &commands[first].path,
            format!("{later} was run, and nothing before it contains {earlier}"),
            format!("{earlier} before it"),
        ),
    }
}
